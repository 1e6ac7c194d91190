"""How far a consumer is behind: of the events it is to take, one at a time is followed to it."""

from dataclasses import dataclass, replace

# What is lost alone stays away for ever: an outage longer than the broker keeps events, a database that was restored.
LONGEST = 3600.0


@dataclass(frozen=True, slots=True)
class Followed:
    """An event, by its id in the outbox. Seconds: how long it waits, None once it was taken; how late the last was."""

    event: int = 0
    waits: float | None = None
    last: float = 0.0

    @property
    def behind(self) -> float:
        """What is told: who was late is so until the next is taken sooner."""
        return max(self.last, self.waits or 0.0)

    def then(self, newest: int) -> "Followed":
        """The newest in its turn, if it is another; 0 is none. A consumer that took all that there is is not behind."""
        if newest and newest != self.event and (self.waits is None or self.waits > LONGEST):
            return Followed(newest, waits=0.0, last=self.behind)
        return replace(self, last=0.0) if self.waits is None else self

    def seen(self, *, seconds: float, taken: bool) -> "Followed":
        """Taken that long after it was published, or waiting that long by now."""
        return replace(self, waits=None, last=seconds) if taken else replace(self, waits=seconds)
