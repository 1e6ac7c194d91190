"""Statements about tags. A tag is known by its folded name; tasks carry it as it is written."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from taskora import clock
from taskora.domain.tags import Tag, color_of
from taskora.store.database import Reading, Row, Writing

COLUMNS = "id, name, color, pinned"
# The no-op update makes the row that was there come back too.
KNOWN = """
INSERT INTO tags (id, user_id, name, folded, color, created_at)
SELECT id, %(user_id)s, name, folded, color, %(now)s
FROM unnest(%(ids)s::uuid[], %(names)s::text[], %(folded)s::text[], %(colors)s::text[]) AS t (id, name, folded, color)
ON CONFLICT (user_id, folded) DO UPDATE SET name = tags.name
RETURNING folded, name, xmax = 0 AS fresh
"""
LIST = """
SELECT tags.id, name, color, pinned, count(tasks.id) AS open
FROM tags LEFT JOIN tasks ON tasks.user_id = tags.user_id AND tags.name = ANY (tasks.tags)
    AND tasks.deleted_at IS NULL AND tasks.status <> 'done'
WHERE tags.user_id = %(user_id)s
GROUP BY tags.id ORDER BY folded
"""
FIND = "SELECT id, name, color, pinned FROM tags WHERE id = %(id)s AND user_id = %(user_id)s"
NAMED = "SELECT id FROM tags WHERE user_id = %(user_id)s AND folded = %(folded)s"
COUNT = "SELECT count(*) AS tags FROM tags WHERE user_id = %(user_id)s"
ADD = """
INSERT INTO tags (id, user_id, name, folded, color, pinned, created_at)
VALUES (%(id)s, %(user_id)s, %(name)s, %(folded)s, %(color)s, %(pinned)s, %(now)s)
"""
CHANGE = (
    "UPDATE tags SET name = %(name)s, folded = %(folded)s, color = %(color)s, pinned = %(pinned)s WHERE id = %(id)s"
)
REMOVE = "DELETE FROM tags WHERE id = %(id)s AND user_id = %(user_id)s"
TASKS_OF = "SELECT id FROM tasks WHERE user_id = %(user_id)s AND %(name)s = ANY (tags) ORDER BY id"


async def known(uow: Writing, user_id: UUID, *, names: Sequence[str], now: datetime) -> tuple[dict[str, str], bool]:
    """Make the tags that are missing; how each folded name is written, and whether any is new."""
    rows = await uow.rows(
        KNOWN,
        {
            "user_id": user_id,
            "ids": [clock.new_id() for _ in names],
            "names": list(names),
            "folded": [name.casefold() for name in names],
            "colors": [color_of(name) for name in names],
            "now": now,
        },
    )
    return {row["folded"]: row["name"] for row in rows}, any(row["fresh"] for row in rows)


async def listed(uow: Reading, user_id: UUID) -> list[Row]:
    """All of them by name, with how many open tasks carry each: `id`, `name`, `color`, `pinned`, `open`."""
    return await uow.rows(LIST, {"user_id": user_id})


async def find(uow: Reading, tag_id: UUID, *, user_id: UUID) -> Tag | None:
    row = await uow.row(FIND, {"id": tag_id, "user_id": user_id})
    return Tag(**row) if row else None


async def named(uow: Reading, name: str, *, user_id: UUID) -> UUID | None:
    row = await uow.row(NAMED, {"folded": name.casefold(), "user_id": user_id})
    return row["id"] if row else None


async def add(uow: Writing, tag: Tag, *, user_id: UUID, now: datetime) -> None:
    await uow.rows(ADD, {**_parameters(tag), "user_id": user_id, "now": now})


async def change(uow: Writing, tag: Tag) -> None:
    await uow.rows(CHANGE, _parameters(tag))


async def remove(uow: Writing, tag_id: UUID, *, user_id: UUID) -> None:
    await uow.rows(REMOVE, {"id": tag_id, "user_id": user_id})


async def count(uow: Reading, user_id: UUID) -> int:
    row = await uow.row(COUNT, {"user_id": user_id})
    return row["tags"] if row else 0


async def tasks_of(uow: Reading, name: str, *, user_id: UUID) -> list[UUID]:
    """The tasks that carry it, those in the trash too."""
    return [row["id"] for row in await uow.rows(TASKS_OF, {"name": name, "user_id": user_id})]


def _parameters(tag: Tag) -> dict[str, Any]:
    return {"id": tag.id, "name": tag.name, "folded": tag.name.casefold(), "color": tag.color, "pinned": tag.pinned}
