"""What administrators watch."""

from uuid import UUID

from taskora.store import watch as stored
from taskora.store.database import Reading, Row


async def events(uow: Reading, *, role: str | None, after: tuple[str, UUID] | None, limit: int) -> list[Row]:
    """What the roles said of themselves, the latest first."""
    return await stored.events(uow, role=role, after=after, limit=limit)


async def alerts(uow: Reading, *, only_open: bool, after: tuple[str, UUID] | None, limit: int) -> list[Row]:
    return await stored.alerts(uow, only_open=only_open, after=after, limit=limit)


async def samples(uow: Reading, *, after: UUID | None, limit: int) -> list[Row]:
    """What consenting users told the chat."""
    return await stored.samples(uow, after=after, limit=limit)
