"""What takes long to make and is often asked for, in the state store until what it was made from has changed."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, cast

from taskora.dapr import Dapr, DaprError

KEPT = 3600
"""Seconds after which it is forgotten in any case: what is in it may be somebody's who has left."""
PATIENCE = 0.5
"""Seconds for the store's answer; making it anew takes no longer."""


class Cache:
    """Without a sidecar, and while the store is away, everything is made each time."""

    def __init__(self, dapr: Dapr | None = None) -> None:
        self._dapr = dapr

    async def text(self, name: str, *, version: int, make: Callable[[], Awaitable[str]]) -> str:
        """What `make` gives; not asked again for the same `name` and `version`."""
        if self._dapr is None:
            return await make()
        try:
            kept: dict[str, Any] | None = await self._dapr.state(name, limit=PATIENCE)
        except DaprError:
            return await make()
        if kept is not None and kept["version"] == version:
            return cast("str", kept["text"])
        made = await make()
        with suppress(DaprError):
            await self._dapr.keep_state(name, {"version": version, "text": made}, ttl=KEPT, limit=PATIENCE)
        return made
