"""The status that is folded from a moment: stable while nothing changes, and readable by what follows kstatus."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from taskora_operator.api.crd import crd
from taskora_operator.api.status import NOT_YET, Condition, Status
from taskora_operator.desired.model import Action, Gate, Problem
from taskora_operator.reconcile import status as status_
from taskora_operator.reconcile.health import Health
from taskora_operator.reconcile.plan import seal
from taskora_operator.reconcile.rollout import Decision, Outcome, Release, Revision, Verdict

from tests.unit.operator.test_plan import FACTS, NOW, found_as, planned, wanted_object, world, worlds

RELEASE = Release("1.0.0", "app:1.0.0")
SERVES = Decision(Verdict.KEEP, RELEASE, [Revision(RELEASE, 1, "a", Outcome.HEALTHY, NOW)])
PROBLEM = Problem("IngressReady", "IngressClassMissing", "Install it.")


def observation(drawn: object, *, problems: tuple[Problem, ...] = (), paused: bool = False) -> status_.Observation:
    wanted, found = world(drawn)  # type: ignore[arg-type]
    todo = planned(wanted, found, problems=problems)
    return status_.Observation(
        generation=3,
        version="1.0.0",
        wanted=wanted,
        found=found,
        plan=todo,
        problems=[*problems, *todo.problems],
        decision=SERVES,
        url="http://taskora.localhost",
        paused=paused,
    )


def by_type(status: Status) -> dict[str, Condition]:
    return {condition.type: condition for condition in status.conditions}


@given(worlds, st.sampled_from([(), (PROBLEM,)]), st.booleans())
def test_the_same_observation_later_gives_the_same_status(
    drawn: object, problems: tuple[Problem, ...], paused: bool
) -> None:
    seen = observation(drawn, problems=problems, paused=paused)
    first = status_.fold(Status(), seen, now=NOW)
    stored = Status.model_validate(status_.dump(first))
    second = status_.fold(stored, seen, now=NOW + timedelta(hours=1))
    assert status_.patch(status_.dump(first), second) == {}
    assert status_.transitions(status_.dump(first), second) == []


@given(worlds, st.sampled_from([(), (PROBLEM,)]))
def test_ready_progressing_and_stalled_agree(drawn: object, problems: tuple[Problem, ...]) -> None:
    seen = observation(drawn, problems=problems)
    said = {name: condition.status for name, condition in by_type(status_.fold(Status(), seen, now=NOW)).items()}
    assert [said["Ready"], said["Progressing"], said["Stalled"]].count("True") == 1
    assert (said["Ready"] == "True") == (seen.plan.settled and not seen.problems)


def test_what_may_pass_by_itself_is_progress_until_it_has_had_its_time() -> None:
    passes = replace(PROBLEM, reason="StorageNotBound", passes_until=NOW + timedelta(minutes=5))
    for problems, minutes, reason, stalled in (
        ((passes,), 4, "StorageNotBound", "False"),
        ((passes,), 5, "StorageNotBound", "True"),
        ((passes, PROBLEM), 4, "IngressClassMissing", "True"),
    ):
        folded = status_.fold(Status(), observation([], problems=problems), now=NOW + timedelta(minutes=minutes))
        said = by_type(folded)
        assert (said["Ready"].status, said["Ready"].reason) == ("False", reason)
        assert said["Stalled"].status == stalled != said["Progressing"].status


def kstatus(status: dict[str, Any], *, generation: int) -> str:
    """What Flux and others that build on sigs.k8s.io/cli-utils make of any kind of resource."""
    observed = status.get("observedGeneration")
    if observed is not None and observed != generation:
        return "InProgress"
    said = {condition["type"]: condition["status"] for condition in status.get("conditions", ())}
    if said.get("Reconciling") == "True":
        return "InProgress"
    if said.get("Stalled") == "True":
        return "Failed"
    return "Current" if said.get("Ready", "True") == "True" else "InProgress"


@given(worlds, st.sampled_from([(), (PROBLEM,)]), st.booleans())
def test_kstatus_reads_current_of_what_is_ready_failed_of_what_is_stalled_and_waits_for_the_rest(
    drawn: object, problems: tuple[Problem, ...], paused: bool
) -> None:
    before = Status(observed_generation=3)
    folded = status_.fold(before, observation(drawn, problems=problems, paused=paused), now=NOW)
    said, status = by_type(folded), status_.dump(folded)
    assert (kstatus(status, generation=3) == "Current") == (said["Ready"].status == "True")
    assert (kstatus(status, generation=3) == "Failed") == (said["Stalled"].status == "True")
    assert kstatus(status, generation=4) == "InProgress", "an edit is waited for until it was acted on"


def test_kstatus_waits_for_an_instance_that_nobody_has_looked_at() -> None:
    unseen = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["default"]
    assert kstatus(unseen, generation=1) == "InProgress"
    assert kstatus({}, generation=1) == "Current", "which is why there is a default"


@given(worlds, st.booleans())
def test_kstatus_reads_the_first_status_as_any_other(drawn: object, paused: bool) -> None:
    unseen = Status.model_validate({"observedGeneration": NOT_YET})
    folded = status_.fold(unseen, observation(drawn, paused=paused), now=NOW)
    status = merged({"observedGeneration": NOT_YET}, status_.patch({"observedGeneration": NOT_YET}, folded))
    assert (kstatus(status, generation=3) == "Current") == status_.is_ready(folded)


def test_kstatus_reads_failed_of_an_instance_that_is_refused() -> None:
    unseen = {"observedGeneration": NOT_YET}
    problem = Problem("Ready", "NamespaceOccupied", "There is one.")
    refused = status_.refuse(Status.model_validate(unseen), problem, now=NOW)
    assert kstatus(merged(unseen, status_.patch(unseen, refused)), generation=1) == "Failed"


@given(worlds, worlds)
def test_a_patch_turns_the_old_status_into_the_new(before: object, after: object) -> None:
    old = status_.dump(status_.fold(Status(), observation(before), now=NOW))
    new = status_.fold(Status.model_validate(old), observation(after, problems=(PROBLEM,)), now=NOW)
    assert merged(old, status_.patch(old, new)) == status_.dump(new)


def merged(target: dict[str, object], patch: dict[str, object]) -> dict[str, object]:
    """RFC 7396."""
    result = dict(target)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            inner = result.get(name)
            result[name] = merged(inner if isinstance(inner, dict) else {}, value)
        else:
            result[name] = value
    return result


def test_a_patch_takes_out_what_is_gone_from_inside_a_map() -> None:
    old = {"version": {"current": "1.0.0", "target": "1.0.0", "previous": "0.9.0"}}
    patch = status_.patch(old, Status.model_validate({"version": {"current": "1.0.0", "target": "1.0.0"}}))
    assert merged(old, patch)["version"] == {"current": "1.0.0", "target": "1.0.0"}


def test_a_transition_moves_the_time_of_the_condition_that_turned_and_no_other() -> None:
    item = seal(wanted_object(1, Gate.DATA, Action.APPLY), FACTS)
    found = {item.key: found_as(item)}
    seen = status_.Observation(3, "1.0.0", [item], found, planned([item], found), [], SERVES)
    first = status_.fold(Status(), seen, now=NOW)
    broken = {item.key: found_as(item, health=Health(ok=False, reason="NotReady", message="0 of 1 ready"))}
    worse = replace(seen, found=broken, plan=planned([item], broken))
    later = NOW + timedelta(minutes=1)
    times = {name: c.last_transition_time for name, c in by_type(status_.fold(first, worse, now=later)).items()}
    assert {name for name, time in times.items() if time == later} == {"Ready", "Progressing", "DataServicesReady"}


def test_a_condition_of_somebody_else_is_kept() -> None:
    theirs = Condition(type="example.org/Audited", status="True", last_transition_time=NOW, reason="Yes")
    folded = status_.fold(Status(conditions=[theirs]), observation([]), now=NOW)
    assert theirs in folded.conditions


def test_the_generation_counts_as_observed_only_when_it_was_acted_on() -> None:
    previous = Status(observed_generation=2)
    assert status_.fold(previous, observation([]), now=NOW).observed_generation == 3
    assert status_.fold(previous, observation([], paused=True), now=NOW).observed_generation == 2
    refused = status_.refuse(previous, Problem("Ready", "NamespaceOccupied", "There is one."), now=NOW)
    assert refused.observed_generation == 2
    assert by_type(refused)["Stalled"].status == "True"


def test_the_version_that_serves_is_the_last_that_became_healthy() -> None:
    newer = Release("1.1.0", "app:1.1.0")
    rolling = Decision(Verdict.GO_ON, newer, [Revision(newer, 2, "b", Outcome.PROGRESSING, NOW), *SERVES.revisions])
    during = status_.fold(Status(), replace(observation([]), version="1.1.0", decision=rolling), now=NOW)
    assert (during.version.current, during.version.target, during.version.previous) == ("1.0.0", "1.1.0", None)
    assert [(entry.version, entry.outcome) for entry in during.history] == [("1.0.0", "Succeeded")]
    through = Decision(Verdict.KEEP, newer, [replace(rolling.revisions[0], outcome=Outcome.HEALTHY), *SERVES.revisions])
    after = status_.fold(during, replace(observation([]), version="1.1.0", decision=through), now=NOW)
    assert (after.version.current, after.version.previous) == ("1.1.0", "1.0.0")
