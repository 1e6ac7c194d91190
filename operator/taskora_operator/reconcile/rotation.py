"""How far a Secret's turn is, and what comes next: a state machine whose only memory is an annotation of that Secret.

    Settled ──due──▶ Prepared ──the idle one is good──▶ Swapped ──nobody uses the old one──▶ Settled

Every step is one write that changes contents and annotation together, and only what they were decided by: a crash
before or after it, or another leader, changes nothing about what comes next.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from taskora_operator.desired.model import Manifest
from taskora_operator.desired.turns import Turn

NOTE = "taskora.dev/rotation"
REQUEST = "taskora.dev/rotate"
"""Of a TaskoraDeployment: when somebody asked for a rotation."""


class Step(StrEnum):
    SETTLED = "Settled"
    PREPARED = "Prepared"
    SWAPPED = "Swapped"


@dataclass(frozen=True, slots=True)
class Rotation:
    """`since`: when it came to the step, for one that never turned when the Secret was made; `ended`: when the last
    turn was over; `request`: the last that was followed."""

    step: Step
    since: datetime
    ended: datetime | None = None
    request: datetime | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    calm: bool  # all is as wanted and healthy, and nothing else is under way
    proved: bool  # every fresh one that a Job is to prove was let in
    everywhere: bool  # no pod is left that was made before what is wanted now


@dataclass(frozen=True, slots=True)
class Change:
    """`contents` may hold the marks of `secrets.filled`."""

    contents: Mapping[str, str]
    rotation: Rotation


def read(secret: Manifest) -> Rotation | None:
    """None of one that is only imagined."""
    metadata: Mapping[str, Any] = secret["metadata"]
    made = _time(metadata.get("creationTimestamp"))
    if made is None:
        return None
    annotations: Mapping[str, str] = metadata.get("annotations") or {}
    try:
        note: Mapping[str, str] = json.loads(annotations[NOTE])
        since = datetime.fromisoformat(note["since"])
        return Rotation(Step(note["step"]), since, _time(note.get("ended")), _time(note.get("request")))
    except (KeyError, ValueError, TypeError):
        return Rotation(Step.SETTLED, made)


def noted(rotation: Rotation) -> str:
    times = {"since": rotation.since, "ended": rotation.ended, "request": rotation.request}
    told = {name: time.isoformat().replace("+00:00", "Z") for name, time in times.items() if time}
    return json.dumps({"step": str(rotation.step), **told})


def requested(annotations: Mapping[str, str]) -> datetime | None:
    """When a rotation was asked for; None also where that is no time."""
    return _time(annotations.get(REQUEST))


def advance(
    rotation: Rotation,
    turn: Turn,
    data: Mapping[str, str],
    evidence: Evidence,
    *,
    every: timedelta | None,
    request: datetime | None,
    now: datetime,
) -> Change | None:
    """The next step, if it is time for it. `data` is what the Secret holds."""
    now = now.replace(microsecond=0)
    match rotation.step:
        case Step.SETTLED if evidence.calm and due(rotation, turn, every=every, request=request, now=now):
            return Change(turn.fresh, replace(rotation, step=Step.PREPARED, since=now, request=request))
        case Step.PREPARED if not data.get(turn.idle):  # somebody took it out
            return Change(turn.fresh, rotation)
        case Step.PREPARED if evidence.proved if turn.proof else evidence.everywhere:
            return Change(turn.swapped(data), replace(rotation, step=Step.SWAPPED, since=now))
        case Step.SWAPPED if evidence.everywhere:
            return Change(turn.retired, replace(rotation, step=Step.SETTLED, since=now, ended=now))
        case _:
            return None


def due(rotation: Rotation, turn: Turn, *, every: timedelta | None, request: datetime | None, now: datetime) -> bool:
    """A request that comes while what was in use before must stay good is not for this Secret, now or later."""
    again = rested(rotation, turn)
    asked = request is not None and request != rotation.request and (rotation.ended is None or request >= again)
    return now >= again and (asked or (every is not None and now - rotation.since >= every))


def rested(rotation: Rotation, turn: Turn) -> datetime:
    """Not before then is it turned again."""
    return rotation.ended + turn.rest if rotation.ended else rotation.since


@dataclass(frozen=True, slots=True)
class Rotations:
    """What status tells of all turns of an instance."""

    last: datetime | None = None
    next: datetime | None = None
    under_way: str = ""  # in words


_TOLD: Mapping[Step, str] = {
    Step.PREPARED: "a fresh credential lies in {secrets}, and is not used before it is known wherever it is needed",
    Step.SWAPPED: "pods go over to the other credential of {secrets}; the old one is good until none is left",
}


def told(turns: Sequence[tuple[Turn, Rotation]], *, every: timedelta | None) -> Rotations:
    at = {step: [turn.secret for turn, rotation in turns if rotation.step is step] for step in _TOLD}
    moving = [_TOLD[step].format(secrets=listed(secrets)) for step, secrets in at.items() if secrets]
    ends = [rotation.ended for _, rotation in turns if rotation.ended]
    due = [max(rotation.since + every, rested(rotation, turn)) for turn, rotation in turns] if every else []
    return Rotations(
        last=max(ends, default=None), next=None if moving else min(due, default=None), under_way="; ".join(moving)
    )


def listed(names: Sequence[str]) -> str:
    """`one`, `one and two`, `one, two and three`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def period(written: str | None) -> timedelta | None:
    """`12h`, `30d`."""
    if written is None:
        return None
    return timedelta(hours=int(written[:-1])) if written.endswith("h") else timedelta(days=int(written[:-1]))


def _time(text: str | None) -> datetime | None:
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return time if time.tzinfo else None
