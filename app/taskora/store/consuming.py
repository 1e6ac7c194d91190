"""What consumers keep: the inbox that makes an event count once, and what each makes of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from taskora.domain.audit import Entry
from taskora.domain.events import Event
from taskora.store.database import Reading, Writing

# `%b`: lists go as they are. As text, each quote of each item would be found and escaped by Python.
RECEIVE = """
INSERT INTO inbox (consumer, event_id, received_at)
SELECT %(consumer)s, event_id, now() FROM unnest(%(event_ids)b::uuid[]) AS given (event_id) ORDER BY event_id
ON CONFLICT DO NOTHING RETURNING event_id
"""
BURY = """
INSERT INTO dead_letters (id, consumer, topic, event_id, reason, body, created_at)
VALUES (%(id)s, %(consumer)s, %(topic)s, %(event_id)s, %(reason)s, %(body)s, now())
"""
ARRIVALS = """
SELECT given.consumer, topic, received_at IS NOT NULL AS taken,
       greatest(extract(epoch FROM coalesce(received_at, now()) - published_at), 0)::float8 AS seconds
FROM unnest(%(consumers)s::text[], %(events)s::bigint[]) AS given (consumer, event_id)
JOIN outbox ON outbox.id = given.event_id
LEFT JOIN inbox ON inbox.consumer = given.consumer AND inbox.event_id = (event->>'id')::uuid
"""
# The locks end with the transaction. They are the chains' own, so that the log never holds up the users' requests, and
# are taken in one order, so that no two deliveries wait for each other.
LOCK_CHAINS = """
SELECT pg_advisory_xact_lock(key) FROM (
    SELECT DISTINCT hashtextextended('audit/' || user_id::text, 0) AS key
    FROM unnest(%(user_ids)s::uuid[]) AS given (user_id) ORDER BY key
) AS keys
"""
LAST_LINKS = """
SELECT last.* FROM unnest(%(user_ids)s::uuid[]) AS given (user_id) CROSS JOIN LATERAL (
    SELECT user_id, no, entry, previous, hash FROM audit_log WHERE user_id = given.user_id ORDER BY no DESC LIMIT 1
) AS last
"""
CHAIN = "SELECT user_id, no, entry, previous, hash FROM audit_log WHERE user_id = %(user_id)s ORDER BY no"
APPEND = """
INSERT INTO audit_log (user_id, no, event_id, action, resource, occurred_at, recorded_at, entry, previous, hash)
SELECT user_id, no, event_id, action, resource, occurred_at, now(), entry, previous, hash
FROM unnest(%(user_ids)b::uuid[], %(nos)b::bigint[], %(event_ids)b::uuid[], %(actions)b::text[], %(resources)b::text[],
            %(times)b::timestamptz[], %(entries)b::text[], %(previous)b::bytea[], %(hashes)b::bytea[])
     AS given (user_id, no, event_id, action, resource, occurred_at, entry, previous, hash)
"""
LOCK_USERS = "SELECT id FROM users WHERE id = ANY (%(user_ids)s) ORDER BY id FOR NO KEY UPDATE"
# The task as it stands, under the lock on its user's row, says whether it is up: topics overtake each other.
# The reminder has its notification; news of an older generation changes nothing.
NOTIFY = """
WITH made AS (
    INSERT INTO notifications (id, user_id, task_id, reminder_id, generation, title, created_at, dismissed_at)
    SELECT given.id, given.user_id, task_id, reminder_id, generation, given.title, %(now)s,
           CASE WHEN tasks.id IS NULL THEN %(now)s END
    FROM unnest(%(ids)b::uuid[], %(user_ids)b::uuid[], %(task_ids)b::uuid[], %(reminder_ids)b::uuid[],
                %(generations)b::int[], %(titles)b::text[])
         WITH ORDINALITY AS given (id, user_id, task_id, reminder_id, generation, title, place)
    LEFT JOIN tasks ON tasks.id = task_id AND tasks.user_id = given.user_id AND status <> 'done' AND deleted_at IS NULL
    ORDER BY place
    ON CONFLICT DO NOTHING RETURNING id, reminder_id, generation
), delivered AS (
    UPDATE reminders SET state = 'delivered', delivered_at = %(now)s FROM made
    WHERE reminders.id = made.reminder_id AND reminders.generation = made.generation AND state = 'fired'
)
SELECT id FROM made
"""
FOLLOW = """
UPDATE notifications SET dismissed_at = CASE WHEN gone THEN %(now)s END
FROM (
    SELECT given.user_id, task_id, tasks.id IS NULL AS gone
    FROM unnest(%(user_ids)b::uuid[], %(task_ids)b::uuid[]) AS given (user_id, task_id)
    LEFT JOIN tasks ON tasks.id = task_id AND tasks.user_id = given.user_id AND status <> 'done' AND deleted_at IS NULL
) AS given
WHERE notifications.task_id = given.task_id AND notifications.user_id = given.user_id
  AND gone = (dismissed_at IS NULL)
