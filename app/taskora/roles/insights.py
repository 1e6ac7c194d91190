"""Insights: how much of what happened when, what somebody should hear of, what the chat may learn from."""

import asyncio
import contextlib

from taskora import clock
from taskora.asgi import application
from taskora.deliveries import LIMIT
from taskora.domain.problems import Unavailable
from taskora.events.subscriber import Consumer
from taskora.roles.ground import Ground
from taskora.roles.serve import Served
from taskora.services import insights
from taskora.settings import Role, Settings

LOOK_EVERY = 60.0


def build(settings: Settings) -> Served:
    ground = Ground(settings, Role.INSIGHTS)
    app = application(ground.health)
    Consumer(ground.database, name=Role.INSIGHTS.value).subscribe(app)

    async def settle_until(stop: asyncio.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(Unavailable):
                async with ground.database.read() as uow:
                    await insights.settle(uow)
            await clock.pause(stop, seconds=LOOK_EVERY)

    return ground.served(app, settle_until, limit=LIMIT)
