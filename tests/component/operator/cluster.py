"""What tests do to a cluster by a person's hand, with kubectl, and by one that plays the kubelet."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from taskora_operator.cluster.apiserver import MERGE, ApiError, ApiServer
from taskora_operator.cluster.credentials import Credentials
from taskora_operator.cluster.permissions import BY_KIND, CHILDREN, INSTANCES, PODS, Resource
from taskora_operator.cluster.transport import HttpTransport, Request
from taskora_operator.desired.model import Manifest

from tests.cluster.envtest import ApiServer as EnvTest
from tests.component.operator.hand import failing, running

T = TypeVar("T")
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
