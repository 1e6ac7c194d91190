"""A write that is sent twice happens once: the answer is kept under the caller's Idempotency-Key."""

from taskora import clock
from taskora.domain.people import User
from taskora.domain.problems import KeyReused
from taskora.store import idempotency
from taskora.store.database import Writing
from taskora.store.idempotency import Answer


async def earlier(uow: Writing, user: User, *, key: str, fingerprint: bytes) -> Answer | None:
    """The answer this key was given before. Ask under the user's lock, where twins wait. Raises `KeyReused`."""
    answer = await idempotency.find(uow, user.id, key=key)
    if answer is not None and answer.fingerprint != fingerprint:
        raise KeyReused("Use a fresh Idempotency-Key for each request; the same one only to send it again.")
    return answer


async def keep(uow: Writing, user: User, *, key: str, answer: Answer) -> None:
    await idempotency.keep(uow, user.id, key=key, answer=answer, now=clock.now())
