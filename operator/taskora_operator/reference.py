"""Writes docs/custom-resource.md from the models and the table of profiles: `python -m taskora_operator.reference`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from taskora_operator.api.crd import Schema, structural
from taskora_operator.api.spec import Spec
from taskora_operator.api.status import Status
from taskora_operator.profiles import PROFILES, Defaults

FILE = Path("docs") / "custom-resource.md"

HEAD = """# The custom resource

Generated from the operator's models by `make generated`; do not edit. `kubectl explain tkd.spec` tells the same on a
cluster, `manifests/samples` has one of each profile.
A whole instance:

```yaml
apiVersion: taskora.dev/v1alpha1
kind: TaskoraDeployment
metadata: {name: taskora}
spec: {profile: Local, version: "1.0.0", host: taskora.localhost}
```

What would have no effect is refused, with a sentence that says what to write instead: see "Refused".
"""
ROLES = ("backend", "scheduler", "audit", "notifier", "insights")  # shaped as the frontend


def render() -> str:
    spec, status = structural(Spec), structural(Status)
    parts = [
        HEAD,
        "## Defaults by profile",
        *_profiles(),
        "",
        "## spec",
        "| field | type | meaning |\n|---|---|---|",
        *_rows(spec, "", skip=ROLES),
        "",
        f"{', '.join(f'`{role}`' for role in ROLES)} have the fields of `frontend`.",
        "",
        "## Refused",
        *(f"- {message}" for message in dict.fromkeys(_messages(spec))),
        "",
        "## status",
        "| field | type | meaning |\n|---|---|---|",
        *_rows(status, ""),
    ]
    return "\n".join(parts) + "\n"


def _profiles() -> Iterator[str]:
    yield f"| | {' | '.join(PROFILES)} |"
    yield "|---|" + "---|" * len(PROFILES)

    def row(name: str, *told: str) -> str:
        return f"| {name} | {' | '.join(told)} |"

    every = list(PROFILES.values())
    yield row("database", *(str(each.database) for each in every))
    yield row("broker", *(str(each.broker) for each in every))
    yield row("cache", *(str(each.cache) + (", TLS" if each.cache_tls else "") for each in every))
    yield row("secrets.store", *(str(each.secret_store) for each in every))
    yield row("ingress", *(f"{each.door}, TLS {each.tls}" for each in every))
    yield row("load balancer's ranges", *(", ".join(each.load_balancer_ranges) or "any" for each in every))
    yield row("storage class", *(each.storage_class or "the cluster's" for each in every))
    yield row("frontend / backend / others", *(f"{each.frontend} / {each.backend} / {each.others}" for each in every))
    yield row("volumes: PostgreSQL / Redis / broker", *(_volumes(each) for each in every))


def _volumes(defaults: Defaults) -> str:
    sizes = defaults.sizes
    return f"{sizes.postgres_volume} / {sizes.redis_volume} / {sizes.broker_volume}"


def _rows(node: Schema, path: str, *, skip: tuple[str, ...] = ()) -> Iterator[str]:
    for name, child in node.get("properties", {}).items():
        if name in skip:
            continue
        here = f"{path}.{name}" if path else name
        needed = " (required)" if name in node.get("required", ()) else ""
        text = child.get("description", "").replace("|", "\\|")
        yield f"| `{here}` | {_type(child)}{needed} | {text} |"
        items = child.get("items", child)
        yield from _rows(items, f"{here}[]" if "items" in child else here)


def _type(node: Schema) -> str:
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    if node.get("x-kubernetes-int-or-string"):
        return "number or text"
    if "items" in node:
        return f"list of {_type(node['items'])}"
    if isinstance(node.get("additionalProperties"), dict):
        return f"map of {_type(node['additionalProperties'])}"
    return {"string": "text", "integer": "number", "boolean": "yes or no"}.get(node["type"], str(node["type"]))


def _messages(node: Schema) -> Iterator[str]:
    yield from (rule["message"] for rule in node.get("x-kubernetes-validations", ()))
    for child in node.get("properties", {}).values():
        yield from _messages(child)
    for inner in ("items", "additionalProperties"):
        if isinstance(node.get(inner), dict):
            yield from _messages(node[inner])


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
