"""Writes the instance chart's schema of values from the custom resource: `python -m taskora_operator.api.values`.

Helm then refuses a misspelt field before the API server is asked. What needs CEL is left to the API server.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from taskora_operator.api.crd import NAME_PATTERN, structural
from taskora_operator.api.spec import Spec

Schema = dict[str, Any]

FILE = Path("manifests/instance/values.schema.json")


def schema() -> Schema:
    """A JSON Schema (draft 7) of the values."""
    spec = _json_schema(structural(Spec))
    # The chart brings a release of its own.
    spec["required"] = [name for name in spec["required"] if name != "version"]
    spec["properties"]["version"]["pattern"] += "|^$"
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "spec"],
        "properties": {
            "global": {"type": "object"},
            "name": {"type": "string", "maxLength": 30, "pattern": NAME_PATTERN},
            "spec": spec,
        },
    }


def _json_schema(node: Schema) -> Schema:
    """A structural schema without Kubernetes' own words; unlike the API server, a map refuses what it does not name."""
    out = {key: value for key, value in node.items() if not key.startswith("x-kubernetes-") and key != "format"}
    if "properties" in out:
        out["properties"] = {name: _json_schema(child) for name, child in out["properties"].items()}
        out["additionalProperties"] = False
    elif isinstance(out.get("additionalProperties"), dict):
        out["additionalProperties"] = _json_schema(out["additionalProperties"])
    if "items" in out:
        out["items"] = _json_schema(out["items"])
    return out


def render() -> str:
    """The text of the chart's file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
