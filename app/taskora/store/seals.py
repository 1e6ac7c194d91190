"""Statements about the seals over the audit log."""

from datetime import datetime

from taskora.domain.seals import Heads, Seal
from taskora.encoding import to_json
from taskora.store.database import Reading, Row, Writing

# The lock ends with the transaction: of many audit roles one seals.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('audit/seals', 0)), clock_timestamp() AS now"
LAST = "SELECT no, sealed_at, heads, previous, hash FROM audit_seals ORDER BY no DESC LIMIT 1"
ALL = "SELECT no, sealed_at, heads, previous, hash FROM audit_seals ORDER BY no"
# An entry may be committed after one that was recorded later: a quarter of an hour back nothing is under way any more.
GROWN = """
SELECT DISTINCT ON (user_id) user_id::text, no, encode(hash, 'hex') AS hash FROM audit_log
WHERE %(since)s::timestamptz IS NULL OR recorded_at > %(since)s::timestamptz - interval '15 minutes'
ORDER BY user_id, no DESC
"""
ADD = """
INSERT INTO audit_seals (no, sealed_at, heads, previous, hash)
VALUES (%(no)s, %(sealed_at)s, %(heads)s, %(previous)s, %(hash)s)
"""
LINKS = """
SELECT user_id, no, encode(hash, 'hex') AS hash FROM audit_log
JOIN (SELECT DISTINCT key::uuid AS user_id, (value->>0)::bigint AS no FROM audit_seals, jsonb_each(heads)) AS sealed
USING (user_id, no)
"""


async def lock(uow: Writing) -> datetime:
    """Nobody else seals until this transaction ends; the time it is."""
    row = await uow.row(LOCK)
    assert row is not None
    return row["now"]


async def last(uow: Reading) -> Seal | None:
    row = await uow.row(LAST)
    return _seal(row) if row else None


async def every(uow: Reading) -> list[Seal]:
    return [_seal(row) for row in await uow.rows(ALL)]


async def grown(uow: Reading, *, since: datetime | None) -> Heads:
    """The ends of the chains that have grown since; None: of all."""
    return {row["user_id"]: (row["no"], row["hash"]) for row in await uow.rows(GROWN, {"since": since})}


async def links(uow: Reading) -> list[Row]:
    """The entries that seals cover, as they are: `user_id`, `no`, `hash` in hex."""
    return await uow.rows(LINKS)


async def add(uow: Writing, seal: Seal) -> None:
    await uow.rows(
        ADD,
        {
            "no": seal.no,
            "sealed_at": seal.sealed_at,
            "heads": to_json(seal.heads).decode(),
            "previous": seal.previous,
            "hash": seal.hash,
        },
    )


def _seal(row: Row) -> Seal:
    heads = {user_id: (int(head[0]), str(head[1])) for user_id, head in row["heads"].items()}
    return Seal(row["no"], row["sealed_at"], heads, bytes(row["previous"]), bytes(row["hash"]))
