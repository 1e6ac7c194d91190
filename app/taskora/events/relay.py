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
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby, islice, zip_longest
from uuid import UUID

from prometheus_client import Counter, Gauge

from taskora import clock
from taskora.dapr import Dapr, DaprError, Outgoing
from taskora.domain.events import SHARDS, Topic
from taskora.domain.problems import Unavailable
from taskora.domain.shares import share
from taskora.store import leases, outbox
from taskora.store.database import Database, Row

log = logging.getLogger("taskora.relay")

PUBLISHED = Counter("taskora_outbox_published", "Events handed to the broker", ["topic"])
FAILED = Counter("taskora_outbox_failed", "Attempts the broker or the sidecar refused", ["topic"])
LAG = Gauge("taskora_outbox_lag_seconds", "Age of the oldest event that is not out yet", ["topic"])
HELD = Gauge("taskora_relay_shards", "Shards this process relays")

POLL = 0.1
SETTLE = leases.SECONDS / 3
# A turn reads on, leaving out whose events it has, until it has as many users as go abreast.
BATCH, READS = 500, 8
IN_FLIGHT = 8
# How many users' events go out in one call, and how long they are together: a sidecar takes 4 MiB.
ABREAST, TOGETHER = 64, 1 << 19
# So many of one user's in one turn; then it is the others'.
WAVES = 64
# So many users refused in one turn mean that the broker is away, not that their events are bad.
ENOUGH = 8
REST = 1.0
LONGEST_PAUSE = 5.0


class Relay:
    """Relays `topics` for one role. `owner` names this process among its like."""

    def __init__(self, database: Database, dapr: Dapr, *, role: str, owner: str, topics: Sequence[Topic]) -> None:
        self._database = database
        self._dapr = dapr
        self._owner = owner
        self._topics = [topic.value for topic in topics]
        for topic in self._topics:  # from zero: a rate sees no counter's first one
            for metric in (PUBLISHED, FAILED, LAG):
                metric.labels(topic)
        self._members = f"relay/{role}/member/"
        self._shards = {f"relay/{role}/shard/{shard:02}": shard for shard in range(SHARDS)}
        self._epochs: dict[str, int] = {}
        self._held_until = 0.0
        self._woken = asyncio.Event()
        # Left out are whose events were refused, until then, and who has many, until all had a turn.
        self._resting: dict[UUID, float] = {}
        self._passed: set[UUID] = set()
        self._more = False

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
            for topic, seconds in (await outbox.lag(uow, self._topics)).items():
                LAG.labels(topic).set(seconds)
        self._held_until = began + leases.SECONDS
        HELD.set(len(self._epochs))

    async def relay(self) -> tuple[int, int]:
        """One turn over the outbox; how many events went out, and how many were refused."""
        if not self._epochs or time.monotonic() > self._held_until:
            return 0, 0
        epochs = dict(self._epochs)
        now = time.monotonic()
        self._resting = {user_id: until for user_id, until in self._resting.items() if until > now}
        passed = self._passed
        rows, more = await self._waiting(epochs, without=self._resting.keys() | passed)
        chains = _chains(rows)
        long = {chain[0]["user_id"] for chain in chains if len(chain) > WAVES}
        self._passed = passed | long if more else set()
        self._more = bool(long) or more
        if not rows:
            return await self.relay() if passed else (0, 0)
        turn = _Turn(self._dapr)
        await asyncio.gather(*(turn.in_waves(lane) for lane in _lanes(chains)))
        self._resting |= dict.fromkeys(turn.refused, time.monotonic() + REST)
        if turn.sent:
            names = {shard: name for name, shard in self._shards.items()}
            sent = {row["id"]: (names[row["shard"]], epochs[names[row["shard"]]]) for row in turn.sent}
            async with self._database.read() as uow:
                await outbox.published(uow, sent, owner=self._owner)
        if turn.refused:
            log.warning("Events wait to be published: %s", turn.reason)
        return len(turn.sent), len(turn.refused)

    async def _waiting(self, shards: Iterable[str], *, without: AbstractSet[UUID]) -> tuple[list[Row], bool]:
        """The oldest events, each user's in order, and whether there may be more."""
        rows, users = list[Row](), set[UUID]()
        async with self._database.read() as uow:
            for _ in range(READS):
                found = await outbox.waiting(
                    uow,
                    topics=self._topics,
                    shards=[self._shards[name] for name in shards],
                    without=without | users,
                    limit=BATCH,
                )
                rows += found
                users |= {row["user_id"] for row in found}
                if len(found) < BATCH:
                    return rows, False
                if len(users) >= ABREAST:
                    break
        return rows, True

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
            elif not self._more:
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
    """One batch on its way: what was sent, and whose was refused."""

    def __init__(self, dapr: Dapr) -> None:
        self._dapr = dapr
        self._free = asyncio.Semaphore(IN_FLIGHT)
        self.sent: list[Row] = []
        self.refused: set[UUID] = set()
        self.reason = ""

    async def in_waves(self, chains: Sequence[list[Row]]) -> None:
        """The first event of each chain, then the second: none can overtake another of its user's.

        Whose is refused is left out from there on.
        """
        for wave in islice(zip_longest(*chains), WAVES):
            for rows in _bulks(row for row in wave if row and row["user_id"] not in self.refused):
                async with self._free:
                    if len(self.refused) >= ENOUGH:
                        return
                    await self._publish(rows)

    async def _publish(self, rows: list[Row]) -> None:
        topic = rows[0]["topic"]
        events = [Outgoing(row["event"], str(row["user_id"]), row["traceparent"]) for row in rows]
        try:
            refused = await self._dapr.publish_many(topic, events)
        except DaprError as error:
            refused = dict.fromkeys(range(len(rows)), str(error))
        for number, row in enumerate(rows):
            if number in refused:
                self.refused.add(row["user_id"])
                self.reason = refused[number]
            else:
                self.sent.append(row)
        FAILED.labels(topic).inc(len(refused))
        PUBLISHED.labels(topic).inc(len(rows) - len(refused))


def _bulks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """In their order, as many together as a call may carry."""
    bulk, length = list[Row](), 0
    for row in rows:
        if bulk and length + len(row["event"]) > TOGETHER:
            yield bulk
            bulk, length = [], 0
        bulk.append(row)
        length += len(row["event"])
    if bulk:
        yield bulk


def _chains(rows: list[Row]) -> list[list[Row]]:
    """The events of each topic and user, in order; sorted by topic."""

    def whose(row: Row) -> tuple[str, str]:
        return str(row["topic"]), str(row["user_id"])

    return [list(chain) for _, chain in groupby(sorted(rows, key=whose), key=whose)]


def _lanes(chains: list[list[Row]]) -> Iterator[list[list[Row]]]:
    """So many as go abreast, each lane on one topic."""
    for _, those in groupby(chains, key=lambda chain: str(chain[0]["topic"])):
        on_topic = list(those)
        for at in range(0, len(on_topic), ABREAST):
            yield on_topic[at : at + ABREAST]
