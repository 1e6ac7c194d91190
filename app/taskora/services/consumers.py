"""What each consumer makes of an event, in the transaction of its inbox row: once, however often it is delivered."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from taskora import clock
from taskora.domain import audit
from taskora.domain.events import BadEvent, Event, NewEvent, Topic, event_type
from taskora.services import notifications
from taskora.services.insights import observed
from taskora.store import chains, consuming, outbox
from taskora.store.database import Writing

REMINDER_FIRED = event_type(Topic.REMINDER, "fired")
NO_LONGER_DUE = frozenset({event_type(Topic.TASK, "completed"), event_type(Topic.TASK, "deleted")})

Effect = Callable[[Writing, Event], Awaitable[None]]


async def audited(uow: Writing, event: Event) -> None:
    """A link at the end of the user's chain."""
    previous = await consuming.last_link(uow, event.user_id)
    described = audit.describe(event, key=await chains.key_of(uow, event.user_id))
    entry = audit.link(previous, user_id=event.user_id, entry=described)
    await consuming.append(
        uow, entry, event_id=event.id, action=event.type, resource=event.subject, occurred_at=event.time
    )


async def notified(uow: Writing, event: Event) -> None:
    """A reminder that fired becomes a notification, told to the user's tabs; a task done needs none any more."""
    if event.type == REMINDER_FIRED:
        await _notify(uow, event)
    elif event.type in NO_LONGER_DUE and await consuming.lock_user(uow, event.user_id):
        now = clock.now()
        if await consuming.dismiss(uow, user_id=event.user_id, task_id=_id(event, "task_id"), now=now):
            await notifications.tell(uow, event.user_id, now=now)


async def _notify(uow: Writing, event: Event) -> None:
    task_id, reminder_id = _id(event, "task_id"), _id(event, "reminder_id")
    title, generation = event.data.get("title"), event.data.get("generation")
    if not isinstance(title, str) or not isinstance(generation, int):
        raise BadEvent("The event's data has no title that is text, or no generation that is a number.")
    if not await consuming.lock_user(uow, event.user_id):
        return
    now, notification_id = clock.now(), clock.new_id()
    fresh = await consuming.notify(
        uow,
        notification_id,
        user_id=event.user_id,
        task_id=task_id,
        reminder_id=reminder_id,
        generation=generation,
        title=title,
        now=now,
    )
    if fresh:
        await consuming.delivered(uow, reminder_id, generation=generation, now=now)
        await outbox.add(
            uow,
            NewEvent(
                id=clock.new_id(),
                topic=Topic.TASK,
                verb="notified",
                subject=f"notification/{notification_id}",
                user_id=event.user_id,
                time=now,
                data={
                    "notification_id": notification_id,
                    "task_id": task_id,
                    "title": title,
                    "reminder_id": reminder_id,
                    "generation": generation,
                },
            ),
        )


def _id(event: Event, name: str) -> UUID:
    try:
        return UUID(str(event.data.get(name)))
    except ValueError as error:
        raise BadEvent(f"The event's data has no {name} that is a UUID.") from error


@dataclass(frozen=True, slots=True)
class Taking:
    """Which topics a consumer takes, and what it makes of an event."""

    topics: tuple[Topic, ...]
    effect: Effect


# By the role that does it; the specification's topics table. (Sync, the third consumer of task-events, keeps nothing.)
CONSUMERS: Mapping[str, Taking] = {
    "audit": Taking((Topic.TASK, Topic.USER), audited),
    "notifier": Taking((Topic.TASK, Topic.REMINDER), notified),
    "insights": Taking((Topic.USER, Topic.CHAT, Topic.SYSTEM), observed),
}


def consumers_of(topic: Topic) -> list[str]:
    return [name for name, taking in CONSUMERS.items() if topic in taking.topics]
