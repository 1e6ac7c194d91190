"""Folds what was observed into `status`. Conditions follow kstatus, so that Flux, Argo CD and `kubectl wait` read them.

A condition's `lastTransitionTime` moves only with its status, and nothing else carries a time: an instance that does
not change has a status that does not change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from taskora_operator.api.status import (
    Component,
    Condition,
    ConditionType,
    HistoryEntry,
    Status,
    TopicStatus,
    Versions,
)
from taskora_operator.desired.model import Action, Gate, Key, Problem
from taskora_operator.reconcile.backups import Backups
from taskora_operator.reconcile.found import Found
from taskora_operator.reconcile.plan import Plan, Wanted
from taskora_operator.reconcile.rollout import Decision, Outcome
from taskora_operator.reconcile.rotation import Rotations
from taskora_operator.reconcile.topics import FoundTopic

MILLISECONDS_PER_HOUR = 3_600_000

_WAITING_REASON: Mapping[Gate, str] = {
    Gate.FOUNDATION: "Preparing",
    Gate.DATA: "WaitingForDataServices",
    Gate.MESSAGING: "WaitingForMessaging",
    Gate.RESTORE: "WaitingForRestore",
    Gate.SCHEMA: "WaitingForSchema",
    Gate.BACKEND: "WaitingForWorkloads",
    Gate.FRONTEND: "WaitingForWorkloads",
    Gate.INGRESS: "WaitingForIngress",
    Gate.MONITORING: "WaitingForMonitoring",
}


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything a status is folded from."""

    generation: int
    version: str  # asked for
    wanted: Sequence[Wanted]
    found: Mapping[Key, Found]
    plan: Plan
    problems: Sequence[Problem]
    decision: Decision
    topics: Mapping[str, FoundTopic] = field(default_factory=dict[str, FoundTopic])
    topics_ready: bool = True
    topics_error: str = ""  # why the broker could not be asked; it is asked again
    url: str = ""
    backups: Backups | None = None  # None: none are asked for
    rotations: Rotations = field(default_factory=Rotations)
    paused: bool = False
    suspended: bool = False
    ending: bool = False  # a suspended instance, whose pods have yet to end
    database: str | None = None
    broker: str | None = None


def fold(previous: Status, seen: Observation, *, now: datetime) -> Status:
    """The status of an instance that was acted on (or, when paused, only looked at)."""
    generation = previous.observed_generation if seen.paused else seen.generation
    components = _components(seen)
    current, before = seen.decision.current, seen.decision.previous
    conditions = _Conditions(previous, generation=generation, now=now)
    for type_ in (ConditionType.PREREQUISITES_MET, *_PARTS):
        status, reason, message = _part(type_, seen)
        conditions.set(type_, status, reason, message)
    if seen.backups is None:
        conditions.drop(ConditionType.BACKUPS_HEALTHY)
    else:
        conditions.set(ConditionType.BACKUPS_HEALTHY, *_backups(seen, seen.backups))
    if seen.rotations.under_way:
        conditions.set(ConditionType.SECRETS_ROTATED, "False", "Rotating", seen.rotations.under_way)
    elif seen.rotations.last or seen.rotations.next:
        conditions.set(ConditionType.SECRETS_ROTATED, "True", "Rotated" if seen.rotations.last else "NotYetDue", "")
    else:
        conditions.drop(ConditionType.SECRETS_ROTATED)
    for type_, verdict in _verdict(seen, now).items():
        conditions.set(type_, *verdict)
    return Status(
        observed_generation=generation,
        conditions=conditions.result(),
        url=seen.url or None,
        ready=f"{sum(c.ready >= c.desired for c in components)}/{len(components)}",
        database=seen.database,
        broker=seen.broker,
        version=Versions(
            current=current.release.version if current else None,
            target=seen.version,
            previous=before.release.version if before else None,
        ),
        components=components,
        topics=[
            TopicStatus(
                name=name, partitions=topic.partitions, retention_hours=topic.retention_ms // MILLISECONDS_PER_HOUR
            )
            for name, topic in sorted(seen.topics.items())
        ],
        last_rotation=seen.rotations.last,
        next_rotation=seen.rotations.next,
        last_backup=(seen.backups and seen.backups.last) or previous.last_backup,
        history=[
            HistoryEntry(
                version=each.release.version, time=each.since, outcome=each.outcome.value, message=each.message[:1024]
            )
            for each in seen.decision.revisions
            if each.outcome is not Outcome.PROGRESSING
        ],
    )


