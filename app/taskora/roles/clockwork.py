"""What happens by the clock, for all users: found every second or sooner, done a user at a time.

A tick of the cron bindings only wakes. Schedulers share nothing: each lists the same candidates in an order of its own,
and the transaction of one user's decides who does it.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from uuid import UUID

from prometheus_client import Counter, Histogram

from taskora import clock, telemetry
from taskora.domain.problems import Unavailable
from taskora.store.database import Database

log = logging.getLogger("taskora.scheduler")

LATE = Histogram(
    "taskora_claim_lateness_seconds",
    "From when something was due to when it was done",
    ["what"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600),
)
FAILED = Counter("taskora_claim_failures", "Users whose turn failed and comes again", ["what"])

LOOK_EVERY = 1.0
AT_ONCE = 4
BATCH = 1000

List = Callable[..., Awaitable[Mapping[UUID, float]]]
Act = Callable[..., Awaitable[list[float]]]


class Clockwork:
    """`listed(uow, ahead=, limit=, without=)`: whose time comes in how many seconds. `act(uow, user_id=)` does it."""

    def __init__(self, database: Database, *, what: str, listed: List, act: Act, done: Callable[[], None]) -> None:
        self._database = database
        self._what = what
        for metric in (LATE, FAILED):  # from zero: a rate sees no counter's first one
            metric.labels(what)
        self._listed = listed
        self._act = act
        self._done = done
        self._woken = asyncio.Event()
        # Users that nothing could be done for: left out until everybody else had a turn, or they would hold them up.
        self._passed: set[UUID] = set()

    def wake(self) -> None:
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._woken.clear()
            pause = LOOK_EVERY
            with contextlib.suppress(Unavailable):
                pause = await self.turn(stop)
            await clock.pause(stop, self._woken, seconds=pause)

    async def turn(self, stop: asyncio.Event | None = None) -> float:
        """What is due now, of as many as are listed at once; in how many seconds to look again."""
        async with self._database.read() as uow:
            waiting = await self._listed(uow, ahead=LOOK_EVERY, limit=BATCH, without=self._passed)
        due = [user_id for user_id, seconds in waiting.items() if seconds <= 0]
        if due:
            random.shuffle(due)
            turns = iter(due)
            await asyncio.gather(*(self._some(turns, stop) for _ in range(AT_ONCE)))
            return 0.0
        # For whom nothing could be done, somebody else does it, or it failed: soon again, but not at once.
        soon = LOOK_EVERY / 4 if self._passed else LOOK_EVERY
        self._passed.clear()
        return min([soon, *waiting.values()])

    async def _some(self, turns: Iterator[UUID], stop: asyncio.Event | None) -> None:
        for user_id in turns:
            if stop is not None and stop.is_set():
                break
            if not await self._one(user_id):
                self._passed.add(user_id)

    async def _one(self, user_id: UUID) -> int:
        with telemetry.unit(self._what, kind="internal"):
            return await self._turn_of(user_id)

    async def _turn_of(self, user_id: UUID) -> int:
        try:
            async with self._database.write() as uow:
                late = await self._act(uow, user_id=user_id)
        except Unavailable:
            raise
        except Exception:
            FAILED.labels(self._what).inc()
            log.exception("%s: one user's turn failed and comes again", self._what)
            return 0
        for seconds in late:
            LATE.labels(self._what).observe(max(0.0, seconds))
        if late:
            self._done()
        return len(late)
