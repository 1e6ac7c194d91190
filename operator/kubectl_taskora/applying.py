"""What an apply leaves: read from a file, tried against the API server, or guessed where nothing may be tried."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, cast

import yaml
from taskora_operator.api import API_VERSION, KIND
from taskora_operator.cluster.apiserver import APPLY, MANAGER, MERGE, ApiError, ApiServer
from taskora_operator.cluster.permissions import BY_KIND, INSTANCES
from taskora_operator.cluster.transport import Request
from taskora_operator.desired.model import Manifest

from kubectl_taskora.errors import CommandError
from kubectl_taskora.manifests import items, part

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def from_file(name: str, *, namespace: str, said: str | None) -> Manifest:
    """The one TaskoraDeployment of a file (`-` for standard input). Raises `CommandError`.

    `namespace`: where the file names none. `said`: what -n named; a file that names another is refused, as by kubectl.
    """
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        documents: list[Any] = list(yaml.safe_load_all(text))
    except OSError as error:
        raise CommandError(f"{name} can't be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise CommandError(f"{name} is no YAML: {error}") from error
    ours = [body for body in map(_map, documents) if body.get("kind") == KIND]
    if len(ours) != 1:
        raise CommandError(f"{name} holds {len(ours)} TaskoraDeployments; it must hold one.")
    body = ours[0]
    if body.get("apiVersion") != API_VERSION:
        raise CommandError(f"{name} says apiVersion {body.get('apiVersion')}; write {API_VERSION}.")
    if not part(body, "metadata").get("name") or not part(body, "spec"):
        raise CommandError(f"{name} lacks metadata.name or spec.")
    metadata = {"namespace": namespace, **part(body, "metadata")}
    if said and metadata["namespace"] != said:
        raise CommandError(f"{name} is for namespace {metadata['namespace']}, and -n says {said}: make them agree.")
    return {**body, "metadata": metadata}


async def dry_apply(api: ApiServer, written: Manifest, found: Manifest | None) -> Manifest:
    """What applying the file would leave: the way it was applied before, else as `kubectl apply` does.

    Raises `CommandError` with the API server's own sentences when it refuses.
    """
    metadata = written["metadata"]
    path = INSTANCES.path(metadata["namespace"], metadata["name"])
    manager = "kubectl" if found is None else _applier(found)
    if found is not None and manager is None:
        last: Manifest = json.loads(part(found, "metadata", "annotations").get(LAST_APPLIED, "{}"))
        body = {"spec": three_way(_map(last.get("spec")), written["spec"], found["spec"])}
        request = Request("PATCH", path, {"dryRun": "All"}, json.dumps(body).encode(), MERGE)
    else:
        query = {"fieldManager": manager or "kubectl", "dryRun": "All"}
        request = Request("PATCH", path, query, json.dumps(written).encode(), APPLY)
    try:
        return await api.request(request)
    except ApiError as error:
        raise CommandError(refused(error, namespace=metadata["namespace"])) from error


def _applier(found: Manifest) -> str | None:
    """Who applies the spec server-side: kubectl, Flux, Argo CD; None where that is done the client's way."""
    entries = items(found, "metadata", "managedFields")
    managers = [e["manager"] for e in entries if e["operation"] == "Apply" and "f:spec" in e.get("fieldsV1", {})]
    return next(iter(sorted(managers, key=lambda manager: manager != "kubectl")), None)


def refused(error: ApiError, *, namespace: str) -> str:
    if error.code == 404 and "namespaces" in error.message:
        return f"There is no namespace {namespace}: `kubectl create namespace {namespace}`."
    if error.code == 404:
        return "The cluster does not know TaskoraDeployments: install the operator first."
    if error.code == 409:
        return f"An apply would be refused, for others own some of its fields: {error.message}"
    return f"An apply would be refused: {error.message}"


async def dry_run(api: ApiServer, manifest: Manifest) -> Manifest:
    """What the operator's own apply of an object would leave."""
    metadata = manifest["metadata"]
    path = BY_KIND[manifest["apiVersion"], manifest["kind"]].path(metadata["namespace"], metadata["name"])
    query = {"fieldManager": MANAGER, "force": "true", "dryRun": "All"}
    return await api.request(Request("PATCH", path, query, json.dumps(manifest).encode(), APPLY))


def three_way(last: Manifest, written: Manifest, found: Manifest) -> Manifest:
    """The merge patch of `kubectl apply`: what the file says, null for what it no longer says."""
    change: Manifest = {}
    for key, value in written.items():
        there = found.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            inner = three_way(_map(last.get(key)), _map(value), _map(there))
            if inner:
                change[key] = inner
        elif there != value:
            change[key] = value
    return change | {key: None for key in last if key not in written and key in found}


def _map(value: Any) -> Manifest:
    return cast(Manifest, value) if isinstance(value, dict) else {}


def merged(found: Any, wanted: Any) -> Any:
    """A guess at an apply: what is wanted laid over what is there."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        old, new = cast(Manifest, found), cast(Manifest, wanted)
        return old | {key: merged(old[key], value) if key in old else value for key, value in new.items()}
    if isinstance(found, list) and isinstance(wanted, list):
        before, after = cast(list[Any], found), cast(list[Any], wanted)
        if len(before) == len(after):
            return [merged(old, new) for old, new in zip(before, after, strict=True)]
    return cast(Any, wanted)
