"""Events between their transaction and the broker: added, relayed in order, kept a week as the change feed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from taskora import telemetry
from taskora.domain.events import NewEvent, Topic, shard_of
from taskora.encoding import to_json
from taskora.store.database import Reading, Row, Writing

ADD = """
INSERT INTO outbox (topic, user_id, shard, event, traceparent, created_at)
VALUES (%(topic)s, %(user_id)s, %(shard)s, %(event)s, %(traceparent)s, %(time)s)
"""
ADD_MANY = """
INSERT INTO outbox (topic, user_id, shard, event, traceparent, created_at)
SELECT %(topic)s, user_id, shard, event::jsonb, traceparent, time
FROM unnest(%(user_ids)b::uuid[], %(shards)b::smallint[], %(events)b::text[], %(traceparents)b::text[],
            %(times)b::timestamptz[])
     WITH ORDINALITY AS given (user_id, shard, event, traceparent, time, place)
ORDER BY place
"""
ADD_NUMBERED = """
WITH numbered AS (
    UPDATE users SET seq = seq + 1 WHERE id = %(user_id)s RETURNING seq
)
INSERT INTO outbox (topic, user_id, shard, seq, event, traceparent, created_at)
SELECT %(topic)s, %(user_id)s, %(shard)s, seq, jsonb_set(%(event)s::jsonb, '{data,seq}', to_jsonb(seq)),
       %(traceparent)s, %(time)s
FROM numbered
"""
ADD_MANY_NUMBERED = """
WITH given AS (
    SELECT * FROM unnest(%(user_ids)b::uuid[], %(shards)b::smallint[], %(events)b::text[], %(traceparents)b::text[],
                         %(times)b::timestamptz[])
        WITH ORDINALITY AS given (user_id, shard, event, traceparent, time, place)
), numbered AS (
    UPDATE users SET seq = seq + added FROM (SELECT user_id, count(*) AS added FROM given GROUP BY user_id) AS counted
    WHERE id = user_id RETURNING id, seq - added AS before
), placed AS (
    SELECT given.*, before + row_number() OVER (PARTITION BY user_id ORDER BY place) AS seq
    FROM given JOIN numbered ON id = user_id
)
INSERT INTO outbox (topic, user_id, shard, seq, event, traceparent, created_at)
SELECT %(topic)s, user_id, shard, seq, jsonb_set(event::jsonb, '{data,seq}', to_jsonb(seq)), traceparent, time
FROM placed ORDER BY place
"""
WAITING = """
SELECT id, topic, user_id, shard, event::text, traceparent
FROM outbox
WHERE published_at IS NULL AND topic = ANY (%(topics)s) AND shard = ANY (%(shards)s) AND user_id <> ALL (%(without)s)
ORDER BY id
LIMIT %(limit)s
"""
# A relay that lost its lease marks nothing: the next owner has begun, and consumers see the event twice at most.
PUBLISHED = """
UPDATE outbox SET published_at = now()
FROM unnest(%(ids)b::bigint[], %(leases)b::text[], %(epochs)b::bigint[]) AS sent (id, lease, epoch)
JOIN leases ON leases.name = sent.lease AND leases.epoch = sent.epoch AND leases.owner = %(owner)s
WHERE outbox.id = sent.id AND published_at IS NULL
"""
LAG = """
SELECT topic, coalesce(extract(epoch FROM now() - created_at), 0)::float8 AS seconds
FROM unnest(%(topics)s::text[]) AS asked (topic) LEFT JOIN LATERAL (
    SELECT created_at FROM outbox WHERE published_at IS NULL AND outbox.topic = asked.topic ORDER BY id LIMIT 1
) AS oldest ON true
"""
NEWEST = """
SELECT topic, type, max(id) AS id
FROM (SELECT topic, event->>'type' AS type, id, published_at FROM outbox ORDER BY id DESC LIMIT 1000) AS last
WHERE published_at IS NOT NULL
GROUP BY topic, type
"""
FEED = """
SELECT users.seq, feed_floor, outbox.event
FROM users LEFT JOIN LATERAL (
    SELECT event, outbox.seq FROM outbox
    WHERE user_id = users.id AND outbox.seq > %(since)s ORDER BY outbox.seq LIMIT %(limit)s
) AS outbox ON true
WHERE users.id = %(user_id)s
ORDER BY outbox.seq
"""


async def add(uow: Writing, event: NewEvent) -> None:
    """Store an event to be published. A task event takes the user's next seq, and so the lock on the user's row."""
    traceparent = telemetry.traceparent()
    await uow.rows(
        ADD_NUMBERED if event.topic is Topic.TASK else ADD,
        {
            "topic": event.topic.value,
            "user_id": event.user_id,
            "shard": shard_of(event.user_id),
            "event": to_json(event.envelope(source=uow.source, traceparent=traceparent)).decode(),
            "traceparent": traceparent,
            "time": event.time,
        },
    )


async def add_many(uow: Writing, events: Sequence[NewEvent], *, topic: Topic) -> None:
    """The same for many on one topic, in their order. On task-events, hold the users' rows before, in one order."""
    if not events:
        return
    places = [event.traceparent or telemetry.traceparent() for event in events]
    told = [
        to_json(event.envelope(source=uow.source, traceparent=place)).decode()
        for event, place in zip(events, places, strict=True)
    ]
    await uow.rows(
        ADD_MANY_NUMBERED if topic is Topic.TASK else ADD_MANY,
        {
            "topic": topic.value,
            "user_ids": [event.user_id for event in events],
            "shards": [shard_of(event.user_id) for event in events],
            "events": told,
            "traceparents": places,
            "times": [event.time for event in events],
        },
    )


async def waiting(
    uow: Reading, *, topics: Sequence[str], shards: Collection[int], without: Collection[UUID], limit: int
) -> list[Row]:
    """The oldest unpublished events, but for those of users that are left out.

    `id`, `topic`, `user_id`, `shard`, `event` (JSON text), `traceparent`.
    """
    asked = {"topics": list(topics), "shards": list(shards), "without": list(without), "limit": limit}
    return await uow.rows(WAITING, asked)


async def published(uow: Reading, sent: Mapping[int, tuple[str, int]], *, owner: str) -> None:
    """Mark event ids as published, each under the lease (name, epoch) it was sent with."""
    await uow.rows(
        PUBLISHED,
        {
            "ids": list(sent),
            "leases": [name for name, _ in sent.values()],
            "epochs": [epoch for _, epoch in sent.values()],
            "owner": owner,
        },
    )


async def lag(uow: Reading, topics: Sequence[str]) -> dict[str, float]:
    """By topic: seconds since its oldest unpublished event was written; 0 when all are out."""
    return {row["topic"]: row["seconds"] for row in await uow.rows(LAG, {"topics": list(topics)})}


async def newest(uow: Reading) -> dict[tuple[str, str], int]:
    """By topic and type: the id of the newest event that is out, among the last thousand there are."""
    return {(row["topic"], row["type"]): row["id"] for row in await uow.rows(NEWEST)}


async def feed(uow: Reading, user_id: UUID, *, since: int, limit: int) -> tuple[list[dict[str, Any]], int, int]:
    """Task events after `since` in order, the user's present seq, and the floor of the feed."""
    rows = await uow.rows(FEED, {"user_id": user_id, "since": since, "limit": limit})
    if not rows:
        return [], 0, 0
    return [row["event"] for row in rows if row["event"] is not None], rows[0]["seq"], rows[0]["feed_floor"]
