"""Statements that forget what has served its time. Each takes a bounded bite, so that no lock is held for long."""

from datetime import datetime, timedelta

from taskora.domain.ids import uuid7
from taskora.store.database import Reading

ENDED_SESSIONS = """
DELETE FROM sessions WHERE token_hash IN (
    SELECT token_hash FROM sessions WHERE expires_at < now() - interval '7 days' ORDER BY expires_at LIMIT %(limit)s
)
"""
OLD_ANSWERS = """
DELETE FROM idempotency WHERE (user_id, key) IN (
    SELECT user_id, key FROM idempotency WHERE created_at < now() - interval '7 days'
    ORDER BY created_at LIMIT %(limit)s
)
"""
OLD_ATTEMPTS = "DELETE FROM attempts WHERE since < now() - interval '1 day'"
OLD_RESETS = "DELETE FROM password_resets WHERE expires_at < now() - interval '7 days'"
OLD_SYSTEM_EVENTS = """
DELETE FROM system_events WHERE id IN (
    SELECT id FROM system_events WHERE occurred_at < now() - interval '30 days' ORDER BY occurred_at LIMIT %(limit)s
)
"""
# What nobody has seen waits, however old it is. By the time that is in its id, the oldest first.
OLD_NOTIFICATIONS = """
DELETE FROM notifications WHERE id IN (
    SELECT id FROM notifications WHERE id < %(before)s AND (read_at IS NOT NULL OR dismissed_at IS NOT NULL)
    ORDER BY id LIMIT %(limit)s
)
"""
NOTIFICATIONS_KEPT = timedelta(days=90)
# Only what was published, only each user's oldest changes, and the feed's floor moves with them.
OLD_EVENTS = """
WITH oldest AS (
    SELECT id, user_id, seq, published_at FROM outbox ORDER BY id LIMIT %(limit)s
), floors AS (
    UPDATE users SET feed_floor = greatest(feed_floor, old.seq)
    FROM (
        SELECT user_id, max(seq) AS seq FROM oldest
        WHERE published_at < now() - interval '7 days' AND seq IS NOT NULL GROUP BY user_id
    ) AS old
    WHERE users.id = old.user_id
)
DELETE FROM outbox USING oldest
WHERE outbox.id = oldest.id AND oldest.published_at < now() - interval '7 days'
"""
OLD_LEASES = "DELETE FROM leases WHERE expires_at < now() - interval '1 day'"
INBOX = "SELECT inbox_roll(now())"


async def tidy(uow: Reading, *, now: datetime, limit: int = 5000) -> None:
    """One turn over everything."""
    for statement in (ENDED_SESSIONS, OLD_ANSWERS, OLD_EVENTS, OLD_SYSTEM_EVENTS):
        await uow.rows(statement, {"limit": limit})
    before = uuid7(int((now - NOTIFICATIONS_KEPT).timestamp() * 1000), entropy=bytes(10))
    await uow.rows(OLD_NOTIFICATIONS, {"before": before, "limit": limit})
    for statement in (OLD_LEASES, OLD_ATTEMPTS, OLD_RESETS, INBOX):
        await uow.rows(statement)
