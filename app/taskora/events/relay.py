"""From the outbox to the broker: in order within a user, side by side across users, at least once.

Users are spread over shards; a shard is relayed by whoever holds its lease. Rows are marked under the lease's epoch, so
a relay that was paused while another took over marks nothing. While the broker is away the rows wait, and nothing else
does.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Iterable, Sequence
from itertools import groupby

from prometheus_client import Counter, Gauge

from taskora import clock
from taskora.dapr import Dapr, DaprError
from taskora.domain.events import SHARDS, Topic
from taskora.domain.problems import Unavailable
from taskora.domain.shares import share
from taskora.store import leases, outbox
from taskora.store.database import Database, Row

log = logging.getLogger("taskora.relay")

PUBLISHED = Counter("taskora_outbox_published", "Events handed to the broker", ["topic"])
FAILED = Counter("taskora_outbox_failed", "Attempts the broker or the sidecar refused", ["topic"])
LAG = Gauge("taskora_outbox_lag_seconds", "Age of the oldest task event that is not out yet")
HELD = Gauge("taskora_relay_shards", "Shards this process relays")

POLL = 0.1
SETTLE = leases.SECONDS / 3
BATCH = 500
IN_FLIGHT = 48
# So many refusals in one turn mean that the broker is away, not that one event is bad.
ENOUGH = 8
LONGEST_PAUSE = 5.0


class Relay:
    """Relays `topics` for one role. `owner` names this process among its like."""

    def __init__(self, database: Database, dapr: Dapr, *, role: str, owner: str, topics: Sequence[Topic]) -> None:
        self._database = database
        self._dapr = dapr
        self._owner = owner
        self._topics = [topic.value for topic in topics]
        for topic in self._topics:  # from zero: a rate sees no counter's first one
            for counter in (PUBLISHED, FAILED):
                counter.labels(topic)
        self._members = f"relay/{role}/member/"
        self._shards = {f"relay/{role}/shard/{shard:02}": shard for shard in range(SHARDS)}
        self._epochs: dict[str, int] = {}
        self._held_until = 0.0
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something was just committed."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        settling = asyncio.ensure_future(self._settle_until(stop))
        try:
            await self._relay_until(stop)
        finally:
            await settling

    async def settle(self) -> None:
        """One turn over the leases: say that this process lives, renew, take what is free, give up what is too much."""
        began = time.monotonic()
        async with self._database.read() as uow:
            await leases.hold(uow, [self._members + self._owner], owner=self._owner)
            live = await leases.live(uow, self._members.removesuffix("member/"))
            members = [owner for name, owner in live.items() if name.startswith(self._members)]
            mine = share(self._owner, owners={name: live.get(name) for name in self._shards}, members=members)
            if mine.release:
                await leases.release(uow, mine.release, owner=self._owner)
            self._epochs = await leases.hold(uow, mine.keep | mine.take, owner=self._owner)
            LAG.set(await outbox.lag(uow))
        self._held_until = began + leases.SECONDS
        HELD.set(len(self._epochs))

    async def relay(self) -> tuple[int, int]:
        """One turn over the outbox; how many events went out, and how many were refused."""
        if not self._epochs or time.monotonic() > self._held_until:
            return 0, 0
        epochs = dict(self._epochs)
        async with self._database.read() as uow:
            rows = await outbox.waiting(
                uow, topics=self._topics, shards=[self._shards[name] for name in epochs], limit=BATCH
            )
        if not rows:
            return 0, 0
        turn = _Turn(self._dapr)
        await asyncio.gather(*(turn.in_order(chain) for chain in _chains(rows)))
        if turn.sent:
            names = {shard: name for name, shard in self._shards.items()}
            sent = {row["id"]: (names[row["shard"]], epochs[names[row["shard"]]]) for row in turn.sent}
            async with self._database.read() as uow:
                await outbox.published(uow, sent, owner=self._owner)
        if turn.refused:
            log.warning("Events wait to be published: %s", turn.reason)
        return len(turn.sent), turn.refused

    async def _relay_until(self, stop: asyncio.Event) -> None:
        failures = 0
        while not stop.is_set():
            try:
                sent, refused = await self.relay()
            except Unavailable:
                sent, refused = 0, 1
            failures = failures + 1 if refused and not sent else 0
            if failures:
                pause = min(LONGEST_PAUSE, POLL * 2**failures) * random.uniform(0.5, 1)  # noqa: S311
                await clock.pause(stop, seconds=pause)
            elif sent < BATCH:
                await clock.pause(self._woken, seconds=POLL)
                self._woken.clear()

    async def _settle_until(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(Unavailable):
                await self.settle()
            await clock.pause(stop, seconds=SETTLE if self._epochs else SETTLE / 10)
        with contextlib.suppress(Unavailable):
            async with self._database.read() as uow:
                await leases.release(uow, [*self._epochs, self._members + self._owner], owner=self._owner)


class _Turn:
    """One batch on its way: what was sent, and how much was refused."""

    def __init__(self, dapr: Dapr) -> None:
        self._dapr = dapr
        self._free = asyncio.Semaphore(IN_FLIGHT)
        self.sent: list[Row] = []
        self.refused = 0
        self.reason = ""

    async def in_order(self, chain: Iterable[Row]) -> None:
        """Publish one user's events one after the other; the first that fails holds back the rest."""
        for row in chain:
            async with self._free:
                if self.refused >= ENOUGH:
                    return
                try:
                    await self._dapr.publish(
                        row["topic"], row["event"], key=str(row["user_id"]), traceparent=row["traceparent"]
                    )
                except DaprError as error:
                    self.refused += 1
                    FAILED.labels(row["topic"]).inc()
                    self.reason = str(error)
                    return
            PUBLISHED.labels(row["topic"]).inc()
            self.sent.append(row)


def _chains(rows: list[Row]) -> list[list[Row]]:
    def whose(row: Row) -> tuple[str, str]:
        return str(row["topic"]), str(row["user_id"])

    return [list(chain) for _, chain in groupby(sorted(rows, key=whose), key=whose)]
