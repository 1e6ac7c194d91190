"""What every role that works with the database stands on."""

import asyncio
from collections.abc import Awaitable, Callable

from pydantic import SecretStr
from starlette.types import ASGIApp

from taskora.asgi import BODY_LIMIT, Health
from taskora.dapr import Dapr
from taskora.roles.credentials import bulletin, secret
from taskora.roles.serve import Served
from taskora.settings import Role, Settings
from taskora.store.database import Database


class Ground:
    """The pool, the sidecar, the probes, the announcements of one role. Making it does no I/O."""

    def __init__(self, settings: Settings, role: Role) -> None:
        self.settings = settings
        self.database = Database(role=role.value, pool=settings.database_pool)
        self.dapr = Dapr.of(settings)
        self.bulletin = bulletin(settings, self.dapr, role)
        self.health = Health(ready=self.database.missing, consume=self.database.missing)

    def served(
        self, app: ASGIApp, *work: Callable[[asyncio.Event], Awaitable[None]], limit: int = BODY_LIMIT
    ) -> Served:
        return Served(
            health=self.health,
            app=app,
            limit=limit,
            work=(self._connect, self.bulletin.run, self._watch, *work),
            closing=(self.dapr.close, self.database.close),
        )

    async def _watch(self, stop: asyncio.Event) -> None:
        await self.bulletin.watch(self.health.ready, stop)

    async def _connect(self, stop: asyncio.Event) -> None:
        """Behind the listening ports, because daprd waits for them before it hands out a secret."""
        url = self.settings.database_url
        if url is None:
            found = await secret(self.dapr, self.settings.database_secret, key="url", stop=stop)
            url = SecretStr(found["url"]) if found is not None else None
        if url is not None:
            self.database.open(url.get_secret_value())
            await stop.wait()
