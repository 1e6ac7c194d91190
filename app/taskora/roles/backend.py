"""The backend: the API, and the relay of what it writes."""

import asyncio

from taskora import clock
from taskora.api.app import build as build_api
from taskora.api.calls import Backend
from taskora.api.rates import Rates
from taskora.cache import Cache
from taskora.converse import Model
from taskora.domain.events import Topic
from taskora.domain.problems import Unavailable
from taskora.events.relay import Relay
from taskora.roles.ground import Ground
from taskora.roles.serve import Served
from taskora.services.passwords import Passwords
from taskora.settings import BUILTIN, Role, Settings
from taskora.store import insights


def build(settings: Settings) -> Served:
    ground = Ground(settings, Role.BACKEND)
    relay = Relay(
        ground.database,
        ground.dapr,
        role=Role.BACKEND.value,
        owner=settings.pod_name,
        topics=(Topic.TASK, Topic.USER, Topic.CHAT),
    )
    rates = Rates(settings.rate_limit)
    model = None if settings.chat_provider == BUILTIN else Model(ground.dapr)
    cache = Cache(ground.dapr)
    backend = Backend(ground.database, Passwords(), settings.registration, relay.wake, rates, model, cache)

    async def announce(stop: asyncio.Event) -> None:
        """Of all backends, the first of a release says that it is there."""
        while not stop.is_set():
            try:
                async with ground.database.read() as uow:
                    if await insights.first_of_release(uow, settings.version):
                        ground.bulletin.say("deployed")
                await stop.wait()
            except Unavailable:
                await clock.pause(stop, seconds=1)

    return ground.served(build_api(ground.health, backend, version=settings.version), relay.run, announce)
