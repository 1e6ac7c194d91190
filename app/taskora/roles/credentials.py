"""What every role asks of its sidecar at the start: a credential, and a place to announce itself."""

import asyncio
import time
from collections.abc import Sequence

from taskora import clock
from taskora.dapr import Dapr, DaprError
from taskora.events.bulletin import Bulletin
from taskora.roles.serve import StartFailed
from taskora.settings import Role, Settings

# How long a role waits for its sidecar to hand out a credential.
SECRET_SECONDS = 60


def bulletin(settings: Settings, dapr: Dapr, role: Role) -> Bulletin:
    return Bulletin(dapr, role=role.value, about={"pod": settings.pod_name, "version": settings.version})


async def secret(
    dapr: Dapr, name: str, *, key: str, also: Sequence[str] = (), stop: asyncio.Event, wait: float = SECRET_SECONDS
) -> dict[str, str] | None:
    """A Secret that has `key` (and perhaps those of `also`), through the sidecar; None when `stop` is set first.

    Raises `StartFailed` after `wait` seconds without it.
    """
    deadline = time.monotonic() + wait
    said = "it was not asked"
    while not stop.is_set():
        try:
            found = await dapr.secret(name, keys=[key, *also])
            if key in found:
                return found
            said = f"it has no key {key!r}"
        except DaprError as error:
            said = str(error)
        if time.monotonic() > deadline:
            raise StartFailed(f"Secret {name!r} could not be read through Dapr within {wait:g} s: {said}")
        await clock.pause(stop, seconds=0.5)
    return None
