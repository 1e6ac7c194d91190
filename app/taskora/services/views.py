"""Saved views; the user's other tabs hear of each change."""

from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from taskora import clock
from taskora.domain.events import NewEvent, Topic
from taskora.domain.people import User
from taskora.domain.problems import Conflict, NotFound
from taskora.domain.views import VIEWS_MOST, View
from taskora.store import outbox
from taskora.store import views as stored
from taskora.store.database import Reading, Writing


async def listed(uow: Reading, user: User) -> list[View]:
    return await stored.listed(uow, user.id)


async def create(uow: Writing, user: User, *, name: str, query: dict[str, Any]) -> View:
    if len(await stored.listed(uow, user.id)) >= VIEWS_MOST:
        raise Conflict(f"There are {VIEWS_MOST} saved views already; delete some first.")
    view = View(clock.new_id(), name, query)
    await stored.save(uow, view, user_id=user.id, now=clock.now())
    await _tell(uow, user)
    return view


async def update(uow: Writing, user: User, *, view_id: UUID, changes: dict[str, Any]) -> View:
    """Raises `NotFound`."""
    view = await _present(uow, user, view_id)
    new = replace(view, **changes)
    if new != view:
        await stored.save(uow, new, user_id=user.id, now=clock.now())
        await _tell(uow, user)
    return new


async def delete(uow: Writing, user: User, *, view_id: UUID) -> View:
    """Raises `NotFound`."""
    view = await _present(uow, user, view_id)
    await stored.remove(uow, view_id, user_id=user.id)
    await _tell(uow, user)
    return view


async def _present(uow: Reading, user: User, view_id: UUID) -> View:
    view = await stored.find(uow, view_id, user_id=user.id)
    if view is None:
        raise NotFound("There is no such view.")
    return view


async def _tell(uow: Writing, user: User) -> None:
    await outbox.add(
        uow,
        NewEvent(
            id=clock.new_id(),
            topic=Topic.TASK,
            verb="views_changed",
            subject=f"user/{user.id}",
            user_id=user.id,
            time=clock.now(),
            data={"views": [asdict(view) for view in await stored.listed(uow, user.id)]},
        ),
    )
