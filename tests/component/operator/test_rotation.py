"""Credentials take turns on a real API server, PostgreSQL and Redis, whose logins the operator's own scripts keep.

Pods are played: each reads its logins when it starts, as the application and its sidecar do, and logs in anew many
times a second.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import re
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest
from taskora.store.migrate import upgrade
from taskora_operator.desired import desired
from taskora_operator.desired.kube import render
from taskora_operator.desired.model import Manifest
from taskora_operator.reconcile.rotation import REQUEST

from tests.cluster.services import Postgres
from tests.component.operator.cluster import Cluster, until
from tests.component.operator.harness import Operator, no_broker
from tests.component.operator.servers import Mount, Redis

T = TypeVar("T")

WHOLE = no_broker(desired)
SECRET, CACHE = "taskora-database", "taskora-cache"
HBA = "local all all trust\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"


@dataclass
class Pod:
    """One of the backend's. `refused` tells of every login that did not succeed."""

    name: str
    url: str
    redis: Redis
    password: str
    refused: list[str] = field(default_factory=list[str])
    logins: int = 0
    task: asyncio.Task[None] | None = None

    async def live(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self.url, connect_timeout=20) as connection:
                    await connection.execute("SELECT count(*) FROM tasks")
                said = await asyncio.to_thread(self.redis.said, "ping", password=self.password)
                if said != "PONG":
                    self.refused.append(said)
                self.logins += 1
            except psycopg.Error as error:
                self.refused.append(str(error))
            await asyncio.sleep(0.05)


