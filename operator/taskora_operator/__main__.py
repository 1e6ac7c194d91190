"""Starts the operator: settings, logging, probes, leadership, then the engine and kopf's watch. Ends it in order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Annotated, cast

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from taskora_operator import logs
from taskora_operator.cluster.apiserver import ApiServer
from taskora_operator.cluster.credentials import Credentials, NoCredentialsError, find_credentials
from taskora_operator.cluster.lease import Leadership
from taskora_operator.cluster.metrics import LEADER
from taskora_operator.cluster.transport import HttpTransport
from taskora_operator.desired import desired
from taskora_operator.engine import Engine, Pace
from taskora_operator.handlers import watch
from taskora_operator.probes import serving
from taskora_operator.reconcile.drawing import Desire

log = logging.getLogger("taskora_operator")


class Settings(BaseSettings):
    """From the environment, each with the prefix `TASKORA_OPERATOR_`."""

    model_config = SettingsConfigDict(env_prefix="TASKORA_OPERATOR_", use_attribute_docstrings=True)

    namespace: str = "taskora-system"
    """Where the operator runs, and its Lease is."""

    identity: str = Field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")
    """Who leads, in the Lease: the pod's name."""

    watch_namespaces: Annotated[tuple[str, ...], NoDecode] = ()
    """Comma-separated; empty: all namespaces."""

    workers: Annotated[int, Field(ge=1, le=64)] = 4
    """How many instances are reconciled at once."""

    log_level: str = "info"
    probe_port: int = 8080
    metrics_port: int = 9090

    @field_validator("watch_namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


async def operate(
    settings: Settings, *, credentials: Credentials, stop: asyncio.Event, desired: Desire, pace: Pace | None
) -> int:
    """Until `stop` is set, which gives 0; or until leadership is lost or anything else ends that must not: 1."""
    transport = HttpTransport(credentials)
    api = ApiServer(transport)
    leadership = Leadership(api, namespace=settings.namespace, identity=settings.identity)
    engine = Engine(
        api,
        desired=desired,
        namespaces=settings.watch_namespaces,
        workers=settings.workers,
        pace=pace,
        identity=settings.identity,
    )

    async def lead() -> None:
        await leadership.acquire()
        LEADER.set(1)
        async with asyncio.TaskGroup() as group:
            group.create_task(leadership.keep(), name="leadership")
            group.create_task(engine.run(), name="engine")
            await engine.ready.wait()
            group.create_task(
                watch(
                    lambda body, gone: engine.observe(body, gone=gone),
                    credentials=credentials,
                    namespaces=settings.watch_namespaces,
                ),
                name="kopf",
            )

    leading = asyncio.create_task(lead(), name="lead")
    stopped = asyncio.create_task(stop.wait(), name="stop")
    try:
        async with serving(
            healthy=lambda: not leading.done(), probe_port=settings.probe_port, metrics_port=settings.metrics_port
        ):
            await asyncio.wait([leading, stopped], return_when=asyncio.FIRST_COMPLETED)
            if leading.done():
                _tell(leading.exception())
                return 1
            await engine.stop()
            leading.cancel()
            await asyncio.wait([leading])
            await leadership.release()
            return 0
    finally:
        stopped.cancel()
        await transport.close()


def _tell(error: BaseException | None) -> None:
    failures: Sequence[BaseException | None] = [error]
    if isinstance(error, ExceptionGroup):
        failures = cast("ExceptionGroup[Exception]", error).exceptions
    for failure in failures:
        log.critical("ending: %s", failure or "the engine has stopped")


async def run(settings: Settings, *, desired: Desire = desired, pace: Pace | None = None) -> int:
    try:
        credentials = find_credentials()
    except NoCredentialsError as error:
        log.critical("%s", error)
        return 1
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await operate(settings, credentials=credentials, stop=stop, desired=desired, pace=pace)


def main() -> None:
    try:
        settings = Settings()
    except ValidationError as error:
        sys.exit(f"The settings are wrong:\n{error}")
    logs.configure(settings.log_level)
    sys.exit(asyncio.run(run(settings)))


if __name__ == "__main__":
    main()
