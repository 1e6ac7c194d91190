"""Every leaf of the spec's schema, and a value for each that is not the usual one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from taskora_operator.api.crd import structural
from taskora_operator.api.spec import Spec

ROLES = ("backend", "scheduler", "audit", "notifier", "insights")
# Leaves that mean something only beside others: the spec they are set in (of SPECS, "local" by default).
WHERE = {
    "broker.external": "doks-kafka",
    "cache.external": "gke",
    "database.external": "local-full",
    "chat": "local-full",
    "observability.tracing": "local-full",
    "ingress.tls.issuerRef": "doks",
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
    "frontend.autoscaling.minReplicas": 3,
    "secrets.rotateEvery": "90d",
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
            return {"limits{}": "8Gi", "requests{}": "16Mi"}.get(path.rpartition(".")[2], "77Gi")


def home(path: str) -> str:
    """Which of SPECS it is set in."""
    return next((where for prefix, where in WHERE.items() if path.startswith(prefix)), "local")


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
