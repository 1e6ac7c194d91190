"""Why a release does not come up, read from its pods: what no time mends is told at once, the rest at the deadline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from taskora_operator.desired.model import Action, Gate, Manifest, Object
from taskora_operator.reconcile.found import NONE, Found, Traits
from taskora_operator.reconcile.health import Health
from taskora_operator.reconcile.plan import Wanted, seal
from taskora_operator.reconcile.pods import trouble
from taskora_operator.reconcile.rollout import Trouble

from tests.specs import facts

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DEADLINE = timedelta(seconds=60)
UNPLACED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes are available: 3 Insufficient cpu.",
}


def workload(kind: str) -> Wanted:
    labels = {"app.kubernetes.io/name": "taskora"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "app:2"}]}}
    api, gate = {"Deployment": ("apps/v1", Gate.BACKEND), "Job": ("batch/v1", Gate.SCHEMA)}[kind]
    more = {"selector": {"matchLabels": labels}} if kind == "Deployment" else {"activeDeadlineSeconds": 3600}
    spec = {"template": template, **more}
    manifest = {"apiVersion": api, "kind": kind, "metadata": {"name": "it", "labels": labels}, "spec": spec}
    return seal(Object(manifest, gate, "it", Action.APPLY), facts())


def found(item: Wanted, health: Health, traits: Traits = NONE) -> Found:
    return Found(item.key, "ns", "uid", "1", "taskora", True, None, None, item.hash, item.owned, False, health, traits)


def pod(*, age: timedelta = DEADLINE, conditions: list[dict[str, str]] | None = None, **app: Any) -> Manifest:
    return {
        "metadata": {
            "name": "it-1",
            "labels": {"app.kubernetes.io/name": "taskora", "job-name": "it"},
            "creationTimestamp": (NOW - age).isoformat(),
        },
        "spec": {"containers": [{"name": "app", "image": "app:2"}]},
        "status": {"conditions": conditions or [], "containerStatuses": [{"name": "app", "ready": False, **app}]},
    }


def said(of: Manifest, *, kind: str = "Deployment", failed: str = "") -> Trouble | None:
    item = workload(kind)
    health = Health(ok=False, message=failed or "0 of 1 ready", reason=failed, failed_at=NOW if failed else None)
    return trouble([item], {item.key: found(item, health)}, [of], now=NOW, deadline=DEADLINE)


PULL = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
LATE: dict[str, tuple[dict[str, Any], str, str]] = {
    "an image that can't be pulled": ({"state": PULL}, "ImagePullBackOff", "app in pod it-1 can't start: Back-off"),
    "no room": ({"conditions": [UNPLACED]}, "Unschedulable", "(0/3 nodes are available: 3 Insufficient cpu): add one"),
}


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
@pytest.mark.parametrize("what", LATE)
def test_what_may_mend_waits_for_the_deadline(what: str, kind: str) -> None:
    status, reason, words = LATE[what]
    assert said(pod(age=DEADLINE - timedelta(seconds=1), **status), kind=kind) is None
    told = said(pod(age=DEADLINE, **status), kind=kind)
    assert told is not None
    assert told.reason == reason
    assert words in told.message
    assert not told.container, "nothing has run that could have said something"


@pytest.mark.parametrize(("restarts", "is_told"), [(2, False), (3, True)])
def test_a_crash_loop_is_told_at_the_third_crash_with_what_was_said_before_it(restarts: int, is_told: bool) -> None:
    last = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    state = {"waiting": {"reason": "CrashLoopBackOff"}}
    told = said(pod(age=timedelta(0), state=state, lastState=last, restartCount=restarts))
    if not is_told:
        assert told is None
        return
    assert told is not None
    assert (told.reason, told.pod, told.container, told.previous) == ("CrashLoop", "it-1", "app", True)
    assert "app in pod it-1 has ended 3 times in a row, last with status 137 (OOMKilled)" in told.message


def test_what_starts_is_given_time() -> None:
    assert said(pod(state={"running": {}})) is None
    assert said(pod(state={"waiting": {"reason": "ContainerCreating"}})) is None
    ready = {"type": "PodScheduled", "status": "True"}
    assert said(pod(conditions=[ready], state={"running": {}}, ready=True)) is None


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"state": {"running": {}}}, "app in pod it-1 does not become ready"),
        (
            {"state": {"running": {}}, "restartCount": 2, "lastState": {"terminated": {"exitCode": 1}}},
            "app in pod it-1 has ended 2 times, last with status 1",
        ),
        ({"conditions": [UNPLACED]}, "no node takes pod it-1"),
    ],
)
def test_a_deadline_that_passed_is_told_with_the_pod_that_is_not_ready(status: dict[str, Any], words: str) -> None:
    told = said(pod(**status), failed="ProgressDeadlineExceeded")
    assert told is not None
    assert told.reason == "ProgressDeadlineExceeded"
    assert told.message.startswith("Deployment/it: ProgressDeadlineExceeded; ")
    assert words in told.message


def test_a_migration_that_failed_is_told_with_the_lines_of_what_failed() -> None:
    told = said(pod(state={"terminated": {"exitCode": 3}}), kind="Job", failed="BackoffLimitExceeded")
    assert told == Trouble(
        "MigrationFailed",
        "Job/it: BackoffLimitExceeded; app in pod it-1 has ended with status 3",
        "it-1",
        "app",
    )


RUNS, ENDED = {"running": {}}, {"terminated": {"exitCode": 0}}


@pytest.mark.parametrize(
    ("job_age", "pods", "ever", "reason"),
    [
        (60, [], 0, "NotStarted"),
        (59, [], 0, None),
        (600, [], 1, None),  # it was emptied with its node, and another is on its way
        (600, None, 0, None),
        (60, [(60, {"waiting": {"reason": "ContainerCreating"}})], 1, "NotStarted"),
        (600, [(59, {"waiting": {"reason": "ContainerCreating"}})], 2, None),
        (600, [(60, {"waiting": {"reason": "ContainerCreating"}}), (600, ENDED)], 2, "NotStarted"),
        (3539, [(3530, RUNS)], 1, None),
        (3540, [(3530, RUNS)], 1, "DeadlineExceeded"),
        (3540, [(10, RUNS), (3000, ENDED)], 2, "DeadlineExceeded"),
    ],
)
def test_a_job_has_to_start_soon_and_may_run_for_as_long_as_it_was_given(
    job_age: int, pods: list[tuple[int, dict[str, Any]]] | None, ever: int, reason: str | None
) -> None:
    item = workload("Job")
    have = found(item, Health(ok=False), Traits(made_at=NOW - timedelta(seconds=job_age), pods=ever))
    seen = None if pods is None else [pod(age=timedelta(seconds=age), state=state) for age, state in pods]
    told = trouble([item], {item.key: have}, seen, now=NOW, deadline=DEADLINE)
    assert (told.reason if told else None) == reason
    assert told is None or (told.container == "app") == (reason == "DeadlineExceeded"), "who runs can be asked why"


def test_pods_of_another_release_say_nothing_of_this_one() -> None:
    other = pod(state=PULL)
    other["spec"]["containers"][0]["image"] = "app:1"
    assert said(other) is None
    assert said(other, failed="ProgressDeadlineExceeded") == Trouble(
        "ProgressDeadlineExceeded", "Deployment/it: ProgressDeadlineExceeded"
    )
