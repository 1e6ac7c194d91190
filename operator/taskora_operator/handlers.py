"""kopf glue and nothing else: what happens to TaskoraDeployments goes into the engine's queue.

Only `on.event` is used: kopf's create and update handlers, daemons and timers would write annotations and a finalizer
on the user's object. kopf has a thread and a loop of its own, because it takes over the process's signals and, when it
ends, cancels every task it finds.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Collection
from typing import Any, cast

import kopf

from taskora_operator.api import GROUP, PLURAL, VERSION
from taskora_operator.cluster.credentials import Credentials
from taskora_operator.desired.model import Manifest

WATCH_SECONDS = 300

Observe = Callable[[Manifest, bool], None]


def registry(observe: Observe, credentials: Credentials) -> kopf.OperatorRegistry:
    """The handlers; `observe(object, gone)` is told of every change. Coroutines all: kopf puts others into threads."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.startup(registry=handlers)
    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False  # events are ours
        settings.scanning.disabled = True  # the CRD is there before we start, and namespaces need not be watched
        settings.watching.server_timeout = WATCH_SECONDS
        settings.watching.client_timeout = WATCH_SECONDS + 30  # a watch that hangs is made anew
        settings.watching.connect_timeout = 10

    @kopf.on.login(registry=handlers)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        """Called again whenever the API server answers 401, so a rotated token is read anew."""
        return kopf.ConnectionInfo(
            server=credentials.server,
            ca_data=credentials.ca,
            insecure=credentials.insecure,
            certificate_data=credentials.certificate,
            private_key_data=credentials.key,
            token=credentials.token(fresh=True),
        )

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=handlers)
    async def changed(event: kopf.RawEvent, **_: Any) -> None:
        observe(cast(Manifest, event["object"]), event["type"] == "DELETED")

    _ = configure, login, changed
    return handlers


async def watch(observe: Observe, *, credentials: Credentials, namespaces: Collection[str]) -> None:
    """Watches until cancelled; `observe` is called in this loop. Raises what kopf could not go on from."""
    loop, ended, stop = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    failures: list[BaseException] = []

    def here(body: Manifest, gone: bool) -> None:
        loop.call_soon_threadsafe(observe, body, gone)

    def run() -> None:
        try:
            kopf.run(
                registry=registry(here, credentials),
                standalone=True,
                identity=cast("Any", "taskora-operator"),  # else it asks the password database who this user is
                clusterwide=not namespaces,
                namespaces=namespaces,
                stop_flag=stop,
            )
        except Exception as error:  # noqa: BLE001 - told in the loop below
            failures.append(error)
        finally:
            if not stop.is_set():
                loop.call_soon_threadsafe(ended.set)

    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)  # it warns that it got no signals: meant so
    threading.Thread(target=run, name="kopf", daemon=True).start()
    try:
        await ended.wait()
        cause = repr(failures[0]) if failures else "without a reason"
        raise RuntimeError(f"kopf's watch has ended: {cause}") from (failures[0] if failures else None)
    finally:
        stop.set()
