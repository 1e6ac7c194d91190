"""What an administrator watches: events of the system, alerts, what may train the chat."""

from typing import Any
from uuid import UUID

from taskora.store.database import Reading, Row

EVENTS = """
SELECT id, role, type, occurred_at, data FROM system_events
WHERE (%(role)s::text IS NULL OR role = %(role)s)
  AND (%(at)s::timestamptz IS NULL OR (occurred_at, id) < (%(at)s, %(after)s::uuid))
ORDER BY occurred_at DESC, id DESC LIMIT %(limit)s
"""
ALERTS = """
SELECT id, rule, subject, severity, message, count, first_at, last_at, resolved_at FROM alerts
WHERE (NOT %(open)s OR resolved_at IS NULL)
  AND (%(at)s::timestamptz IS NULL OR (last_at, id) < (%(at)s, %(after)s::uuid))
ORDER BY last_at DESC, id DESC LIMIT %(limit)s
"""
# Whoever took their consent back is not in it, whatever is still there.
SAMPLES = """
SELECT training_samples.id, conversation_id, role, text, data, training_samples.created_at FROM training_samples
JOIN users ON users.id = user_id AND training_consent_at IS NOT NULL
WHERE %(after)s::uuid IS NULL OR training_samples.id > %(after)s
ORDER BY training_samples.id LIMIT %(limit)s
"""


async def events(uow: Reading, *, role: str | None, after: tuple[str, UUID] | None, limit: int) -> list[Row]:
    """The latest first."""
    return await uow.rows(EVENTS, {"role": role, **_after(after), "limit": limit})


async def alerts(uow: Reading, *, only_open: bool, after: tuple[str, UUID] | None, limit: int) -> list[Row]:
    """The latest first."""
    return await uow.rows(ALERTS, {"open": only_open, **_after(after), "limit": limit})


async def samples(uow: Reading, *, after: UUID | None, limit: int) -> list[Row]:
    """The oldest first, of nobody by name."""
    return await uow.rows(SAMPLES, {"after": after, "limit": limit})


def _after(after: tuple[str, UUID] | None) -> dict[str, Any]:
    at, last = after or (None, None)
    return {"at": at, "after": last}
