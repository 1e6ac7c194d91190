"""`/healthz` and `/readyz` on one port, `/metrics` on another; of standbys as well."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


@asynccontextmanager
async def serving(*, healthy: Callable[[], bool], probe_port: int, metrics_port: int) -> AsyncGenerator[None]:
    """A standby is ready: it has nothing to wait for. What is not healthy any more answers 503."""

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="ok") if healthy() else web.Response(status=503, text="the engine has stopped")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    probes, exposed = web.Application(), web.Application()
    probes.add_routes([web.get("/healthz", health), web.get("/readyz", health)])
    exposed.add_routes([web.get("/metrics", metrics)])
    runners = [web.AppRunner(probes, access_log=None), web.AppRunner(exposed, access_log=None)]
    try:
        for runner, port in zip(runners, (probe_port, metrics_port), strict=True):
            await runner.setup()
            await web.TCPSite(runner, port=port, shutdown_timeout=1).start()
        yield
    finally:
        for runner in runners:
            await runner.cleanup()
