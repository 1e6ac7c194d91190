"""What each consumer makes of events, in the transaction of their inbox rows: once, however often they come."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg

from taskora import clock, telemetry
from taskora.domain import audit
from taskora.domain.audit import Entry
from taskora.domain.events import BadEvent, Event, NewEvent, Topic, event_type
from taskora.services import notifications
from taskora.services.insights import observed
from taskora.store import chains, consuming, outbox
from taskora.store.database import Writing

REMINDER_FIRED = event_type(Topic.REMINDER, "fired")
NO_LONGER_DUE = frozenset({event_type(Topic.TASK, "completed"), event_type(Topic.TASK, "deleted")})

# What comes of the event itself: however often it is tried, it fails again.
POISON = (BadEvent, ValueError, ArithmeticError, RecursionError, psycopg.DataError, psycopg.IntegrityError)

Effect = Callable[[Writing, Sequence[Event]], Awaitable[None]]


async def audited(uow: Writing, events: Sequence[Event]) -> None:
    """A link for each, at the end of its user's chain."""
    users = {event.user_id for event in events}
    ends, keys = await consuming.last_links(uow, users), await chains.keys_of(uow, users)
    links: list[tuple[Entry, Event]] = []
    for event in events:
        who = event.user_id
        described = audit.describe(event, key=keys.get(who))
        ends[who] = audit.link(ends.get(who), user_id=who, entry=described)
        links.append((ends[who], event))
    await consuming.append(uow, links)


async def notified(uow: Writing, events: Sequence[Event]) -> None:
    """A reminder that fired becomes a notification, told to the user's tabs; a task done needs none any more."""
    telling = [event for event in events if event.type == REMINDER_FIRED or event.type in NO_LONGER_DUE]
    there = await consuming.lock_users(uow, {event.user_id for event in telling})
    for event in telling:
        if event.user_id in there:
            with telemetry.unit("notify", kind="internal", traceparent=event.traceparent):
                await (_notify if event.type == REMINDER_FIRED else _dismiss)(uow, event)


async def _dismiss(uow: Writing, event: Event) -> None:
    now = clock.now()
    if await consuming.dismiss(uow, user_id=event.user_id, task_id=_id(event, "task_id"), now=now):
        await notifications.tell(uow, event.user_id, now=now)


async def _notify(uow: Writing, event: Event) -> None:
    task_id, reminder_id = _id(event, "task_id"), _id(event, "reminder_id")
    title, generation = event.data.get("title"), event.data.get("generation")
    if not isinstance(title, str) or not isinstance(generation, int):
        raise BadEvent("The event's data has no title that is text, or no generation that is a number.")
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
    """Which topics a consumer takes, and what it makes of its events."""

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
