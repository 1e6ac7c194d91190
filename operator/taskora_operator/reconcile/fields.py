"""Which fields of an object are ours, and whether they still hold what was applied.

The API server writes down who owns each field (`metadata.managedFields`). Whoever changes the value of an owned field
takes it over, so the fields we still own, with their values, tell everything about drift; a digest of them is all that
has to be remembered. Defaults that the API server fills in are never ours and never compared.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast

from taskora_operator.desired.model import Manifest

MANAGER = "taskora-operator"
WANTED_HASH = "taskora.dev/wanted-hash"

_IDENTITY = ("apiVersion", "kind")
_METADATA_IDENTITY = ("name", "namespace")


def digest(value: object) -> bytes:
    """A short name, 16 bytes, for a JSON value: equal values have equal digests, whatever the order of their keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def owned(found: Manifest) -> Manifest:
    """The part of an object that our applies own, with the values found there; empty when nothing is ours.

    Without nulls, which mean the same as no field: Kubernetes before 1.34 adds some to templates of volumes.
    """
    for entry in found.get("metadata", {}).get("managedFields", ()):
        if entry["manager"] == MANAGER and entry["operation"] == "Apply" and not entry.get("subresource"):
            return cast(Manifest, _pick(found, entry.get("fieldsV1", {})))
    return {}


def applied(wanted: Manifest) -> Manifest:
    """What `owned` gives after `wanted`, written in the API server's canonical forms, was applied."""
    metadata = {k: v for k, v in wanted["metadata"].items() if k not in _METADATA_IDENTITY}
    rest = {k: v for k, v in wanted.items() if k not in (*_IDENTITY, "metadata")}
    return {"metadata": metadata, **rest}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        members = cast(dict[str, Any], value)
        return {name: _without_nulls(each) for name, each in members.items() if each is not None}
    return [_without_nulls(each) for each in cast(list[Any], value)] if isinstance(value, list) else value


def _pick(value: Any, fields: dict[str, Any]) -> Any:
    """The members of a value that a `fieldsV1` tree names: `f:` a key, `k:` a list item by its keys, `v:` by value."""
    if not fields:
        return _without_nulls(value)
    named = {step[2:]: sub for step, sub in fields.items() if step.startswith("f:")}
    if isinstance(value, dict):
        members = cast(dict[str, Any], value)
        return {name: _pick(members[name], sub) for name, sub in named.items() if name in members}
    if not isinstance(value, list):
        return value
    items = cast(list[Any], value)
    keyed = [(json.loads(step[2:]), sub) for step, sub in fields.items() if step.startswith("k:")]
    values = [json.loads(step[2:]) for step in fields if step.startswith("v:")]
    return [
        *(_pick(item, sub) for item in items for keys, sub in keyed if keys.items() <= item.items()),
        *(item for item in items if item in values),
    ]