@dataclass
class Machine:
    """The node: what the kubelet tells the servers' pods, and the pods that use them."""

    cluster: Cluster
    postgres: Postgres
    redis: Redis
    scripts: Path
    pods: list[Pod] = field(default_factory=list[Pod])

    def __post_init__(self) -> None:
        self.credentials = Mount(self.scripts / "credentials")

    async def secret(self, name: str = SECRET) -> Mapping[str, str]:
        data: Mapping[str, str] = (await self.cluster.get("Secret", name))["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def here(self, url: str) -> str:
        return url.replace(url.rpartition("@")[2], f"127.0.0.1:{self.postgres.port}/taskora")

    async def tell_the_servers(self) -> None:
        self.credentials.show(await self.secret())
        self.redis.credentials.show(await self.secret(CACHE))

    def logins(self, how: str) -> subprocess.Popen[bytes]:
        env = {
            "CREDENTIALS": str(self.credentials.folder),
            "SOCKET": str(self.postgres.folder),
            "PGPORT": str(self.postgres.port),
            "PATH": f"{self.postgres.bin}:{os.environ['PATH']}",
        }
        return subprocess.Popen(["/bin/sh", self.scripts / "logins.sh", how], env=env)

    async def let_in(self, url: str) -> bool:
        try:
            await (await psycopg.AsyncConnection.connect(self.here(url), connect_timeout=20)).close()
        except psycopg.OperationalError:
            return False
        return True

    async def refuses(self, url: str) -> bool:
        return not await self.let_in(url)

    async def start(self) -> Pod:
        """Of the backend's template as it is now."""
        template: Manifest = (await self.cluster.get("Deployment", "taskora-backend"))["spec"]["template"]
        name = f"backend-{len(self.pods)}"
        metadata = {"name": name, **{part: template["metadata"][part] for part in ("labels", "annotations")}}
        containers = [{"name": "app", "image": "app"}]
        await self.cluster.make(
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}}
        )
        url, password = (await self.secret())["url"], (await self.secret(CACHE))["password"]
        pod = Pod(name, self.here(url), self.redis, password)
        pod.task = asyncio.create_task(pod.live(), name=name)
        self.pods.append(pod)
        return pod

    async def end(self, pod: Pod) -> None:
        assert pod.task is not None
        pod.task.cancel()
        await asyncio.wait([pod.task])
        await self.cluster.delete("Pod", pod.name)

    async def job(self, proof: str, secret: str) -> tuple[str, Mapping[str, str]]:
        """The name of a Job that proves, and what its pod is given."""
        jobs = {name: each for name, each in (await self.cluster.children()).items() if name.startswith("Job/")}
        [job] = [each for name, each in jobs.items() if name.startswith(f"Job/taskora-{proof}")]
        [container] = job["spec"]["template"]["spec"]["containers"]
        held = await self.secret(secret)
        return job["metadata"]["name"], {e["name"]: e.get("value") or held[_key(e)] for e in container["env"]}

    async def prove_logins(self) -> None:
        """Runs the Job's script with what the Job's pod is given."""
        name, told = await self.job("logins", SECRET)
        given = dict(told)
        assert given.pop("EXPECTED") == fingerprint(given), "the Job proves what the Secret holds"
        here = {name: self.here(url) for name, url in given.items()}
        env = {**here, "EXPECTED": fingerprint(here), "PATH": f"{self.postgres.bin}:{os.environ['PATH']}"}
        process = await asyncio.create_subprocess_exec(
            *("timeout", "30", "/bin/sh", self.scripts / "prove.sh"),
            env=env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        await self.cluster.play_kubelet(names=[name])

    async def prove_passwords(self) -> None:
        name, given = await self.job("passwords", CACHE)
        with self.redis.prove(given) as proof:
            said, _ = await asyncio.to_thread(proof.communicate, timeout=30)
        assert proof.returncode == 0, said
        await self.cluster.play_kubelet(names=[name])


def waits(status: Manifest) -> bool:
    """For a Job that proves, and nothing else."""
    told = {c["type"]: (c["reason"], c["message"]) for c in status["conditions"]}
    return told.get("SecretsRotated", [""])[0] == "Rotating" and "Job/taskora-logins" in told["Ready"][1]


def fingerprint(urls: Mapping[str, str]) -> str:
    return hashlib.sha256((urls["STANDBY_URL"] + urls["OWNER_URL"]).encode()).hexdigest()[:16]


def _key(variable: Manifest) -> str:
    return variable["valueFrom"]["secretKeyRef"]["key"]


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """It asks everybody but the superuser for a password."""
    with Postgres() as server:
        (server.folder / "data" / "pg_hba.conf").write_text(HBA, encoding="utf-8")
        server.sql("SELECT pg_reload_conf()")
        yield server


@pytest.fixture
def redis() -> Iterator[Redis]:
    """Not yet started: that takes a Secret."""
    server = Redis({})
    yield server
    server.close()


@pytest.fixture
async def machine(cluster: Cluster, postgres: Postgres, redis: Redis, tmp_path: Path) -> AsyncIterator[Machine]:
    for name in ("logins", "prove"):
        (tmp_path / f"{name}.sh").write_text(render(f"postgres-{name}.sh.j2"), encoding="utf-8")
    made = Machine(cluster, postgres, redis, tmp_path)
    yield made
    for pod in made.pods:
        if pod.task is not None and not pod.task.done():
            await made.end(pod)


@asynccontextmanager
async def serving(machine: Machine, **spec: object) -> AsyncIterator[Operator]:
    """An instance that is Ready, its database with its logins and its schema, its Redis, and one pod that uses them."""
    await machine.cluster.make_instance(**spec)
    async with Operator(machine.cluster, desired=WHOLE) as operator:
        await operator.settle()
        await machine.tell_the_servers()
        assert machine.logins("once").wait(30) == 0
        await asyncio.to_thread(machine.redis.start)
        secret = await machine.secret()
        upgrade(machine.here(secret["owner-url"]), app_login="taskora_a")
        keeper = machine.logins("always")
        try:
            await machine.start()
            yield operator
        finally:
            keeper.terminate()
            keeper.wait(10)


async def ask(cluster: Cluster) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    await cluster.edit("TaskoraDeployment", "taskora", {"metadata": {"annotations": {REQUEST: now}}})


async def rolling(
    machine: Machine, operator: Operator, read: Callable[[], Awaitable[T]], what: str, good: Callable[[T], bool]
) -> T:
    """Waits for something, while Deployments roll at once."""

    async def seen() -> T:
        await operator.look()
        await machine.cluster.play_kubelet(names=["taskora-frontend", *ROLES])
        return await read()

    return await until(seen, what, good=good)


async def turned(
    machine: Machine, operator: Operator, what: str, key: str, before: str, *, name: str = SECRET
) -> Mapping[str, str]:
    """Until a key of the Secret holds something else."""
    return await rolling(
        machine, operator, lambda: machine.secret(name), what, good=lambda secret: secret[key] != before
    )


ROLES = [f"taskora-{role}" for role in ("backend", "scheduler", "audit", "notifier", "insights")]


async def test_the_logins_turn_and_nobody_is_ever_refused(machine: Machine) -> None:
    cluster, redis = machine.cluster, machine.redis
    async with serving(machine) as operator:
        before, keys = await machine.secret(), await machine.secret("taskora-session-keys")
        password = (await machine.secret(CACHE))["password"]
        old = machine.pods[0]
        await ask(cluster)
        prepared = await turned(machine, operator, "a fresh idle login", "standby-url", before["standby-url"])
        fresh = (await turned(machine, operator, "a second password", "standby-password", "", name=CACHE))[
            "standby-password"
        ]
        assert prepared["url"] == before["url"]
        assert not await machine.let_in(prepared["standby-url"]), "the database has not heard of it"
        assert not redis.lets_in(fresh), "nor has Redis"
        told = await rolling(machine, operator, cluster.status, "both turns in status", good=waits)
        assert (await machine.secret())["url"] == before["url"], "nobody is told to use what was not proved"
        assert (await machine.secret(CACHE))["password"] == password
        assert {c["type"]: c["status"] for c in told["conditions"]}["WorkloadsAvailable"] == "True"

        proving = asyncio.create_task(machine.prove_logins())
        await machine.tell_the_servers()
        await proving
        await operator.look()
        await operator.rest()
        assert (await machine.secret())["url"] == before["url"], "pods roll once, for both"
        await machine.prove_passwords()
        swapped = await turned(machine, operator, "the other login", "url", before["url"])
        assert (swapped["url"], swapped["standby-url"]) == (prepared["standby-url"], prepared["url"])
        cache = await turned(machine, operator, "the other password", "password", password, name=CACHE)
        assert (cache["password"], cache["standby-password"]) == (fresh, password)

        await operator.look()
        await operator.rest()
        new = await machine.start()
        await cluster.play_kubelet()
        await until(lambda: _count(new), "the new pod at work")
        await operator.look()
        await operator.rest()
        assert (await machine.secret()) == swapped, "the old login is good while a pod is left that has it"
        assert (await machine.secret(CACHE)) == cache
        await machine.end(old)
        settled = await turned(machine, operator, "the retired login's new password", "standby-url", before["url"])
        assert settled["url"] == swapped["url"]
        alone = await turned(machine, operator, "one password", "standby-password", password, name=CACHE)
        assert (alone["password"], alone["standby-password"]) == (fresh, "")
        await machine.tell_the_servers()
        await until(lambda: machine.refuses(before["url"]), "the old login refused")
        await until(lambda: machine.let_in(settled["standby-url"]), "the next one let in")
        await until(lambda: asyncio.to_thread(redis.lets_in, password), "the old password refused", lambda in_: not in_)
        status = await operator.settle()
        assert status["lastRotation"]
        assert (await cluster.condition("SecretsRotated"))["status"] == "True"
        assert not [name for name in await cluster.children() if re.match("Job/taskora-(logins|passwords)", name)]
        count = operator.counted()
        await operator.look()
        await operator.rest()
        assert operator.counted() == count, "a request is followed once"
        assert not set(before.values()) & set(settled.values())
        turned_keys = await machine.secret("taskora-session-keys")
        assert turned_keys["previous"] == keys["current"], "cookies that are out there are known"
        assert turned_keys["current"] not in keys.values()
    refused = {pod.name: pod.refused for pod in machine.pods if pod.refused}
    assert not refused
    assert old.logins > 3
    assert new.logins > 3


async def _count(pod: Pod) -> int:
    return pod.logins
