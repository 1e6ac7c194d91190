"""A task that comes again: its place in its series, what the next one is like, what reopening and skipping do."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from taskora.domain.due import due_fields
from taskora.domain.recurrence import Mode, Occurrence, Series, following, upcoming
from taskora.domain.tasks import Change, Place, Reminding, Status, Task, Verb, changed

# What a change may mean for this task alone; the due date always does, unless the change says otherwise.
OWN_FIELDS = ("title", "description", "priority", "tags")
DUE_FIELDS = frozenset({"due_at", "due_date"})


class Scope(StrEnum):
    """How far a change of one task of a series goes."""

    THIS = "this"
    FUTURE = "future"


def series_of(task: Task, *, user_zone: ZoneInfo) -> Series | None:
    """The series a task stands in; None when it does not come again."""
    if task.recurrence is None or task.place is None:
        return None
    return Series(task.recurrence, task.place.start, user_zone)


def occurrence_of(place: Place) -> Occurrence:
    return Occurrence(place.number, place.due)


def to_come(task: Task, *, user_zone: ZoneInfo, most: int) -> tuple[Series, list[Occurrence]] | None:
    """The series of an open task and its next `most` dates, this one first; None when it does not come again."""
    series = series_of(task, user_zone=user_zone)
    if series is None or task.place is None or task.done:
        return None
    this = occurrence_of(task.place)
    return series, [this, *upcoming(series, after=this, most=most - 1)]


def placed(task: Task, *, series_id: UUID) -> Task:
    """The task with a place for its recurrence, which is new: counted from this task's due date on.

    `series_id`: used when it had none; who changes the pattern of a series goes on with its numbers.
    """
    if task.recurrence is None or task.due is None:
        return task
    had = task.place
    place = Place(
        series_id=had.series_id if had else series_id,
        number=had.number if had else 1,
        start=task.due,
        due=task.due,
        planned={},
        version=task.version,
    )
    return replace(task, place=place)


def scoped(before: Task, change: Change, *, scope: Scope | None) -> Change:
    """The change with what it leaves to the next one: under `this`, what the fields were; else what they are now.

    A due date is moved for this task alone unless `future` is asked for: then the series counts from it.
    """
    task = change.task
    place = task.place
    if place is None or task.recurrence is None or "recurrence" in change.fields:
        return change
    planned = dict(place.planned)
    for name in set(change.fields) & set(OWN_FIELDS):
        if scope is Scope.THIS:
            planned.setdefault(name, getattr(before, name))
        else:
            planned.pop(name, None)
    place = replace(place, planned=planned)
    if scope is Scope.FUTURE and task.due is not None and DUE_FIELDS & set(change.fields):
        place = replace(place, start=task.due, due=task.due)
    return replace(change, task=replace(task, place=place))


def successor(
    task: Task, occurrence: Occurrence, *, task_id: UUID, reminders: Sequence[Reminding], now: datetime
) -> Change:
    """The next task of the series. `reminders`: those that count from the due date, with fresh ids."""
    place = task.place
    if place is None:
        raise ValueError("A task without a place in a series has no successor.")
    own: dict[str, Any] = {name: place.planned.get(name, getattr(task, name)) for name in OWN_FIELDS}
    own["tags"] = tuple(own["tags"])
    return Change(
        replace(
            task,
            **own,
            **due_fields(occurrence.due),
            id=task_id,
            status=Status.TODO,
            reminders=tuple(reminders),
            version=1,
            created_at=now,
            updated_at=now,
            completed_at=None,
            deleted_at=None,
            withdrawn=False,
            place=replace(place, number=occurrence.number, due=occurrence.due, planned={}, version=1),
        ),
        Verb.CREATED,
        (),
    )


def untouched(task: Task) -> bool:
    """Whether the task is as its recurrence left it."""
    return task.place is not None and task.place.version == task.version


def withdraw(task: Task, *, now: datetime) -> Change | None:
    """Taken back, because the one before it is open again. None when somebody has touched it."""
    if task.deleted_at is not None or not untouched(task):
        return None
    return _by_recurrence(changed(task, {"deleted_at": now, "withdrawn": True}, verb=Verb.DELETED, now=now))


def revive(task: Task, *, now: datetime) -> Change | None:
    """There again, because the one before it is done again. None when it was not withdrawn."""
    if not task.withdrawn:
        return None
    return _by_recurrence(changed(task, {"deleted_at": None, "withdrawn": False}, verb=Verb.RESTORED, now=now))


def skip(task: Task, *, user_zone: ZoneInfo, now: datetime) -> Change | None:
    """On to the next date in the task's own place; None when the series ends with this one.

    Under on_schedule the calendar brings the next one anyhow: there, skipping is deleting.
    """
    series = series_of(task, user_zone=user_zone)
    if series is None or task.place is None:
        return None
    if series.recurrence.mode is Mode.ON_SCHEDULE:
        return changed(task, {"deleted_at": now}, verb=Verb.DELETED, now=now)
    ahead = following(series, occurrence_of(task.place))
    if ahead is None:
        return None
    place = replace(task.place, due=ahead.due)
    moved = changed(task, {**due_fields(ahead.due), "place": place}, verb=Verb.UPDATED, now=now)
    return replace(moved, fields=tuple(name for name in moved.fields if name != "place")) if moved else None


def _by_recurrence(change: Change | None) -> Change | None:
    if change is None or change.task.place is None:
        return change
    fields = tuple(name for name in change.fields if name != "withdrawn")
    place = replace(change.task.place, version=change.task.version)
    return replace(change, task=replace(change.task, place=place), fields=fields)
