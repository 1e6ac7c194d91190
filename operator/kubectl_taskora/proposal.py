"""What an apply would change, told in the order it would happen, with what people would notice. Data in, text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from taskora_operator.desired.model import Gate, Key, Manifest, Problem, Topic
from taskora_operator.reconcile.topics import TopicPlan

from kubectl_taskora.differences import Difference, told
from kubectl_taskora.text import BAD, WARN, counted, wrapped
from kubectl_taskora.waves import Does

CREATE = "create"
UNCUT = 10_000  # wide enough for a line of any field
RELEASE_LABEL = "labels.app.kubernetes.io/version"

_GLYPHS = {Does.CREATE: "+", Does.CHANGE: "~", Does.REPLACE: "~", Does.DELETE: "-"}
_WHEN = {
    Gate.FOUNDATION: "At once",
    Gate.DATA: "Then the data services",
    Gate.MESSAGING: "When the data services are ready",
    Gate.RESTORE: "When topics and Dapr's objects are there",
    Gate.SCHEMA: "Before any pod of the release starts",
    Gate.BACKEND: "When the schema is migrated",
    Gate.FRONTEND: "When the backend and the workers serve",
    Gate.INGRESS: "When everything serves",
}
_RESTARTS = {
    "postgres": "PostgreSQL restarts: writes wait for it, for some seconds",
    "redis": "Redis restarts: requests that need a session wait for it, for some seconds",
    "broker": "the broker restarts: events wait in the database meanwhile, none is lost",
}


@dataclass(frozen=True, slots=True)
class Change:
    does: Does
    key: Key
    gate: Gate
    effect: str = ""  # what people would notice
    fields: Sequence[Difference] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    name: str
    namespace: str
    new: bool
    spec: Sequence[Difference] = ()
    changes: Sequence[Change] = ()
    topics: TopicPlan = field(default_factory=lambda: TopicPlan((), (), (), ()))
    problems: Sequence[Problem] = ()
    notes: Sequence[str] = ()

    @property
    def empty(self) -> bool:
        return not (self.new or self.spec or self.changes or not self.topics.settled)


def effect(key: Key, *, component: str, before: Manifest | None, after: Manifest | None) -> str:
    """What people would notice of a change; empty where they would notice nothing."""
    if key.kind == "Job":
        return "migrates the database" if component == "migrate" else "runs once"
    if before is None or after is None or key.kind not in ("Deployment", "StatefulSet"):
        return ""
    effects: list[str] = []
    old, new = before["spec"].get("replicas", 1), after["spec"].get("replicas", 1)
    if old != new:
        effects.append(f"{counted(old, 'pod')} → {new}")
    if before["spec"]["template"] != after["spec"]["template"] and new:
        effects.append(_RESTARTS.get(component, "pods are replaced one by one, serving on"))
    return "; ".join(effects)


def render(proposal: Proposal, *, width: int = 80, fields: bool = True) -> str:
    return "\n".join(
        [*_head(proposal), *_spec(proposal, width), *_changes(proposal, width, fields=fields), *_tail(proposal, width)]
    )


def data(proposal: Proposal) -> dict[str, Any]:
    """The same for programs."""

    def plain(difference: Difference) -> dict[str, Any]:
        return {"path": difference.path, "before": difference.before, "after": difference.after}

    return {
        "name": proposal.name,
        "namespace": proposal.namespace,
        "new": proposal.new,
        "changes": not proposal.empty,
        "spec": [plain(each) for each in proposal.spec],
        "objects": [
            {
                "action": str(change.does),
                "apiVersion": change.key.api_version,
                "kind": change.key.kind,
                "name": change.key.name,
                "gate": change.gate.name.lower(),
                "effect": change.effect,
                "fields": [plain(each) for each in change.fields],
            }
            for change in proposal.changes
        ],
        "topics": [{"name": topic.name, "change": what} for topic, what in _topics(proposal.topics)],
        "problems": [{"condition": p.condition, "reason": p.reason, "message": p.message} for p in proposal.problems],
        "notes": list(proposal.notes),
    }


def _head(proposal: Proposal) -> list[str]:
    who = f"{proposal.name} in namespace {proposal.namespace}"
    if proposal.empty:
        return [f"{who}: nothing would change."]
    counts = [
        f"{number} to {does}" for does in Does if (number := sum(change.does is does for change in proposal.changes))
    ]
    made = "a new instance, " if proposal.new else ""
    return [f"{who}: {made}{', '.join(counts) or 'no object changes'}"]


def _spec(proposal: Proposal, width: int) -> Iterator[str]:
    if proposal.new or not proposal.spec:
        return
    yield ""
    yield "What is written"
    for difference in proposal.spec:
        yield from told(difference, width=width, indent="  ")


def _changes(proposal: Proposal, width: int, *, fields: bool) -> Iterator[str]:
    for gate in Gate:
        topics = list(_topic_lines(proposal.topics, width)) if gate is Gate.MESSAGING else []
        changes = [change for change in proposal.changes if change.gate is gate]
        if topics or changes:
            yield from ("", _WHEN[gate], *topics, *_at_gate(changes, width, fields=fields))


def _at_gate(changes: Sequence[Change], width: int, *, fields: bool) -> Iterator[str]:
    """Changes that are alike are told once; those that only follow the release in one line for all."""
    alike: dict[object, list[Change]] = {}
    for change in changes:
        shown = tuple(line for each in _shown(change) for line in told(each, width=UNCUT))
        mark = "release" if change.fields and not shown else (change.does, change.key.kind, change.effect, shown)
        alike.setdefault(mark, []).append(change)
    for mark, group in alike.items():
        first = group[0]
        if mark == "release":
            continue
        effect = f" · {first.effect}" if first.effect else ""
        yield from _line(f"{_GLYPHS[first.does]} {_names(group)}{effect}", width)
        for difference in _shown(first) if fields else ():
            yield from told(difference, width=width, indent="      ")
    if following := alike.get("release"):
        count = counted(len(following), "object")
        yield f"  {_GLYPHS[Does.CHANGE]} {count} more: only the label that names the release"


def _names(group: Sequence[Change]) -> str:
    kind, again = group[0].key.kind, " (made anew)" if group[0].does is Does.REPLACE else ""
    if len(group) == 1:
        return f"{group[0].key}{again}"
    return f"{len(group)} {_plural(kind)}{again}: {', '.join(change.key.name for change in group)}"


def _shown(change: Change) -> Iterator[Difference]:
    return (each for each in change.fields if not each.path.endswith(RELEASE_LABEL))


def _line(text: str, width: int) -> list[str]:
    return wrapped(text, width=width, first="  ", rest="      ")


def _plural(kind: str) -> str:
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"


def _topic_lines(topics: TopicPlan, width: int) -> Iterator[str]:
    if topics.create:
        names = ", ".join(topic.name for topic in topics.create)
        yield from _line(f"+ {counted(len(topics.create), 'topic')}: {names}", width)
    for topic, what in _topics(topics):
        if what != CREATE:
            yield f"  ~ Topic {topic.name}: {what}"


def _topics(topics: TopicPlan) -> Iterator[tuple[Topic, str]]:
    for topic in topics.create:
        yield topic, CREATE
    for topic in topics.grow:
        yield topic, f"to {topic.partitions} partitions"
    for topic in topics.alter:
        yield topic, f"events are kept for {topic.retention_ms // 3_600_000} h"


def _tail(proposal: Proposal, width: int) -> Iterator[str]:
    if proposal.problems or proposal.notes:
        yield ""
    for problem in (*proposal.problems, *proposal.topics.problems):
        yield from wrapped(f"{BAD} {problem.reason}: {problem.message}", width=width, rest="  ")
    for note in proposal.notes:
        yield from wrapped(f"{WARN} {note}", width=width, rest="  ")
