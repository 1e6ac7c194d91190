"""Statements about what a series still has to bring."""

from datetime import datetime
from uuid import UUID

from taskora.store.database import Writing

PROMISE = """
INSERT INTO recurrence_due (series_id, occurrence_no, user_id, task_id, due_at, created_at)
VALUES (%(series_id)s, %(number)s, %(user_id)s, %(task_id)s, %(due_at)s, %(now)s)
ON CONFLICT (series_id, occurrence_no) DO UPDATE SET task_id = excluded.task_id, due_at = excluded.due_at
"""
TAKE_BACK = "DELETE FROM recurrence_due WHERE series_id = %(series_id)s AND user_id = %(user_id)s"


async def promise(
    uow: Writing, series_id: UUID, *, number: int, user_id: UUID, task_id: UUID, due_at: datetime, now: datetime
) -> None:
    """Occurrence `number` is to be made after `task_id`, once `due_at` has come."""
    await uow.rows(
        PROMISE,
        {
            "series_id": series_id,
            "number": number,
            "user_id": user_id,
            "task_id": task_id,
            "due_at": due_at,
            "now": now,
        },
    )


async def take_back(uow: Writing, series_id: UUID, *, user_id: UUID) -> None:
    """Nothing more is to be made of this series."""
    await uow.rows(TAKE_BACK, {"series_id": series_id, "user_id": user_id})