def refuse(previous: Status, problem: Problem, *, now: datetime) -> Status:
    """The status of an instance that nothing is done for. Its generation was not acted on."""
    conditions = _Conditions(previous, generation=None, now=now)
    conditions.set(ConditionType.READY, "False", problem.reason, problem.message)
    conditions.set(ConditionType.PROGRESSING, "False", problem.reason, "")
    conditions.set(ConditionType.STALLED, "True", problem.reason, problem.message)
    return previous.model_copy(update={"conditions": conditions.result()})


def is_ready(status: Status) -> bool:
    return any(c.type == ConditionType.READY and c.status == "True" for c in status.conditions)


def stalled(status: Status) -> str | None:
    """Why someone has to act before more can happen; None where nobody has to."""
    return next((c.reason for c in status.conditions if c.type == ConditionType.STALLED and c.status == "True"), None)


def dump(status: Status) -> dict[str, Any]:
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)


def patch(found: Mapping[str, Any], wanted: Status) -> dict[str, Any]:
    """A JSON merge patch of the fields of `status` that differ; empty when there is nothing to write."""
    new = dump(wanted)
    known = {info.alias or name for name, info in Status.model_fields.items()}
    names = {name for name in known if found.get(name) != new.get(name)}
    return {name: _merge(found.get(name), new.get(name)) for name in sorted(names)}


def transitions(found: Mapping[str, Any], wanted: Status) -> Sequence[tuple[bool, str, str]]:
    """What is worth an event, as (good, reason, message): Ready and Stalled as they turn, and nothing in between."""
    listed: list[Mapping[str, Any]] = found.get("conditions") or []
    before = {condition["type"]: (condition["status"], condition["reason"]) for condition in listed}
    told: list[tuple[bool, str, str]] = []
    for condition in wanted.conditions:
        status, reason = before.get(condition.type, ("Unknown", ""))
        if condition.type == ConditionType.READY and condition.status != status:
            if condition.status == "True":
                told.append((True, condition.reason, condition.message or "Everything wanted is there and serves."))
            elif status == "True":
                told.append((False, condition.reason, condition.message))
        turned = (status, reason) != (condition.status, condition.reason)
        if condition.type == ConditionType.STALLED and condition.status == "True" and turned:
            told.append((False, condition.reason, condition.message))
    return list(dict.fromkeys(told))


