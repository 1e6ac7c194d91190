"""Statements about the sessions of one person, as they see them: browsers and tokens."""

from datetime import datetime
from uuid import UUID

from taskora.domain.people import SessionKind
from taskora.store.database import Reading, Row, Writing

LISTED = """
SELECT id, label, created_at, expires_at, token_hash = %(token_hash)s AS current FROM sessions
WHERE user_id = %(user_id)s AND kind = %(kind)s AND revoked_at IS NULL AND expires_at > now()
ORDER BY created_at DESC, id
"""
END = """
UPDATE sessions SET revoked_at = %(now)s
WHERE user_id = %(user_id)s AND kind = %(kind)s AND id = %(id)s AND revoked_at IS NULL RETURNING id
"""
END_OTHERS = """
UPDATE sessions SET revoked_at = %(now)s
WHERE user_id = %(user_id)s AND revoked_at IS NULL AND token_hash <> %(but)s
  AND (%(kind)s::text IS NULL OR kind = %(kind)s)
"""
COUNT = """
SELECT count(*) AS live FROM sessions
WHERE user_id = %(user_id)s AND kind = %(kind)s AND revoked_at IS NULL AND expires_at > now()
"""


async def listed(uow: Reading, user_id: UUID, *, kind: SessionKind, token_hash: bytes) -> list[Row]:
    """The live ones, the latest first: `id`, `label`, `created_at`, `expires_at`, `current`."""
    return await uow.rows(LISTED, {"user_id": user_id, "kind": kind.value, "token_hash": token_hash})


async def end(uow: Writing, user_id: UUID, *, kind: SessionKind, session_id: UUID, now: datetime) -> bool:
    """False when there is no such live session."""
    return await uow.row(END, {"user_id": user_id, "kind": kind.value, "id": session_id, "now": now}) is not None


async def end_others(
    uow: Writing, user_id: UUID, *, but: bytes, now: datetime, kind: SessionKind | None = None
) -> None:
    """All (of one kind, when given) but the one with this hash."""
    await uow.rows(
        END_OTHERS, {"user_id": user_id, "but": but, "now": now, "kind": kind.value if kind is not None else None}
    )


async def count(uow: Reading, user_id: UUID, *, kind: SessionKind) -> int:
    row = await uow.row(COUNT, {"user_id": user_id, "kind": kind.value})
    return row["live"] if row else 0
