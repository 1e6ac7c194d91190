"""How fast one session may ask. Counted in each process: it keeps a runaway script from everybody else's requests."""

import time
from dataclasses import dataclass, field

from taskora.domain.problems import TooMany

# Sessions seen of late that are remembered; the oldest go first.
REMEMBERED = 10_000


@dataclass
class Rates:
    """A bucket for each session: `per_second` flow in, `burst` fit. At 0 nothing is limited."""

    per_second: float = 0
    burst: float = 1000
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])

    def take(self, token: str) -> None:
        """One request. Raises `TooMany` with when to come again."""
        if not self.per_second:
            return
        now = time.monotonic()
        left, at = self._buckets.pop(token, (self.burst, now))
        left = min(self.burst, left + (now - at) * self.per_second)
        self._buckets[token] = (max(0, left - 1), now)
        if len(self._buckets) > REMEMBERED:
            del self._buckets[next(iter(self._buckets))]
        if left < 1:
            raise TooMany("You ask faster than anybody can; slow down a little.", retry_after=1)
