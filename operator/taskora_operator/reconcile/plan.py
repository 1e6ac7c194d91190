"""Wanted × found → the writes to make now.

Writes are released gate by gate: a gate is passed when everything wanted at it is as wanted and healthy. What a closed
gate holds back is changes; what already runs stays. The plan is made anew after every round of writes, so nothing is
remembered between rounds and a crash at any point loses nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from taskora_operator.desired.model import Action, Facts, Gate, Key, Manifest, Object, Problem
from taskora_operator.reconcile.fields import WANTED_HASH, applied, digest
from taskora_operator.reconcile.found import OWNER_KIND, Found

OWNER_API_VERSION = "taskora.dev/v1alpha1"
RETRY_FAILED_JOB_AFTER = timedelta(minutes=5)

CONDITION_OF: Mapping[Gate, str] = {
    Gate.FOUNDATION: "PrerequisitesMet",
    Gate.DATA: "DataServicesReady",
    Gate.MESSAGING: "DaprReady",
    Gate.RESTORE: "SchemaMigrated",
    Gate.SCHEMA: "SchemaMigrated",
    Gate.BACKEND: "WorkloadsAvailable",
    Gate.FRONTEND: "WorkloadsAvailable",
    Gate.INGRESS: "IngressReady",
    Gate.MONITORING: "Ready",
}

# Other objects may still use these: they go only once everything wanted in their place serves. The rest goes at once,
# for a policy that is no longer wanted may be what keeps the instance from becoming healthy.
USED_BY_OTHERS = frozenset(
    {
        "ConfigMap", "Secret", "Service", "ServiceAccount", "Role", "RoleBinding", "PersistentVolumeClaim",
        "StatefulSet", "Deployment", "Component", "Configuration",
    }
)  # fmt: skip


IMMUTABLE = (Action.REPLACE, Action.RUN_ONCE)


class Verb(StrEnum):
    CREATE = "create"  # with generated values
    APPLY = "apply"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object ready to be applied. `birth` is the whole manifest of one that is made once."""

    key: Key
    gate: Gate
    component: str
    action: Action
    manifest: Manifest
    hash: str
    owned: bytes  # the digest its owned fields have when the API server kept them as written
    birth: Manifest | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One write. `found` is what the plan saw: None asks the one who executes to look before it makes the object."""

    verb: Verb
    key: Key
    gate: Gate
    found: Found | None
    wanted: Wanted | None


@dataclass(frozen=True, slots=True)
class Plan:
    steps: Sequence[Step]
    closed: Gate | None  # the first gate that isn't passed; None when everything is as wanted and healthy
    waiting: str  # for what, in words
    problems: Sequence[Problem]

    @property
    def settled(self) -> bool:
        return self.closed is None and not self.steps

    def past(self, gate: Gate) -> bool:
        """Whether this gate and all below it are passed."""
        return self.closed is None or self.closed > gate


# By UID, digests of what was written and of what the API server made of it.
Remembered = Mapping[str, tuple[bytes, bytes]]


def seal(wanted: Object, facts: Facts) -> Wanted:
    """Add what makes an object ours: namespace, owner (so that the garbage collector works for us), hash."""
    whole = wanted.manifest
    hash_ = digest(_fixed(whole) if wanted.action in IMMUTABLE else whole).hex()
    metadata: Manifest = {**whole["metadata"], "namespace": facts.namespace}
    if wanted.action is Action.CREATE_ONCE:
        birth = {**whole, "metadata": metadata}
        whole = {"apiVersion": whole["apiVersion"], "kind": whole["kind"]}
        hash_ = digest(wanted.manifest["metadata"]).hex()  # what it was made with is never compared
    else:
        birth = None
    annotations: dict[str, str] = metadata.get("annotations", {})
    metadata = {**metadata, "annotations": {**annotations, WANTED_HASH: hash_}}
    if not wanted.retained:
        metadata["ownerReferences"] = [
            {
                "apiVersion": OWNER_API_VERSION,
                "kind": OWNER_KIND,
                "name": facts.name,
                "uid": facts.uid,
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ]
    manifest: Manifest = {**whole, "metadata": metadata}
    return Wanted(
        key=wanted.key,
        gate=wanted.gate,
        component=wanted.component,
        action=wanted.action,
        manifest=manifest,
        hash=hash_,
        owned=digest(applied(manifest)),
        birth=birth,
    )


def _fixed(job: Manifest) -> Manifest:
    """Without what may change while it runs: who gives it more time does not want it begun anew."""
    spec: Manifest = job.get("spec", {})
    return {**job, "spec": {name: value for name, value in spec.items() if name != "activeDeadlineSeconds"}}


def plan(
    wanted: Sequence[Wanted],
    found: Mapping[Key, Found],
    *,
    facts: Facts,
    remembered: Remembered,
    problems: Sequence[Problem],
    topics_ready: bool,
    now: datetime,
) -> Plan:
    """`remembered` maps an object's UID to (`Wanted.owned`, `Found.owned`) as its last apply returned them.

    `problems` are those already known; the plan's own are added to what it returns.
    """
    own_problems: list[Problem] = []
    steps: list[Step] = []
    closed: Gate | None = None
    waiting = ""
    for gate in Gate:
        at_gate = [w for w in wanted if w.gate == gate]
        if closed is not None:
            steps += [step for item in at_gate for step in _stop(item, found.get(item.key), facts)]
            continue
        changes: list[Step] = []
        reasons: list[str] = []
        for item in at_gate:
            have = found.get(item.key)
            if not facts.capabilities.has(item.key.api_version, item.key.kind):
                reasons.append(f"{item.key} waits for the cluster to know its kind")
                continue
            if have is not None and not have.belongs_to(facts):
                own_problems.append(_taken(item, have))
                reasons.append(own_problems[-1].message)
                continue
            step = _change(item, have, remembered, now)
            if step is not None:
                changes.append(step)
            elif have is not None and have.deleting:
                reasons.append(f"{item.key} is being deleted")
            elif have is not None and not have.health.ok:
                reasons.append(f"{item.key}: {have.health.message}")
        steps = changes
        reasons += [f"{step.key} is being written" for step in changes]
        reasons += [p.message for p in problems if p.condition in _STOPS.get(gate, ())]
        if gate is Gate.MESSAGING and not topics_ready:
            reasons.append("the topics are not there yet")
        if reasons:
            closed, waiting = gate, reasons[0]
    return Plan(
        steps=[*steps, *_prune(wanted, found, facts=facts, everything_serves=closed is None)],
        closed=closed,
        waiting=waiting,
        problems=own_problems,
    )


def needed(wanted: Sequence[Wanted], found: Mapping[Key, Found], *, migrated: bool) -> Sequence[Wanted]:
    """Without the migration, where that is done and its Job is not there any more, or is another's."""

    def done(item: Wanted) -> bool:
        have = found.get(item.key)
        return item.action is Action.REPLACE and (have is None or have.wanted_hash != item.hash)

    return [item for item in wanted if not (migrated and item.gate is Gate.SCHEMA and done(item))]


