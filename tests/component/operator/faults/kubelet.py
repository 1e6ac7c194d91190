"""A hand that plays the kubelet for every namespace: it watches workloads and says at once that they run."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from taskora_operator.cluster.apiserver import MERGE, ApiError, ApiServer, Manifest
from taskora_operator.cluster.children import older
from taskora_operator.cluster.permissions import BY_KIND, Resource
from taskora_operator.cluster.transport import HttpTransport, Request

from tests.cluster.envtest import ApiServer as EnvTest
from tests.component.operator.cluster import credentials
from tests.component.operator.hand import failing, running

PATIENCE = 2.0
WORKLOADS = tuple(r for r in BY_KIND.values() if r.kind in ("Deployment", "StatefulSet", "Job"))


class Kubelet:
    """`told`, by namespace, hears of every workload ("Kind/name", the object) just before it is said to run.
    What `fails` there, for the reason that this gives, is said to fail."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._room = asyncio.Semaphore(8)
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: defaultdict[str, int] = defaultdict(int)
        self.versions: defaultdict[str, dict[str, str]] = defaultdict(dict)  # by namespace: of what it wrote last
        self.fails: dict[str, Callable[[Manifest], str]] = {}
        self.told: dict[str, Callable[[str, Manifest], None]] = {}
        self.ready: dict[str, Callable[[], bool]] = {}  # by namespace: whether it is time to say that anything runs

    @classmethod
    @asynccontextmanager
    async def at_work(cls, server: EnvTest) -> AsyncIterator[Kubelet]:
        transport = HttpTransport(credentials(server))
        kubelet = cls(ApiServer(transport))
        watches = [asyncio.create_task(kubelet.watch(each, await kubelet.now(each))) for each in WORKLOADS]
        try:
            yield kubelet
        finally:
            tasks = [*watches, *kubelet._tasks]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await transport.close()

    def idle(self, namespace: str) -> bool:
        return not self._busy[namespace]

    async def now(self, resource: Resource) -> str:
        """The resourceVersion to watch from; what is there already is nobody's any more."""
        page = await self._api.request(Request("GET", resource.path(), {"limit": "1"}))
        return page["metadata"]["resourceVersion"]

    async def watch(self, resource: Resource, since: str) -> None:
        while True:
            async for event in self._api.watch(resource, namespace=None, selector="", since=since, seconds=3600):
                since = event.object.get("metadata", {}).get("resourceVersion", since)
                if event.type in ("ADDED", "MODIFIED"):
                    self.see(resource, event.object)

    def see(self, resource: Resource, item: Manifest) -> None:
        metadata, status = item["metadata"], item.get("status", {})
        ended = resource.kind == "Job" and bool(status.get("conditions"))
        if ended or "deletionTimestamp" in metadata:
            return
        if self.played(item).items() <= status.items():
            return
        self._busy[metadata["namespace"]] += 1
        task = asyncio.create_task(self._run(resource, item))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def played(self, item: Manifest) -> Manifest:
        why = self.fails.get(item["metadata"]["namespace"], _never)(item)
        return failing(item, why=why) if why else running(item)

    async def _its_time(self, namespace: str) -> None:
        """Or a moment later: an operator that fights has no quiet time."""
        end = time.monotonic() + PATIENCE
        while True:
            if self.ready.get(namespace, _always)() or time.monotonic() > end:
                return
            await asyncio.sleep(0.005)

    async def _run(self, resource: Resource, item: Manifest) -> None:
        namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
        key = f"{resource.kind}/{name}"
        try:
            await self._its_time(namespace)
            async with self._room:
                status = self.played(item)
                if namespace in self.told and status == running(item):
                    self.told[namespace](key, item)
                change = {"metadata": {"uid": item["metadata"]["uid"]}, "status": status}
                path = resource.path(namespace, name, "status")
                data = json.dumps(change).encode()
                body = await self._api.request(Request("PATCH", path, {"fieldManager": "kubelet"}, data, MERGE))
                version = body["metadata"]["resourceVersion"]
                if older(self.versions[namespace].get(key, "0"), version):
                    self.versions[namespace][key] = version
        except ApiError as error:
            if error.code not in (404, 409):  # gone or replaced meanwhile
                raise
        finally:
            self._busy[namespace] -= 1


def _always() -> bool:
    return True


def _never(item: Manifest) -> str:
    return ""
