"""How far consumers are behind, as the outbox and the inbox of a real PostgreSQL tell it."""

from typing import Any
from uuid import UUID

import httpx
from prometheus_client import REGISTRY
from taskora.events.lag import Lag
from taskora.services.consumers import CONSUMERS
from taskora.store import consuming
from taskora.store.database import Database

from .conftest import Urls

PUBLISH = "UPDATE outbox SET published_at = now() - interval '90 seconds' WHERE published_at IS NULL"


def late(consumer: str, topic: str = "task-events") -> float | None:
    return REGISTRY.get_sample_value("taskora_consumer_lag_seconds", {"consumer": consumer, "topic": topic})


async def make(api: httpx.AsyncClient, headers: dict[str, str]) -> dict[str, Any]:
    made = await api.post("/tasks", json={"title": "t"}, headers=headers)
    assert made.status_code == 201, made.text
    return made.json()


async def take(database: Database, urls: Urls, *, consumer: str) -> None:
    """All that is out, as the consumer does in the transaction of its effect."""
    published = urls.sql("SELECT event->>'id' FROM outbox WHERE published_at IS NOT NULL").split()
    async with database.write() as uow:
        await consuming.receive(uow, [UUID(one) for one in published], consumer=consumer)


async def test_it_rises_while_an_event_waits_for_its_consumer_and_falls_when_it_was_taken(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, urls: Urls
) -> None:
    lag = Lag(database)
    task = await make(api, headers)
    await lag.look()
    assert late("audit") == 0, "it waits in the outbox, not for a consumer"
    urls.sql(PUBLISH)
    for least in (90, 190):
        await lag.look()
        assert least <= (late("audit") or 0) < least + 60
        assert late("notifier") == 0, "a task that was made means nothing to it"
        assert (late("insights", "user-events") or 0) >= 90
        urls.sql("UPDATE outbox SET published_at = published_at - interval '100 seconds'")
    await take(database, urls, consumer="audit")
    await lag.look()
    assert (late("audit") or 0) >= 290, "so late was the last one"
    await lag.look()
    assert late("audit") == 0
    assert (late("insights", "user-events") or 0) >= 290

    done = await api.post(f"/tasks/{task['id']}/complete", headers=headers)
    assert done.status_code == 200, done.text
    urls.sql(PUBLISH)
    await lag.look()
    assert (late("notifier") or 0) >= 90
    assert (late("audit") or 0) >= 90


async def test_one_that_looks_for_the_first_time_sees_what_waits_behind_what_is_not_out(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, urls: Urls
) -> None:
    await make(api, headers)
    urls.sql(PUBLISH)
    await make(api, headers)
    await Lag(database).look()
    assert (late("audit") or 0) >= 90


def test_every_consumer_of_what_lies_in_an_outbox_is_told_of_from_the_beginning() -> None:
    Lag(Database(role="scheduler"))
    for name, taking in CONSUMERS.items():
        for topic in taking.topics:
            assert (late(name, topic.value) is None) == (topic.value == "system-events")
