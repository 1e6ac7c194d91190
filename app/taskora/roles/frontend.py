"""The frontend: what browsers see. It keeps nothing: sessions live in the cookie and the state store, tasks elsewhere.

Ready at once and without its sidecar, because the sidecar waits for the port; until the session keys have come, pages
say that Taskora is starting.
"""

import asyncio

from taskora.asgi import Health, application
from taskora.dapr import Dapr
from taskora.deliveries import LIMIT, subscribe
from taskora.domain.events import Topic
from taskora.roles.credentials import bulletin, secret
from taskora.roles.serve import Served, StartFailed
from taskora.settings import Registration, Role, Settings
from taskora.web.account import Account
from taskora.web.acts import Acts
from taskora.web.admin import Admin
from taskora.web.assets import Assets
from taskora.web.backend import Backend
from taskora.web.bell import Bell
from taskora.web.chat import Chat
from taskora.web.cookie import SigningKeys
from taskora.web.doors import Doors
from taskora.web.frame import Frame
from taskora.web.gallery import Gallery
from taskora.web.lists import Lists
from taskora.web.live import Inflow, Stream, watch_heads
from taskora.web.previews import Previews
from taskora.web.proxy import Proxy
from taskora.web.render import Renderer
from taskora.web.sessions import Sessions
from taskora.web.site import site
from taskora.web.sync import Hub
from taskora.web.views import Views


def build(settings: Settings) -> Served:
    """The role, composed."""
    health, dapr, hub = Health(), Dapr.of(settings), Hub()
    backend = Backend(dapr)
    sessions = Sessions(dapr, backend, origin=settings.external_origin, secure=settings.secure)
    assets = Assets()
    renderer = Renderer(assets)
    frame = Frame(backend, sessions, renderer)
    lists = Lists(frame)
    further = (Bell(frame), Account(frame), Views(frame, lists), Chat(frame), Admin(frame))
    registration_open = settings.registration is Registration.OPEN
    web = site(
        health,
        doors=Doors(backend, sessions, renderer, registration_open=registration_open),
        lists=lists,
        acts=Acts(frame),
        gallery=Gallery(renderer),
        previews=Previews(frame),
        proxy=Proxy(backend, sessions),
        stream=Stream(hub, backend, sessions),
        assets=assets,
        further=[page.routes() for page in further],
        version=settings.version,
        secure=settings.secure,
    )
    app = application(health, version=settings.version)
    subscribe(app, Topic.TASK, take=Inflow(hub).take)

    async def recognise(stop: asyncio.Event) -> None:
        sessions.keys = await session_keys(settings, dapr, stop)
        await stop.wait()

    async def watch(stop: asyncio.Event) -> None:
        await watch_heads(hub, backend, stop)

    announced = bulletin(settings, dapr, Role.FRONTEND)
    work = (recognise, watch, announced.run)
    return Served(health=health, app=app, limit=LIMIT, web=web, work=work, closing=(dapr.close,))


async def session_keys(settings: Settings, dapr: Dapr, stop: asyncio.Event) -> SigningKeys | None:
    """The cookie's keys, from the environment or the secret store; raises `StartFailed` without them."""
    try:
        if settings.session_key is not None:
            return SigningKeys.from_base64(settings.session_key.get_secret_value())
        found = await secret(dapr, settings.session_secret, key="current", also=["previous"], stop=stop)
        return None if found is None else SigningKeys.from_base64(found["current"], previous=found.get("previous", ""))
    except ValueError as error:
        raise StartFailed(f"Secret {settings.session_secret!r} can't be used: {error}") from error
