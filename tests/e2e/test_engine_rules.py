"""What the operator promises about a settled instance: it writes nothing, and puts back what others change."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.e2e.outside import NAME, OPERATOR_NAMESPACE, Kubectl, wait_until

QUIET_SECONDS = 300
OPERATOR = f"system:serviceaccount:{OPERATOR_NAMESPACE}:taskora-operator"


def audit_log(kubectl: Kubectl) -> Iterator[dict[str, Any]]:
    """The API server's audit log: every write, by whom."""
    node = kubectl.get("nodes", "-l", "node-role.kubernetes.io/control-plane")["items"][0]["metadata"]["name"]
    script = "cat /var/log/kubernetes/audit.log"
    done = subprocess.run(["docker", "exec", node, "sh", "-c", script], check=True, capture_output=True, timeout=60)
    for line in done.stdout.splitlines():
        if line.startswith(b"{"):
            yield json.loads(line)


def by_operator(kubectl: Kubectl, *, since: datetime) -> Iterator[dict[str, Any]]:
    """The audit log's events of what the operator wrote since a time."""
    for event in audit_log(kubectl):
        at = datetime.fromisoformat(event["requestReceivedTimestamp"])
        if event["user"]["username"] == OPERATOR and at >= since:
            yield event


def writes(kubectl: Kubectl, *, since: datetime) -> Counter[str]:
    """The operator's writes since a time, by verb and object; renewing its own Lease, a leader's pulse, is left out."""
    found: Counter[str] = Counter()
    for event in by_operator(kubectl, since=since):
        reference = event.get("objectRef", {})
        if reference.get("resource") != "leases":
            found[f"{event['verb']} {reference.get('resource')}/{reference.get('name')}"] += 1
    return found


def test_the_audit_log_sees_the_operators_writes(kubectl: Kubectl) -> None:
    assert writes(kubectl, since=datetime(2000, 1, 1, tzinfo=UTC)), (
        "a check that can't see a write can't show that none is made"
    )


def test_a_settled_operator_writes_nothing_for_five_minutes(kubectl: Kubectl) -> None:
    begun = datetime.now(UTC)
    end = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < end:
        assert writes(kubectl, since=begun) == Counter()
        time.sleep(15)
    assert writes(kubectl, since=begun) == Counter()


def test_a_deleted_deployment_is_made_again(kubectl: Kubectl) -> None:
    before = kubectl.get("deployment", f"{NAME}-insights")["metadata"]["uid"]
    kubectl("delete", "deployment", f"{NAME}-insights", "--wait=true")
    wait_until(
        lambda: kubectl.get("deployment", f"{NAME}-insights")["metadata"]["uid"],
        "another Deployment",
        good=lambda uid: uid != before,
    )


@pytest.mark.parametrize(
    ("kind", "name", "path", "value"),
    [
        ("deployment", f"{NAME}-audit", ["metadata", "labels", "app.kubernetes.io/component"], "changed"),
        ("deployment", f"{NAME}-audit", ["spec", "replicas"], 3),
        ("service", f"{NAME}-frontend", ["spec", "ports", 0, "port"], 81),
        ("component.dapr.io", "reminder-cron", ["spec", "metadata", 0, "value"], "@every 9h"),
        ("ingress", NAME, ["spec", "rules", 0, "host"], "elsewhere.example"),
    ],
    ids=["a label", "replicas", "a port", "a Dapr component", "the host"],
)
def test_an_owned_field_changed_by_hand_is_put_back(
    kubectl: Kubectl, kind: str, name: str, path: list[str | int], value: str | int
) -> None:
    def read() -> Any:
        found = kubectl.get(kind, name)
        for step in path:
            found = found[step]
        return found

    right = read()
    pointer = "/" + "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in path)
    kubectl("patch", kind, name, "--type=json", "-p", json.dumps([{"op": "replace", "path": pointer, "value": value}]))
    wait_until(read, f"{kind} {name} as it was", good=lambda seen: seen == right, seconds=30)


def test_an_annotation_of_somebody_else_survives(kubectl: Kubectl) -> None:
    kubectl("annotate", "deployment", f"{NAME}-audit", "example.org/mine=kept", "--overwrite")
    kubectl("label", "deployment", f"{NAME}-audit", "app.kubernetes.io/component=changed", "--overwrite")
    wait_until(
        lambda: kubectl.get("deployment", f"{NAME}-audit")["metadata"],
        "the label put back",
        good=lambda m: m["labels"]["app.kubernetes.io/component"] == "audit",
    )
    assert kubectl.get("deployment", f"{NAME}-audit")["metadata"]["annotations"]["example.org/mine"] == "kept"


def test_the_operator_was_never_refused_a_verb(kubectl: Kubectl) -> None:
    # Not since ever: when the chart is taken away, its roles go before the operator's pod has ended.
    deployment = kubectl.inside(OPERATOR_NAMESPACE).get("deployment", "taskora-operator")
    installed = datetime.fromisoformat(deployment["metadata"]["creationTimestamp"])
    refused = [
        f"{e['verb']} {e.get('objectRef', {}).get('resource')}"
        for e in by_operator(kubectl, since=installed)
        if e.get("responseStatus", {}).get("code") == 403
    ]
    assert refused == []
