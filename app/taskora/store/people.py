"""Statements about people and their sessions. A token is found by its SHA-256; the token itself is nowhere."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from taskora.domain.people import DEFAULTS, Preferences, SessionKind, User
from taskora.store.database import Reading, Row, Writing

USER: LiteralString = """
SELECT id, email, display_name, time_zone, is_admin, seq, preferences, training_consent_at FROM users WHERE
"""
# Whose session has the token with this hash, if it is neither revoked nor over.
OF_SESSION: LiteralString = """
(SELECT user_id FROM sessions WHERE token_hash = %(token_hash)s AND revoked_at IS NULL AND expires_at > now())
"""
SIGNED_IN = USER + "id = " + OF_SESSION
SIGNED_IN_AND_LOCKED = SIGNED_IN + "FOR NO KEY UPDATE"
FIND = USER + "id = %(id)s"
LOCK = FIND + " FOR NO KEY UPDATE"
# Who is at work for this user just now is not waited for: the caller comes by again.
HELD = LOCK + " SKIP LOCKED"
OF_CALENDAR = USER + "calendar_hash = %(hash)s"
LISTED = """
SELECT id, email, display_name, is_admin, created_at,
       (SELECT max(sessions.created_at) FROM sessions WHERE user_id = users.id) AS signed_in_at
FROM users WHERE %(after)s::uuid IS NULL OR id < %(after)s
ORDER BY id DESC LIMIT %(limit)s
"""
RESET_OWNER = """
SELECT users.id, email, display_name, time_zone, is_admin, seq, preferences, training_consent_at
FROM password_resets JOIN users ON users.id = user_id
WHERE token_hash = %(hash)s AND used_at IS NULL AND expires_at > now()
"""
USE_RESET = """
UPDATE password_resets SET used_at = %(now)s
WHERE token_hash = %(hash)s AND used_at IS NULL AND expires_at > now() RETURNING user_id
"""
OTHER_ADMINISTRATORS = "SELECT EXISTS (SELECT FROM users WHERE is_admin AND id <> %(id)s) AS any"
ERASE: tuple[LiteralString, ...] = (
    "DELETE FROM users WHERE id = %(id)s",
    "DELETE FROM outbox WHERE user_id = %(id)s AND published_at IS NOT NULL",
    "DELETE FROM activity WHERE subject = %(id)s::uuid::text",
    "UPDATE dead_letters SET body = '', state = 'discarded', resolved_at = now() WHERE user_id = %(id)s",
)
CREDENTIALS = """
SELECT id, email, display_name, time_zone, is_admin, seq, preferences, training_consent_at, password_hash
FROM users WHERE email = %(email)s
"""
ADD = """
INSERT INTO users (id, email, display_name, password_hash, time_zone, is_admin, created_at)
VALUES (%(id)s, %(email)s, %(display_name)s, %(password_hash)s, %(time_zone)s, %(is_admin)s, %(now)s)
ON CONFLICT (email) DO NOTHING RETURNING id
"""
UPDATE = """
UPDATE users SET display_name = %(display_name)s, time_zone = %(time_zone)s, preferences = %(preferences)s,
    training_consent_at = %(training_consent_at)s
WHERE id = %(id)s
"""
SET_PASSWORD = "UPDATE users SET password_hash = %(hash)s WHERE id = %(id)s"  # noqa: S105 -- a statement
SET_CALENDAR = "UPDATE users SET calendar_hash = %(hash)s WHERE id = %(id)s"
MAKE_ADMINISTRATOR = "UPDATE users SET is_admin = true WHERE email = %(email)s"
FORGET_TRAINING = "DELETE FROM training_samples WHERE user_id = %(id)s"
ADD_RESET = """
INSERT INTO password_resets (token_hash, user_id, created_at, expires_at)
VALUES (%(hash)s, %(user_id)s, %(now)s, %(expires_at)s)
"""
ADD_SESSION = """
INSERT INTO sessions (token_hash, id, user_id, kind, label, created_at, expires_at)
VALUES (%(hash)s, coalesce(%(id)s, gen_random_uuid()), %(user_id)s, %(kind)s, %(label)s, %(now)s, %(expires_at)s)
"""
REVOKE_SESSION = "UPDATE sessions SET revoked_at = %(now)s WHERE token_hash = %(hash)s AND revoked_at IS NULL"
HEADS = """
SELECT asked.hash, users.id, users.seq
FROM unnest(%(hashes)s::bytea[]) AS asked (hash)
LEFT JOIN sessions ON token_hash = asked.hash AND revoked_at IS NULL AND expires_at > now()
LEFT JOIN users ON users.id = user_id
"""


async def signed_in(uow: Reading, token_hash: bytes) -> User | None:
    """Whose live session this is."""
    row = await uow.row(SIGNED_IN, {"token_hash": token_hash}, prepared=True)
    return _user(row) if row else None


async def signed_in_and_locked(uow: Writing, token_hash: bytes) -> User | None:
    """The same, holding the user's row until the transaction ends: every write begins here."""
    row = await uow.row(SIGNED_IN_AND_LOCKED, {"token_hash": token_hash}, prepared=True)
    return _user(row) if row else None


