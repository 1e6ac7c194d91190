"""Statements about notifications, as their owner sees them."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from taskora.store.database import Reading, Row, Writing

# What was dismissed is over: its task is done or gone.
LISTED = """
SELECT found.*, tasks.due_at, tasks.due_date, above.title AS parent FROM (
    SELECT id, task_id, reminder_id, title, created_at, read_at, snoozed_until FROM notifications
    WHERE user_id = %(user_id)s AND dismissed_at IS NULL AND (%(unread)s IS FALSE OR read_at IS NULL)
      AND (%(at)s::timestamptz IS NULL OR (created_at, id) < (%(at)s, %(after)s::uuid))
    ORDER BY created_at DESC, id DESC LIMIT %(limit)s
) AS found LEFT JOIN tasks ON tasks.id = found.task_id
LEFT JOIN tasks AS above ON above.id = tasks.parent_id AND above.deleted_at IS NULL
ORDER BY found.created_at DESC, found.id DESC
"""
UNREAD = """
SELECT user_id, count(*) AS unread FROM notifications
WHERE user_id = ANY (%(user_ids)s) AND dismissed_at IS NULL AND read_at IS NULL GROUP BY user_id
"""
READ = """
WITH found AS (
    UPDATE notifications SET read_at = coalesce(read_at, %(now)s), snoozed_until = coalesce(%(until)s, snoozed_until)
    WHERE id = %(id)s AND user_id = %(user_id)s
    RETURNING id, task_id, reminder_id, title, created_at, read_at, snoozed_until
)
SELECT found.*, tasks.due_at, tasks.due_date, above.title AS parent
FROM found LEFT JOIN tasks ON tasks.id = found.task_id
LEFT JOIN tasks AS above ON above.id = tasks.parent_id AND above.deleted_at IS NULL
"""
READ_ALL = """
UPDATE notifications SET read_at = %(now)s
WHERE user_id = %(user_id)s AND read_at IS NULL AND dismissed_at IS NULL
RETURNING id
"""


async def listed(uow: Reading, user_id: UUID, *, unread: bool, after: tuple[str, UUID] | None, limit: int) -> list[Row]:
    """The latest first. `after`: when the last one seen was made, and its id."""
    at, last = after or (None, None)
    parameters: dict[str, Any] = {"user_id": user_id, "unread": unread, "limit": limit}
    return await uow.rows(LISTED, {**parameters, "at": at, "after": last})


async def unread(uow: Reading, user_id: UUID) -> int:
    return (await unread_of(uow, [user_id])).get(user_id, 0)


async def unread_of(uow: Reading, user_ids: Collection[UUID]) -> dict[UUID, int]:
    """By user; who has none is left out."""
    return {row["user_id"]: row["unread"] for row in await uow.rows(UNREAD, {"user_ids": list(user_ids)})}


async def read(
    uow: Writing, notification_id: UUID, *, user_id: UUID, now: datetime, until: datetime | None = None
) -> Row | None:
    """Mark it as read (and snoozed `until`); None when there is no such one."""
    return await uow.row(READ, {"id": notification_id, "user_id": user_id, "now": now, "until": until})


async def read_all(uow: Writing, user_id: UUID, *, now: datetime) -> int:
    """How many that were."""
    return len(await uow.rows(READ_ALL, {"user_id": user_id, "now": now}))
