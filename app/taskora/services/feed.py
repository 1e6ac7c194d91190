"""What changed since: the feed of one user, and the heads of many."""

from collections.abc import Sequence
from typing import Any

from taskora.domain.events import Topic, as_change
from taskora.domain.people import User
from taskora.domain.problems import Gone
from taskora.store import outbox, people
from taskora.store.database import Reading

PAGE = 500


async def changes(uow: Reading, user: User, *, since: int) -> tuple[list[dict[str, Any]], int]:
    """Up to `PAGE` changes after `since` in order, and the seq up to which they lead.

    Raises `Gone`, with the seq to load everything at, when the feed no longer (or, after a restore of the database,
    not yet) reaches back to `since`.
    """
    events, seq, floor = await outbox.feed(uow, user.id, since=since, limit=PAGE)
    if not floor <= since <= seq:
        raise Gone(f"The feed holds changes {floor} to {seq}: load everything again.", extra={"seq": seq})
    items = [as_change(event) for event in events]
    return items, items[-1]["seq"] if len(items) == PAGE else seq


async def heads(uow: Reading, *, sessions: Sequence[bytes]) -> tuple[dict[str, int], list[str], float]:
    """Each live session's user and seq; the hashes of those that are not live; how late task events are."""
    rows = await people.heads(uow, sessions)
    live = {str(row["id"]): int(row["seq"]) for row in rows if row["id"] is not None}
    revoked = [bytes(row["hash"]).hex() for row in rows if row["id"] is None]
    lags = await outbox.lag(uow, [Topic.TASK.value])
    return live, revoked, lags[Topic.TASK]
