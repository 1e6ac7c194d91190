"""What is there: the instance, everything made for it, and the facts that what is wanted depends on."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError
from taskora_operator.api.resource import TaskoraDeployment
from taskora_operator.api.status import Status
from taskora_operator.cluster.apiserver import ApiError, ApiServer
from taskora_operator.cluster.permissions import CHILDREN, INSTANCES, SECRETS, Resource
from taskora_operator.cluster.transport import Request
from taskora_operator.desired import secrets as wanted_secrets
from taskora_operator.desired.model import Capabilities, Facts, Key, Manifest
from taskora_operator.profiles import Instance, resolve
from taskora_operator.reconcile.found import INSTANCE_LABEL, observe, unproved

from kubectl_taskora.connection import Connection
from kubectl_taskora.errors import CommandError
from kubectl_taskora.manifests import part

PODS = Resource("v1", "Pod", "pods")
NAMESPACES = Resource("v1", "Namespace", "namespaces")


@dataclass(frozen=True, slots=True)
class Here:
    """One namespace as it was read at one moment."""

    body: Manifest  # the TaskoraDeployment
    others: Sequence[str]  # names of further ones in the namespace, which nothing is done for

    @property
    def name(self) -> str:
        return self.body["metadata"]["name"]

    @property
    def spec(self) -> Mapping[str, Any]:
        return self.body.get("spec", {})

    @property
    def status(self) -> Status:
        return Status.model_validate(part(self.body, "status"))


async def instance_here(connection: Connection) -> Here:
    """The instance of the namespace (the oldest, where people made several). Raises `CommandError`."""
    try:
        bodies, _ = await connection.api.list(INSTANCES, namespace=connection.namespace)
    except ApiError as error:
        if error.code == 404:
            raise CommandError(
                "The cluster does not know TaskoraDeployments. Install the operator: "
                "`helm upgrade --install taskora-operator manifests/operator -n taskora-system --create-namespace`."
            ) from error
        raise
    if not bodies:
        raise CommandError(await _nothing_here(connection))
    bodies.sort(key=lambda b: (b["metadata"]["creationTimestamp"], b["metadata"]["name"]))
    return Here(bodies[0], [body["metadata"]["name"] for body in bodies[1:]])


async def _nothing_here(connection: Connection) -> str:
    told = f"There is no TaskoraDeployment in namespace {connection.namespace}."
    try:
        elsewhere, _ = await connection.api.list(INSTANCES)
    except ApiError:  # not everybody may look into every namespace
        return f"{told} Name another with -n."
    if not elsewhere:
        return f"{told} Nor in any other: make one with `kubectl apply -f`."
    names = sorted({body["metadata"]["namespace"] for body in elsewhere})
    return f"{told} Name one that has: {', '.join(f'-n {name}' for name in names[:8])}."


async def pods_of(connection: Connection, name: str) -> Sequence[Manifest]:
    pods, _ = await connection.api.list(
        PODS, namespace=connection.namespace, selector=f"app.kubernetes.io/name=taskora,{INSTANCE_LABEL}={name}"
    )
    return pods


def read_spec(body: Manifest) -> TaskoraDeployment:
    """Raises `CommandError` where this release of the command can't read it."""
    try:
        return TaskoraDeployment.model_validate(body)
    except ValidationError as error:
        fields = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise CommandError(f"The spec can't be read: {fields}") from error


async def objects_of(api: ApiServer, *, namespace: str, capabilities: Capabilities) -> Mapping[Key, Manifest]:
    """Everything the operator has made in the namespace."""
    served = [resource for resource in CHILDREN if resource.name in capabilities.kinds]
    lists = await asyncio.gather(
        *(
            api.list(resource, namespace=namespace, selector="app.kubernetes.io/managed-by=taskora-operator")
            for resource in served
        )
    )
    return {observe(item).key: item for items, _ in lists for item in items}


async def facts_for(
    api: ApiServer,
    resource: TaskoraDeployment,
    *,
    namespace: str,
    objects: Mapping[Key, Manifest],
    capabilities: Capabilities,
) -> tuple[Instance, Facts]:
    """As the operator's engine gathers them."""
    instance = resolve(resource.spec)
    facts = Facts(
        namespace=namespace,
        name=resource.metadata.name,
        uid=resource.metadata.uid,
        generation=resource.metadata.generation,
        capabilities=capabilities,
        observed_replicas={
            key.name: body["spec"]["replicas"]
            for key, body in objects.items()
            if key.kind == "Deployment" and "replicas" in body["spec"]
        },
        scaled_by_others=frozenset(
            key.name
            for key, body in objects.items()
            if key.kind == "Deployment" and observe(body).traits.scaled_by_others
        ),
        unproved=unproved({key: observe(body) for key, body in objects.items()}),
    )
    names = sorted(set(wanted_secrets.needed(instance, facts)))
    bodies = await asyncio.gather(*(api.get(SECRETS, namespace, name) for name in names))
    contents = {name: decoded(body) for name, body in zip(names, bodies, strict=True) if body is not None}
    return instance, replace(facts, secrets=contents)


def decoded(secret: Manifest) -> Mapping[str, str]:
    """The texts of a Secret; what is not text counts as empty, as it does for the operator."""
    return {key: _text(value) for key, value in part(secret, "data").items()}


def _text(value: str) -> str:
    try:
        return base64.b64decode(value).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


async def get_path(api: ApiServer, path: str, **query: str) -> Manifest | None:
    """Whatever is at a path of the API; None when there is nothing, or we may not look."""
    try:
        return await api.request(Request("GET", path, query))
    except ApiError as error:
        if error.code in (403, 404):
            return None
        raise
