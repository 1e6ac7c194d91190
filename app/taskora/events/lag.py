"""How far consumers are behind. One that is stuck says nothing, so none is asked: the inbox tells what they took."""

import asyncio
import contextlib

from prometheus_client import Gauge

from taskora import clock
from taskora.domain.events import Topic
from taskora.domain.lag import Followed
from taskora.domain.problems import Unavailable
from taskora.services.consumers import CONSUMERS
from taskora.store import consuming, outbox
from taskora.store.database import Database

LAG = Gauge("taskora_consumer_lag_seconds", "How late a consumer has what it takes of a topic", ["consumer", "topic"])

LOOK_EVERY = 5.0


class Lag:
    """Follows events to each consumer of each topic. What roles announce of themselves was in no outbox."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._followed = {
            (name, topic.value): Followed()
            for name, taking in CONSUMERS.items()
            for topic in taking.topics
            if topic is not Topic.SYSTEM
        }
        for pair in self._followed:
            LAG.labels(*pair)

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(Unavailable):
                await self.look()
            await clock.pause(stop, seconds=LOOK_EVERY)

    async def look(self) -> None:
        async with self._database.read() as uow:
            newest = await outbox.newest(uow)
            for (name, topic), followed in self._followed.items():
                heeded = (event for (of, kind), event in newest.items() if of == topic and CONSUMERS[name].heeds(kind))
                self._followed[name, topic] = followed.then(max(heeded, default=0))
            waiting = {pair: followed.event for pair, followed in self._followed.items() if followed.waits is not None}
            for pair, (seconds, taken) in (await consuming.arrivals(uow, waiting)).items():
                self._followed[pair] = self._followed[pair].seen(seconds=seconds, taken=taken)
        for pair, followed in self._followed.items():
            LAG.labels(*pair).set(followed.behind)
