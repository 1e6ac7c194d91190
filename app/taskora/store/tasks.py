"""Statements about tasks. A change, its place in the user's order and its event are one statement."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from taskora import clock, telemetry
from taskora.domain import events, tasks
from taskora.domain.due import Due
from taskora.domain.recurrence import Recurrence
from taskora.domain.tasks import Change, Place, Priority, Reminding, Status, Task
from taskora.encoding import to_json
from taskora.store.database import Reading, Row, Writing

# The user's row first: its lock puts this user's changes in order, and seq and outbox id grow together.
SAVE = """
WITH numbered AS (
    UPDATE users SET seq = seq + 1 WHERE id = %(user_id)s RETURNING seq
), saved AS (
    INSERT INTO tasks (id, user_id, title, description, status, priority, due_at, due_date, tags, recurrence, reminders,
                       parent_id, position, version, created_at, updated_at, completed_at, deleted_at, series_id,
                       occurrence_no, series, withdrawn)
    SELECT %(id)s, %(user_id)s, %(title)s, %(description)s, %(status)s, %(priority)s, %(due_at)s::timestamptz,
           %(due_date)s::date, %(tags)s::text[], %(recurrence)s::jsonb, %(reminders)s::jsonb, %(parent_id)s::uuid,
           %(position)s, %(version)s, %(created_at)s, %(updated_at)s, %(completed_at)s::timestamptz,
           %(deleted_at)s::timestamptz, %(series_id)s::uuid, %(occurrence_no)s::integer, %(series)s::jsonb,
           %(withdrawn)s
    FROM numbered
    ON CONFLICT (id) DO UPDATE SET
        (title, description, status, priority, due_at, due_date, tags, recurrence, reminders, parent_id, position,
         version, updated_at, completed_at, deleted_at, series_id, occurrence_no, series, withdrawn) =
        ROW (excluded.title, excluded.description, excluded.status, excluded.priority, excluded.due_at,
             excluded.due_date, excluded.tags, excluded.recurrence, excluded.reminders, excluded.parent_id,
             excluded.position, excluded.version, excluded.updated_at, excluded.completed_at, excluded.deleted_at,
             excluded.series_id, excluded.occurrence_no, excluded.series, excluded.withdrawn)
    WHERE tasks.user_id = excluded.user_id AND tasks.version = excluded.version - 1
    RETURNING id
)
INSERT INTO outbox (topic, user_id, shard, seq, event, traceparent, created_at)
SELECT 'task-events', %(user_id)s, %(shard)s, seq, jsonb_set(%(event)s::jsonb, '{data,seq}', to_jsonb(seq)),
       %(traceparent)s, %(updated_at)s
FROM numbered, saved
RETURNING seq
"""

COLUMNS = """
    id, user_id, title, description, status, priority, due_at, due_date, tags, recurrence, reminders, parent_id,
    position, version, created_at, updated_at, completed_at, deleted_at, series_id, occurrence_no, series, withdrawn
"""
# What a list shows of a task, in the order of `tasks.SHOWN`. Most have no reminders, and NULL needs no parser of JSON.
LISTED = """
    id, title, description, status, priority, due_at, due_date, tags, recurrence, nullif(reminders, '[]') AS reminders,
    parent_id, position, version, created_at, updated_at, completed_at, deleted_at
"""
FIND = "SELECT" + COLUMNS + "FROM tasks WHERE id = %(id)s AND user_id = %(user_id)s"
FIND_ALL = "SELECT" + COLUMNS + "FROM tasks WHERE id = ANY (%(ids)s) AND user_id = %(user_id)s"
TITLES = "SELECT id, title FROM tasks WHERE id = ANY (%(ids)s) AND user_id = %(user_id)s AND deleted_at IS NULL"
PARTS = """
SELECT parent_id, count(*) FILTER (WHERE status = 'done') AS done, count(*) AS every
FROM tasks WHERE parent_id = ANY (%(ids)s) AND user_id = %(user_id)s AND deleted_at IS NULL GROUP BY parent_id
"""
CHILDREN = "SELECT" + COLUMNS + "FROM tasks WHERE parent_id = %(id)s AND user_id = %(user_id)s ORDER BY position, id"
OCCURRENCE = (
    "SELECT"
    + COLUMNS
    + "FROM tasks WHERE series_id = %(series_id)s AND occurrence_no = %(no)s AND user_id = %(user_id)s"
)


# Tasks that come again have a place in a series; who has more of them is not looked ahead for further.
REPEATING = (
    "SELECT"
    + COLUMNS
    + """FROM tasks WHERE user_id = %(user_id)s AND deleted_at IS NULL AND status <> 'done' AND recurrence IS NOT NULL
    AND (%(id)s::uuid IS NULL OR id = %(id)s) ORDER BY position, id LIMIT 500"""
)


async def save(uow: Writing, change: Change) -> int | None:
    """Store the task with its event; returns its seq, or None when the stored version is not the one before."""
    task = change.task
    event = events.NewEvent(
        id=clock.new_id(),
        topic=events.Topic.TASK,
        verb=change.verb.value,
        subject=f"task/{task.id}",
        user_id=task.user_id,
        time=task.updated_at,
        data=tasks.changed_data(change),
    )
    traceparent = telemetry.traceparent()
    place = task.place
    row = await uow.row(
        SAVE,
        {
            "id": task.id,
            "user_id": task.user_id,
            "title": task.title,
            "description": task.description,
            "status": task.status.value,
            "priority": task.priority.value,
            "due_at": task.due_at,
            "due_date": task.due_date,
            "tags": list(task.tags),
            "recurrence": _json(task.recurrence),
            "reminders": _json(task.reminders) if task.reminders else "[]",
            "parent_id": task.parent_id,
            "position": task.position,
            "version": task.version,
            "created_at": task.created_at,
            "updated_at": task.updated_at,
            "completed_at": task.completed_at,
            "deleted_at": task.deleted_at,
            "series_id": place.series_id if place else None,
            "occurrence_no": place.number if place else None,
            "series": _json(_kept(place)) if place else None,
            "withdrawn": task.withdrawn,
            "shard": events.shard_of(task.user_id),
            "event": to_json(event.envelope(source=uow.source, traceparent=traceparent)).decode(),
            "traceparent": traceparent,
        },
        prepared=True,
    )
    return row["seq"] if row else None


async def find(uow: Reading, task_id: UUID, *, user_id: UUID) -> Task | None:
    row = await uow.row(FIND, {"id": task_id, "user_id": user_id}, prepared=True)
    return task_of(row) if row else None


async def find_all(uow: Reading, ids: Collection[UUID], *, user_id: UUID) -> dict[UUID, Task]:
    """Those of `ids` that are this user's."""
    rows = await uow.rows(FIND_ALL, {"ids": list(ids), "user_id": user_id})
    return {row["id"]: task_of(row) for row in rows}


