"""Who is killed when: one victim at random every few seconds, started again a moment later."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from tests.cluster.process import Process, answers
from tests.cluster.progress import Failure, say
from tests.component.app.sidecars import Pod
from tests.component.app.web.doors import Door
from tests.whole import Whole

# Between two starts of what does not stay.
LONGEST_PAUSE = 5.0


@dataclass(frozen=True)
class Victim:
    name: str
    process: Process
    ready: Callable[[], bool]


def victims(whole: Whole) -> list[Victim]:
    """Every process there is but the writers'."""
    pods = [*whole.pods.items(), ("frontend", whole.door)]
    return [
        Victim("postgres", whole.postgres.process, whole.postgres.ready),
        Victim("redis", whole.redis.process, whole.redis.ready),
        Victim("kafka", whole.kafka.process, whole.kafka.ready),
        *(Victim(name, pod.process, listening(pod)) for name, pod in pods),
        *(Victim(f"{name}'s sidecar", pod.sidecar.process, pod.sidecar.ready) for name, pod in pods),
    ]


def listening(pod: Pod | Door) -> Callable[[], bool]:
    port = pod.app_port if isinstance(pod, Door) else pod.port
    return lambda: answers(port)


class Storm:
    """Kills until it is enough; `outages` names who is away for how many seconds, once, as the first to fall.

    Whoever was killed comes back by itself, and the storm does not wait for it: several may be down at once.
    """

    def __init__(
        self,
        those: Sequence[Victim],
        *,
        every: tuple[float, float],
        seed: int,
        outages: Mapping[str, float] | None = None,
    ) -> None:
        self._those, self._every, self._chance = those, every, random.Random(seed)
        self._outages = outages or {}
        self._down: dict[str, Future[None]] = {}
        self.killed: list[str] = []

    def rage(self, enough: Callable[[], bool]) -> None:
        """Returns when it was enough and everybody is back; raises what kept somebody away."""
        with ThreadPoolExecutor(len(self._those)) as pool:
            first = [victim for victim in self._those if victim.name in self._outages]
            while not enough():
                time.sleep(self._chance.uniform(*self._every))
                if first:
                    victim = first.pop()
                    self._fell(pool, victim, away=self._outages[victim.name])
                else:
                    self._fell(pool, self._chance.choice(self._tended(pool)), away=self._chance.uniform(0, 3))
            while len(self._tended(pool)) < len(self._those):
                time.sleep(0.2)
        for back in self._down.values():
            back.result()

    def _tended(self, pool: ThreadPoolExecutor) -> list[Victim]:
        """Who is up. A sidecar ends by itself where it finds no broker at its start: a cluster starts it again."""
        there = [v for v in self._those if v.name not in self._down or self._down[v.name].done()]
        up = [v for v in there if v.process.alive()]
        for victim in there:
            if victim not in up:
                self._down[victim.name] = pool.submit(self._return, victim, 0)
        return up

    def _fell(self, pool: ThreadPoolExecutor, victim: Victim, *, away: float) -> None:
        victim.process.stop(kill=True)
        self.killed.append(victim.name)
        self._down[victim.name] = pool.submit(self._return, victim, away)

    def _return(self, victim: Victim, away: float) -> None:
        time.sleep(away)
        # A sidecar comes back when its broker has.
        revive(victim, seconds=120 + max(self._outages.values(), default=0))


def revive(victim: Victim, *, seconds: float = 90) -> None:
    """Start again, as a cluster would: until it stays, and ever later."""
    end, pause = time.monotonic() + seconds, 0.5
    while True:
        victim.process.stop(kill=True)
        try:
            victim.process.start(victim.ready)
        except Failure as failure:
            if time.monotonic() > end:
                raise
            if pause < LONGEST_PAUSE <= pause * 1.5:
                say(f"{victim.name} does not come back yet: {str(failure).splitlines()[0]}")
            time.sleep(min(pause, LONGEST_PAUSE))
            pause *= 1.5
        else:
            return
