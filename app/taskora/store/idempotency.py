"""Answers kept for a week under the caller's Idempotency-Key."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from taskora.store.database import Reading, Writing

FIND = "SELECT fingerprint, status, etag, body FROM idempotency WHERE user_id = %(user_id)s AND key = %(key)s"
KEEP = """
INSERT INTO idempotency (user_id, key, fingerprint, status, etag, body, created_at)
VALUES (%(user_id)s, %(key)s, %(fingerprint)s, %(status)s, %(etag)s, %(body)s, %(now)s)
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is JSON text; `fingerprint` the SHA-256 of the request it answered."""

    fingerprint: bytes
    status: int
    etag: str | None
    body: str


async def find(uow: Reading, user_id: UUID, *, key: str) -> Answer | None:
    row = await uow.row(FIND, {"user_id": user_id, "key": key}, prepared=True)
    return Answer(**row) if row else None


async def keep(uow: Writing, user_id: UUID, *, key: str, answer: Answer, now: datetime) -> None:
    await uow.rows(
        KEEP,
        {
            "user_id": user_id,
            "key": key,
            "fingerprint": answer.fingerprint,
            "status": answer.status,
            "etag": answer.etag,
            "body": answer.body,
            "now": now,
        },
        prepared=True,
    )
