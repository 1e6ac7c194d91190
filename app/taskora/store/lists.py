"""Lists of tasks: filters and orders put together from fixed pieces, pages by the keys of the last row seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from taskora.domain import cursors
from taskora.domain.due import Span
from taskora.domain.lists import Filter, Order, SortKey
from taskora.domain.tasks import SHOWN
from taskora.store.database import Reading, Row
from taskora.store.people import OF_SESSION
from taskora.store.tasks import LISTED, shown_of, texts

# What each key sorts by, never NULL, and the type its text is read back as. A day is due when it is over.
EXPRESSIONS: dict[SortKey, tuple[LiteralString, LiteralString]] = {
    SortKey.PRIORITY: ("array_position('{low,medium,high,urgent}', priority)", "integer"),
    SortKey.DUE_AT: (
        "coalesce(due_at, (due_date + 1)::timestamp AT TIME ZONE users.time_zone, 'infinity')",
        "timestamptz",
    ),
    SortKey.TITLE: ('title COLLATE "und-x-icu"', "text"),
    SortKey.STATUS: ("array_position('{todo,in_progress,done}', status)", "integer"),
    SortKey.POSITION: ("position", "double precision"),
    SortKey.CREATED_AT: ("created_at", "timestamptz"),
    SortKey.UPDATED_AT: ("updated_at", "timestamptz"),
    SortKey.COMPLETED_AT: ("coalesce(completed_at, 'infinity')", "timestamptz"),
    SortKey.DELETED_AT: ("coalesce(deleted_at, 'infinity')", "timestamptz"),
}
# One name a term: statements stay literal.
KEYS: tuple[LiteralString, ...] = ("key_0", "key_1", "key_2", "key_3")

# One statement, so that the items, the seq they are the state of, and who asks come from one snapshot.
HEAD = "SELECT found.*, users.id, users.seq FROM users LEFT JOIN LATERAL (SELECT" + LISTED  # noqa: S608
TAIL = " LIMIT %(limit)s) AS found ON true WHERE users.id = "

IN_LIST: LiteralString = "user_id = users.id AND deleted_at IS NULL"
IN_TRASH: LiteralString = "user_id = users.id AND deleted_at IS NOT NULL AND NOT withdrawn"
TAGGED: LiteralString = (
    "(SELECT coalesce(array_agg(name), '{}') FROM tags WHERE tags.user_id = users.id AND folded = ANY (%(tags)s))"
)
# Two names that are one tag count once; one that is no tag is on no task.
ALL_TAGS: LiteralString = "(tags @> " + TAGGED + " AND cardinality(" + TAGGED + ") = cardinality(%(tags)s))"
ANY_TAG: LiteralString = "tags && " + TAGGED
UNDATED: LiteralString = "due_at IS NULL AND due_date IS NULL"
DUE: LiteralString = """(
    due_at IS NOT NULL AND (%(from_at)s::timestamptz IS NULL OR due_at >= %(from_at)s)
        AND (%(to_at)s::timestamptz IS NULL OR due_at < %(to_at)s)
    OR due_date IS NOT NULL AND (%(from_day)s::date IS NULL OR due_date >= %(from_day)s)
        AND (%(to_day)s::date IS NULL OR due_date < %(to_day)s)
)"""
COUNTED = "SELECT count(*) AS found FROM users, LATERAL (SELECT FROM tasks WHERE "
UP_TO = " LIMIT %(most)s) AS one WHERE users.id = %(user_id)s"
STANDING = """
SELECT count(*) FILTER (WHERE parent_id IS NULL) AS inbox,
       count(*) FILTER (WHERE due_at < %(to_at)s OR due_date < %(to_day)s) AS today
FROM tasks WHERE user_id = %(user_id)s AND deleted_at IS NULL AND status <> 'done'
"""


@dataclass(frozen=True, slots=True)
class Key:
    """One term of an order: its name in the page's cursor, what it sorts by, as which type."""

    name: LiteralString
    sql: LiteralString
    kind: LiteralString
    descending: bool


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose tasks a list is of: SQL for their id, and its parameters."""

    sql: LiteralString
    parameters: Mapping[str, Any]


def of_user(user_id: UUID) -> Whose:
    return Whose("%(user_id)s", {"user_id": user_id})


def of_session(token_hash: bytes) -> Whose:
    """Those of whoever has this session, if it is live."""
    return Whose(OF_SESSION, {"token_hash": token_hash})


@dataclass(frozen=True, slots=True)
class Page:
    """Tasks as they are shown, the next page's cursor if there is one, whose they are, and the seq at that moment."""

    items: list[dict[str, Any]]
    next_cursor: str | None
    user_id: UUID
    seq: int


