"""What is kept of how Taskora is used and how it fares: counts, system events, alerts, training samples."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from taskora.domain.alerts import STARTED, Raise, Resolve
from taskora.domain.events import Event
from taskora.encoding import to_json
from taskora.store.database import Reading, Row, Writing

COUNT = """
INSERT INTO activity (subject, day, type, count)
SELECT * FROM unnest(%(subjects)s::text[], %(days)s::date[], %(types)s::text[], %(counts)s::bigint[])
    AS given (subject, day, type, count) ORDER BY subject, day, type
ON CONFLICT (subject, day, type) DO UPDATE SET count = activity.count + excluded.count
"""
KEEP = """
INSERT INTO system_events (id, role, type, occurred_at, data)
VALUES (%(id)s, %(role)s, %(type)s, %(occurred_at)s, %(data)s)
"""
STARTS = """
SELECT count(*)::int AS starts FROM system_events
WHERE role = %(role)s AND type = %(started)s AND occurred_at > %(since)s AND occurred_at <= %(until)s
"""
RAISE = """
INSERT INTO alerts (id, rule, subject, severity, message, first_at, last_at)
VALUES (%(id)s, %(rule)s, %(subject)s, %(severity)s, %(message)s, %(at)s, %(at)s)
ON CONFLICT (rule, subject) WHERE resolved_at IS NULL DO UPDATE SET
    count = alerts.count + 1, severity = excluded.severity, message = excluded.message,
    last_at = greatest(alerts.last_at, excluded.last_at)
"""
# News that were overtaken on the way resolve nothing.
RESOLVE = """
UPDATE alerts SET resolved_at = %(at)s
WHERE rule = %(rule)s AND subject = %(subject)s AND resolved_at IS NULL AND last_at <= %(at)s
"""
RESOLVE_QUIET = """
UPDATE alerts SET resolved_at = now()
WHERE rule = ANY (%(rules)s) AND resolved_at IS NULL AND last_at < now() - %(quiet)s
"""
CONSENTING = """
SELECT display_name, email FROM users WHERE id = %(user_id)s AND training_consent_at <= %(at)s
FOR KEY SHARE
"""
SAMPLE = """
INSERT INTO training_samples (id, user_id, conversation_id, role, text, data, created_at)
VALUES (%(id)s, %(user_id)s, %(conversation_id)s, %(role)s, %(text)s, %(data)s, %(created_at)s)
"""
FIRST_OF_RELEASE = """
INSERT INTO releases (version, seen_at) VALUES (%(version)s, now()) ON CONFLICT DO NOTHING RETURNING version
"""


async def count(uow: Writing, counts: Mapping[tuple[str, date, str], int]) -> None:
    """So many more of each subject, day and type; always in one order, so that no two wait for each other."""
    await uow.rows(
        COUNT,
        {
            "subjects": [subject for subject, _, _ in counts],
            "days": [day for _, day, _ in counts],
            "types": [kind for _, _, kind in counts],
            "counts": list(counts.values()),
        },
    )


async def keep(uow: Writing, event: Event, *, role: str) -> None:
    """A system event, as the administrator sees it."""
    data = to_json(event.data).decode()
    values = {"id": event.id, "role": role, "type": event.type, "occurred_at": event.time, "data": data}
    await uow.rows(KEEP, values)


async def starts(uow: Reading, role: str, *, until: datetime, within: timedelta) -> int:
    """How often the role has started in the time `within` before `until`."""
    row = await uow.row(STARTS, {"role": role, "started": STARTED, "since": until - within, "until": until})
    return row["starts"] if row else 0


async def raise_alert(uow: Writing, alert_id: UUID, found: Raise, *, at: datetime) -> None:
    """A new alert, or once more the one that is open."""
    values = {"rule": found.rule.value, "subject": found.subject, "severity": found.severity.value}
    await uow.rows(RAISE, {**values, "id": alert_id, "message": found.message, "at": at})


async def resolve_alert(uow: Writing, found: Resolve, *, at: datetime) -> None:
    await uow.rows(RESOLVE, {"rule": found.rule.value, "subject": found.subject, "at": at})


async def resolve_quiet(uow: Reading, rules: Sequence[str], *, quiet: timedelta) -> None:
    """Alerts of these rules that were not raised again for so long are over."""
    await uow.rows(RESOLVE_QUIET, {"rules": list(rules), "quiet": quiet})


async def consenting(uow: Writing, user_id: UUID, *, at: datetime) -> Row | None:
    """`display_name` and `email` of a user who then let what they say be used; not taken back until this ends."""
    return await uow.row(CONSENTING, {"user_id": user_id, "at": at})


async def sample(
    uow: Writing,
    sample_id: UUID,
    *,
    user_id: UUID,
    conversation_id: UUID,
    role: str,
    text: str,
    data: str,
    at: datetime,
) -> None:
    """`data` is JSON."""
    await uow.rows(
        SAMPLE,
        {
            "id": sample_id,
            "user_id": user_id,
            "conversation_id": conversation_id,
            "role": role,
            "text": text,
            "data": data,
            "created_at": at,
        },
    )


async def first_of_release(uow: Reading, version: str) -> bool:
    """True once for each version, whoever asks."""
    return await uow.row(FIRST_OF_RELEASE, {"version": version}) is not None
