"""What consumers keep: the inbox that makes an event count once, and what each makes of it."""

from datetime import datetime
from uuid import UUID

from taskora.domain.audit import Entry
from taskora.store.database import Reading, Writing

RECEIVE = """
INSERT INTO inbox (consumer, event_id, received_at) VALUES (%(consumer)s, %(event_id)s, now())
ON CONFLICT DO NOTHING RETURNING event_id
"""
BURY = """
INSERT INTO dead_letters (id, consumer, topic, event_id, reason, body, created_at)
VALUES (%(id)s, %(consumer)s, %(topic)s, %(event_id)s, %(reason)s, %(body)s, now())
"""
# The lock ends with the transaction. It is the chain's own, so that the log never holds up the user's requests.
LOCK_CHAIN = "SELECT pg_advisory_xact_lock(hashtextextended('audit/' || %(user_id)s::text, 0))"
LAST_LINK = (
    "SELECT user_id, no, entry, previous, hash FROM audit_log WHERE user_id = %(user_id)s ORDER BY no DESC LIMIT 1"
)
CHAIN = "SELECT user_id, no, entry, previous, hash FROM audit_log WHERE user_id = %(user_id)s ORDER BY no"
APPEND = """
INSERT INTO audit_log (user_id, no, event_id, action, resource, occurred_at, recorded_at, entry, previous, hash)
VALUES (%(user_id)s, %(no)s, %(event_id)s, %(action)s, %(resource)s, %(occurred_at)s, now(), %(entry)s, %(previous)s,
        %(hash)s)
"""
LOCK_USER = "SELECT id FROM users WHERE id = %(user_id)s FOR NO KEY UPDATE"
NOTIFY = """
INSERT INTO notifications (id, user_id, task_id, reminder_id, generation, title, created_at)
VALUES (%(id)s, %(user_id)s, %(task_id)s, %(reminder_id)s, %(generation)s, %(title)s, %(now)s)
ON CONFLICT DO NOTHING RETURNING id
"""
DELIVERED = """
UPDATE reminders SET state = 'delivered', delivered_at = %(now)s
WHERE id = %(reminder_id)s AND generation = %(generation)s AND state = 'fired'
"""
DISMISS = """
UPDATE notifications SET dismissed_at = %(now)s
WHERE task_id = %(task_id)s AND user_id = %(user_id)s AND dismissed_at IS NULL
RETURNING id
"""


async def receive(uow: Writing, event_id: UUID, *, consumer: str) -> bool:
    """False when this consumer has had the event before."""
    return await uow.row(RECEIVE, {"consumer": consumer, "event_id": event_id}) is not None


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


async def last_link(uow: Writing, user_id: UUID) -> Entry | None:
    """The end of the user's chain, which nobody else lengthens until this transaction ends."""
    await uow.rows(LOCK_CHAIN, {"user_id": user_id})
    row = await uow.row(LAST_LINK, {"user_id": user_id})
    return Entry(**row) if row else None


async def append(
    uow: Writing, entry: Entry, *, event_id: UUID, action: str, resource: str, occurred_at: datetime
) -> None:
    await uow.rows(
        APPEND,
        {
            "user_id": entry.user_id,
            "no": entry.no,
            "event_id": event_id,
            "action": action,
            "resource": resource,
            "occurred_at": occurred_at,
            "entry": entry.entry,
            "previous": entry.previous,
            "hash": entry.hash,
        },
    )


async def chain(uow: Reading, user_id: UUID) -> list[Entry]:
    return [Entry(**row) for row in await uow.rows(CHAIN, {"user_id": user_id})]


async def lock_user(uow: Writing, user_id: UUID) -> bool:
    """Hold the user's row; False when the user is gone."""
    return await uow.row(LOCK_USER, {"user_id": user_id}) is not None


async def notify(
    uow: Writing,
    notification_id: UUID,
    *,
    user_id: UUID,
    task_id: UUID,
    reminder_id: UUID,
    generation: int,
    title: str,
    now: datetime,
) -> bool:
    """False when this generation of the reminder has notified before."""
    return (
        await uow.row(
            NOTIFY,
            {
                "id": notification_id,
                "user_id": user_id,
                "task_id": task_id,
                "reminder_id": reminder_id,
                "generation": generation,
                "title": title,
                "now": now,
            },
        )
        is not None
    )


async def delivered(uow: Writing, reminder_id: UUID, *, generation: int, now: datetime) -> None:
    """The reminder has its notification; news of an older generation changes nothing."""
    await uow.rows(DELIVERED, {"reminder_id": reminder_id, "generation": generation, "now": now})


async def dismiss(uow: Writing, *, user_id: UUID, task_id: UUID, now: datetime) -> int:
    """How many notifications of this task are over with that."""
    return len(await uow.rows(DISMISS, {"user_id": user_id, "task_id": task_id, "now": now}))