# The problems (by condition) that keep a gate closed although its objects are healthy. Data services need none of the
# prerequisites; everything that talks through Dapr does.
_STOPS: Mapping[Gate, Collection[str]] = {
    Gate.DATA: ("PrerequisitesMet", "DataServicesReady"),
    Gate.MESSAGING: ("DaprReady",),
    Gate.SCHEMA: ("SchemaMigrated",),
}


def current(item: Wanted, have: Found) -> bool:
    """Whether an object is of what is wanted now. What is run once is current for good when it has ended well."""
    return have.wanted_hash == item.hash or (item.action is Action.RUN_ONCE and have.health.ok)


def as_wanted(item: Wanted, have: Found, remembered: Remembered) -> bool:
    """Whether the found object is as wanted, in the fields that are ours and nowhere else."""
    return have.wanted_hash == item.hash and (
        have.owned == item.owned or remembered.get(have.uid) == (item.owned, have.owned)
    )


def _change(item: Wanted, have: Found | None, remembered: Remembered, now: datetime) -> Step | None:
    if have is None:
        verb = Verb.CREATE if item.action is Action.CREATE_ONCE else Verb.APPLY
        return Step(verb, item.key, item.gate, None, item)
    if have.deleting:
        return None
    if item.action is Action.RUN_ONCE and have.health.ok:
        return None
    if item.action in IMMUTABLE and (have.wanted_hash != item.hash or _failed_long_ago(have, now)):
        return Step(Verb.DELETE, item.key, item.gate, have, item)
    if as_wanted(item, have, remembered):
        return None
    return Step(Verb.APPLY, item.key, item.gate, have, item)


def _stop(item: Wanted, have: Found | None, facts: Facts) -> Sequence[Step]:
    """To end what runs waits for no gate: a suspended instance comes to rest whatever else is the matter with it."""
    runs = have is not None and bool(have.traits.replicas) and not have.deleting and have.belongs_to(facts)
    ends = item.key.kind in ("Deployment", "StatefulSet") and item.manifest["spec"].get("replicas") == 0
    return [Step(Verb.APPLY, item.key, item.gate, have, item)] if runs and ends else []


def _failed_long_ago(have: Found, now: datetime) -> bool:
    return have.health.failed_at is not None and now - have.health.failed_at >= RETRY_FAILED_JOB_AFTER


def _taken(item: Wanted, have: Found) -> Problem:
    """Someone else's object is never touched."""
    owner = have.owner or (f"the instance {have.instance}" if have.made_by_us else "someone else")
    return Problem(
        CONDITION_OF[item.gate],
        "NameTaken",
        f"{item.key} exists and belongs to {owner}. It is left alone: delete or rename it, or use another namespace.",
    )


def _prune(
    wanted: Sequence[Wanted], found: Mapping[Key, Found], *, facts: Facts, everything_serves: bool
) -> Sequence[Step]:
    """What the instance owns and no longer wants. Retained data has no owner and is never pruned."""
    keys = {item.key for item in wanted}
    return [
        Step(Verb.DELETE, key, Gate.INGRESS, have, None)
        for key, have in found.items()
        if key not in keys
        and have.owned_by(facts)
        and have.made_by_us
        and not have.deleting
        and (everything_serves or key.kind not in USED_BY_OTHERS)
    ]