def keys_of(sort: Sequence[Order]) -> list[Key]:
    return [Key(KEYS[number], *EXPRESSIONS[order.key], order.descending) for number, order in enumerate(sort)]


async def counted(uow: Reading, user_id: UUID, *, wanted: Filter, most: int) -> int:
    """How many tasks a filter finds, counted up to `most`; of a search, those with its very words."""
    where, parameters = conditions(wanted)
    found = COUNTED + " AND ".join(where) + UP_TO
    row = await uow.row(found, {**parameters, "user_id": user_id, "most": most})
    return row["found"] if row else 0


async def standing(uow: Reading, user_id: UUID, *, today: Span) -> Row:
    """`inbox`: open tasks without their subtasks; `today`: the open ones that are due in that span."""
    row = await uow.row(STANDING, {"user_id": user_id, "to_at": today.to_at, "to_day": today.to_day})
    return row or {"inbox": 0, "today": 0}


async def listed(uow: Reading, whose: Whose, *, wanted: Filter) -> Page | None:
    """None: there is nobody. Raises `Invalid` for a cursor that was made up."""
    where, parameters = conditions(wanted)
    keys = keys_of(wanted.sort)
    if wanted.after:
        where.append(_beyond(keys))
        parameters |= dict(zip([key.name for key in keys], wanted.after, strict=False))
        parameters["after_id"] = cursors.an_id(wanted.after[-1])
    shown: list[LiteralString] = [", (" + key.sql + ")::text AS " + key.name for key in keys]
    order: list[LiteralString] = [key.sql + (" DESC" if key.descending else "") for key in keys]
    body = "".join(shown) + " FROM tasks WHERE " + " AND ".join(where) + " ORDER BY " + ", ".join([*order, "id DESC"])
    parameters |= {**whose.parameters, "limit": wanted.limit + 1}
    try:
        rows = await uow.tuples(HEAD + body + TAIL + whose.sql, parameters, prepared=True)
    except psycopg.DataError as error:  # all but a cursor's keys was checked before
        raise cursors.unknown() from error
    return page(rows, wanted.limit, ",".join(map(str, wanted.sort)))


def page(rows: Sequence[Sequence[Any]], limit: int, *order: str) -> Page | None:
    """Of rows as `HEAD` and `TAIL` give them, one more than `limit` where there are more.

    A cursor says the `order`, what else was selected of its row, and the row's id.
    """
    if not rows:
        return None
    found = [row for row in rows if row[0] is not None]
    cursor = None
    if len(found) > limit:
        last = found[limit - 1]
        cursor = cursors.encode(*order, *last[len(SHOWN) : -2], last[0])
    return Page([shown_of(row) for row in found[:limit]], cursor, *rows[0][-2:])


def conditions(wanted: Filter) -> tuple[list[LiteralString], dict[str, Any]]:
    """What a task must be, over `tasks` beside `users`, and the parameters of that."""
    where: list[LiteralString] = [IN_TRASH if wanted.trashed else IN_LIST]
    parameters: dict[str, Any] = {}
    if wanted.status:
        where.append("status = ANY (%(status)s)")
        parameters["status"] = texts(wanted.status)
    if wanted.priority:
        where.append("priority = ANY (%(priority)s)")
        parameters["priority"] = texts(wanted.priority)
    if wanted.tags:
        where.append(ANY_TAG if wanted.tag_mode == "any" else ALL_TAGS)
        parameters["tags"] = sorted({tag.casefold() for tag in wanted.tags})
    if wanted.parent_id is not None:
        where.append("parent_id = %(parent_id)s")
        parameters["parent_id"] = wanted.parent_id
    if wanted.search is not None:
        where.append("search @@ to_tsquery('simple', %(query)s)" if wanted.search else "false")
        parameters["query"] = wanted.search.tsquery
    if wanted.due is not None:
        where.append(UNDATED if wanted.due.undated else DUE)
        parameters |= _bounds(wanted.due)
    return where, parameters


def _bounds(span: Span) -> dict[str, Any]:
    return {"from_at": span.from_at, "to_at": span.to_at, "from_day": span.from_day, "to_day": span.to_day}


def _beyond(keys: Sequence[Key]) -> LiteralString:
    """What comes after the row with these keys: further by the first that differs, by the id when none does."""
    terms: list[LiteralString] = []
    equal: list[LiteralString] = []
    for key in keys:
        value = "%(" + key.name + ")s::" + key.kind
        terms.append(" AND ".join([*equal, key.sql + (" < " if key.descending else " > ") + value]))
        equal.append(key.sql + " = " + value)
    terms.append(" AND ".join([*equal, "id < %(after_id)s"]))
    return "(" + " OR ".join(terms) + ")"
