"""Statements about dead letters: what a consumer could not take, as it came."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from taskora.store.database import Reading, Writing

LISTED = """
SELECT id, consumer, topic, event_id, reason, body, state, created_at FROM dead_letters
WHERE (%(state)s::text IS NULL OR state = %(state)s) AND (%(after)s::uuid IS NULL OR id < %(after)s)
ORDER BY id DESC LIMIT %(limit)s
"""
FIND = "SELECT id, consumer, topic, event_id, reason, body, state, created_at FROM dead_letters WHERE id = %(id)s"
LOCK = FIND + " FOR UPDATE"
RESOLVE = "UPDATE dead_letters SET state = %(state)s WHERE id = %(id)s"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`event_id` is None where the body could not be read as an event. `state`: open, replayed or discarded."""

    id: UUID
    consumer: str
    topic: str
    event_id: UUID | None
    reason: str
    body: bytes
    state: str
    created_at: datetime


async def listed(uow: Reading, *, state: str | None, after: UUID | None, limit: int) -> list[DeadLetter]:
    """The newest first; `after` is the last that was seen."""
    rows = await uow.rows(LISTED, {"state": state, "after": after, "limit": limit})
    return [DeadLetter(**row) for row in rows]


async def find(uow: Reading, letter_id: UUID) -> DeadLetter | None:
    row = await uow.row(FIND, {"id": letter_id})
    return DeadLetter(**row) if row else None


async def lock(uow: Writing, letter_id: UUID) -> DeadLetter | None:
    """The same, held until the transaction ends."""
    row = await uow.row(LOCK, {"id": letter_id})
    return DeadLetter(**row) if row else None


async def resolve(uow: Writing, letter_id: UUID, *, state: str) -> None:
    await uow.rows(RESOLVE, {"id": letter_id, "state": state})
