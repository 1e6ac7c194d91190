"""Health by kind, from objects as the API server gives them."""

from __future__ import annotations

from typing import Any

import pytest
from taskora_operator.reconcile.health import health


def deployment(**status: Any) -> dict[str, Any]:
    metadata = {"name": "a", "generation": 2}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"replicas": 2},
        "status": status,
    }


FULL = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}


@pytest.mark.parametrize(
    ("status", "ok", "ready"),
    [
        (FULL, True, 2),
        ({}, False, 0),
        (FULL | {"observedGeneration": 1}, False, 0),
        (FULL | {"availableReplicas": 1}, False, 1),
        (FULL | {"updatedReplicas": 1}, False, 1),
        (FULL | {"replicas": 3}, False, 2),
    ],
    ids=["full", "new", "not yet read", "one is away", "one is old", "an old one is still there"],
)
def test_a_deployment_is_healthy_when_all_its_pods_are_new_and_available(
    status: dict[str, int], ok: bool, ready: int
) -> None:
    judged = health(deployment(**status))
    assert (judged.ok, judged.ready, judged.desired) == (ok, ready, 2)
    assert judged.ok == (not judged.message)


def test_a_deployment_past_its_deadline_has_failed() -> None:
    condition = {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "message": "it timed out",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    judged = health(deployment(**FULL | {"availableReplicas": 0, "conditions": [condition]}))
    assert judged.failed_at is not None
    assert "it timed out" in judged.message


def test_a_deployment_scaled_to_nothing_is_healthy() -> None:
    asleep = deployment(observedGeneration=2)
    asleep["spec"]["replicas"] = 0
    assert health(asleep).ok


def test_a_set_is_healthy_when_its_revision_is_rolled_out() -> None:
    status = FULL | {"readyReplicas": 2, "currentRevision": "a", "updateRevision": "a"}
    found = {**deployment(**status), "kind": "StatefulSet"}
    assert health(found).ok
    found["status"] |= {"updateRevision": "b"}
    assert not health(found).ok


def job(*conditions: str) -> dict[str, Any]:
    made = [
        {"type": each, "status": "True", "reason": "R", "message": "M", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        for each in conditions
    ]
    metadata = {"name": "a", "generation": 1}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {}, "status": {"conditions": made}}


def test_a_job_is_running_complete_or_failed() -> None:
    running, complete, failed = health(job()), health(job("Complete")), health(job("FailureTarget", "Failed"))
    assert (running.ok, complete.ok, failed.ok) == (False, True, False)
    assert running.failed_at is None
    again = job()
    again["status"] |= {"startTime": "2026-01-01T00:00:00Z", "failed": 2}
    told = "the Job has not finished; it began at 2026-01-01T00:00:00Z; pods of it that failed: 2"
    assert health(again).message == told
    assert failed.failed_at is not None
    assert (failed.reason, failed.message) == ("R", "M")


def test_a_claim_that_waits_for_its_pod_holds_nothing_up_and_a_lost_one_does() -> None:
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "a"}, "status": {}}
    assert health({**claim, "status": {"phase": "Pending"}}).ok
    assert not health({**claim, "status": {"phase": "Lost"}}).ok


def test_what_has_no_state_is_healthy_when_it_is_there() -> None:
    assert health({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}).ok
