"""Statements about what was said in the chat."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from taskora.encoding import to_json
from taskora.store.database import Reading, Row, Writing

BEGIN = """
INSERT INTO conversations (id, user_id, created_at, updated_at) VALUES (%(id)s, %(user_id)s, %(now)s, %(now)s)
"""
# The last thing that was answered, which is what is being talked about.
LAST = """
SELECT conversations.id, coalesce(max_no, 0) AS no, data
FROM conversations LEFT JOIN LATERAL (
    SELECT max(no) AS max_no, (array_agg(data ORDER BY no DESC) FILTER (WHERE role = 'assistant'))[1] AS data
    FROM messages WHERE conversation_id = conversations.id
) AS said ON true
WHERE conversations.id = %(id)s AND user_id = %(user_id)s
"""
SAY = """
WITH moved AS (
    UPDATE conversations SET updated_at = %(now)s WHERE id = %(conversation_id)s
)
INSERT INTO messages (conversation_id, no, role, text, data, created_at)
VALUES (%(conversation_id)s, %(no)s, %(role)s, %(text)s, %(data)s::jsonb, %(now)s)
"""
LISTED = """
SELECT id, updated_at, coalesce(left(text, 200), '') AS title
FROM conversations LEFT JOIN messages ON conversation_id = id AND no = 1
WHERE user_id = %(user_id)s ORDER BY updated_at DESC LIMIT %(limit)s
"""
SAID = """
SELECT no, role, text, messages.created_at, coalesce(data->'tasks', '[]') AS tasks
FROM messages JOIN conversations ON conversations.id = conversation_id
WHERE conversation_id = %(id)s AND user_id = %(user_id)s
ORDER BY no DESC LIMIT %(limit)s
"""


async def begin(uow: Writing, conversation_id: UUID, *, user_id: UUID, now: datetime) -> None:
    await uow.rows(BEGIN, {"id": conversation_id, "user_id": user_id, "now": now})


async def last(uow: Reading, conversation_id: UUID, *, user_id: UUID) -> Row | None:
    """`no` of the last message, `data` of the last answer (None: nothing was said); None for no such conversation."""
    return await uow.row(LAST, {"id": conversation_id, "user_id": user_id})


async def say(
    uow: Writing, conversation_id: UUID, *, no: int, role: str, text: str, data: Mapping[str, Any], now: datetime
) -> None:
    await uow.rows(
        SAY,
        {
            "conversation_id": conversation_id,
            "no": no,
            "role": role,
            "text": text,
            "data": to_json(data).decode(),
            "now": now,
        },
    )


async def said(uow: Reading, conversation_id: UUID, *, user_id: UUID, limit: int) -> list[Row]:
    """The latest first."""
    return await uow.rows(SAID, {"id": conversation_id, "user_id": user_id, "limit": limit})


async def listed(uow: Reading, user_id: UUID, *, limit: int) -> list[Row]:
    """The latest first, each with how it began."""
    return await uow.rows(LISTED, {"user_id": user_id, "limit": limit})
