"""An operator with a recorded wire."""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace

from taskora_operator.cluster.apiserver import ApiServer
from taskora_operator.cluster.permissions import BY_KIND, INSTANCES, Resource
from taskora_operator.cluster.transport import HttpTransport, Request, Response, Transport
from taskora_operator.desired.model import Desired, Facts, Manifest
from taskora_operator.engine import Engine, Pace
from taskora_operator.engine.writing import Entropy
from taskora_operator.profiles import Instance
from taskora_operator.reconcile.drawing import Desire

from tests.component.operator.cluster import Cluster, credentials, until
from tests.component.operator.small import small

QUICK = Pace(resync=600, missing=0.1, rolling=0.05, first_retry=0.05, longest_retry=0.5)


def verb(request: Request, response: Response | None) -> set[str]:
    """The RBAC verbs a request needs."""
    match request.method:
        case "GET" if "watch" in request.query:
            return {"watch"}
        case "GET":
            name = re.search(r"/(namespaces/[^/]+/)?[^/]+/[^/]+$", request.path.split("/v1", 1)[-1])
            return {"get"} if name and not request.path.endswith(tuple(f"/{r.plural}" for r in _ALL)) else {"list"}
        case "PATCH":
            return {"patch", "create"} if response is not None and response.status == 201 else {"patch"}
        case method:
            return {{"POST": "create", "PUT": "update", "DELETE": "delete"}[method]}


_ALL = tuple(BY_KIND.values())


class Crash(BaseException):
    """The operator's process ends here."""


class Wire(Transport):
    """Passes everything on, and keeps what was written. `before` and `after` may raise: a crash, or a lost answer."""

    def __init__(self, inner: HttpTransport) -> None:
        self.inner = inner
        self.seen: list[tuple[Request, Response | None]] = []
        self.before: Callable[[Request, int], None] = lambda *_: None
        self.after: Callable[[Request, int], None] = lambda *_: None

    async def send(self, request: Request, /) -> Response:
        writing = request.method != "GET" and "/leases" not in request.path
        number = len(self.writes)
        if writing:
            self.before(request, number)
        response = await self.inner.send(request)
        self.seen.append((request, response))
        if writing:
            self.after(request, number)
        return response

    def stream(self, request: Request, /) -> AsyncIterator[Response | bytes]:
        self.seen.append((request, None))
        return self.inner.stream(request)

    @property
    def writes(self) -> list[str]:
        """Without the Lease, which is a leader's pulse."""
        return [
            f"{request.method} {request.path}"
            for request, _ in self.seen
            if request.method != "GET" and "/leases" not in request.path
        ]

    def verbs(self) -> set[tuple[str, str, str]]:
        """(API group, resource, verb) of everything asked for."""
        return {
            (resource.group, resource.plural + subresource, each)
            for request, response in self.seen
            for resource, subresource in [_resource(request.path)]
            if resource is not None
            for each in verb(request, response)
        }


def _resource(path: str) -> tuple[Resource | None, str]:
    inside = re.sub(r"/namespaces/[^/]+(?=/)", "", path)
    for resource in _ALL:
        root = resource.path()
        if inside == root or inside.startswith(f"{root}/"):
            return resource, next((sub for sub in ("/status", "/log") if inside.endswith(sub)), "")
    return None, ""


class Operator:
    """An engine over a recorded wire. It is told of instances as kopf's watch would tell it."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        desired: Desire = small,
        token: str | None = None,
        also: Sequence[Cluster] = (),
        wire: type[Wire] = Wire,
        entropy: Entropy = os.urandom,
        pace: Pace = QUICK,
    ) -> None:
        self.cluster = cluster
        namespaces = [each.namespace for each in (cluster, *also)]
        self.wire = wire(HttpTransport(credentials(cluster.server, token)))
        self.engine = Engine(
            ApiServer(self.wire), desired=desired, namespaces=namespaces, workers=2, pace=pace, entropy=entropy
        )
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Operator:
        self._task = asyncio.create_task(self.engine.run(), name="engine")
        ready = asyncio.create_task(self.engine.ready.wait())
        await asyncio.wait([self._task, ready], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._task.done():
            await self.__aexit__()
            self._task.result()
        return self

    async def ended(self) -> None:
        """When its process ends by itself; raises what ended it."""
        assert self._task is not None
        await asyncio.shield(self._task)

    async def __aexit__(self, *_: object) -> None:
        await self.engine.stop()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                self._task.exception()
        await self.wire.inner.close()

    async def look(self) -> None:
        """What kopf's watch does."""
        present = {
            i["metadata"]["name"]: i
            for i in (await self.cluster.api.list(INSTANCES, namespace=self.cluster.namespace))[0]
        }
        for key in self.engine.instances.inside(self.cluster.namespace):
            if key.name not in present:
                body = self.engine.instances.get(key)
                assert body is not None
                self.engine.observe(body, gone=True)
        for body in present.values():
            self.engine.observe(body)

    async def rest(self) -> None:
        """Until the queue is empty and every watch has told what it had to tell."""
        await until(self._resting, "rest")

    async def _resting(self) -> bool:
        if not self.engine.queue.idle:
            return False
        known = {f.uid: f.resource_version for f in self.engine.children.of(self.cluster.namespace).values()}
        for item in (await self.cluster.children()).values():
            metadata = item["metadata"]
            ours = (metadata.get("labels") or {}).get("app.kubernetes.io/managed-by") == "taskora-operator"
            if ours and known.get(metadata["uid"]) != metadata["resourceVersion"]:
                return False
        return self.engine.queue.idle

    async def settle(self, name: str = "taskora") -> Manifest:
        """With a hand that plays the kubelet: until the instance is Ready and nothing moves any more."""

        async def ready() -> Manifest:
            await self.look()
            await self.cluster.play_kubelet()
            status = await self.cluster.status(name)
            return {c["type"]: (c["status"], c["reason"], c["message"]) for c in status.get("conditions", [])} | {
                "generation": status.get("observedGeneration")
            }

        generation = (await self.cluster.get("TaskoraDeployment", name))["metadata"]["generation"]
        await until(
            ready,
            f"{name} being Ready",
            good=lambda seen: seen.get("Ready", [""])[0] == "True" and seen["generation"] == generation,
        )
        await self.rest()
        return await self.cluster.status(name)

    def counted(self) -> Counter[str]:
        return Counter(self.wire.writes)


def no_broker(desired: Desire) -> Desire:
    """The same, except that topics are somebody else's: no broker runs here."""

    def without(instance: Instance, facts: Facts) -> Desired:
        return replace(desired(instance, facts), bootstrap="")

    return without
