"""A task and everything that may be done to it. Each act gives a `Change`, or None when nothing would change."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from taskora.domain.due import Day, Due, Moment, due_of
from taskora.domain.recurrence import Recurrence
from taskora.domain.reminders import REMINDERS_MOST, ReminderAsked
from taskora.domain.text import Description, TagName, Title

TAGS_MOST = 20


class Status(StrEnum):
    TODO = "todo"
    IN_PROGRESS = "in_progress"
    DONE = "done"


class Priority(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


class Verb(StrEnum):
    """What happened, as the event's type names it."""

    CREATED = "created"
    UPDATED = "updated"
    COMPLETED = "completed"
    REOPENED = "reopened"
    DELETED = "deleted"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminding:
    """A reminder as its task shows it: at a time, or so many minutes before the task is due."""

    id: UUID
    at: datetime | None
    minutes_before: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a task stands in its series.

    `start`: the due date the series counts from. `due`: this one's place in the pattern, also when the user moved the
    task elsewhere. `planned`: what was changed for this one alone, as the next one has it. `version`: the task's
    version as the recurrence left it; at a higher one somebody has touched it.
    """

    series_id: UUID
    number: int
    start: Due
    due: Due
    planned: Mapping[str, Any]
    version: int


@dataclass(frozen=True, slots=True)
class Task:
    """`due_date` floats: it is a day in the user's own zone. At most one of `due_at` and `due_date` is set.

    `position`: smaller stands higher in the user's own order. `withdrawn`: taken back by its recurrence.
    """

    id: UUID
    user_id: UUID
    title: str
    description: str
    status: Status
    priority: Priority
    due_at: datetime | None
    due_date: date | None
    tags: tuple[str, ...]
    recurrence: Recurrence | None
    reminders: tuple[Reminding, ...]
    parent_id: UUID | None
    position: float
    version: int
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    deleted_at: datetime | None
    place: Place | None = None
    withdrawn: bool = False

    @property
    def due(self) -> Due | None:
        return due_of(self.due_at, self.due_date)

    @property
    def done(self) -> bool:
        return self.status is Status.DONE


INTERNAL = frozenset({"user_id", "place", "withdrawn"})
SHOWN = tuple(field.name for field in fields(Task) if field.name not in INTERNAL)


@dataclass(frozen=True, slots=True)
class Change:
    """The task as it is from now on, what happened to it, and which of its fields differ."""

    task: Task
    verb: Verb
    fields: tuple[str, ...]


def _once(tags: list[str]) -> list[str]:
    seen: dict[str, str] = {}
    for tag in tags:
        seen.setdefault(tag.casefold(), tag)
    return list(seen.values())


def _finite(position: float) -> float:
    if not math.isfinite(position):
        raise ValueError("A position is a number.")
    return position


Tags = Annotated[list[TagName], Field(max_length=TAGS_MOST), AfterValidator(_once)]
Position = Annotated[float, Field(ge=-1e15, le=1e15), AfterValidator(_finite)]
Asked = Annotated[list[ReminderAsked], Field(max_length=REMINDERS_MOST)]


class _OneDue(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    due_at: Moment | None = None
    due_date: Day | None = None

    @model_validator(mode="after")
    def one_due(self) -> "_OneDue":
        if self.due_at is not None and self.due_date is not None:
            raise ValueError("A task is due at a time (due_at) or on a day (due_date), not both.")
        return self


class Draft(_OneDue):
    """What a new task is made of."""

    title: Title
    description: Description = ""
    priority: Priority = Priority.MEDIUM
    tags: Tags = Field(default_factory=list[str])
    recurrence: Recurrence | None = None
    reminders: Asked = Field(default_factory=list[ReminderAsked])
    parent_id: UUID | None = None
    position: Position | None = None


class Patch(_OneDue):
    """The fields to change; one that is not sent stays. Setting one kind of due clears the other."""

    title: Title = ""
    description: Description = ""
    status: Status = Status.TODO
    priority: Priority = Priority.MEDIUM
    tags: Tags = Field(default_factory=list[str])
    recurrence: Recurrence | None = None
    reminders: Asked = Field(default_factory=list[ReminderAsked])
    parent_id: UUID | None = None
    position: Position = 0.0


def create(
    draft: Draft, *, task_id: UUID, user_id: UUID, now: datetime, position: float, reminders: Sequence[Reminding] = ()
) -> Change:
    """`position`: where a new task stands when the draft does not say. `reminders`: the draft's, with their ids."""
    task = Task(
        id=task_id,
        user_id=user_id,
        title=draft.title,
        description=draft.description,
        status=Status.TODO,
        priority=draft.priority,
        due_at=draft.due_at,
        due_date=draft.due_date,
        tags=tuple(draft.tags),
        recurrence=draft.recurrence,
        reminders=tuple(reminders),
        parent_id=draft.parent_id,
        position=position if draft.position is None else draft.position,
        version=1,
        created_at=now,
        updated_at=now,
        completed_at=None,
        deleted_at=None,
    )
    return Change(task, Verb.CREATED, ())


