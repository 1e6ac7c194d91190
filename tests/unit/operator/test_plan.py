"""Laws of the plan, over any set of wanted objects in any state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora_operator.desired.model import Action, Capabilities, Facts, Gate, Key, Object, Problem
from taskora_operator.reconcile.found import Found
from taskora_operator.reconcile.health import Health
from taskora_operator.reconcile.plan import RETRY_FAILED_JOB_AFTER, USED_BY_OTHERS, Plan, Verb, Wanted, plan, seal

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FACTS = Facts("ns", "taskora", "uid", 1, Capabilities(kinds=frozenset({"v1/ConfigMap", "v1/Service", "batch/v1/Job"})))


def wanted_object(number: int, gate: Gate, action: Action) -> Object:
    kind, api = ("Job", "batch/v1") if action is Action.REPLACE else ("ConfigMap", "v1")
    labels = {"app.kubernetes.io/managed-by": "taskora-operator"}
    manifest = {"apiVersion": api, "kind": kind, "metadata": {"name": f"n{number}", "labels": labels}, "data": {}}
    return Object(manifest, gate, f"c{number}", action)


def found_as(item: Wanted, **changes: object) -> Found:
    """An object exactly as wanted, and healthy, but for the changes."""
    found = Found(
        key=item.key,
        namespace="ns",
        uid=f"uid-{item.key.name}",
        resource_version="1",
        instance="taskora",
        made_by_us=True,
        owner="TaskoraDeployment/taskora",
        owner_uid="uid",
        wanted_hash=item.hash,
        owned=item.owned,
        deleting=False,
        health=Health(ok=True),
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def planned(
    wanted: Sequence[Wanted],
    found: Mapping[Key, Found],
    *,
    problems: Sequence[Problem] = (),
    topics_ready: bool = True,
    now: datetime = NOW,
    remembered: Mapping[str, tuple[str, str]] | None = None,
) -> Plan:
    return plan(
        wanted,
        found,
        facts=FACTS,
        remembered=remembered or {},
        problems=problems,
        topics_ready=topics_ready,
        now=now,
    )


states = st.sampled_from(["missing", "as wanted", "unhealthy", "drifted", "other hash", "deleting", "foreign"])
worlds = st.lists(st.tuples(st.sampled_from(Gate), st.sampled_from(Action), states), min_size=1, max_size=10)
CHANGES: Mapping[str, dict[str, object]] = {
    "as wanted": {},
    "unhealthy": {"health": Health(ok=False, message="not ready")},
    "drifted": {"owned": "something else"},
    "other hash": {"wanted_hash": "of an older release"},
    "deleting": {"deleting": True},
    "foreign": {
        "owner": "Deployment/theirs",
        "owner_uid": "theirs",
        "made_by_us": False,
        "wanted_hash": None,
        "owned": "",
    },
}


def world(drawn: Sequence[tuple[Gate, Action, str]]) -> tuple[list[Wanted], dict[Key, Found]]:
    wanted = [seal(wanted_object(n, gate, action), FACTS) for n, (gate, action, _) in enumerate(drawn)]
    found = {
        item.key: found_as(item, **CHANGES[state])
        for item, (_, _, state) in zip(wanted, drawn, strict=True)
        if state != "missing"
    }
    return wanted, found


@given(worlds)
def test_what_is_as_wanted_and_healthy_is_left_alone(drawn: Sequence[tuple[Gate, Action, str]]) -> None:
    wanted, found = world([(gate, action, "as wanted") for gate, action, _ in drawn])
    todo = planned(wanted, found)
    assert todo.settled
    assert not todo.problems


@given(worlds)
def test_writes_belong_to_one_gate_and_everything_below_it_is_well(drawn: Sequence[tuple[Gate, Action, str]]) -> None:
    wanted, found = world(drawn)
    todo = planned(wanted, found)
    for step in todo.steps:
        assert todo.closed == step.gate
    for item in wanted:
        if todo.closed is None or item.gate < todo.closed:
            have = found[item.key]
            assert have.health.ok
            done = item.action is Action.RUN_ONCE
            assert done or (have.wanted_hash, have.owned) == (item.hash, item.owned)


@given(worlds)
def test_what_belongs_to_someone_else_is_never_written_or_deleted(drawn: Sequence[tuple[Gate, Action, str]]) -> None:
    wanted, found = world(drawn)
    for step in planned(wanted, found).steps:
        assert step.found is None or step.found.belongs_to(FACTS)
    for step in planned([], found).steps:
        assert step.found is not None
        assert step.found.owned_by(FACTS)


@given(worlds)
def test_a_plan_carried_out_leads_to_nothing_more_to_do_at_its_gate(drawn: Sequence[tuple[Gate, Action, str]]) -> None:
    """With a hand that plays the kubelet, every world without foreign objects settles."""
    wanted, found = world([(gate, action, state) for gate, action, state in drawn if state != "foreign"])
    for _ in range(4 * len(Gate) + 4):
        todo = planned(wanted, found)
        if todo.settled:
            break
        by_key = {item.key: item for item in wanted}
        for step in todo.steps:
            if step.verb is Verb.DELETE:
                del found[step.key]
            else:
                # What is made once is made without what is kept of it afterwards.
                made = {"wanted_hash": None, "owned": ""} if step.verb is Verb.CREATE else {}
                found[step.key] = found_as(by_key[step.key], **made)
        found = {key: replace(have, health=Health(ok=True)) for key, have in found.items() if not have.deleting}
    else:
        raise AssertionError(f"never settles: {planned(wanted, found)}")


@given(worlds)
def test_a_closed_gate_deletes_nothing_that_others_may_use(drawn: Sequence[tuple[Gate, Action, str]]) -> None:
    wanted, found = world(drawn)
    gone = seal(wanted_object(99, Gate.DATA, Action.APPLY), FACTS)
    todo = planned(wanted, {**found, gone.key: found_as(gone)})
    deleted = {step.key for step in todo.steps if step.verb is Verb.DELETE and step.wanted is None}
    assert gone.key.kind in USED_BY_OTHERS
    assert (gone.key in deleted) == (todo.closed is None)


def test_retained_data_has_no_owner_and_is_never_pruned() -> None:
    kept = seal(replace(wanted_object(1, Gate.DATA, Action.APPLY), retained=True), FACTS)
    assert "ownerReferences" not in kept.manifest["metadata"]
    assert planned([], {kept.key: found_as(kept, owner=None, owner_uid=None)}).steps == []


def test_a_prerequisite_that_is_missing_lets_data_services_start_and_nothing_after_them() -> None:
    wanted = [seal(wanted_object(gate, gate, Action.APPLY), FACTS) for gate in Gate]
    problem = Problem("PrerequisitesMet", "DaprMissing", "Install Dapr.")
    found = {w.key: found_as(w) for w in wanted if w.gate == Gate.FOUNDATION}
    assert [s.gate for s in planned(wanted, found, problems=[problem]).steps] == [Gate.DATA]
    found |= {w.key: found_as(w) for w in wanted if w.gate == Gate.DATA}
    todo = planned(wanted, found, problems=[problem])
    assert (list(todo.steps), todo.closed, todo.waiting) == ([], Gate.DATA, "Install Dapr.")


@pytest.mark.parametrize("ok", [True, False])
def test_what_is_run_once_is_made_anew_only_until_it_has_ended_well(ok: bool) -> None:
    item = seal(wanted_object(1, Gate.RESTORE, Action.RUN_ONCE), FACTS)
    older = found_as(item, wanted_hash="of an older release", health=Health(ok=ok))
    assert [step.verb for step in planned([item], {item.key: older}).steps] == ([] if ok else [Verb.DELETE])


def test_a_job_is_given_more_time_without_being_begun_anew() -> None:
    def job(seconds: int, image: str = "app:1") -> Wanted:
        spec = {"activeDeadlineSeconds": seconds, "template": image}
        manifest = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "it", "labels": {}}, "spec": spec}
        return seal(Object(manifest, Gate.SCHEMA, "it", Action.REPLACE), FACTS)

    runs = {job(60).key: found_as(job(60), health=Health(ok=False))}
    for wanted, verbs in ((job(60), []), (job(90), [Verb.APPLY]), (job(90, "app:2"), [Verb.DELETE])):
        assert [step.verb for step in planned([wanted], runs).steps] == verbs


def test_restores_and_migrations_wait_for_topics() -> None:
    wanted = [seal(wanted_object(gate, gate, Action.APPLY), FACTS) for gate in Gate]
    found = {w.key: found_as(w) for w in wanted if w.gate <= Gate.MESSAGING}
    assert planned(wanted, found, topics_ready=False).closed == Gate.MESSAGING
    assert [s.gate for s in planned(wanted, found).steps] == [Gate.RESTORE]


def test_a_form_that_the_api_server_chose_is_remembered_and_not_fought() -> None:
    item = seal(wanted_object(1, Gate.DATA, Action.APPLY), FACTS)
    have = found_as(item, owned=b"as a webhook made it")
    assert planned([item], {item.key: have}).steps
    remembered = {have.uid: (item.owned, b"as a webhook made it")}
    assert not planned([item], {item.key: have}, remembered=remembered).steps
    moved = replace(have, owned=b"as somebody changed it")
    assert planned([item], {item.key: moved}, remembered=remembered).steps


def test_a_failed_job_is_tried_again_after_a_while_and_at_once_when_another_is_wanted() -> None:
    job = seal(wanted_object(1, Gate.SCHEMA, Action.REPLACE), FACTS)
    failed = Health(ok=False, reason="BackoffLimitExceeded", message="it failed", failed_at=NOW)
    found = {job.key: found_as(job, health=failed)}
    assert planned([job], found).steps == []
    later = planned([job], found, now=NOW + RETRY_FAILED_JOB_AFTER)
    assert [step.verb for step in later.steps] == [Verb.DELETE]
    other = planned([job], {job.key: found_as(job, health=failed, wanted_hash="older")}, now=NOW + timedelta(seconds=1))
    assert [step.verb for step in other.steps] == [Verb.DELETE]


def test_a_secret_made_once_is_compared_in_its_labels_and_owner_alone() -> None:
    item = seal(wanted_object(1, Gate.FOUNDATION, Action.CREATE_ONCE), FACTS)
    assert item.birth is not None
    assert set(item.manifest) == {"apiVersion", "kind", "metadata"}
    assert "ownerReferences" not in item.birth["metadata"], "what is made once must not own what may change later"