async def titles(uow: Reading, ids: Collection[UUID], *, user_id: UUID) -> dict[UUID, str]:
    """Of those of `ids` that are this user's and in no trash."""
    rows = await uow.rows(TITLES, {"ids": list(ids), "user_id": user_id})
    return {row["id"]: row["title"] for row in rows}


async def parts(uow: Reading, ids: Collection[UUID], *, user_id: UUID) -> dict[UUID, tuple[int, int]]:
    """Of those that have subtasks: how many of them are done, and how many there are."""
    rows = await uow.rows(PARTS, {"ids": list(ids), "user_id": user_id})
    return {row["parent_id"]: (row["done"], row["every"]) for row in rows}


async def children(uow: Reading, task_id: UUID, *, user_id: UUID) -> list[Task]:
    """The subtasks in their order, those in the trash too."""
    return [task_of(row) for row in await uow.rows(CHILDREN, {"id": task_id, "user_id": user_id})]


async def occurrence(uow: Reading, series_id: UUID, *, number: int, user_id: UUID) -> Task | None:
    row = await uow.row(OCCURRENCE, {"series_id": series_id, "no": number, "user_id": user_id})
    return task_of(row) if row else None


async def repeating(uow: Reading, *, user_id: UUID, task_id: UUID | None) -> list[Task]:
    """The open tasks that come again, or this one alone."""
    return [task_of(row) for row in await uow.rows(REPEATING, {"user_id": user_id, "id": task_id})]


def task_of(row: Row) -> Task:
    """A task from a row with `COLUMNS`."""
    recurrence, reminders = row["recurrence"], row["reminders"]
    return Task(
        id=row["id"],
        user_id=row["user_id"],
        title=row["title"],
        description=row["description"],
        status=Status(row["status"]),
        priority=Priority(row["priority"]),
        due_at=row["due_at"],
        due_date=row["due_date"],
        tags=tuple(row["tags"]),
        recurrence=None if recurrence is None else Recurrence.model_validate(recurrence),
        reminders=tuple(_reminding(one) for one in reminders) if reminders else (),
        parent_id=row["parent_id"],
        position=row["position"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        completed_at=row["completed_at"],
        deleted_at=row["deleted_at"],
        place=None if row["series_id"] is None else _place(row),
        withdrawn=row["withdrawn"],
    )


def shown_of(row: Sequence[Any]) -> dict[str, Any]:
    """What `shown` tells of a task, from a row that begins with `LISTED`. A list has fifty, and they are only told."""
    shown = dict(zip(tasks.SHOWN, row, strict=False))
    shown["reminders"] = shown["reminders"] or []
    if shown["recurrence"] is not None:
        shown["recurrence"] = Recurrence.model_validate(shown["recurrence"])
    return shown


def _json(value: object) -> str | None:
    return None if value is None else to_json(value).decode()


def _kept(place: Place) -> Mapping[str, Any]:
    return {"start": place.start, "due": place.due, "planned": place.planned, "version": place.version}


def _place(row: Row) -> Place:
    kept: dict[str, Any] = row["series"]
    return Place(
        series_id=row["series_id"],
        number=row["occurrence_no"],
        start=_due(kept["start"]),
        due=_due(kept["due"]),
        planned=kept["planned"],
        version=kept["version"],
    )


def _due(text: str) -> Due:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def _reminding(one: Mapping[str, Any]) -> Reminding:
    at: str | None = one["at"]
    return Reminding(
        id=UUID(one["id"]),
        at=None if at is None else datetime.fromisoformat(at),
        minutes_before=one["minutes_before"],
    )


def texts(values: Sequence[str]) -> list[str] | None:
    """An array parameter; None when there is nothing to compare with."""
    return [str(value) for value in values] or None
