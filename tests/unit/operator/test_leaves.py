"""No field of the spec is silently ignored: each leaf of the schema, set to another value, changes what is wanted."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from taskora_operator.api.crd import structural
from taskora_operator.api.spec import Spec
from taskora_operator.desired import desired
from taskora_operator.profiles import resolve

from tests.specs import SPECS, facts_of, spec

ROLES = ("backend", "scheduler", "audit", "notifier", "insights")
# What is acted on outside of `desired`, and by whom.
ELSEWHERE = {
    "paused": "the reconciler writes nothing",
    "update.rollback": "the reconciler, when a rollout fails",
    "secrets.rotateEvery": "the reconciler, by its clock",
    "profile": "can't be changed",
}
# Leaves that mean something only beside others: the spec they are set in (of SPECS, "local" by default).
WHERE = {
    "broker.external": "doks-kafka",
    "cache.external": "gke",
    "database.external": "local-full",
    "chat": "local-full",
    "observability.tracing": "local-full",
    "ingress.tls.issuerRef": "doks",
    "ingress.tls.secretName": "doks",
    "cloud.gcp": "gke",
    "cloud.azure": "aks-eventhubs",
    "backup.storage": "local-kafka",
    "backup": "doks-kafka",
}
# Values that the schema's type and pattern don't suggest.
VALUES: dict[str, Any] = {
    "version": "9.8.7",
    "host": "other.example.org",
    "image.digest": "sha256:" + "a" * 64,
    "imageRegistry": "mirror.example.org",
    "broker.external.bootstrapServers[]": "elsewhere.example.org:9099",
    "broker.topics[].name": "user-events",
    "broker.engine": "Kafka",
    "broker.mode": "External",
    "cache.mode": "External",
    "database.mode": "External",
    "secrets.store": "AzureKeyVault",
    "chat.provider": "Anthropic",
    "chat.endpoint": "https://models.example.org/v1",
    "observability.tracing.endpoint": "http://other.tracing.svc:4317",
    "observability.metrics": True,
    "observability.alerts": True,
    "observability.dashboards": True,
    "observability.tracing.sampling": 0.5,
    "networkPolicy.ingressRanges[]": "192.0.2.0/24",
    "cloud.gcp.projectID": "another-project",
    "cloud.azure.clientID": "99999999-2222-3333-4444-555555555555",
    "cloud.azure.tenantID": "99999999-7777-8888-9999-000000000000",
    "ingress.tls.mode": "Secret",
    "ingress.enabled": False,
    "networkPolicy.enabled": False,
    "database.inCluster.parameters{}": "200",
    "dapr.cron.reminders": "@every 2m",
    "dapr.cron.recurrence": "@every 2m",
    "broker.topicPrefix": "shared.",
    "broker.inCluster.replicas": 3,
    "broker.external.tls.enabled": False,
    "cache.external.tls": False,
    "database.external.caSecretRef.key": "other.crt",
    "update.maxUnavailable": 1,
    "update.maxSurge": 2,
    "frontend.affinity": {"nodeAffinity": {}},
    "backup.schedule": "@hourly",
    "backup.s3.endpoint": "https://s3.example.org",
    "backup.restoreFrom.s3.endpoint": "https://s3.example.org",
}
# Beside the leaf, so that it is complete.
BESIDE: dict[str, dict[str, Any]] = {
    "frontend.env[]": {"name": "COLOUR"},
    "frontend.env[].valueFrom.secretKeyRef": {"name": "some", "key": "some"},
    "frontend.env[].valueFrom.configMapKeyRef": {"name": "some", "key": "some"},
    "frontend.autoscaling": {"maxReplicas": 9},
    "broker.topics[]": {"name": "task-events", "partitions": 4},
    "ingress.tls": {"secretName": "certificate"},
    "observability.tracing": {"endpoint": "http://collector.observability.svc:4317"},
    "backup.restoreFrom.s3": {"bucket": "other-dumps", "secretRef": {"name": "spaces"}},
}


def leaves(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """`a.b[].c` for what is in lists, `a.b{}` for the values of maps."""
    if "properties" in node:
        for name, child in node["properties"].items():
            if path or name not in ROLES:
                yield from leaves(child, f"{path}.{name}" if path else name)
    elif "items" in node:
        yield from leaves(node["items"], f"{path}[]")
    elif isinstance(node.get("additionalProperties"), dict):
        yield f"{path}{{}}", node["additionalProperties"]
    else:
        yield path, node


LEAVES = dict(leaves(structural(Spec)))


def value(path: str, node: dict[str, Any], usual: Any) -> Any:
    """Another value than the usual one."""
    if path in VALUES:
        return VALUES[path]
    if "enum" in node:
        return next(each for each in node["enum"] if each != usual)
    match node.get("type"):
        case "boolean":
            return usual is not True
        case "integer":
            return node.get("minimum", 1) + 41
        case "string":
            return "another"
        case _:
            return "77m"


def put(body: dict[str, Any], path: str, what: Any) -> None:
    """Set the leaf, making what is above it; a list gets one item, a map the key `memory`."""
    here: Any = body
    steps = path.split(".")
    for index, step in enumerate(steps):
        above = ".".join(steps[: index + 1])
        name, last = step.rstrip("[]{}"), index == len(steps) - 1
        if step.endswith("{}"):
            here.setdefault(name, {})["memory" if "resources" in path.lower() else "max_connections"] = what
        elif step.endswith("[]"):
            if last:
                here[name] = [what]
            else:
                here = here.setdefault(name, [copy.deepcopy(BESIDE.get(above, {}))])[0]
        elif last:
            here[name] = what
        else:
            made = here.setdefault(name, {})
            for key, beside in BESIDE.get(above, {}).items():
                made.setdefault(key, beside)
            here = made


def wanted(name: str, body: dict[str, Any]) -> Any:
    made = desired(resolve(Spec.model_validate(body)), facts_of(name))
    return made.objects, made.topics, made.bootstrap, made.access, made.url, made.problems


def usual_of(body: dict[str, Any], path: str) -> Any:
    here: Any = spec_dump(body)
    for step in path.split("."):
        here = here.get(step) if isinstance(here, dict) else None
    return here


def spec_dump(body: dict[str, Any]) -> dict[str, Any]:
    return Spec.model_validate(body).model_dump(mode="json", by_alias=True)


@pytest.mark.parametrize("path", sorted(LEAVES.keys() - ELSEWHERE.keys()))
def test_a_leaf_that_is_set_changes_what_is_wanted(path: str) -> None:
    name = next((where for prefix, where in WHERE.items() if path.startswith(prefix)), "local")
    body = copy.deepcopy(SPECS[name])
    if path.startswith("ingress.tls.secretName"):
        body["ingress"]["tls"] = {"mode": "Secret", "secretName": "usual"}
    if path.startswith("frontend.env[].") and path.endswith(".value"):
        put(body, "frontend.env[].value", "usual")
    # As it is without the leaf, but with what has to be beside it.
    without = copy.deepcopy(body)
    parent = path.rpartition(".")[0]
    if parent in BESIDE:
        put(without, parent, copy.deepcopy(BESIDE[parent]))
        if parent == "frontend.env[]":
            without["frontend"]["env"][0]["value"] = "usual"
        if parent == "ingress.tls":
            without["ingress"]["tls"] = {}
    changed = copy.deepcopy(without if parent in BESIDE and parent != "ingress.tls" else body)
    put(changed, path, value(path, LEAVES[path], usual_of(body, path)))
    assert wanted(name, changed) != wanted(name, without), f"{path} is ignored"


def test_what_is_acted_on_elsewhere_exists() -> None:
    assert ELSEWHERE.keys() <= LEAVES.keys()
    assert spec().profile == "Local"
