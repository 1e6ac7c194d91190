"""Accounts and sessions: who may come in, and who it was."""

import hashlib
import secrets
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from taskora import clock, telemetry
from taskora.domain import people
from taskora.domain.events import NewEvent, Topic
from taskora.domain.people import Profile, Session, SessionKind, User
from taskora.domain.problems import Conflict, Forbidden, Invalid, NotFound, NotSignedIn
from taskora.services import reminders
from taskora.store import chains, outbox
from taskora.store import people as stored
from taskora.store.database import Reading, Row, Writing


def token_hash(token: str) -> bytes:
    """What is kept of a session's secret."""
    return hashlib.sha256(token.encode()).digest()


def check_password(password: str, *, email: str) -> None:
    """Raises `Invalid` with a sentence for each fault."""
    if faults := people.password_faults(password, email=email):
        raise Invalid(
            "This password is not accepted.", errors=[{"field": "password", "message": fault} for fault in faults]
        )


async def register(
    uow: Writing,
    *,
    email: str,
    display_name: str,
    time_zone: str,
    password_hash: str,
    is_admin: bool = False,
) -> User:
    """Raises `Conflict` when the address has an account."""
    now = clock.now()
    user = User(clock.new_id(), email, display_name, time_zone, is_admin, seq=0)
    if not await stored.add(uow, user, password_hash=password_hash, now=now):
        raise Conflict("This email address has an account already; sign in instead.")
    await chains.add_key(uow, user.id, key=secrets.token_bytes(32))
    await tell(uow, user.id, "registered", now=now, display_name=display_name, time_zone=time_zone)
    return user


async def credentials(uow: Reading, email: str) -> tuple[User, str] | None:
    """The user with this address, however it was typed, and their password's hash."""
    try:
        return await stored.credentials(uow, people.normal_email(email))
    except ValueError:
        return None


async def open_session(uow: Writing, user: User, *, kind: SessionKind, label: str = "") -> Session:
    now = clock.now()
    life = people.SESSION_LIFE if kind is SessionKind.BROWSER else people.TOKEN_LIFE
    session = Session(secrets.token_urlsafe(32), now + life)
    await stored.add_session(
        uow, token_hash(session.token), user_id=user.id, kind=kind, now=now, expires_at=session.expires_at, label=label
    )
    await tell(uow, user.id, "signed_in", now=now, kind=kind.value)
    return session


async def close_session(uow: Writing, user: User, *, token: str) -> None:
    now = clock.now()
    await stored.revoke_session(uow, token_hash(token), now=now)
    await tell(uow, user.id, "signed_out", now=now)


async def signed_in(uow: Reading, token: str | None) -> User:
    """Whose session `token` is. Raises `NotSignedIn`."""
    return _recognised(await stored.signed_in(uow, token_hash(token or "")))


async def signed_in_to_write(uow: Writing, token: str | None) -> User:
    """The same, with the user's row locked until the transaction ends: every write begins here."""
    return _recognised(await stored.signed_in_and_locked(uow, token_hash(token or "")))


async def update(uow: Writing, user: User, *, patch: Profile) -> User:
    """What a person says about themselves. What counts from their clock is counted again."""
    now = clock.now()
    given = patch.model_dump(exclude_unset=True, exclude={"preferences", "training_consent"})
    preferences = user.preferences
    if patch.preferences is not None:
        preferences = preferences.model_copy(
            update={name: getattr(patch.preferences, name) for name in patch.preferences.model_fields_set}
        )
    consent = user.training_consent_at
    if "training_consent" in patch.model_fields_set:
        consent = (consent or now) if patch.training_consent else None
    new = replace(user, **given, preferences=preferences, training_consent_at=consent)
    if new == user:
        return user
    await stored.update(uow, new)
    if consent is None and user.training_consent_at is not None:
        await stored.forget_training(uow, user.id)
    if (new.time_zone, preferences.all_day_at) != (user.time_zone, user.preferences.all_day_at):
        await reminders.clock_moved(uow, new)
    await tell(uow, new.id, "profile_changed", now=now, display_name=new.display_name, time_zone=new.time_zone)
    return new


async def ensure_administrator(uow: Writing, *, email: str, password_hash: str) -> None:
    """The first administrator: made when missing, else given the right; a password once set stays."""
    try:
        await register(
            uow,
            email=email,
            display_name="Administrator",
            time_zone="UTC",
            password_hash=password_hash,
            is_admin=True,
        )
    except Conflict:
        await stored.make_administrator(uow, email)


def check_administrator(user: User) -> None:
    """Raises `Forbidden`."""
    if not user.is_admin:
        raise Forbidden("This is for administrators.")


async def listed(uow: Reading, *, after: UUID | None, limit: int) -> list[Row]:
    return await stored.listed(uow, after=after, limit=limit)


async def shown(uow: Reading, *, user_id: UUID) -> Row:
    """One of them as `listed` has them."""
    return next(row for row in await stored.listed(uow, after=UUID(int=user_id.int + 1), limit=1))


async def erase_other(uow: Writing, *, user_id: UUID) -> None:
    """As `erase`, by an administrator. Raises `NotFound`."""
    user = await stored.lock(uow, user_id)
    if user is None:
        raise NotFound("There is no such user.")
    await erase(uow, user)


async def erase(uow: Writing, user: User) -> None:
    """Everything of this person, and the key to what the audit log says of them. Raises `Conflict` for the last admin.

    What is on its way to the broker still arrives there, and ends with its topic.
    """
    if user.is_admin and not await stored.other_administrators(uow, user.id):
        raise Conflict("You are the only administrator: make another one first.")
    await stored.erase(uow, user.id)
    await tell(uow, user.id, "erased", now=clock.now())


def nobody() -> NotSignedIn:
    return NotSignedIn("There is no session, or it has ended. Sign in again.")


def _recognised(user: User | None) -> User:
    if user is None:
        raise nobody()
    telemetry.bind_user(user.id)
    return user


async def tell(uow: Writing, user_id: UUID, verb: str, *, now: datetime, **data: str) -> None:
    """A user event."""
    await outbox.add(
        uow,
        NewEvent(
            id=clock.new_id(),
            topic=Topic.USER,
            verb=verb,
            subject=f"user/{user_id}",
            user_id=user_id,
            time=now,
            data=data,
        ),
    )