RETURNING given.user_id, given.task_id
"""


@dataclass(frozen=True, slots=True)
class Notification:
    """What a reminder that fired leaves in the user's notification centre."""

    id: UUID
    user_id: UUID
    task_id: UUID
    reminder_id: UUID
    generation: int
    title: str


async def receive(uow: Writing, event_ids: Sequence[UUID], *, consumer: str) -> set[UUID]:
    """Which of them this consumer has not had before."""
    rows = await uow.rows(RECEIVE, {"consumer": consumer, "event_ids": list(event_ids)})
    return {row["event_id"] for row in rows}


async def arrivals(uow: Reading, events: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], tuple[float, bool]]:
    """Of each consumer's and topic's event, by its id in the outbox: seconds since it is out, and whether it was taken.

    Of one that was, the seconds it took.
    """
    asked = {"consumers": [consumer for consumer, _ in events], "events": list(events.values())}
    rows = await uow.rows(ARRIVALS, asked)
    return {(row["consumer"], row["topic"]): (row["seconds"], row["taken"]) for row in rows}


async def bury(
    uow: Writing, letter_id: UUID, *, consumer: str, topic: str, event_id: UUID | None, reason: str, body: bytes
) -> None:
    """Keep what can never succeed, for a person to look at."""
    await uow.rows(
        BURY,
        {
            "id": letter_id,
            "consumer": consumer,
            "topic": topic,
            "event_id": event_id,
            "reason": reason,
            "body": body,
        },
    )


async def last_links(uow: Writing, user_ids: Collection[UUID]) -> dict[UUID, Entry]:
    """The ends of these users' chains, which nobody else lengthens until this transaction ends."""
    await uow.rows(LOCK_CHAINS, {"user_ids": list(user_ids)})
    return {row["user_id"]: Entry(**row) for row in await uow.rows(LAST_LINKS, {"user_ids": list(user_ids)})}


async def append(uow: Writing, links: Sequence[tuple[Entry, Event]]) -> None:
    """New links, each with the event that it tells of."""
    await uow.rows(
        APPEND,
        {
            "user_ids": [entry.user_id for entry, _ in links],
            "nos": [entry.no for entry, _ in links],
            "event_ids": [event.id for _, event in links],
            "actions": [event.type for _, event in links],
            "resources": [event.subject for _, event in links],
            "times": [event.time for _, event in links],
            "entries": [entry.entry for entry, _ in links],
            "previous": [entry.previous for entry, _ in links],
            "hashes": [entry.hash for entry, _ in links],
        },
    )


async def chain(uow: Reading, user_id: UUID) -> list[Entry]:
    return [Entry(**row) for row in await uow.rows(CHAIN, {"user_id": user_id})]


async def lock_users(uow: Writing, user_ids: Collection[UUID]) -> set[UUID]:
    """Hold the users' rows; those who are there."""
    return {row["id"] for row in await uow.rows(LOCK_USERS, {"user_ids": list(user_ids)})}


async def notify(uow: Writing, those: Sequence[Notification], *, now: datetime) -> set[UUID]:
    """Which of them are new: a generation of a reminder notifies once."""
    rows = await uow.rows(
        NOTIFY,
        {
            "ids": [one.id for one in those],
            "user_ids": [one.user_id for one in those],
            "task_ids": [one.task_id for one in those],
            "reminder_ids": [one.reminder_id for one in those],
            "generations": [one.generation for one in those],
            "titles": [one.title for one in those],
            "now": now,
        },
    )
    return {row["id"] for row in rows}


async def follow(uow: Writing, tasks: Collection[tuple[UUID, UUID]], *, now: datetime) -> set[tuple[UUID, UUID]]:
    """Notifications are up while their task is open; of which of the tasks (user, task) that changed any."""
    given = {"user_ids": [user_id for user_id, _ in tasks], "task_ids": [task_id for _, task_id in tasks], "now": now}
    return {(row["user_id"], row["task_id"]) for row in await uow.rows(FOLLOW, given)}
