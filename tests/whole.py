"""The whole application as plain processes of this machine: what `make dev` runs, and what tests/faults torments.

    with Whole() as whole:
        whole.door.url, whole.pods["audit-0"].process, whole.urls.sql("SELECT …")

A folder, free ports and a database of its own; nothing is left afterwards.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.cluster.process import Process, Service, answers
from tests.cluster.progress import output, until
from tests.cluster.services import Kafka, Postgres, Redis
from tests.component.app.sidecars import PROGRAM, Pod, make_topics
from tests.component.app.urls import Urls
from tests.component.app.web.doors import Door

ROLES = {"backend": 1, "scheduler": 1, "notifier": 1, "audit": 1, "insights": 1}
EMAIL = "admin@example.org"


class Whole(Service):
    """`roles` says how many pods there are of each; `program` gives what runs a role, `python -m taskora` if nothing.

    Pods are found as `{role}-{number}`. `port` is where browsers come; `email` and `password` are the administrator's.
    """

    name = "whole"

    def __init__(
        self,
        *,
        roles: Mapping[str, int] = ROLES,
        programs: Mapping[str, Sequence[str]] | None = None,
        port: int | None = None,
        **environment: str,
    ) -> None:
        super().__init__()
        self.email, self.password = EMAIL, secrets.token_urlsafe(12)
        # What was committed survives a kill, as it would on a disk that is waited for.
        self.postgres = Postgres(synchronous_commit="on", max_connections="200")
        self.redis, self.kafka = Redis(), Kafka()
        self.urls = Urls(self.postgres, "taskora")
        self.pods = {
            f"{role}-{number}": Pod(
                role,
                urls=self.urls,
                kafka=self.kafka,
                redis=self.redis if role == "backend" else None,
                program=(programs or {}).get(f"{role}-{number}", PROGRAM),
                **environment,
            )
            for role, count in roles.items()
            for number in range(count)
        }
        self.door = Door(backend=self.pods["backend-0"], kafka=self.kafka, redis=self.redis, port=port)

    def start(self) -> None:
        # Roles may wait for the database; sidecars end without their broker.
        roles = [self._listening(pod.process, pod.port) for pod in self.pods.values()]
        _together(
            self._store, self._broker, self.redis.start, self._listening(self.door.process, self.door.app_port), *roles
        )
        _together(*(pod.sidecar.start for pod in self.pods.values()), self.door.sidecar.start)
        ports = [self.door.app_port, *(pod.port for pod in self.pods.values())]
        until(lambda: all(map(_ready, ports)), "Every role is ready", seconds=60)

    def stop(self) -> None:
        services = [*self.pods.values(), self.door, self.kafka, self.redis, self.postgres]
        _together(*(service.close for service in services))

    def keep_logs(self, folder: Path) -> None:
        """What everybody said, for whoever looks into a failure."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, pod in {**self.pods, "frontend": self.door}.items():
            shutil.copy(pod.log, folder / f"{name}.log")
            shutil.copy(pod.sidecar.log, folder / f"{name}-sidecar.log")
        for service in (self.postgres, self.redis, self.kafka):
            shutil.copy(service.log, folder / f"{service.name}.log")

    def _store(self) -> None:
        self.postgres.start()
        for statement in (
            "CREATE ROLE taskora_owner LOGIN",
            "CREATE ROLE taskora_app LOGIN",
            "CREATE DATABASE taskora OWNER taskora_owner",
        ):
            self.postgres.sql(statement)
        environment = {
            "TASKORA_DATABASE_OWNER_URL": self.urls.owner,
            "TASKORA_DATABASE_URL": self.urls.app,
            "TASKORA_ADMIN_EMAIL": self.email,
            "TASKORA_ADMIN_PASSWORD": self.password,
        }
        output(*PROGRAM, "migrate", env=environment)

    def _broker(self) -> None:
        self.kafka.start()
        asyncio.run(make_topics(self.kafka))

    @staticmethod
    def _listening(process: Process, port: int) -> Callable[[], None]:
        return lambda: process.start(lambda: answers(port))


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).is_success
    except httpx.TransportError:
        return False


def _together(*jobs: Callable[[], object]) -> None:
    """Side by side; raises the first failure once all have ended."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        for begun in [pool.submit(job) for job in jobs]:
            begun.result()
