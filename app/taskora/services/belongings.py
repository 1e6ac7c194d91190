"""What is one's own taken along, brought in, and shown to a calendar."""

import secrets
from typing import Any

from taskora import clock
from taskora.domain import calendar, tables
from taskora.domain.people import User
from taskora.domain.problems import NotFound
from taskora.domain.tasks import shown
from taskora.services import tasks
from taskora.services.accounts import token_hash
from taskora.store import belongings as stored
from taskora.store import people
from taskora.store.database import Reading, Writing


async def export(uow: Reading, user: User) -> dict[str, Any]:
    """Everything, as JSON takes it."""
    found = await stored.tasks(uow, user.id)
    return {"tasks": [shown(task) for task in found], **await stored.others(uow, user.id)}


async def export_table(uow: Reading, user: User) -> str:
    """The tasks outside the trash, as CSV."""
    return tables.write(task for task in await stored.tasks(uow, user.id) if task.deleted_at is None)


async def bring_in(uow: Writing, user: User, *, text: str) -> int:
    """A task for each row of the CSV, or nothing; how many."""
    rows = tables.read(text)
    changes = 0
    for draft, done in rows:
        task = await tasks.create(uow, user, draft=draft, nth=changes)
        changes += 1
        if done:
            await tasks.complete(uow, user, task_id=task.id, if_match=None)
            changes += 1
    return len(rows)


async def open_calendar(uow: Writing, user: User) -> str:
    """A new secret for the calendar feed; an earlier one is of no more use."""
    secret = secrets.token_urlsafe(32)
    await people.set_calendar(uow, user.id, secret_hash=token_hash(secret))
    return secret


async def close_calendar(uow: Writing, user: User) -> None:
    await people.set_calendar(uow, user.id, secret_hash=None)


async def calendar_owner(uow: Reading, *, secret: str) -> User:
    """Whose feed it is that has this secret. Raises `NotFound`."""
    user = await people.of_calendar(uow, token_hash(secret))
    if user is None:
        raise NotFound("There is no such calendar.")
    return user


async def calendar_of(uow: Reading, user: User) -> str:
    """The feed: another one after each change to the user's tasks."""
    return calendar.write(await stored.dated(uow, user.id), now=clock.now())
