"""What the tests do to a cluster: a person's hand, a hand that plays the kubelet, an operator with a recorded wire."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from taskora_operator.api.crd import FILE
from taskora_operator.cluster.apiserver import MERGE, ApiError, ApiServer
from taskora_operator.cluster.credentials import Credentials
from taskora_operator.cluster.permissions import BY_KIND, CHILDREN, INSTANCES, PODS, Resource
from taskora_operator.cluster.transport import HttpTransport, Request, Response, Transport
from taskora_operator.desired.model import Desired, Facts, Manifest
from taskora_operator.engine import Engine, Pace
from taskora_operator.engine.writing import Entropy
from taskora_operator.profiles import Instance
from taskora_operator.reconcile.drawing import Desire

from tests.cluster import versions
from tests.cluster.binaries import module_folder
from tests.cluster.envtest import ApiServer as EnvTest
from tests.component import stand_ins
from tests.component.operator.small import small

T = TypeVar("T")

ROOT = Path(__file__).parent.parent.parent.parent
QUICK = Pace(resync=600, missing=0.1, rolling=0.05, first_retry=0.05, longest_retry=0.5)
DEADLINE = 20.0


async def until(
    read: Callable[[], Awaitable[T]], what: str, good: Callable[[T], bool] = bool, *, deadline: float = DEADLINE
) -> T:
    """Waits for something observable; says what was seen instead."""
    end = time.monotonic() + deadline
    while True:
        seen = await read()
        if good(seen):
            return seen
        assert time.monotonic() < end, f"{what} did not come about; last seen: {seen}"
        await asyncio.sleep(0.02)


def credentials(server: EnvTest, token: str | None = None) -> Credentials:
    return Credentials(server=server.url, ca=server.ca.read_text(encoding="utf-8"), _token=token or server.token)


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


class Cluster:
    """A person with kubectl, in one namespace."""

    def __init__(self, server: EnvTest, transport: HttpTransport, namespace: str) -> None:
        self.server, self.namespace = server, namespace
        self.api = ApiServer(transport)

    @classmethod
    @asynccontextmanager
    async def connect(cls, server: EnvTest, *, namespace: str) -> AsyncIterator[Cluster]:
        transport = HttpTransport(credentials(server))
        cluster = cls(server, transport, namespace)
        await cluster.make_namespace(namespace)
        try:
            yield cluster
        finally:
            for name in [i["metadata"]["name"] for i in (await cluster.api.list(INSTANCES, namespace=namespace))[0]]:
                await cluster.delete("TaskoraDeployment", name)
            await transport.close()

    async def make_namespace(self, name: str) -> None:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await self._send("POST", "/api/v1/namespaces", body, allowed=409)

    async def install_dapr(self, *, mtls: bool = True) -> None:
        """The control plane as the operator sees it, with a hand that plays the kubelet; and an ingress class."""
        await self.make_namespace("dapr-system")
        for app in ("dapr-operator", "dapr-sentry", "dapr-sidecar-injector"):
            labels = {"app": app, "app.kubernetes.io/version": "1.18.0"}
            pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": f"{app}:1.18.0"}]}}
            deployment = {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": app, "namespace": "dapr-system", "labels": labels},
                "spec": {"selector": {"matchLabels": {"app": app}}, "template": pod},
            }
            await self._send("POST", "/apis/apps/v1/namespaces/dapr-system/deployments", deployment, allowed=409)
            await self.play_kubelet(namespace="dapr-system")
        await self.set_mtls(mtls)
        ingress_class = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": "nginx"},
            "spec": {"controller": "k8s.io/ingress-nginx"},
        }
        await self._send("POST", "/apis/networking.k8s.io/v1/ingressclasses", ingress_class, allowed=409)

    async def make_cluster_wide(self, kind: str, name: str, **parts: Any) -> None:
        resource = self.resource(kind)
        body = {"apiVersion": resource.api_version, "kind": kind, "metadata": {"name": name}, **parts}
        await self._send("POST", resource.path(), body)

    async def set_mtls(self, enabled: bool) -> None:
        await self.api.apply(
            {
                "apiVersion": "dapr.io/v1alpha1",
                "kind": "Configuration",
                "metadata": {"name": "daprsystem", "namespace": "dapr-system"},
                "spec": {
                    "mtls": {
                        "enabled": enabled,
                        "sentryAddress": "dapr-sentry:443",
                        "controlPlaneTrustDomain": "cluster.local",
                    }
                },
            }
        )

    async def remove_dapr(self) -> None:
        for app in ("dapr-operator", "dapr-sentry", "dapr-sidecar-injector"):
            await self._send("DELETE", f"/apis/apps/v1/namespaces/dapr-system/deployments/{app}", None, allowed=404)

    async def make_instance(self, name: str = "taskora", **spec: Any) -> Manifest:
        body = {
            "apiVersion": INSTANCES.api_version,
            "kind": INSTANCES.kind,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"profile": "Local", "version": "1.0.0", "host": "taskora.localhost"} | spec,
        }
        return await self._send("POST", INSTANCES.path(self.namespace), body)

    async def edit(self, kind: str, name: str, change: Manifest) -> Manifest:
        """`kubectl patch --type=merge`."""
        path = self.resource(kind).path(self.namespace, name)
        return await self._send("PATCH", path, change, content_type=MERGE)

    async def patch(self, path: str, change: Manifest) -> Manifest:
        """`kubectl patch --type=merge`, also of a subresource."""
        return await self._send("PATCH", path, change, content_type=MERGE)

    async def replace(self, manifest: Manifest) -> Manifest:
        """`kubectl replace`."""
        resource, name = BY_KIND[manifest["apiVersion"], manifest["kind"]], manifest["metadata"]["name"]
        return await self._send("PUT", resource.path(self.namespace, name), manifest)

    async def edit_json(self, kind: str, name: str, pointer: str, value: object) -> Manifest:
        """`kubectl patch --type=json`."""
        operations = [{"op": "replace", "path": pointer, "value": value}]
        path = self.resource(kind).path(self.namespace, name)
        return await self._send("PATCH", path, operations, content_type="application/json-patch+json")

    async def make(self, manifest: Manifest) -> Manifest:
        """`kubectl create`."""
        resource = BY_KIND[manifest["apiVersion"], manifest["kind"]]
        return await self._send("POST", resource.path(self.namespace), manifest)

    async def delete(self, kind: str, name: str) -> None:
        """`kubectl delete`, which asks for what a Job would not do by itself."""
        path = self.resource(kind).path(self.namespace, name)
        await self._send("DELETE", path, {"propagationPolicy": "Background"}, allowed=404)

    async def get(self, kind: str, name: str) -> Manifest:
        found = await self.api.get(self.resource(kind), self.namespace, name)
        assert found is not None, f"there is no {kind} {name}"
        return found

    async def exists(self, kind: str, name: str) -> bool:
        return await self.api.get(self.resource(kind), self.namespace, name) is not None

    async def children(self) -> dict[str, Manifest]:
        """Everything of the kinds the operator makes, by `Kind/name`."""
        found: dict[str, Manifest] = {}
        for resource in CHILDREN:
            try:
                items, _ = await self.api.list(resource, namespace=self.namespace)
            except ApiError as error:
                if error.code != 404:  # a kind that this cluster does not know
                    raise
                continue
            for item in items:
                found[f"{resource.kind}/{item['metadata']['name']}"] = item
        return found

    async def status(self, name: str = "taskora") -> Manifest:
        return (await self.get("TaskoraDeployment", name)).get("status", {})

    async def condition(self, type_: str, name: str = "taskora") -> Manifest:
        conditions: Sequence[Manifest] = (await self.status(name)).get("conditions", [])
        return next((c for c in conditions if c["type"] == type_), {"status": "Unknown", "reason": "", "message": ""})

    async def make_pod(
        self, kind: str, name: str, *, waiting: str = "", restarts: int = 0, said: str = "", **status: object
    ) -> str:
        """A pod of a workload as the kubelet would show it: waiting for a reason, or ended well with last words; or in
        that `status`, which may name the container's `state` alone."""
        template = (await self.get(kind, name))["spec"]["template"]
        containers = [{"name": c["name"], "image": c["image"]} for c in template["spec"]["containers"]]
        labels = {**template["metadata"]["labels"], **({"job-name": name} if kind == "Job" else {})}
        pod = f"{name}-pod"
        metadata = {"name": pod, "namespace": self.namespace, "labels": labels}
        await self.make({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}})
        ended_well = {"terminated": {"exitCode": 0, "message": said}}
        state = status.pop("state", {"waiting": {"reason": waiting}} if waiting else ended_well)
        ended = {"terminated": {"exitCode": 3, "reason": "Error"}} if restarts else {}
        seen = {"imageID": "", "ready": False, "restartCount": restarts, "state": state, "lastState": ended}
        statuses = [{**container, **seen} for container in containers]
        told = status or {"containerStatuses": statuses}
        await self.patch(PODS.path(self.namespace, pod, "status"), {"status": told})
        return pod

    async def end_badly(self, job: str, *, why: str) -> None:
        """As the Job controller tells of a Job that gave up."""
        path = self.resource("Job").path(self.namespace, job, "status")
        await self.patch(path, {"status": failing(await self.get("Job", job), why=why)})

    async def play_kubelet(self, *, namespace: str | None = None, names: Sequence[str] = ()) -> int:
        """A hand that plays the kubelet: what is wanted of workloads is running, Jobs have ended well."""
        played = 0
        for kind in ("Deployment", "StatefulSet", "Job"):
            resource = self.resource(kind)
            for item in (await self.api.list(resource, namespace=namespace or self.namespace))[0]:
                name = item["metadata"]["name"]
                status = running(item)
                ended = kind == "Job" and bool(item.get("status", {}).get("conditions"))
                if ended or (names and name not in names) or status.items() <= item.get("status", {}).items():
                    continue
                path = resource.path(item["metadata"]["namespace"], name, "status")
                await self._send("PATCH", path, {"status": status}, content_type=MERGE, allowed=404)
                played += 1
        return played

    def resource(self, kind: str) -> Resource:
        return next(resource for resource in BY_KIND.values() if resource.kind == kind)

    async def _send(
        self,
        method: str,
        path: str,
        body: object,
        *,
        content_type: str = "application/json",
        allowed: int | None = None,
    ) -> Manifest:
        data = None if body is None else json.dumps(body).encode()
        try:
            return await self.api.request(Request(method, path, {"fieldManager": "kubectl-edit"}, data, content_type))
        except ApiError as error:
            if error.code != allowed:
                raise
            return {}


