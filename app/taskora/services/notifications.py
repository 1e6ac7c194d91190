"""The notification centre: what fired, read, or put off; the user's other tabs hear of each change."""

from datetime import datetime
from uuid import UUID

from taskora import clock
from taskora.domain import cursors
from taskora.domain.events import NewEvent, Topic
from taskora.domain.people import User
from taskora.domain.problems import Conflict, Invalid, NotFound
from taskora.services import reminders
from taskora.store import notifications as stored
from taskora.store import outbox, tasks
from taskora.store.database import Reading, Row, Writing


async def listed(
    uow: Reading, user: User, *, unread: bool, after: tuple[str, UUID] | None, limit: int
) -> tuple[list[Row], str | None, int]:
    """A page, the next one's cursor, and how many are unread."""
    rows = await stored.listed(uow, user.id, unread=unread, after=after, limit=limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    cursor = cursors.encode("notifications", last["created_at"].isoformat(), last["id"]) if last else None
    return rows[:limit], cursor, await stored.unread(uow, user.id)


async def read(uow: Writing, user: User, *, notification_id: UUID) -> Row:
    """Raises `NotFound`."""
    now = clock.now()
    row = await stored.read(uow, notification_id, user_id=user.id, now=now)
    if row is None:
        raise NotFound("There is no such notification.")
    if row["read_at"] == now:
        await tell(uow, user.id, now=now)
    return row


async def read_all(uow: Writing, user: User) -> None:
    now = clock.now()
    if await stored.read_all(uow, user.id, now=now):
        await tell(uow, user.id, now=now)


async def snooze(uow: Writing, user: User, *, notification_id: UUID, until: datetime) -> Row:
    """Its reminder fires again at `until`. Raises `NotFound`, or `Conflict` when the task needs none any more."""
    now = clock.now()
    if until <= now:
        raise Invalid("Snooze until a time to come.", errors=[{"field": "until", "message": "This has passed."}])
    row = await stored.read(uow, notification_id, user_id=user.id, now=now, until=until)
    if row is None:
        raise NotFound("There is no such notification.")
    task = await tasks.find(uow, row["task_id"], user_id=user.id)
    if task is None or task.deleted_at is not None or task.done:
        raise Conflict("Its task is done or gone: there is nothing to be reminded of.")
    await reminders.snooze(uow, user, reminder_id=row["reminder_id"], until=until)
    await tell(uow, user.id, now=now)
    return row


async def tell(uow: Writing, user_id: UUID, *, now: datetime) -> None:
    """How many are unread from now on, to the user's tabs."""
    await outbox.add(uow, changed(user_id, unread=await stored.unread(uow, user_id), now=now))


def changed(user_id: UUID, *, unread: int, now: datetime, traceparent: str = "") -> NewEvent:
    return NewEvent(
        id=clock.new_id(),
        topic=Topic.TASK,
        verb="notifications_changed",
        subject=f"user/{user_id}",
        user_id=user_id,
        time=now,
        data={"unread": unread},
        traceparent=traceparent,
    )
