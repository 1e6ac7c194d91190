"""Writes the CustomResourceDefinition: `python -m taskora_operator.api.crd`.

Pydantic's JSON schema becomes a structural schema: references inlined, no nulls, no titles. Defaults of the spec are
told in words, not set by the API server: an object keeps what its author wrote, and a default may differ in a later
release.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from taskora_operator.api import API_VERSION, GROUP, KIND, PLURAL, VERSION
from taskora_operator.api.spec import Spec
from taskora_operator.api.status import NOT_YET, Status

Schema = dict[str, Any]

FILE = Path("crds") / f"{PLURAL}.{GROUP}.yaml"
NAME_PATTERN = "^[a-z]([-a-z0-9]*[a-z0-9])?$"  # names of Services and labels are made from it
DROPPED = ("title", "default", "propertyNames")


def crd() -> Schema:
    """The manifest that is in crds/."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["tkd"],
                "categories": ["all"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": _columns(),
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "description": f"A running Taskora ({API_VERSION}).",
                            "required": ["spec"],
                            "properties": {
                                "apiVersion": {"type": "string"},
                                "kind": {"type": "string"},
                                "metadata": {
                                    "type": "object",
                                    "properties": {
                                        "name": {"type": "string", "maxLength": 30, "pattern": NAME_PATTERN}
                                    },
                                },
                                "spec": structural(Spec),
                                "status": {**structural(Status), "default": {"observedGeneration": NOT_YET}},
                            },
                        }
                    },
                }
            ],
        },
    }


def structural(model: type[BaseModel]) -> Schema:
    """The structural schema of a model."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _convert(schema, definitions=schema.get("$defs", {}))


def _convert(node: Schema, *, definitions: Schema) -> Schema:
    node = _inline(node, definitions=definitions)
    description = _description(node)
    out: Schema = {key: value for key, value in node.items() if key not in DROPPED and key != "$defs"}
    if "const" in out:
        out["enum"] = [out.pop("const")]
    if description:
        out["description"] = description
    if "properties" in out:
        out["properties"] = {
            name: _convert(child, definitions=definitions) for name, child in sorted(out["properties"].items())
        }
        out.pop("additionalProperties", None)  # a structural schema prunes what it does not name
    elif isinstance(out.get("additionalProperties"), dict):
        out["additionalProperties"] = _convert(out["additionalProperties"], definitions=definitions)
    elif out.get("additionalProperties") is True:
        del out["additionalProperties"]
    if "items" in out:
        out["items"] = _convert(out["items"], definitions=definitions)
    return dict(sorted(out.items()))


def _inline(node: Schema, *, definitions: Schema) -> Schema:
    """Follow `$ref` and leave null out of `anyOf`; what stands beside a reference is kept, rules of both are joined."""
    options = [option for option in node.get("anyOf", []) if option != {"type": "null"}]
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[1]]
        beside = {key: value for key, value in node.items() if key != "$ref"}
    elif len(options) == 1:
        target = options[0]
        beside = {key: value for key, value in node.items() if key != "anyOf"}
    else:
        return node
    target = _inline(target, definitions=definitions)
    checks = target.get("x-kubernetes-validations", []) + beside.get("x-kubernetes-validations", [])
    return {**target, **beside, **({"x-kubernetes-validations": checks} if checks else {})}


def _description(node: Schema) -> str:
    text = " ".join(str(node.get("description", "")).split())
    default = node.get("default")
    if default in (None, "", [], {}):
        return text
    told = str(default).lower() if isinstance(default, bool) else str(default)
    return f"{text} Defaults to {told}.".strip()


def _columns() -> list[Schema]:
    def column(name: str, path: str, *, kind: str = "string", wide: bool = False) -> Schema:
        return {"name": name, "type": kind, "jsonPath": path, **({"priority": 1} if wide else {})}

    ready = '.status.conditions[?(@.type=="Ready")]'
    return [
        column("Profile", ".spec.profile"),
        column("Version", ".status.version.current"),
        column("Ready", ".status.ready"),
        column("Status", f"{ready}.reason"),
        column("URL", ".status.url"),
        column("Age", ".metadata.creationTimestamp", kind="date"),
        column("Broker", ".status.broker", wide=True),
        column("Database", ".status.database", wide=True),
        column("Message", f"{ready}.message", wide=True),
    ]


def render() -> str:
    """The text of the file in crds/."""
    note = "# Generated by `python -m taskora_operator.api.crd` from operator/taskora_operator/api; do not edit.\n"
    return note + yaml.safe_dump(crd(), sort_keys=False, width=120, allow_unicode=True)


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(), encoding="utf-8")
