"""The shapes every manifest shares: metadata with Taskora's labels, files, volumes, digests.

What the API server would leave out (empty strings, lists, maps) is never written: comparing needs no defaults.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from taskora_operator.api.spec import DeletionPolicy
from taskora_operator.desired.model import Facts, Gate, Manifest, Object
from taskora_operator.profiles import Instance, RoleName, Server

CONFIG_HASH = "taskora.dev/config-hash"
OPERATOR_NAMESPACE = "taskora-system"
_NO_PARTS: Mapping[str, Sequence[str]] = MappingProxyType({})


def selector(facts: Facts, component: str) -> dict[str, str]:
    """What never changes about a component's pods."""
    return {
        "app.kubernetes.io/name": "taskora",
        "app.kubernetes.io/instance": facts.name,
        "app.kubernetes.io/component": component,
    }


def labels(instance: Instance, facts: Facts, component: str) -> dict[str, str]:
    return labels_of(instance.spec.version, facts, component)


def labels_of(version: str, facts: Facts, component: str) -> dict[str, str]:
    """Of what belongs to another release than the one that is asked for."""
    return selector(facts, component) | {
        "app.kubernetes.io/version": version,
        "app.kubernetes.io/part-of": "taskora",
        "app.kubernetes.io/managed-by": "taskora-operator",
    }


def manifest(
    kind: str,
    name: str,
    /,
    *,
    api: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str] | None = None,
    **parts: Any,
) -> Manifest:
    """A manifest; `parts` are what stands beside metadata: spec, data, rules, …"""
    metadata = {"name": name, "labels": dict(labels), **present(annotations=dict(annotations or {}))}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **parts}


def present(**parts: Any) -> dict[str, Any]:
    """Those of the parts that say something."""
    return {key: value for key, value in parts.items() if value not in (None, "", [], {}, ())}


def config_map(instance: Instance, facts: Facts, component: str, files: Mapping[str, str]) -> Manifest:
    return manifest(
        "ConfigMap",
        f"{facts.name}-{component}",
        api="v1",
        labels=labels(instance, facts, component),
        data=dict(files),
    )


def volume(instance: Instance, facts: Facts, component: str, server: Server, *, name: str = "") -> Object:
    """An object of its own, not a claim template: it grows by being applied, and outlives its set."""
    claim = manifest(
        "PersistentVolumeClaim",
        name or f"{facts.name}-{component}",
        api="v1",
        labels=labels(instance, facts, component),
        spec={
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": server.size}},
            **present(storageClassName=server.storage_class),
        },
    )
    return Object(claim, Gate.DATA, component, retained=instance.spec.deletion_policy is DeletionPolicy.RETAIN)


def budget(instance: Instance, facts: Facts, component: str) -> Manifest:
    """Of several pods one may be away for maintenance."""
    return manifest(
        "PodDisruptionBudget",
        f"{facts.name}-{component}",
        api="policy/v1",
        labels=labels(instance, facts, component),
        spec={"maxUnavailable": 1, "selector": {"matchLabels": selector(facts, component)}},
    )


def replicas(instance: Instance, facts: Facts, component: str, wanted: int) -> int:
    """None when suspended, from the top down: the frontend first, then the other roles, then what they stand on."""
    frontend = str(RoleName.FRONTEND)
    others = {str(role) for role in RoleName} - {frontend}
    above = set[str]() if component == frontend else {frontend} if component in others else others | {frontend}
    still_needed = component in facts.running and not facts.running.isdisjoint(above)
    return wanted if still_needed or not instance.spec.suspended else 0


def digest(*things: Any) -> str:
    """Ten characters that change when any of the things does."""
    text = json.dumps(things, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def secret_digest(facts: Facts, names: Sequence[str], *, parts: Mapping[str, Sequence[str]] = _NO_PARTS) -> str:
    """Changes with the contents of the Secrets, or with the keys of those of which only parts are read; says nothing
    about them."""
    whole = [dict(facts.secrets.get(name, {})) for name in names]
    read = [facts.secrets.get(name, {}).get(key, "") for name, keys in parts.items() for key in keys]
    return digest(facts.uid, whole, read)


def render(template: str, **values: Any) -> str:
    """A file of desired/templates with its values."""
    return _templates().get_template(template).render(**values)


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("taskora_operator.desired", "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - shell and server configuration, not HTML
    )
