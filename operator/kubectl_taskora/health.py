"""The instance as a tree with its health, on one screen. Data in, text out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from taskora_operator.api.status import Component, Condition, ConditionType, Status
from taskora_operator.reconcile.status import dump

from kubectl_taskora.manifests import Json, condition, items, part
from kubectl_taskora.text import BAD, GOOD, WAIT, WARN, age, clipped, shortened, size, wrapped

PARTS = {
    ConditionType.PREREQUISITES_MET: "Prerequisites",
    ConditionType.DATA_SERVICES_READY: "Data services",
    ConditionType.TOPICS_READY: "Topics",
    ConditionType.DAPR_READY: "Dapr",
    ConditionType.SCHEMA_MIGRATED: "Schema",
    ConditionType.WORKLOADS_AVAILABLE: "Workloads",
    ConditionType.INGRESS_READY: "Ingress",
    ConditionType.BACKUPS_HEALTHY: "Backups",
    ConditionType.SECRETS_ROTATED: "Credentials",
}
DATA_SERVICES = ("postgres", "redis", "broker")
WAITING_REASONS = ("Waiting", "Installing", "Rotating")


@dataclass(frozen=True, slots=True)
class Screen:
    """What the tree is drawn from."""

    body: Json  # the TaskoraDeployment
    status: Status
    pods: Sequence[Json]
    now: datetime
    others: Sequence[str] = ()  # TaskoraDeployments in the namespace that nothing is done for
    width: int = 80

    @property
    def spec(self) -> Json:
        return self.body["spec"]

    def condition(self, type_: ConditionType) -> Condition | None:
        return next((each for each in self.status.conditions if each.type == type_), None)

    def wrapped(self, text: str, *, first: str = "", rest: str = "  ") -> list[str]:
        return wrapped(text, width=self.width, first=first, rest=rest)


def tree(screen: Screen) -> str:
    parts = list(_parts(screen))
    return "\n".join([*_head(screen), *([""] * bool(parts)), *parts, *_notes(screen)])


def data(screen: Screen) -> dict[str, Any]:
    """The same for programs."""
    metadata, ready = screen.body["metadata"], screen.condition(ConditionType.READY)
    troubled = [(pod, list(troubles(pod, now=screen.now))) for pod in screen.pods]
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "generation": metadata.get("generation"),
        "ready": ready is not None and ready.status == "True",
        "status": dump(screen.status),
        "pods": [
            {"name": pod["metadata"]["name"], "component": _component(pod), "trouble": trouble}
            for pod, trouble in troubled
            if trouble
        ],
        "others": list(screen.others),
    }


def _head(screen: Screen) -> Iterator[str]:
    metadata, spec, status = screen.body["metadata"], screen.spec, screen.status
    current, target = status.version.current, spec["version"]
    release = target if current in (None, target) else f"{current} → {target}"
    yield clipped(
        f"{metadata['name']} in namespace {metadata['namespace']} · {spec['profile']} · version {release}", screen.width
    )
    if status.url:
        yield status.url
    yield from _verdict(screen)
    if spec.get("paused"):
        yield f"{WARN} Paused: no change is acted on until `kubectl taskora resume`"
    yield from _unseen(screen)


def _verdict(screen: Screen) -> Iterator[str]:
    ready, stalled = screen.condition(ConditionType.READY), screen.condition(ConditionType.STALLED)
    if ready is None:
        told = "The operator has not looked at it yet. Does it run? `kubectl taskora doctor` knows."
        yield from screen.wrapped(f"{WAIT} {told}")
        return
    since = age(ready.last_transition_time, now=screen.now)
    if ready.status == "True":
        asleep = ": suspended, everything is scaled to zero" if screen.spec.get("suspended") else ""
        yield f"{GOOD} Ready for {since}{asleep}"
        return
    stuck = stalled is not None and stalled.status == "True"
    told = "Not ready, and somebody has to act" if stuck else "Not ready"
    yield f"{BAD if stuck else WAIT} {told} (for {since}): {ready.reason}"
    if ready.message:
        yield from screen.wrapped(ready.message, first="  ")


def _unseen(screen: Screen) -> Iterator[str]:
    """Whether the status speaks of the spec that is there."""
    generation, seen = screen.body["metadata"].get("generation", 0), screen.status.observed_generation
    if seen is not None and seen < generation and not screen.spec.get("paused"):
        told = f"The last edit (generation {generation}) is not acted on yet; below is what is so of generation {seen}."
        yield from screen.wrapped(f"{WAIT} {told}")


def _parts(screen: Screen) -> Iterator[str]:
    shown = [each for type_ in PARTS if (each := screen.condition(type_))]
    for each in shown:
        branch, trunk = ("└", "  ") if each is shown[-1] else ("├", "│ ")
        yield from _part(screen, each, branch=branch, trunk=trunk)


def _part(screen: Screen, seen: Condition, *, branch: str, trunk: str) -> Iterator[str]:
    components = [each for each in screen.status.components if _part_of(each) == seen.type]
    good = seen.status == "True"
    if good:
        told = _good_news(screen, seen) or seen.message
    elif any(each.ready < each.desired for each in components):
        told = seen.reason  # the components below say the rest
    else:
        told = seen.reason if _told_above(screen, seen) else f"{seen.reason}: {seen.message}"
    glyph = GOOD if good else WAIT if seen.reason in WAITING_REASONS else BAD
    title = PARTS[ConditionType(seen.type)]
    lines = screen.wrapped(told, first=f"{branch} {glyph} {title:<15}", rest=f"{trunk}{' ' * 17}")
    yield from (line.rstrip() for line in lines)
    for each in components:
        yield from _branch(screen, each, trunk=trunk)


def _told_above(screen: Screen, seen: Condition) -> bool:
    ready = screen.condition(ConditionType.READY)
    return not seen.message or (ready is not None and ready.message == seen.message)


def _good_news(screen: Screen, seen: Condition) -> str:
    status = screen.status
    match seen.type:
        case ConditionType.DATA_SERVICES_READY:
            return "the database is outside of the cluster" if status.database == "External" else ""
        case ConditionType.TOPICS_READY:
            return f"{len(status.topics)}" if status.topics else ""
        case ConditionType.SCHEMA_MIGRATED:
            return status.version.current or ""
        case ConditionType.BACKUPS_HEALTHY if status.last_backup:
            last = status.last_backup
            return f"{last.name}, {size(last.bytes)}, {age(last.time, now=screen.now)} ago"
        case ConditionType.SECRETS_ROTATED:
            last, due = status.last_rotation, status.next_rotation
            told = [f"rotated {age(last, now=screen.now)} ago"] if last else []
            return ", ".join([*told, *([f"next on {due:%Y-%m-%d}"] if due else [])])
        case _:
            return ""


def _branch(screen: Screen, each: Component, *, trunk: str) -> Iterator[str]:
    good = each.ready >= each.desired and not each.message
    count = f"{each.ready}/{each.desired}"
    told = "" if each.message == f"{each.ready} of {each.desired} ready" else each.message
    yield clipped(f"{trunk}  {GOOD if good else BAD} {each.name:<13}{count:<6}{told}", screen.width)
    for pod in () if good else screen.pods:
        if _component(pod) == each.name:
            for trouble in troubles(pod, now=screen.now):
                told = f"{pod['metadata']['name']}: {trouble}"
                yield from screen.wrapped(told, first=f"{trunk}      ", rest=f"{trunk}        ")


def troubles(pod: Json, *, now: datetime) -> Iterator[str]:
    """Why a pod does not serve, in words; nothing where it does."""
    if "deletionTimestamp" in pod["metadata"]:
        yield f"is to end, since {age(pod['metadata']['deletionTimestamp'], now=now)}"
        return
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        yield f"finds no node: {scheduled.get('message') or scheduled.get('reason')}"
        return
    for kind in ("initContainerStatuses", "containerStatuses"):
        for container in items(pod, "status", kind):
            if told := _container(container):
                yield told


def _container(container: Json) -> str:
    waiting, ended = part(container, "state", "waiting"), part(container, "state", "terminated")
    if container.get("ready") or ended.get("exitCode") == 0:
        return ""
    last = ended or part(container, "lastState", "terminated")
    reason: str = waiting.get("reason") or last.get("reason") or ""
    restarts: int = container.get("restartCount") or 0
    if reason in ("PodInitializing", "ContainerCreating") and not restarts:
        return ""
    told = [f"{container['name']} {reason or 'is not ready'}"]
    if restarts:
        told.append(f"{restarts} restarts")
    if last.get("exitCode") is not None:
        told.append(f"ended with {last['exitCode']}")
    said: str = last.get("message") or waiting.get("message") or ""
    if said.strip():
        told.append(f"said last: {shortened(_last_words(said), 160)}")
    return ", ".join(told)


def _last_words(said: str) -> str:
    """The last line; of a line of JSON its message."""
    line = said.strip().splitlines()[-1]
    try:
        return str(json.loads(line)["message"])
    except (ValueError, KeyError, TypeError):
        return line


def _notes(screen: Screen) -> list[str]:
    notes: list[str] = []
    if screen.others:
        names = ", ".join(screen.others)
        notes += screen.wrapped(f"{WARN} Nothing is done for {names}: a namespace has one instance, the oldest.")
    ready = screen.condition(ConditionType.READY)
    if ready is not None and ready.status != "True" and not screen.spec.get("paused"):
        notes += screen.wrapped("Look further: `kubectl taskora doctor`, `kubectl taskora logs --since 10m`")
    return ["", *notes] if notes else []


def _part_of(component: Component) -> ConditionType:
    data_service = component.name in DATA_SERVICES
    return ConditionType.DATA_SERVICES_READY if data_service else ConditionType.WORKLOADS_AVAILABLE


def _component(pod: Json) -> str:
    return part(pod, "metadata", "labels").get("app.kubernetes.io/component", "")
