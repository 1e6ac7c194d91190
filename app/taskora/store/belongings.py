"""Everything that is one person's, as it leaves with them."""

from typing import LiteralString
from uuid import UUID

from taskora.domain.tasks import Task
from taskora.store.database import Reading, Row
from taskora.store.tasks import COLUMNS, task_of

TASKS = "SELECT" + COLUMNS + "FROM tasks WHERE user_id = %(user_id)s AND NOT withdrawn ORDER BY id"
DATED = (
    "SELECT" + COLUMNS + "FROM tasks WHERE user_id = %(user_id)s AND deleted_at IS NULL AND status <> 'done'"
    " AND (due_at IS NOT NULL OR due_date IS NOT NULL) ORDER BY coalesce(due_at, due_date::timestamptz), id LIMIT 5000"
)
OTHERS: dict[str, LiteralString] = {
    "tags": "SELECT id, name, color, pinned, created_at FROM tags WHERE user_id = %(user_id)s ORDER BY id",
    "views": "SELECT id, name, query, created_at FROM views WHERE user_id = %(user_id)s ORDER BY id",
    "reminders": """
        SELECT id, task_id, at, minutes_before, fire_at, state FROM reminders WHERE user_id = %(user_id)s ORDER BY id
    """,
    "notifications": """
        SELECT id, task_id, title, created_at, read_at FROM notifications WHERE user_id = %(user_id)s ORDER BY id
    """,
    "sessions": """
        SELECT id, kind, label, created_at, expires_at, revoked_at FROM sessions WHERE user_id = %(user_id)s
        ORDER BY created_at
    """,
    "messages": """
        SELECT conversation_id, no, role, text, messages.created_at
        FROM messages JOIN conversations ON conversations.id = conversation_id
        WHERE user_id = %(user_id)s ORDER BY conversation_id, no
    """,
    "activity": """
        SELECT day, type, count FROM activity WHERE subject = %(user_id)s::uuid::text ORDER BY day, type
    """,
}


async def tasks(uow: Reading, user_id: UUID) -> list[Task]:
    """All of them, those in the trash too, the oldest first."""
    return [task_of(row) for row in await uow.rows(TASKS, {"user_id": user_id})]


async def dated(uow: Reading, user_id: UUID) -> list[Task]:
    """What is open and due, the next first."""
    return [task_of(row) for row in await uow.rows(DATED, {"user_id": user_id})]


async def others(uow: Reading, user_id: UUID) -> dict[str, list[Row]]:
    """Everything that is no task, by its kind."""
    return {name: await uow.rows(sql, {"user_id": user_id}) for name, sql in OTHERS.items()}
