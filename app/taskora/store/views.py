"""Statements about saved views."""

from datetime import datetime
from uuid import UUID

from taskora.domain.views import View
from taskora.encoding import to_json
from taskora.store.database import Reading, Writing

LISTED = "SELECT id, name, query FROM views WHERE user_id = %(user_id)s ORDER BY id"
FIND = "SELECT id, name, query FROM views WHERE id = %(id)s AND user_id = %(user_id)s"
SAVE = """
INSERT INTO views (id, user_id, name, query, created_at, updated_at)
VALUES (%(id)s, %(user_id)s, %(name)s, %(query)s::jsonb, %(now)s, %(now)s)
ON CONFLICT (id) DO UPDATE SET (name, query, updated_at) = ROW (excluded.name, excluded.query, excluded.updated_at)
WHERE views.user_id = excluded.user_id
"""
REMOVE = "DELETE FROM views WHERE id = %(id)s AND user_id = %(user_id)s"


async def listed(uow: Reading, user_id: UUID) -> list[View]:
    return [View(**row) for row in await uow.rows(LISTED, {"user_id": user_id})]


async def find(uow: Reading, view_id: UUID, *, user_id: UUID) -> View | None:
    row = await uow.row(FIND, {"id": view_id, "user_id": user_id})
    return View(**row) if row else None


async def save(uow: Writing, view: View, *, user_id: UUID, now: datetime) -> None:
    query = to_json(view.query).decode()
    await uow.rows(SAVE, {"id": view.id, "user_id": user_id, "name": view.name, "query": query, "now": now})


async def remove(uow: Writing, view_id: UUID, *, user_id: UUID) -> None:
    await uow.rows(REMOVE, {"id": view_id, "user_id": user_id})
