"""The audit log sealed once an hour, and looked through."""

from datetime import timedelta
from uuid import UUID

from taskora.domain import seals
from taskora.store import seals as stored
from taskora.store.database import Reading, Writing

EVERY = timedelta(hours=1)


async def seal(uow: Writing) -> bool:
    """Seal what was recorded since the last seal, unless that is less than an hour old, or nothing was."""
    now = await stored.lock(uow)
    last = await stored.last(uow)
    if last is not None and now - last.sealed_at < EVERY:
        return False
    heads = await stored.grown(uow, since=last.sealed_at if last else None)
    if not heads or (last is not None and heads == last.heads):
        return False
    await stored.add(uow, seals.seal(last, heads, at=now))
    return True


async def faults(uow: Reading) -> tuple[int | None, list[UUID]]:
    """The first seal that does not hold, and the users whose sealed chains were cut off, altered or taken out."""
    found = await stored.every(uow)
    links = {(row["user_id"], row["no"]): row["hash"] for row in await stored.links(uow)}
    return seals.first_fault(found), seals.missing(found, links)