def update(task: Task, patch: Patch, *, now: datetime, reminders: Sequence[Reminding] = ()) -> Change | None:
    """`reminders`: the patch's, with their ids."""
    wanted: dict[str, Any] = {name: getattr(patch, name) for name in patch.model_fields_set}
    if "tags" in wanted:
        wanted["tags"] = tuple(wanted["tags"])
    if "reminders" in wanted:
        wanted["reminders"] = tuple(reminders)
    if wanted.get("due_at") is not None:
        wanted["due_date"] = None
    elif wanted.get("due_date") is not None:
        wanted["due_at"] = None
    return changed(task, wanted, verb=Verb.UPDATED, now=now)


def complete(task: Task, *, now: datetime) -> Change | None:
    return changed(task, {"status": Status.DONE}, verb=Verb.COMPLETED, now=now)


def reopen(task: Task, *, now: datetime) -> Change | None:
    status = Status.TODO if task.status is Status.DONE else task.status
    return changed(task, {"status": status}, verb=Verb.REOPENED, now=now)


def delete(task: Task, *, now: datetime) -> Change | None:
    """Into the trash."""
    return None if task.deleted_at else changed(task, {"deleted_at": now}, verb=Verb.DELETED, now=now)


def restore(task: Task, *, now: datetime) -> Change | None:
    return changed(task, {"deleted_at": None}, verb=Verb.RESTORED, now=now)


def changed(task: Task, wanted: Mapping[str, Any], *, verb: Verb, now: datetime) -> Change | None:
    """The task with the fields of `wanted`; None when it has them already."""
    differ = tuple(sorted(name for name, value in wanted.items() if getattr(task, name) != value))
    if not differ:
        return None
    if "status" in differ:
        if wanted["status"] is Status.DONE:
            verb, wanted = Verb.COMPLETED, {**wanted, "completed_at": now}
        elif task.status is Status.DONE:
            verb, wanted = Verb.REOPENED, {**wanted, "completed_at": None}
    return Change(replace(task, **wanted, version=task.version + 1, updated_at=now), verb, differ)


def numbered(asked: Sequence[ReminderAsked], had: Sequence[Reminding], *, ids: Sequence[UUID]) -> tuple[Reminding, ...]:
    """What is asked for, once each; what the task had keeps its id. `ids`: as many fresh ones as are asked for."""
    known = {(one.at, one.minutes_before): one for one in had}
    wanted = {
        (one.at, one.minutes_before): Reminding(id=fresh, at=one.at, minutes_before=one.minutes_before)
        for one, fresh in zip(asked, ids, strict=True)
    }
    return tuple(known.get(key, one) for key, one in wanted.items())


def shown(task: Task) -> dict[str, Any]:
    """The task as the API and its events show it."""
    return {name: getattr(task, name) for name in SHOWN}


def changed_data(change: Change) -> dict[str, Any]:
    """The data of the change's event; the database adds `seq` when it is given out."""
    return {
        "user_id": change.task.user_id,
        "task_id": change.task.id,
        "fields": change.fields,
        "task": shown(change.task),
    }
