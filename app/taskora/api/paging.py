"""What lists that go page by page have in common."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from taskora.domain import cursors
from taskora.store.database import Row

Cursor = Annotated[str, Field(max_length=cursors.MOST)]
Limit = Annotated[int, Field(ge=1, le=200)]


def moment_and_id(cursor: str, *, order: str) -> tuple[str, UUID] | None:
    """The last seen row of a list that goes by a time, then by id. Raises `Invalid`."""
    if not cursor:
        return None
    moment, last = cursors.decode(cursor, order=order, keys=2)
    try:
        datetime.fromisoformat(moment)
    except ValueError as error:
        raise cursors.unknown() from error
    return moment, cursors.an_id(last)


def cursor_of(order: str, moment: datetime, last: UUID) -> str:
    return cursors.encode(order, moment.isoformat(), last)


def an_id(cursor: str, *, order: str) -> UUID | None:
    """The last seen row of a list that goes by id. Raises `Invalid`."""
    return cursors.an_id(cursors.decode(cursor, order=order, keys=1)[0]) if cursor else None


def page_by_id(rows: list[Row], limit: int, *, order: str) -> dict[str, Any]:
    """Of one row more than `limit` where there are more: the page, and the cursor of the next."""
    items = rows[:limit]
    return {"items": items, "next_cursor": cursors.encode(order, items[-1]["id"]) if len(rows) > limit else None}
