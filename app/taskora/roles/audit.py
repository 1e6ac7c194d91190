"""The audit log: what happened to whose things, sealed by the hour, and what lies on dead-letters."""

import asyncio
import contextlib

from taskora import clock
from taskora.asgi import application
from taskora.deliveries import LIMIT
from taskora.domain.problems import Unavailable
from taskora.events.subscriber import Consumer, keep_dead_letters
from taskora.roles.ground import Ground
from taskora.roles.serve import Served
from taskora.services import seals
from taskora.settings import Role, Settings

LOOK_EVERY = 60.0


def build(settings: Settings) -> Served:
    ground = Ground(settings, Role.AUDIT)
    app = application(ground.health)
    Consumer(ground.database, name=Role.AUDIT.value).subscribe(app)
    keep_dead_letters(app, ground.database, consumer=Role.AUDIT.value)

    async def seal_until(stop: asyncio.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(Unavailable):
                async with ground.database.write() as uow:
                    await seals.seal(uow)
            await clock.pause(stop, seconds=LOOK_EVERY)

    return ground.served(app, seal_until, limit=LIMIT)
