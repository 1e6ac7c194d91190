"""How the backups of an instance stand, by the Jobs that made them and what their pods said last."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import ValidationError

from taskora_operator.api.status import LastBackup
from taskora_operator.desired.backup import COMPONENT
from taskora_operator.desired.model import Manifest
from taskora_operator.reconcile.found import Found
from taskora_operator.reconcile.pods import ended_in

MESSAGE_CHARACTERS = 1000


@dataclass(frozen=True, slots=True)
class Backups:
    """`last` is the newest good one, as far as it is known; the rest is the condition BackupsHealthy."""

    last: LastBackup | None
    status: Literal["True", "False"]
    reason: str
    message: str


def newest(found: Iterable[Found], *, instance: str) -> tuple[Found | None, Found | None]:
    """The Job that ended last, and the one that ended well last."""
    jobs = [have for have in found if have.key.kind == "Job" and have.key.name.startswith(f"{instance}-{COMPONENT}-")]
    ended = sorted((have for have in jobs if _ended_at(have)), key=lambda have: (_ended_at(have), have.key.name))
    good = [have for have in ended if have.health.ok]
    return (ended[-1] if ended else None), (good[-1] if good else None)


def judge(ended: Found | None, *, last: LastBackup | None, words: str, scheduled: bool) -> Backups:
    """`words` is what the pod of the Job that ended last said, if that failed."""
    if ended is None:
        told = "none was made yet" if scheduled else "none was made yet: `kubectl taskora backup` makes one"
        return Backups(last, "True", "NoneYet", told) if last is None else Backups(last, "True", "Succeeded", "")
    if ended.health.ok:
        return Backups(last, "True", "Succeeded", "")
    why = words or ended.health.message
    since = f" The last good one is {last.name}." if last else " There is no good one."
    return Backups(last, "False", "BackupFailed", f"{ended.key}: {why[:MESSAGE_CHARACTERS]}{since}")


def _ended_at(have: Found) -> datetime | None:
    return have.traits.completed_at or have.health.failed_at


def stored(pods: Sequence[Manifest]) -> LastBackup | None:
    """What the pod of a good backup says it has stored."""
    for ended in ended_in(pods):
        if ended.get("exitCode") == 0:
            try:
                return LastBackup.model_validate(json.loads(ended.get("message", "")))
            except (ValueError, ValidationError):
                continue
    return None


def complaint(pods: Sequence[Manifest]) -> str:
    """The last words of a container that failed, of the newest pod that has any."""
    for ended in ended_in(sorted(pods, key=lambda pod: pod["metadata"]["creationTimestamp"], reverse=True)):
        said = str(ended.get("message", "")).strip()
        if ended.get("exitCode") != 0 and said:
            return _sentence(said.splitlines()[-1])
    return ""


def _sentence(line: str) -> str:
    """The application logs in JSON, PostgreSQL's programs in plain words."""
    try:
        return str(json.loads(line)["message"])
    except (ValueError, KeyError, TypeError):
        return line
