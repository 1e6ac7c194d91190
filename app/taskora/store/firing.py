"""Statements of the scheduler: whose time has come, and the claim of it. The database's clock decides.

Candidates are listed without locks. What is done about a user's is done under the lock on their row, and is looked at
again there: any number of schedulers may list the same.
"""

from collections.abc import Collection
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from taskora.store.database import Reading, Row, Writing

# Also those whose time comes within `ahead` seconds: the caller waits for them.
TO_REMIND = """
SELECT user_id, extract(epoch FROM min(fire_at) - clock_timestamp())::float8 AS seconds FROM (
    SELECT user_id, fire_at FROM reminders
    WHERE state = 'waiting' AND fire_at <= clock_timestamp() + make_interval(secs => %(ahead)s)
      AND user_id <> ALL (%(without)s)
    ORDER BY fire_at LIMIT %(limit)s
) AS due GROUP BY user_id
"""
TO_CONTINUE = """
SELECT user_id, extract(epoch FROM min(due_at) - clock_timestamp())::float8 AS seconds FROM (
    SELECT user_id, due_at FROM recurrence_due
    WHERE due_at <= clock_timestamp() + make_interval(secs => %(ahead)s) AND user_id <> ALL (%(without)s)
    ORDER BY due_at LIMIT %(limit)s
) AS due GROUP BY user_id
"""
REMINDERS = """
SELECT reminders.id, task_id, at, minutes_before, generation, fire_at, state, snoozed, title, due_at, due_date,
       greatest(fire_at, tasks.updated_at) AS owed, clock_timestamp() AS now
FROM reminders JOIN tasks ON tasks.id = task_id
WHERE reminders.user_id = %(user_id)s AND state = 'waiting' AND fire_at <= clock_timestamp()
ORDER BY fire_at, reminders.id LIMIT %(limit)s
"""
CLAIM = """
UPDATE reminders SET state = 'fired', fired_at = clock_timestamp()
FROM unnest(%(ids)s::uuid[], %(generations)s::int[]) AS due (id, generation)
WHERE reminders.id = due.id AND reminders.generation = due.generation AND state = 'waiting'
RETURNING reminders.id
"""
SERIES = """
SELECT series_id, occurrence_no, task_id, due_at, clock_timestamp() AS now FROM recurrence_due
WHERE user_id = %(user_id)s AND due_at <= clock_timestamp()
ORDER BY due_at, series_id LIMIT %(limit)s
"""
KEPT = "DELETE FROM recurrence_due WHERE series_id = %(series_id)s AND occurrence_no = %(number)s"
POSTPONE = """
UPDATE recurrence_due SET due_at = %(due_at)s WHERE series_id = %(series_id)s AND occurrence_no = %(number)s
"""


async def to_remind(uow: Reading, *, ahead: float, limit: int, without: Collection[UUID] = ()) -> dict[UUID, float]:
    """Users with a reminder due within `ahead` seconds, and in how many seconds (negative: so late already)."""
    return await _listed(uow, TO_REMIND, ahead=ahead, limit=limit, without=without)


async def to_continue(uow: Reading, *, ahead: float, limit: int, without: Collection[UUID] = ()) -> dict[UUID, float]:
    """The same, of users with a series whose next task is to be made."""
    return await _listed(uow, TO_CONTINUE, ahead=ahead, limit=limit, without=without)


async def _listed(
    uow: Reading, sql: LiteralString, *, ahead: float, limit: int, without: Collection[UUID]
) -> dict[UUID, float]:
    rows = await uow.rows(sql, {"ahead": ahead, "limit": limit, "without": list(without)})
    return {row["user_id"]: row["seconds"] for row in rows}


async def reminders_due(uow: Writing, user_id: UUID, *, limit: int) -> list[Row]:
    """What `store.reminders.timing_of` reads, with the task's `title`, `due_at`, `due_date`, the time it is, and since
    when the reminder is `owed`: one that was set for a time that had passed is not late for that."""
    return await uow.rows(REMINDERS, {"user_id": user_id, "limit": limit})


async def claim(uow: Writing, due: Collection[tuple[UUID, int]]) -> set[UUID]:
    """Turn (reminder, generation) from waiting to fired; those that were still waiting."""
    given = {"ids": [one for one, _ in due], "generations": [generation for _, generation in due]}
    return {row["id"] for row in await uow.rows(CLAIM, given)}


async def series_due(uow: Writing, user_id: UUID, *, limit: int) -> list[Row]:
    """`series_id`, `occurrence_no` (the number to make), `task_id` (the one before), `due_at`, and the time it is."""
    return await uow.rows(SERIES, {"user_id": user_id, "limit": limit})


async def kept(uow: Writing, series_id: UUID, *, number: int) -> None:
    """The promise of this occurrence is kept, or has nothing left to keep."""
    await uow.rows(KEPT, {"series_id": series_id, "number": number})


async def postpone(uow: Writing, series_id: UUID, *, number: int, due_at: datetime) -> None:
    await uow.rows(POSTPONE, {"series_id": series_id, "number": number, "due_at": due_at})
