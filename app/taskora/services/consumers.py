"""What each consumer makes of events, in the transaction of their inbox rows: once, however often they come."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

import psycopg

from taskora import clock, telemetry
from taskora.domain import audit
from taskora.domain.audit import Entry
from taskora.domain.events import BadEvent, Event, NewEvent, Topic, event_type
from taskora.services import notifications
from taskora.services.insights import observed
from taskora.store import chains, consuming, outbox
from taskora.store import notifications as stored
from taskora.store.consuming import Notification
from taskora.store.database import Writing

REMINDER_FIRED = event_type(Topic.REMINDER, "fired")
NOTIFYING = frozenset(
    {REMINDER_FIRED, *(event_type(Topic.TASK, verb) for verb in ("completed", "reopened", "deleted", "restored"))}
)

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
    """A reminder that fired becomes a notification, told to the user's tabs; it is up while its task is open.

    Which of the two topics comes first makes no difference: an event of a task says only that it is to be looked at.
    What of one kind follows each other is done at once.
    """
    telling = [event for event in events if event.type in NOTIFYING]
    there = await consuming.lock_users(uow, {event.user_id for event in telling})
    with ExitStack() as spans:
        places = [
            (event, spans.enter_context(telemetry.unit("notify", kind="internal", traceparent=event.traceparent)))
            for event in telling
            if event.user_id in there
        ]
        traced = [(event, place.context.trace.traceparent) for event, place in places]
        for fired, those in groupby(traced, key=lambda one: one[0].type == REMINDER_FIRED):
            await (_notify if fired else _follow)(uow, list(those))


async def _follow(uow: Writing, moved: Sequence[tuple[Event, str]]) -> None:
    """Each user's tabs hear once, by the last, of what all came to."""
    now = clock.now()
    tasks = {(event.user_id, _id(event, "task_id")): place for event, place in moved}
    changed = await consuming.follow(uow, tasks, now=now)
    heard = {task[0]: place for task, place in tasks.items() if task in changed}
    unread = await stored.unread_of(uow, heard) if heard else {}
    told = [
        notifications.changed(user_id, unread=unread.get(user_id, 0), now=now, traceparent=place)
        for user_id, place in heard.items()
    ]
    await outbox.add_many(uow, told, topic=Topic.TASK)


async def _notify(uow: Writing, fired: Sequence[tuple[Event, str]]) -> None:
    now = clock.now()
    made = [(_notification(event), place) for event, place in fired]
    fresh = await consuming.notify(uow, [one for one, _ in made], now=now)
    told = [_told(one, now=now, traceparent=place) for one, place in made if one.id in fresh]
    await outbox.add_many(uow, told, topic=Topic.TASK)


def _notification(event: Event) -> Notification:
    title, generation = event.data.get("title"), event.data.get("generation")
    if not isinstance(title, str) or not isinstance(generation, int):
        raise BadEvent("The event's data has no title that is text, or no generation that is a number.")
    task_id, reminder_id = _id(event, "task_id"), _id(event, "reminder_id")
    return Notification(clock.new_id(), event.user_id, task_id, reminder_id, generation, title)


def _told(one: Notification, *, now: datetime, traceparent: str) -> NewEvent:
    return NewEvent(
        id=clock.new_id(),
        topic=Topic.TASK,
        verb="notified",
        subject=f"notification/{one.id}",
        user_id=one.user_id,
        time=now,
        data={
            "notification_id": one.id,
            "task_id": one.task_id,
            "title": one.title,
            "reminder_id": one.reminder_id,
            "generation": one.generation,
        },
        traceparent=traceparent,
    )


def _id(event: Event, name: str) -> UUID:
    try:
        return UUID(str(event.data.get(name)))
    except ValueError as error:
        raise BadEvent(f"The event's data has no {name} that is a UUID.") from error


@dataclass(frozen=True, slots=True)
class Taking:
    """Which topics a consumer takes, and what it makes of its events; of `types` alone where they are named."""

    topics: tuple[Topic, ...]
    effect: Effect
    types: frozenset[str] | None = None

    def heeds(self, kind: str) -> bool:
        return self.types is None or kind in self.types


# By the role that does it; the specification's topics table. (Sync, the third consumer of task-events, keeps nothing.)
CONSUMERS: Mapping[str, Taking] = {
    "audit": Taking((Topic.TASK, Topic.USER), audited),
    "notifier": Taking((Topic.TASK, Topic.REMINDER), notified, NOTIFYING),
    "insights": Taking((Topic.USER, Topic.CHAT, Topic.SYSTEM), observed),
}


def consumers_of(topic: Topic) -> list[str]:
    return [name for name, taking in CONSUMERS.items() if topic in taking.topics]
