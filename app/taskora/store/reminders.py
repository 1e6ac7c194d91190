"""Statements about reminders: when each of a task's fires, and what became of it."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from taskora.domain.reminders import ReminderState, Timing
from taskora.store.database import Reading, Row, Writing

OF_TASK = """
SELECT id, task_id, at, minutes_before, generation, fire_at, state, snoozed FROM reminders
WHERE task_id = %(task_id)s AND user_id = %(user_id)s ORDER BY fire_at, id
"""
FIND = """
SELECT id, task_id, at, minutes_before, generation, fire_at, state, snoozed FROM reminders
WHERE id = %(id)s AND user_id = %(user_id)s
"""
# Those that a change of the user's zone, or of the hour of whole days, moves.
OF_DAYS = """
SELECT reminders.id, task_id, at, minutes_before, generation, fire_at, state, snoozed, due_date
FROM reminders JOIN tasks ON tasks.id = task_id
WHERE reminders.user_id = %(user_id)s AND state = 'waiting' AND minutes_before IS NOT NULL AND due_date IS NOT NULL
"""
KEEP = """
INSERT INTO reminders (id, user_id, task_id, at, minutes_before, generation, fire_at, state, snoozed)
VALUES (%(id)s, %(user_id)s, %(task_id)s, %(at)s, %(minutes_before)s, %(generation)s, %(fire_at)s, %(state)s,
        %(snoozed)s)
ON CONFLICT (id) DO UPDATE SET
    (generation, fire_at, state, snoozed) =
    ROW (excluded.generation, excluded.fire_at, excluded.state, excluded.snoozed)
"""
FORGET = "DELETE FROM reminders WHERE user_id = %(user_id)s AND id = ANY (%(ids)s)"


async def of_task(uow: Reading, task_id: UUID, *, user_id: UUID) -> dict[UUID, Timing]:
    """By id, the next one to fire first."""
    rows = await uow.rows(OF_TASK, {"task_id": task_id, "user_id": user_id})
    return {row["id"]: timing_of(row) for row in rows}


async def find(uow: Reading, reminder_id: UUID, *, user_id: UUID) -> tuple[UUID, Timing] | None:
    """Its task's id, and the reminder."""
    row = await uow.row(FIND, {"id": reminder_id, "user_id": user_id})
    return (row["task_id"], timing_of(row)) if row else None


async def of_days(uow: Reading, user_id: UUID) -> list[Row]:
    """Waiting ones that count from a whole day: `id`, `task_id`, `due_date`, and what `timing_of` reads."""
    return await uow.rows(OF_DAYS, {"user_id": user_id})


async def keep(uow: Writing, timings: Mapping[UUID, Timing], *, task_id: UUID, user_id: UUID) -> None:
    for reminder_id, timing in timings.items():
        values: dict[str, Any] = {
            "id": reminder_id,
            "user_id": user_id,
            "task_id": task_id,
            "at": timing.at,
            "minutes_before": timing.minutes_before,
            "generation": timing.generation,
            "fire_at": timing.fire_at,
            "state": timing.state.value,
            "snoozed": timing.snoozed,
        }
        await uow.rows(KEEP, values)


async def forget(uow: Writing, ids: Collection[UUID], *, user_id: UUID) -> None:
    await uow.rows(FORGET, {"ids": list(ids), "user_id": user_id})


def timing_of(row: Row) -> Timing:
    return Timing(
        at=row["at"],
        minutes_before=row["minutes_before"],
        fire_at=row["fire_at"],
        generation=row["generation"],
        state=ReminderState(row["state"]),
        snoozed=row["snoozed"],
    )