def _merge(found: Any, wanted: Any) -> Any:
    """A merge patch keeps the members of a map that it does not name: those that are gone are set to null."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return {key: None for key in found if key not in wanted} | wanted  # pyright: ignore[reportUnknownVariableType]
    return wanted


_PARTS: Mapping[ConditionType, Sequence[Gate]] = {
    ConditionType.DATA_SERVICES_READY: (Gate.DATA,),
    ConditionType.TOPICS_READY: (),
    ConditionType.DAPR_READY: (Gate.MESSAGING,),
    ConditionType.SCHEMA_MIGRATED: (Gate.RESTORE, Gate.SCHEMA),
    ConditionType.WORKLOADS_AVAILABLE: (Gate.BACKEND, Gate.FRONTEND),
    ConditionType.INGRESS_READY: (Gate.INGRESS,),
}

Verdict = tuple[Literal["True", "False"], str, str]


def _part(type_: ConditionType, seen: Observation) -> Verdict:
    """One layer of the instance: what serves counts, also while changes to it wait behind a gate."""
    problems = [p for p in seen.problems if p.condition == type_]
    if problems:
        return "False", problems[0].reason, " ".join(p.message for p in problems)
    if type_ is ConditionType.PREREQUISITES_MET:
        return "True", "Met", ""
    if type_ is ConditionType.TOPICS_READY:
        if seen.topics_error:
            return "False", "BrokerUnreachable", seen.topics_error
        return ("True", "Ready", "") if seen.topics_ready else ("False", "Waiting", seen.plan.waiting)
    at_gates = [w for w in seen.wanted if w.gate in _PARTS[type_]]
    for item in at_gates:
        have = seen.found.get(item.key)
        if have is None or (item.action is Action.REPLACE and have.wanted_hash != item.hash):
            reason = "Waiting" if seen.plan.closed is not None and seen.plan.closed < item.gate else "Installing"
            return "False", reason, seen.plan.waiting if reason == "Waiting" else f"{item.key} is being made"
        if not have.health.ok:
            return "False", have.health.reason, f"{item.key}: {have.health.message}"
    if type_ is ConditionType.INGRESS_READY and at_gates:
        return _ingress([seen.found[item.key] for item in at_gates])
    return "True", "Ready", ""


def _backups(seen: Observation, backups: Backups) -> Verdict:
    problems = [p for p in seen.problems if p.condition == ConditionType.BACKUPS_HEALTHY]
    if problems:
        return "False", problems[0].reason, " ".join(p.message for p in problems)
    return backups.status, backups.reason, backups.message


def _ingress(found: Sequence[Found]) -> Verdict:
    """An address is not waited for: many controllers outside clouds serve without publishing one."""
    address = next((have.traits.address for have in found if have.traits.address), "")
    if address:
        return "True", "Ready", f"served at {address}"
    return "True", "AddressPending", "the ingress controller has not published an address"


def _verdict(seen: Observation, now: datetime) -> Mapping[ConditionType, Verdict]:
    """`Ready`, `Progressing` and `Stalled`. Stalled means that someone has to act before more can happen."""
    lasting = [p for p in seen.problems if p.passes_until is None or p.passes_until <= now]
    failed = [w for w in seen.wanted if w.key in seen.found and seen.found[w.key].health.failed_at is not None]
    if lasting:
        reason, message = lasting[0].reason, " ".join(p.message for p in lasting)
    elif failed:
        health = seen.found[failed[0].key].health
        reason, message = health.reason, f"{failed[0].key}: {health.message}"
    elif seen.problems:
        reason, message = seen.problems[0].reason, " ".join(p.message for p in seen.problems)
    elif seen.rotations.under_way and seen.plan.closed is not None:
        reason, message = "Rotating", f"{seen.rotations.under_way}: {seen.plan.waiting}"
    elif seen.plan.closed is not None:
        reason, message = _WAITING_REASON[seen.plan.closed], seen.plan.waiting
    elif seen.topics_error:
        reason, message = "BrokerUnreachable", seen.topics_error
    elif seen.ending:
        reason, message = "Suspending", "Pods are ending: the frontend's first, then the other roles', then data's."
    elif seen.suspended:
        reason, message = "Suspended", "Nothing runs and all data is kept. Set spec.suspended to false to wake it."
    else:
        reason, message = "Ready", ""
    stalled = bool(lasting or failed)
    ready = seen.plan.settled and not stalled and not seen.problems and not seen.topics_error and not seen.ending
    if seen.paused:
        serves = all(w.key in seen.found and seen.found[w.key].health.ok for w in seen.wanted)
        told = "Reconciling is paused: set spec.paused to false to act on changes again."
        return {
            ConditionType.READY: ("True" if serves else "False", "Paused", told),
            ConditionType.PROGRESSING: ("False", "Paused", told),
            ConditionType.STALLED: ("False", "Paused", ""),
        }
    return {
        ConditionType.READY: ("True" if ready else "False", reason, message),
        ConditionType.PROGRESSING: ("False" if ready or stalled else "True", reason, message),
        ConditionType.STALLED: (
            "True" if stalled else "False",
            reason if stalled else "Working",
            message if stalled else "",
        ),
    }


def _components(seen: Observation) -> list[Component]:
    counted: dict[str, Component] = {}
    for item in seen.wanted:
        kind = item.key.kind
        if kind not in ("Deployment", "StatefulSet"):
            continue
        have = seen.found.get(item.key)
        wanted = int(item.manifest.get("spec", {}).get("replicas", 1))
        health = have.health if have else None
        counted[item.component] = Component(
            name=item.component,
            kind=kind,
            ready=health.ready if health else 0,
            desired=health.desired if health else wanted,
            message=health.message if health else "not made yet",
        )
    return [counted[name] for name in sorted(counted)]


class _Conditions:
    """The list of conditions: those of others are kept, times move with the status alone."""

    def __init__(self, previous: Status, *, generation: int | None, now: datetime) -> None:
        self._by_type = {condition.type: condition for condition in previous.conditions}
        self._generation = generation
        self._now = now.replace(microsecond=0)

    def set(self, type_: str, status: Literal["True", "False"], reason: str, message: str) -> None:
        before = self._by_type.get(type_)
        same = before is not None and before.status == status
        self._by_type[type_] = Condition(
            type=type_,
            status=status,
            observed_generation=self._generation,
            last_transition_time=before.last_transition_time if before and same else self._now,
            reason=reason,
            message=message[:32768],
        )

    def drop(self, type_: str) -> None:
        self._by_type.pop(type_, None)

    def result(self) -> list[Condition]:
        """In one order, however it came about; those of others last."""
        places: dict[str, int] = {type_: place for place, type_ in enumerate(ConditionType)}
        return sorted(self._by_type.values(), key=lambda c: places.get(c.type, len(places)))
