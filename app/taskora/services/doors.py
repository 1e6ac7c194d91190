"""The ways in: passwords tried, set and reset, tokens made, sessions ended. Guessing is slowed down by address."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from taskora import clock
from taskora.domain import people
from taskora.domain.people import Session, SessionKind, User
from taskora.domain.problems import Conflict, NotFound, TooMany
from taskora.services.accounts import tell, token_hash
from taskora.store import attempts, sessions
from taskora.store import people as stored
from taskora.store.database import Reading, Row, Writing

# So many wrong passwords for one address within so many seconds; the right one begins anew.
TRIES_MOST = 10
TRIES_WINDOW = 300
TOKENS_MOST = 50
RESET_LIFE = timedelta(hours=24)


def _address_key(email: str) -> str:
    """By the address as it is written once, whether or not somebody has it; the table tells nobody who was tried."""
    try:
        email = people.normal_email(email)
    except ValueError:
        email = email[:254].lower()
    return "sign-in/" + hashlib.sha256(email.encode("utf-8", "surrogatepass")).hexdigest()


async def count_try(uow: Reading, email: str) -> None:
    """Before a password is looked at. Raises `TooMany`."""
    count, left = await attempts.tried(uow, _address_key(email), window=TRIES_WINDOW)
    if count > TRIES_MOST:
        raise TooMany(
            "Too many wrong passwords for this address; wait, or ask your administrator for a new one.",
            retry_after=max(1, left),
        )


async def forget_tries(uow: Reading, email: str) -> None:
    await attempts.forget(uow, _address_key(email))


async def password_hash(uow: Reading, user: User) -> str | None:
    found = await stored.credentials(uow, user.email)
    return found[1] if found else None


async def set_password(uow: Writing, user: User, *, password_hash: str, but: str = "") -> None:
    """Every session but the one with token `but` ends with the old password."""
    now = clock.now()
    await stored.set_password(uow, user.id, password_hash=password_hash)
    await sessions.end_others(uow, user.id, but=token_hash(but), now=now)
    await tell(uow, user.id, "password_changed", now=now)


async def make_reset(uow: Writing, *, user_id: UUID) -> tuple[str, datetime]:
    """A secret with which a person sets a new password, once. Raises `NotFound`."""
    if await stored.find(uow, user_id) is None:
        raise NotFound("There is no such user.")
    now = clock.now()
    token = secrets.token_urlsafe(32)
    await stored.add_reset(uow, token_hash(token), user_id=user_id, now=now, expires_at=now + RESET_LIFE)
    return token, now + RESET_LIFE


async def reset_owner(uow: Reading, token: str) -> User:
    """Whose reset it is. Raises `NotFound` for one that was used, has ended, or never was."""
    user = await stored.reset_owner(uow, token_hash(token))
    if user is None:
        raise NotFound("This link was used already or has ended; ask your administrator for another.")
    return user


async def use_reset(uow: Writing, *, token: str, password_hash: str) -> None:
    """Raises `NotFound` like `reset_owner`: of two that use it at once, one does."""
    user_id = await stored.use_reset(uow, token_hash(token), now=clock.now())
    user = await stored.find(uow, user_id) if user_id else None
    if user is None:
        raise NotFound("This link was used already or has ended; ask your administrator for another.")
    await set_password(uow, user, password_hash=password_hash)
    await forget_tries(uow, user.email)


async def make_token(uow: Writing, user: User, *, label: str, days: int) -> dict[str, Any]:
    """A personal token. Its secret is in this answer and nowhere else."""
    if await sessions.count(uow, user.id, kind=SessionKind.TOKEN) >= TOKENS_MOST:
        raise Conflict(f"There are {TOKENS_MOST} tokens already; delete some first.")
    now = clock.now()
    session = Session(secrets.token_urlsafe(32), now + timedelta(days=days))
    session_id = clock.new_id()
    await stored.add_session(
        uow,
        token_hash(session.token),
        user_id=user.id,
        kind=SessionKind.TOKEN,
        now=now,
        expires_at=session.expires_at,
        label=label,
        session_id=session_id,
    )
    await tell(uow, user.id, "signed_in", now=now, kind=SessionKind.TOKEN.value)
    return {
        "id": session_id,
        "label": label,
        "created_at": now,
        "expires_at": session.expires_at,
        "current": False,
        "token": session.token,
    }


async def listed(uow: Reading, user: User, *, kind: SessionKind, token: str) -> list[Row]:
    return await sessions.listed(uow, user.id, kind=kind, token_hash=token_hash(token))


async def end(uow: Writing, user: User, *, kind: SessionKind, session_id: UUID) -> None:
    """Raises `NotFound`."""
    if not await sessions.end(uow, user.id, kind=kind, session_id=session_id, now=clock.now()):
        raise NotFound("There is no such session, or it has ended.")
    await tell(uow, user.id, "signed_out", now=clock.now())


async def end_others(uow: Writing, user: User, *, token: str) -> None:
    """All browsers but this one."""
    now = clock.now()
    await sessions.end_others(uow, user.id, but=token_hash(token), now=now, kind=SessionKind.BROWSER)
    await tell(uow, user.id, "signed_out", now=now)
