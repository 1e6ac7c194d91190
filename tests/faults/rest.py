"""When everything has come to rest: nothing waits in a table or on a topic, and nothing comes after."""

from __future__ import annotations

import asyncio
import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.component.app.sidecars import SUBSCRIBED
from tests.whole import Whole

# What is to be done by the clock and by the relay, each a number that must become 0.
WAITING = {
    "unpublished events": "SELECT count(*) FROM outbox WHERE published_at IS NULL",
    "due reminders": "SELECT count(*) FROM reminders WHERE state = 'waiting' AND fire_at <= now()",
    "series to go on": "SELECT count(*) FROM recurrence_due WHERE due_at <= now()",
}


async def at_rest(whole: Whole, *, seconds: float) -> None:
    """Returns once nothing is under way; fails with what still is."""
    deadline = time.monotonic() + seconds
    calm = 0
    while calm < 2:
        left = {name: int(whole.urls.sql(sql)) for name, sql in WAITING.items()} | await lags(whole)
        calm = calm + 1 if not any(left.values()) else 0
        assert time.monotonic() < deadline, (
            f"after {seconds:.0f} s there is still { {k: v for k, v in left.items() if v} }"
        )
        await asyncio.sleep(0.5)


async def lags(whole: Whole) -> dict[str, int]:
    """How many records each subscribing role has yet to take, of those it subscribes to."""
    admin = AIOKafkaAdminClient(bootstrap_servers=whole.kafka.bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=whole.kafka.bootstrap)
    await admin.start()
    await consumer.start()
    try:
        found: dict[str, int] = {}
        described = await admin.describe_topics()
        parts = {t["topic"]: [p["partition"] for p in t["partitions"]] for t in described}
        for role, topics in SUBSCRIBED.items():
            wanted = [TopicPartition(t.value, p) for t in topics for p in parts[t.value]]
            ends = await consumer.end_offsets(wanted)
            taken = await admin.list_consumer_group_offsets(f"{whole.urls.name}-{role}")
            found[f"events for {role}"] = sum(
                end - max(0, taken[part].offset if part in taken else 0) for part, end in ends.items()
            )
        return found
    finally:
        await consumer.stop()
        await admin.close()