async def held(uow: Writing, user_id: UUID) -> User | None:
    """The user, holding their row until the transaction ends; None when they are gone, or somebody else holds it."""
    row = await uow.row(HELD, {"id": user_id})
    return _user(row) if row else None


async def credentials(uow: Reading, email: str) -> tuple[User, str] | None:
    """The user with this address and their password's hash."""
    row = await uow.row(CREDENTIALS, {"email": email})
    if row is None:
        return None
    password_hash: str = row.pop("password_hash")
    return _user(row), password_hash


async def add(uow: Writing, user: User, *, password_hash: str, now: datetime) -> bool:
    """False when the address is taken."""
    values = {
        "id": user.id,
        "email": user.email,
        "display_name": user.display_name,
        "password_hash": password_hash,
        "time_zone": user.time_zone,
        "is_admin": user.is_admin,
        "now": now,
    }
    return await uow.row(ADD, values) is not None


async def update(uow: Writing, user: User) -> None:
    values = {
        "id": user.id,
        "display_name": user.display_name,
        "time_zone": user.time_zone,
        "preferences": user.preferences.model_dump_json(exclude_defaults=True),
        "training_consent_at": user.training_consent_at,
    }
    await uow.rows(UPDATE, values)


async def find(uow: Reading, user_id: UUID) -> User | None:
    row = await uow.row(FIND, {"id": user_id})
    return _user(row) if row else None


async def lock(uow: Writing, user_id: UUID) -> User | None:
    """The user, whose row is held until the transaction ends."""
    row = await uow.row(LOCK, {"id": user_id})
    return _user(row) if row else None


async def listed(uow: Reading, *, after: UUID | None, limit: int) -> list[Row]:
    """The latest first: `id`, `email`, `display_name`, `is_admin`, `created_at`, `signed_in_at`."""
    return await uow.rows(LISTED, {"after": after, "limit": limit})


async def set_password(uow: Writing, user_id: UUID, *, password_hash: str) -> None:
    await uow.rows(SET_PASSWORD, {"id": user_id, "hash": password_hash})


async def set_calendar(uow: Writing, user_id: UUID, *, secret_hash: bytes | None) -> None:
    await uow.rows(SET_CALENDAR, {"id": user_id, "hash": secret_hash})


async def of_calendar(uow: Reading, secret_hash: bytes) -> User | None:
    """Whose calendar feed has this secret."""
    row = await uow.row(OF_CALENDAR, {"hash": secret_hash})
    return _user(row) if row else None


async def add_reset(uow: Writing, token_hash: bytes, *, user_id: UUID, now: datetime, expires_at: datetime) -> None:
    await uow.rows(ADD_RESET, {"hash": token_hash, "user_id": user_id, "now": now, "expires_at": expires_at})


async def reset_owner(uow: Reading, token_hash: bytes) -> User | None:
    row = await uow.row(RESET_OWNER, {"hash": token_hash})
    return _user(row) if row else None


async def use_reset(uow: Writing, token_hash: bytes, *, now: datetime) -> UUID | None:
    """Whose it was; None when it was used, or has ended."""
    row = await uow.row(USE_RESET, {"hash": token_hash, "now": now})
    return row["user_id"] if row else None


async def other_administrators(uow: Reading, user_id: UUID) -> bool:
    row = await uow.row(OTHER_ADMINISTRATORS, {"id": user_id})
    return bool(row and row["any"])


async def erase(uow: Writing, user_id: UUID) -> None:
    """The row, and so all that hangs on it; what was published; what dead letters and counts say of them."""
    for statement in ERASE:
        await uow.rows(statement, {"id": user_id})


async def forget_training(uow: Writing, user_id: UUID) -> None:
    await uow.rows(FORGET_TRAINING, {"id": user_id})


async def make_administrator(uow: Writing, email: str) -> None:
    await uow.rows(MAKE_ADMINISTRATOR, {"email": email})


async def add_session(
    uow: Writing,
    token_hash: bytes,
    *,
    user_id: UUID,
    kind: SessionKind,
    now: datetime,
    expires_at: datetime,
    label: str = "",
    session_id: UUID | None = None,
) -> None:
    values = {
        "hash": token_hash,
        "id": session_id,
        "user_id": user_id,
        "kind": kind.value,
        "label": label,
        "now": now,
        "expires_at": expires_at,
    }
    await uow.rows(ADD_SESSION, values)


async def revoke_session(uow: Writing, token_hash: bytes, *, now: datetime) -> None:
    await uow.rows(REVOKE_SESSION, {"hash": token_hash, "now": now})


async def heads(uow: Reading, hashes: Sequence[bytes]) -> list[Row]:
    """For each hash: `hash`, and the user's `id` and `seq`, both None when the session is not live."""
    return await uow.rows(HEADS, {"hashes": list(hashes)})


def _user(row: Row) -> User:
    preferences = row.pop("preferences")
    return User(**row, preferences=Preferences.model_validate(preferences) if preferences else DEFAULTS)
