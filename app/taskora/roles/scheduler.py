"""The scheduler: what happens by the clock, the relay of reminder-events, and how far consumers are behind.

The cron bindings tick in every replica, and a tick lost is not repeated: they only wake. Who does the work, and whether
it is due, the database decides.
"""

import asyncio
import contextlib

from fastapi import FastAPI, Response

from taskora import clock
from taskora.asgi import application
from taskora.domain.events import Topic
from taskora.domain.problems import Unavailable
from taskora.events.lag import Lag
from taskora.events.relay import Relay
from taskora.roles.clockwork import Clockwork
from taskora.roles.ground import Ground
from taskora.roles.serve import Served
from taskora.services import firing as services
from taskora.settings import Role, Settings
from taskora.store import firing, housekeeping, leases
from taskora.store.database import Database

TIDY_EVERY = 600.0


def build(settings: Settings) -> Served:
    ground = Ground(settings, Role.SCHEDULER)
    relay = Relay(
        ground.database, ground.dapr, role=Role.SCHEDULER.value, owner=settings.pod_name, topics=(Topic.REMINDER,)
    )
    reminders = Clockwork(
        ground.database, what="reminders", listed=firing.to_remind, act=services.remind, done=relay.wake
    )
    series = Clockwork(
        ground.database, what="recurrence", listed=firing.to_continue, act=services.go_on, done=reminders.wake
    )
    app = application(ground.health)
    for path, woken in (("/reminder-cron", reminders), ("/recurrence-cron", series)):
        _ticking(app, path, woken)

    async def tidy_until(stop: asyncio.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(Unavailable):
                await tidy(ground.database, owner=settings.pod_name)
            await clock.pause(stop, seconds=TIDY_EVERY / 10)

    return ground.served(app, relay.run, reminders.run, series.run, Lag(ground.database).run, tidy_until)


def _ticking(app: FastAPI, path: str, woken: Clockwork) -> None:
    async def tick() -> Response:
        woken.wake()
        return Response(status_code=200)

    # daprd asks once, with OPTIONS, whether the binding has a listener.
    app.add_api_route(path, tick, methods=["POST", "OPTIONS"])


async def tidy(database: Database, *, owner: str) -> bool:
    """Forget what has served its time, unless somebody did within the last ten minutes; whether it was done here."""
    async with database.read() as uow:
        if await leases.live(uow, "housekeeping"):
            return False
        if not await leases.hold(uow, ["housekeeping"], owner=owner, seconds=TIDY_EVERY):
            return False
        await housekeeping.tidy(uow, now=clock.now())
    return True
