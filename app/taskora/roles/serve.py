"""Runs one role: its ports, its background work, and an end that loses nothing.

The ports listen at once, because daprd waits for them and the background work may wait for daprd. After SIGTERM:
readiness off, the ports stay open while the endpoints catch up, then claiming stops, what was begun is finished, and
the process ends.
"""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import cast

import prometheus_client
import uvicorn
from starlette.types import ASGIApp

from taskora import telemetry
from taskora.asgi import BODY_LIMIT, BodyLimit, Health, TokenGuard
from taskora.settings import Settings
from taskora.telemetry import Observed

log = logging.getLogger("taskora.serve")

# What Kubernetes leaves after the drain before it kills (40 s), less a margin.
FINISH_SECONDS = 15


class StartFailed(Exception):
    """The role can't do its work; the sentence says what to do. The process ends with status 1."""


@dataclass(frozen=True)
class Served:
    """One role, ready to run.

    `app` answers on the app port behind the sidecar's token, to bodies of `limit` bytes at most; `web` (the frontend's)
    on the web port. Each of `work` runs until the event it is given is set, then finishes what it began and returns;
    one that ends earlier, or raises, ends the process. `closing` runs last.
    """

    health: Health
    app: ASGIApp
    limit: int = BODY_LIMIT
    web: ASGIApp | None = None
    work: Sequence[Callable[[asyncio.Event], Awaitable[None]]] = ()
    closing: Sequence[Callable[[], Awaitable[None]]] = ()


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: several servers share this process, and its one way to end."""

    @contextlib.contextmanager
    def capture_signals(self):
        yield


async def serve(role: Served, settings: Settings) -> int:
    """Run until SIGTERM or SIGINT (returns 0) or until a part fails (returns 1)."""
    token = settings.app_api_token.get_secret_value()
    if not token:
        log.warning("APP_API_TOKEN is empty: whoever reaches port %s may call it.", settings.app_port)
    metrics = cast("ASGIApp", prometheus_client.make_asgi_app())  # pyright: ignore[reportUnknownMemberType]
    ports: list[tuple[int, ASGIApp]] = [
        (settings.app_port, Observed(TokenGuard(BodyLimit(role.app, limit=role.limit), token=token))),
        (settings.metrics_port, metrics),
    ]
    if role.web is not None:
        ports.append((settings.web_port, Observed(BodyLimit(role.web))))
    try:
        servers = [(_server(app), _listen(settings.host, port)) for port, app in ports]
    except OSError as error:
        log.error("Can't listen: %s. Is another process on this port?", error)
        return 1

    ending, stop = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, ending.set)

    serving = [asyncio.create_task(server.serve(sockets=[bound])) for server, bound in servers]
    working = [asyncio.ensure_future(work(stop)) for work in role.work]
    asked = asyncio.create_task(ending.wait())
    log.info("Listening", extra={"ports": [port for port, _ in ports]})

    await asyncio.wait({asked, *serving, *working}, return_when=asyncio.FIRST_COMPLETED)
    failed = not ending.is_set()
    role.health.draining = True
    if not failed:
        log.info("Draining", extra={"seconds": settings.drain_seconds})
        await asyncio.sleep(settings.drain_seconds)
    stop.set()
    for server, _ in servers:
        server.should_exit = True
    results = await asyncio.gather(*(_finish(part) for part in (*serving, *working)))
    asked.cancel()
    for close in role.closing:
        await close()
    log.info("Ended")
    await asyncio.to_thread(telemetry.close)
    return 1 if failed or not all(results) else 0


def _server(app: ASGIApp) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=FINISH_SECONDS,
            timeout_keep_alive=75,
        )
    )


def _listen(host: str, port: int) -> socket.socket:
    return socket.create_server((host, port), backlog=2048)


async def _finish(part: "asyncio.Future[None]") -> bool:
    """Wait for one part to end by itself, cancel it when it takes too long; False when it had failed."""
    try:
        async with asyncio.timeout(FINISH_SECONDS + 1):
            await part
    except StartFailed as error:
        log.error("%s", error)
        return False
    except TimeoutError:
        log.warning("A part did not end within %s s and was stopped", FINISH_SECONDS)
    except Exception:
        log.exception("A part of this process failed")
        return False
    return True
