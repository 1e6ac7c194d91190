"""How fast what waited for the broker goes out, and is taken."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from taskora import clock
from taskora.domain.events import SHARDS, NewEvent, Topic
from taskora.store import outbox
from taskora.store.database import Database

from tests.cluster.progress import say
from tests.component.app.conftest import until
from tests.faults.rest import lags
from tests.whole import Whole

from .conftest import COUNT, PEOPLE, Person

EVENTS = 10 * COUNT
AT_ONCE = 8


async def test_a_backlog_after_an_outage_of_the_broker(whole: Whole, people: list[Person]) -> None:
    kafka = whole.kafka.process
    kafka.stop(kill=True)
    await written(whole, [UUID(one.user_id) for one in people])
    await asyncio.to_thread(kafka.start, whole.kafka.ready)
    began = time.monotonic()
    waiting = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
    first = EVENTS // 100
    await until(lambda: int(whole.urls.sql(waiting)) < EVENTS - first, seconds=600)
    flowing = time.monotonic()
    await until(lambda: whole.urls.sql(waiting) == "0", seconds=1200)
    out = time.monotonic()
    say(f"{EVENTS} events: the first went out {flowing - began:.1f} s after the broker was back,")
    rate = (EVENTS - first) / (out - flowing)
    say(f"  the last {out - began:.0f} s after: {rate:.0f}/s by one relay through one sidecar")
    while (left := await lags(whole))["events for audit"] or left["events for notifier"]:
        assert time.monotonic() < out + 1800, left
        await asyncio.sleep(1)
    taken = time.monotonic()
    say(f"  audit and notifier had taken all after {taken - began:.0f} s: {EVENTS / (taken - flowing):.0f}/s each")
    assert whole.urls.sql("SELECT count(*) FROM audit_log WHERE action LIKE '%.updated.%'") == str(EVENTS)
    assert whole.urls.sql("SELECT count(*) FROM dead_letters") == "0"
    chains = "(SELECT max(no) - count(*) AS gap FROM audit_log GROUP BY user_id) AS chains"
    assert whole.urls.sql(f"SELECT count(*) FROM {chains} WHERE gap <> 0") == "0"


async def test_one_shard_through_one_sidecar() -> None:
    with Whole(roles={"backend": 1}) as whole:
        sidecar = whole.pods["backend-0"].sidecar
        sidecar.process.stop(kill=True)
        users = [UUID(int=clock.new_id().int // SHARDS * SHARDS) for _ in range(PEOPLE)]
        whole.urls.sql(
            "INSERT INTO users (id, email, display_name, password_hash, time_zone, created_at)"
            " SELECT id, id || '@example.org', 'n', 'x', 'UTC', now()"
            f" FROM unnest('{{{','.join(map(str, users))}}}'::uuid[]) AS id"
        )
        await written(whole, users)
        assert whole.urls.sql("SELECT count(DISTINCT shard) FROM outbox WHERE topic = 'task-events'") == "1"
        await asyncio.to_thread(sidecar.process.start, sidecar.ready)
        waiting = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
        first = EVENTS // 100
        await until(lambda: int(whole.urls.sql(waiting)) < EVENTS - first, seconds=60)
        flowing = time.monotonic()
        await until(lambda: whole.urls.sql(waiting) == "0", seconds=600)
        rate = (EVENTS - first) / (time.monotonic() - flowing)
        say(f"{EVENTS} events of one shard: {rate:.0f}/s by one relay through one sidecar")


async def written(whole: Whole, users: list[UUID]) -> None:
    """As the backend writes them, without what it costs to be asked for them."""
    database = Database(role="backend", pool=AT_ONCE)
    database.open(whole.urls.app)
    each = EVENTS // len(users)

    async def some(mine: list[UUID]) -> None:
        for user_id in mine:
            async with database.write() as uow:
                for number in range(each):
                    await outbox.add(uow, an_update(user_id, number))

    await asyncio.gather(*(some(users[part::AT_ONCE]) for part in range(AT_ONCE)))
    await database.close()


def an_update(user_id: UUID, number: int) -> NewEvent:
    now, task_id = datetime.now(UTC), clock.new_id()
    task: dict[str, Any] = {
        "id": task_id,
        "title": f"title {number}",
        "status": "todo",
        "priority": "medium",
        "version": 2,
        "created_at": now,
        "updated_at": now,
    }
    return NewEvent(
        id=clock.new_id(),
        topic=Topic.TASK,
        verb="updated",
        subject=f"task/{task_id}",
        user_id=user_id,
        time=now,
        data={"task_id": task_id, "fields": ["title"], "task": task},
    )