def running(item: Manifest) -> Manifest:
    generation, spec = item["metadata"].get("generation", 1), item["spec"]
    replicas = spec.get("replicas", 1)
    if item["kind"] == "Deployment":
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        return {"observedGeneration": generation, **dict.fromkeys(counts, replicas)}
    if item["kind"] == "StatefulSet":
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "currentReplicas")
        return {
            "observedGeneration": generation,
            "currentRevision": "r",
            "updateRevision": "r",
            **dict.fromkeys(counts, replicas),
        }
    at = "2026-01-01T00:00:00Z"
    condition = {"status": "True", "lastProbeTime": at, "lastTransitionTime": at}
    return {
        "startTime": at,
        "completionTime": at,
        "succeeded": 1,
        "uncountedTerminatedPods": {},
        "conditions": [{"type": each, **condition} for each in ("SuccessCriteriaMet", "Complete")],
    }


def failing(item: Manifest, *, why: str) -> Manifest:
    """The status of a Job that gave up, or of a Deployment whose new pods don't become ready while old ones serve."""
    at = item["metadata"]["creationTimestamp"]
    if item["kind"] == "Job":
        told = {"status": "True", "reason": "BackoffLimitExceeded", "message": why}
        told |= {"lastProbeTime": at, "lastTransitionTime": at}
        return {"startTime": at, "failed": 1, "conditions": [{"type": t, **told} for t in ("FailureTarget", "Failed")]}
    told = {"status": "False", "reason": "ProgressDeadlineExceeded", "message": why}
    told |= {"lastUpdateTime": at, "lastTransitionTime": at}
    replicas = item["spec"].get("replicas", 1)
    return {
        "observedGeneration": item["metadata"]["generation"],
        "replicas": replicas + 1,
        "updatedReplicas": 1,
        "readyReplicas": replicas,
        "availableReplicas": replicas,
        "conditions": [{"type": "Progressing", **told}],
    }


