"""The API server as the operator uses it: typed calls, and errors that say what they mean."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from taskora_operator.cluster.metrics import READS, WRITES
from taskora_operator.cluster.permissions import BY_KIND, LEASES, PODS, Resource
from taskora_operator.cluster.transport import Request, Response, Transport

MANAGER = "taskora-operator"
PAGE = 100  # what is read of more at once stays with the process: 1,000 instances took 600 MB with pages of 500

Manifest = dict[str, Any]

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"


class ApiError(Exception):
    """The API server refused. `reason` and `message` are its own; `fields` are the paths it objects to."""

    def __init__(self, request: Request, response: Response) -> None:
        status: Manifest
        try:
            status = json.loads(response.body)
        except ValueError:
            status = {}
        self.code = response.status
        self.reason: str = status.get("reason") or f"HTTP{response.status}"
        self.message: str = status.get("message") or response.body[:300].decode(errors="replace")
        details: Manifest = status.get("details") or {}
        causes: list[dict[str, str]] = details.get("causes") or []
        self.fields = tuple(cause["field"] for cause in causes if cause.get("field"))
        self.retry_after = _seconds(response.headers.get("Retry-After"))
        super().__init__(f"{request.method} {request.path}: {self.code} {self.reason}: {self.message}")

    @property
    def transient(self) -> bool:
        """Whether the same call may succeed later without anybody doing anything."""
        return self.code in (401, 409, 410, 429) or self.code >= 500


class UnreachableError(Exception):
    """Nothing answered, or the answer was cut off: a write may or may not have happened."""


@dataclass(frozen=True, slots=True)
class WatchEvent:
    type: str  # OPENED (by us, without an object), ADDED, MODIFIED, DELETED, BOOKMARK
    object: Manifest


class ApiServer:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def request(self, request: Request) -> Manifest:
        """Raises `ApiError` or `UnreachableError`."""
        return json.loads(await self._answer(request))

    async def _answer(self, request: Request) -> bytes:
        if request.method == "GET":
            READS.labels(request.kind).inc()
        elif request.kind != LEASES.kind:
            WRITES.labels(request.method.lower(), request.kind).inc()
        try:
            response = await self._transport.send(request)
        except (TimeoutError, OSError, aiohttp.ClientError) as error:
            raise UnreachableError(f"{request.method} {request.path}: {error or type(error).__name__}") from error
        if response.status >= 400:
            raise ApiError(request, response)
        return response.body

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Manifest | None:
        """None when there is no such object."""
        try:
            return await self.request(Request("GET", resource.path(namespace, name), kind=resource.kind))
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    async def list(
        self, resource: Resource, *, namespace: str | None = None, selector: str = ""
    ) -> tuple[list[Manifest], str]:
        """All objects, and the resourceVersion to watch from."""
        items: list[Manifest] = []
        version = ""
        async for page, at in self.pages(resource, namespace=namespace, selector=selector):
            items += page
            version = at
        return items, version

    async def pages(
        self, resource: Resource, *, namespace: str | None = None, selector: str = ""
    ) -> AsyncIterator[tuple[Sequence[Manifest], str]]:
        """As `list`, for who does not keep the objects."""
        query = {"limit": str(PAGE)} | ({"labelSelector": selector} if selector else {})
        while True:
            page = await self.request(Request("GET", resource.path(namespace), query, kind=resource.kind))
            for item in page["items"]:  # items of a list don't say what they are
                item.update(apiVersion=resource.api_version, kind=resource.kind)
            yield page["items"], page["metadata"]["resourceVersion"]
            following = page["metadata"].get("continue")
            if not following:
                return
            query = {**query, "continue": following}

    async def last_lines(self, namespace: str, pod: str, *, container: str, previous: bool, lines: int) -> str:
        """The end of a container's log; of the one that ended before with `previous`."""
        query = {"container": container, "tailLines": str(lines), "limitBytes": "16384"}
        if previous:
            query["previous"] = "true"
        path = PODS.path(namespace, pod, "log")
        body = await self._answer(Request("GET", path, query, accept="*/*", kind=PODS.kind))
        return body.decode(errors="replace")

    async def watch(
        self, resource: Resource, *, namespace: str | None, selector: str, since: str, seconds: int
    ) -> AsyncIterator[WatchEvent]:
        """Ends by itself after `seconds`. Raises `ApiError` (410 when `since` is too old) or `UnreachableError`."""
        query = {
            "watch": "1",
            "labelSelector": selector,
            "resourceVersion": since,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
        }
        request = Request("GET", resource.path(namespace), query)
        try:
            async for part in self._transport.stream(request):
                if isinstance(part, Response):
                    if part.status != 200:
                        raise ApiError(request, part)
                    yield WatchEvent("OPENED", {})
                    continue
                event = json.loads(part)
                if event["type"] == "ERROR":
                    status = event["object"]
                    raise ApiError(request, Response(status.get("code", 500), {}, json.dumps(status).encode()))
                yield WatchEvent(event["type"], event["object"])
        except (TimeoutError, OSError, aiohttp.ClientError, ValueError) as error:
            raise UnreachableError(f"watch {request.path}: {error or type(error).__name__}") from error

    async def apply(self, manifest: Manifest, *, uid: str | None = None) -> Manifest:
        """Server-side apply. With `uid`, only to that very object: 409 when it has been replaced meanwhile."""
        if uid is not None:
            manifest = {**manifest, "metadata": {**manifest["metadata"], "uid": uid}}
        return await self._patch(manifest, manifest, APPLY, force="true")

    async def overwrite(self, manifest: Manifest, found: Manifest) -> Manifest:
        """Put back lists whose items someone renamed, which an apply can only add to; then own it all by apply alone.

        A merge patch replaces lists as a whole. Its own record of ownership is struck out, or fields dropped later
        would stay for ever.
        """
        uid = found["metadata"]["uid"]
        merged = await self._patch(manifest, {**manifest, "metadata": {**manifest["metadata"], "uid": uid}}, MERGE)
        entries = merged["metadata"]["managedFields"]
        kept = [e for e in entries if (e["manager"], e["operation"], e.get("subresource")) != (MANAGER, "Update", None)]
        if kept and len(kept) < len(entries):
            version = merged["metadata"]["resourceVersion"]
            await self._patch(
                manifest,
                [
                    {"op": "test", "path": "/metadata/resourceVersion", "value": version},
                    {"op": "replace", "path": "/metadata/managedFields", "value": kept},
                ],
                JSON_PATCH,
            )
        return await self.apply(manifest, uid=uid)

    async def create(self, manifest: Manifest) -> Manifest:
        """409 `AlreadyExists` when there is one."""
        resource = _resource(manifest)
        path = resource.path(manifest["metadata"]["namespace"])
        return await self._write("POST", resource, path, manifest, query={"fieldManager": MANAGER})

    async def replace(self, manifest: Manifest) -> Manifest:
        """409 when the object has changed since it was read."""
        resource, metadata = _resource(manifest), manifest["metadata"]
        path = resource.path(metadata["namespace"], metadata["name"])
        return await self._write("PUT", resource, path, manifest, query={"fieldManager": MANAGER})

    async def delete(self, resource: Resource, namespace: str, name: str, *, uid: str, resource_version: str) -> None:
        """Deletes that very object in that very state, its dependents after it; 409 when it is another by now."""
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        body = {"propagationPolicy": "Background", "preconditions": preconditions}
        try:
            await self._write("DELETE", resource, resource.path(namespace, name), body)
        except ApiError as error:
            if error.code != 404:
                raise

    async def patch_status(self, resource: Resource, namespace: str, name: str, status: Mapping[str, Any]) -> Manifest:
        """A JSON merge patch of the status subresource."""
        path = resource.path(namespace, name, "status")
        return await self._write(
            "PATCH", resource, path, {"status": status}, content_type=MERGE, query={"fieldManager": MANAGER}
        )

    async def merge(self, resource: Resource, namespace: str, name: str, change: Manifest) -> Manifest:
        """A JSON merge patch; 409 when its metadata names another `uid` or `resourceVersion` than the object has."""
        path = resource.path(namespace, name)
        return await self._write("PATCH", resource, path, change, content_type=MERGE, query={"fieldManager": MANAGER})

    async def set_finalizers(self, resource: Resource, body: Manifest, finalizers: Sequence[str]) -> Manifest:
        """409 when the object has changed since it was read."""
        metadata = body["metadata"]
        change = {"metadata": {"finalizers": list(finalizers), "resourceVersion": metadata["resourceVersion"]}}
        return await self.merge(resource, metadata["namespace"], metadata["name"], change)

    async def _patch(self, target: Manifest, body: object, content_type: str, **query: str) -> Manifest:
        resource, metadata = _resource(target), target["metadata"]
        path = resource.path(metadata["namespace"], metadata["name"])
        query = {"fieldManager": MANAGER, **query}
        return await self._write("PATCH", resource, path, body, content_type=content_type, query=query)

    async def _write(
        self,
        method: str,
        resource: Resource,
        path: str,
        body: object,
        *,
        content_type: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Manifest:
        data = json.dumps(body, separators=(",", ":")).encode()
        return await self.request(Request(method, path, query or {}, data, content_type, kind=resource.kind))


def _resource(manifest: Manifest) -> Resource:
    return BY_KIND[manifest["apiVersion"], manifest["kind"]]


def _seconds(header: str | None) -> float | None:
    """`Retry-After` in seconds; dates, which the API server does not send, are ignored."""
    return float(header) if header and header.isdigit() else None
