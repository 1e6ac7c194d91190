"""`kubectl taskora status`: what a tired operator sees."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kubectl_taskora.health import Screen, data, tree, troubles
from taskora_operator.api.status import Status

from tests.unit.cli.screens import same_as_reviewed

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
AT = "2026-03-01T00:00:00Z"
PARTS = (
    "PrerequisitesMet",
    "DataServicesReady",
    "TopicsReady",
    "DaprReady",
    "SchemaMigrated",
    "WorkloadsAvailable",
    "IngressReady",
    "BackupsHealthy",
)
ROLES = ("audit", "backend", "frontend", "insights", "notifier", "scheduler")


def condition(type_: str, status: str = "True", reason: str = "Ready", message: str = "", minutes: int = 180) -> Any:
    at = (NOW - timedelta(minutes=minutes)).isoformat()
    return {"type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": at}


def healthy() -> dict[str, Any]:
    services = [
        {"name": name, "kind": "StatefulSet", "ready": 1, "desired": 1} for name in ("broker", "postgres", "redis")
    ]
    roles = [{"name": name, "kind": "Deployment", "ready": 2, "desired": 2} for name in ROLES]
    return {
        "observedGeneration": 4,
        "url": "https://tasks.example.org",
        "version": {"current": "1.0.0", "target": "1.0.0"},
        "components": [*services, *roles],
        "lastBackup": {"name": "taskora-20260301T000000Z", "time": AT, "bytes": 99 * 2**20, "sha256": "a"},
        "topics": [{"name": f"t{n}", "partitions": 1, "retentionHours": 24} for n in range(6)],
        "conditions": [condition("Ready"), condition("Stalled", "False", "Working"), *map(condition, PARTS)],
    }


def screen(
    status: dict[str, Any], *, pods: list[Any] | None = None, others: list[str] | None = None, **spec: Any
) -> Screen:
    body = {
        "metadata": {"name": "taskora", "namespace": "tasks", "generation": 4},
        "spec": {"profile": "DOKS", "version": "1.0.0", "host": "tasks.example.org"} | spec,
    }
    return Screen(body, Status.model_validate(status), pods or [], NOW, others=others or [])


def told(status: dict[str, Any], type_: str, *told_: Any, **more: Any) -> None:
    kept = [c for c in status["conditions"] if c["type"] != type_]
    status["conditions"] = [condition(type_, *told_, **more), *kept]


def pod(name: str, component: str, **status: Any) -> Any:
    labels = {"app.kubernetes.io/component": component}
    return {"metadata": {"name": name, "labels": labels}, "status": status}


def crashing() -> Any:
    container = {
        "name": "app",
        "ready": False,
        "restartCount": 7,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}},
        "lastState": {
            "terminated": {
                "exitCode": 1,
                "reason": "Error",
                "message": 'starting\n{"level": "error", "message": "The database did not let the owner in"}\n',
            }
        },
    }
    return pod("taskora-backend-6d9f7c5b8-x2x7p", "backend", phase="Running", containerStatuses=[container])


def test_a_healthy_instance_fits_one_screen() -> None:
    text = tree(screen(healthy()))
    same_as_reviewed("status-healthy", text)
    assert len(text.splitlines()) <= 24


def test_a_failing_rollout_shows_the_pod_and_its_last_words() -> None:
    status = healthy()
    why = "Deployment/taskora-backend: 2 of 3 ready; ReplicaSet taskora-backend-6d9f7c5b8 has timed out progressing."
    told(status, "Ready", "False", "ProgressDeadlineExceeded", why, minutes=4)
    told(status, "Stalled", "True", "ProgressDeadlineExceeded", why, minutes=2)
    told(status, "WorkloadsAvailable", "False", "ProgressDeadlineExceeded", why, minutes=4)
    status["components"][4] |= {"ready": 2, "desired": 3, "message": "2 of 3 ready"}
    status["version"] = {"current": "1.0.0", "target": "1.1.0"}
    text = tree(screen(status, pods=[crashing(), pod("taskora-audit-1", "audit")], version="1.1.0"))
    same_as_reviewed("status-failing", text)
    assert len(text.splitlines()) <= 36


def test_what_is_missing_is_told_with_what_mends_it() -> None:
    status = healthy()
    why = (
        "Dapr's control plane does not answer. Install it: `dapr init -k --wait`, or `helm upgrade --install dapr dapr "
        "--repo https://dapr.github.io/helm-charts --namespace dapr-system --create-namespace --wait`."
    )
    status["components"] = []
    for type_ in ("Ready", "PrerequisitesMet"):
        told(status, type_, "False", "DaprMissing", why, minutes=1)
    told(status, "Stalled", "True", "DaprMissing", why, minutes=1)
    for type_ in PARTS[1:]:
        told(status, type_, "False", "Waiting", why, minutes=1)
    same_as_reviewed("status-dapr-missing", tree(screen(status)))


def test_an_instance_nobody_looked_at_says_so() -> None:
    same_as_reviewed("status-unseen", tree(screen({})))


def test_paused_suspended_and_edited_since_are_told() -> None:
    assert "suspended, everything is scaled to zero" in tree(screen(healthy(), suspended=True))
    assert "Paused: no change is acted on until `kubectl taskora resume`" in tree(screen(healthy(), paused=True))
    behind = healthy() | {"observedGeneration": 3}
    assert "generation 4) is not acted on yet" in tree(screen(behind))
    assert "not acted on yet" not in tree(screen(behind, paused=True)), "that is what a pause is"
    assert "Nothing is done for second" in tree(screen(healthy(), others=["second"]))


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes: memory"}]},
            "finds no node",
        ),
        ({"containerStatuses": [{"name": "app", "ready": True, "state": {"running": {}}}]}, ""),
        ({"initContainerStatuses": [{"name": "i", "ready": False, "state": {"terminated": {"exitCode": 0}}}]}, ""),
        ({"containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "ContainerCreating"}}}]}, ""),
        (
            {
                "containerStatuses": [
                    {"name": "app", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no"}}}
                ]
            },
            "app ImagePullBackOff, said last: no",
        ),
        ({"containerStatuses": [{"name": "app", "ready": False, "state": {"running": {}}}]}, "app is not ready"),
        ({}, ""),
    ],
)
def test_a_pods_trouble_is_one_sentence(status: dict[str, Any], said: str) -> None:
    found = ", ".join(troubles(pod("p", "backend", **status), now=NOW))
    assert found.startswith(said) if said else not found


def test_programs_get_the_same() -> None:
    seen = data(screen(healthy(), pods=[crashing()]))
    assert (seen["ready"], seen["generation"], seen["status"]["url"]) == (True, 4, "https://tasks.example.org")
    assert [p["component"] for p in seen["pods"]] == ["backend"]


def test_credentials_are_told_when_they_take_turns() -> None:
    status = healthy()
    assert "Credentials" not in tree(screen(status))
    status |= {"lastRotation": AT, "nextRotation": "2026-03-31T00:00:00Z"}
    told(status, "SecretsRotated", "True", "Rotated")
    assert "✓ Credentials    rotated 3 h ago, next on 2026-03-31" in tree(screen(status))
    told(status, "SecretsRotated", "False", "Rotating", "pods go over")
    assert "Credentials    Rotating: pods go over" in tree(screen(status))