PROMETHEUS = "github.com/prometheus-operator/prometheus-operator"
MONITORING = ("podmonitors", "prometheusrules")


def install_crd(server: EnvTest) -> None:
    _create_crds(server, ROOT / FILE)


def install_dapr_crds(server: EnvTest) -> None:
    dapr = module_folder(f"github.com/dapr/dapr@v{versions.DAPR}") / "charts" / "dapr" / "crds"
    _create_crds(server, dapr)


def install_surroundings(server: EnvTest) -> None:
    """What a whole cloud has: Prometheus' operator, GKE's ingress controller, metrics of pods; their kinds alone."""
    prometheus = module_folder(f"{PROMETHEUS}@v{versions.PROMETHEUS_OPERATOR}") / "example" / "prometheus-operator-crd"
    _create_crds(server, *(prometheus / f"monitoring.coreos.com_{each}.yaml" for each in MONITORING))
    others = {"apiVersion": "v1", "kind": "List", "items": [*stand_ins.GKE, stand_ins.METRICS]}
    server.kubectl("create", "-f", "-", stdin=json.dumps(others))
    _established(server)


def install_metrics(server: EnvTest) -> None:
    """As if metrics-server were there."""
    server.kubectl("create", "-f", "-", stdin=json.dumps(stand_ins.METRICS))
    _established(server)


def _create_crds(server: EnvTest, *where: Path) -> None:
    server.kubectl("create", *(f"--filename={each}" for each in where))
    _established(server)


def _established(server: EnvTest) -> None:
    """`kubectl wait` fails on a CRD whose status nobody has written yet, so the conditions are read here."""
    end = time.monotonic() + DEADLINE
    while True:
        crds = server.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")["items"]
        conditions = [{c["type"]: c["status"] for c in crd["status"].get("conditions") or ()} for crd in crds]
        if all(each.get("Established") == "True" for each in conditions):
            return
        assert time.monotonic() < end, f"not established: {conditions}"
        time.sleep(0.05)


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
