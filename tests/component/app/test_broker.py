"""From a request to its effects over a real broker and real sidecars, in good weather and in bad."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from prometheus_client import REGISTRY
from taskora import clock
from taskora.dapr import Dapr
from taskora.domain.events import SHARDS, NewEvent, Topic
from taskora.events.relay import Relay
from taskora.store import outbox
from taskora.store.database import Database

from tests.cluster.services import Daprd, Kafka

from .conftest import PASSWORD, Urls, an_event, api_on, join, until
from .sidecars import TOKENS, Pod, make_topics, manifests

BATCH = 100
ENDED = "SELECT count(*) FROM outbox WHERE published_at IS NULL"


@pytest.fixture(scope="module")
def kafka() -> Iterator[Kafka]:
    with Kafka() as broker:
        asyncio.run(make_topics(broker))
        yield broker


@pytest.fixture
async def sidecar(urls: Urls, kafka: Kafka, tmp_path: Any) -> AsyncIterator[Dapr]:
    """The backend's sidecar, for a relay that runs in the test itself."""
    components = manifests(tmp_path / "components", kafka=kafka, urls=urls, role="backend")
    with Daprd(app_id="backend", components=components, env=TOKENS) as daprd:
        client = Dapr(daprd.url, token=TOKENS["DAPR_API_TOKEN"])
        yield client
        await client.close()


async def published(kafka: Kafka, topic: Topic, *, user_ids: set[str], until_count: int) -> list[dict[str, Any]]:
    """What a plain Kafka client reads of these users, in the order of each partition."""
    consumer = AIOKafkaConsumer(topic.value, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + 30
    try:
        while len({event["id"] for event in found}) < until_count:
            assert time.monotonic() < deadline, f"{len(found)} of {until_count} events after 30 s"
            for messages in (await consumer.getmany(timeout_ms=200)).values():
                for message in messages:
                    try:
                        event = json.loads(message.value)
                    except ValueError:
                        continue
                    if event["data"].get("user_id") in user_ids:
                        assert message.key == event["data"]["user_id"].encode()
                        found.append(event)
    finally:
        await consumer.stop()
    return found


def first_of_each(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({event["id"]: event for event in reversed(events)}.values())[::-1]


def relay_on(database: Database, dapr: Dapr, owner: str) -> Relay:
    return Relay(database, dapr, role="backend", owner=owner, topics=(Topic.TASK, Topic.USER, Topic.CHAT))


async def users_with_tasks(database: Database, *, users: int, tasks: int) -> set[str]:
    async with api_on(database) as api:

        async def work(number: int) -> str:
            who = await join(api, f"user{number}@example.org")
            for title in range(tasks):
                answer = await api.post("/tasks", json={"title": f"{title}"}, headers=who["headers"])
                assert answer.status_code == 201
            return str(who["user"]["id"])

        return set(await asyncio.gather(*(work(number) for number in range(users))))


async def test_a_task_made_over_http_is_in_the_audit_log_and_counted_soon_after(urls: Urls, kafka: Kafka) -> None:
    """Three roles as processes; the database's address comes from the secret store, both tokens are asked for."""
    with (
        Pod("backend", urls=urls, kafka=kafka) as backend,
        Pod("audit", urls=urls, kafka=kafka) as audit,
        Pod("insights", urls=urls, kafka=kafka),
    ):
        via = {"dapr-api-token": TOKENS["APP_API_TOKEN"]}
        async with httpx.AsyncClient(base_url=backend.url, headers=via, timeout=30) as http:
            assert (await http.get("/api/v1/me", headers={"dapr-api-token": "x"})).status_code == 401

            async def ready() -> bool:
                return (await http.get("/readyz")).status_code == 200

            await until(ready)
            who = await http.post(
                "/api/v1/auth/register", json={"email": "a@b.example", "password": PASSWORD, "display_name": "A"}
            )
            headers = {"Taskora-Session": who.json()["session"]["token"]}
            made = await http.post("/api/v1/tasks", json={"title": "seen"}, headers=headers)
            assert made.status_code == 201
            actions = "SELECT action FROM audit_log ORDER BY occurred_at, action"
            wanted = [f"dev.taskora.{verb}.v1" for verb in ("user.registered", "user.signed_in", "task.created")]
            await until(lambda: urls.sql(actions).split() == wanted)
            await until(lambda: "user.signed_in" in urls.sql("SELECT type FROM activity"))
            started = "SELECT subject FROM activity WHERE type LIKE '%.system.started.%' ORDER BY subject"
            everyone = ["/taskora/audit", "/taskora/backend", "/taskora/insights"]
            await until(lambda: urls.sql(started).split() == everyone)
            # One trace from the request to its effect.
            asked = made.headers["x-request-id"]
            (traced,) = await until(
                lambda: [line["trace_id"] for line in logged(backend) if line.get("request_id") == asked]
            )
            assert traced in urls.sql("SELECT event->>'traceparent' FROM outbox WHERE seq = 1")
            await until(lambda: traced in {line.get("trace_id") for line in logged(audit)})
        backend.process.stop()
        assert "Ended" in backend.log.read_text(), "not killed for being late"
        stopped = "SELECT subject FROM activity WHERE type LIKE '%.system.stopped.%'"
        await until(lambda: "/taskora/backend" in urls.sql(stopped))
        assert audit.process.alive()


def logged(pod: Pod) -> list[dict[str, Any]]:
    """Its log's lines, as far as they are written."""
    return [json.loads(line) for line in pod.log.read_text().splitlines(keepends=True) if line.endswith("\n")]


async def test_events_go_out_in_order_of_each_user_and_are_cloudevents(
    database: Database, urls: Urls, kafka: Kafka, sidecar: Dapr
) -> None:
    users = await users_with_tasks(database, users=6, tasks=8)
    relay = relay_on(database, sidecar, "only")
    await relay.settle()
    while (await relay.relay())[0]:
        pass
    assert urls.sql(ENDED) == "0"
    events = await published(kafka, Topic.TASK, user_ids=users, until_count=48)
    assert len(events) == 48
    for user in users:
        assert [event["data"]["seq"] for event in events if event["data"]["user_id"] == user] == list(range(1, 9))
    assert {event["specversion"] for event in events} == {"1.0"}
    assert {event["source"] for event in events} == {"/taskora/backend"}


async def test_two_relays_and_a_broker_that_dies_lose_nothing_and_keep_the_order(
    database: Database, urls: Urls, kafka: Kafka, sidecar: Dapr
) -> None:
    stop = asyncio.Event()
    relays = [relay_on(database, sidecar, name) for name in ("one", "two")]
    running = [asyncio.ensure_future(relay.run(stop)) for relay in relays]
    shares = "SELECT count(*) FROM leases WHERE name LIKE '%shard%' AND expires_at > now() GROUP BY owner"
    await until(lambda: urls.sql(shares).split() == [str(SHARDS // 2)] * 2)

    writing = asyncio.ensure_future(users_with_tasks(database, users=6, tasks=20))
    await until(lambda: int(urls.sql("SELECT count(*) FROM outbox WHERE published_at IS NOT NULL")) > 20)
    kafka.process.stop(kill=True)
    # Saving goes on without the broker.
    users = await writing
    assert int(urls.sql(ENDED)) > 0
    async with database.read() as uow:
        lags = await outbox.lag(uow, [Topic.TASK.value, Topic.REMINDER.value])
    assert lags["task-events"] > 0
    assert lags["reminder-events"] == 0
    await asyncio.to_thread(kafka.process.start, kafka.ready)
    await until(lambda: urls.sql(ENDED) == "0")
    stop.set()
    await asyncio.gather(*running)

    events = await published(kafka, Topic.TASK, user_ids=users, until_count=120)
    for user in users:
        once = [event["data"]["seq"] for event in first_of_each(events) if event["data"]["user_id"] == user]
        assert once == list(range(1, 21))
    assert urls.sql("SELECT count(*) FROM leases WHERE expires_at > now()") == "0"


async def test_a_relay_whose_lease_was_taken_marks_nothing(database: Database, urls: Urls, sidecar: Dapr) -> None:
    await users_with_tasks(database, users=2, tasks=2)
    paused = relay_on(database, sidecar, "paused")
    await paused.settle()
    urls.sql("UPDATE leases SET owner = 'other', epoch = epoch + 1 WHERE name LIKE '%shard%'")
    sent, refused = await paused.relay()
    assert (sent > 0, refused) == (True, 0)
    assert urls.sql("SELECT count(*) FROM outbox WHERE published_at IS NOT NULL") == "0"


async def test_whose_events_are_refused_or_many_holds_up_nobody(
    database: Database, urls: Urls, sidecar: Dapr, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than a batch of each wait before the others': of one whose first is too large for the broker, and of one."""
    monkeypatch.setattr("taskora.events.relay.BATCH", BATCH)
    refused, busy, *others = (clock.new_id() for _ in range(5))
    async with database.write() as uow:
        await outbox.add(uow, said(refused, "x" * 1_200_000))
        for user_id, count in ((refused, BATCH), (busy, 2 * BATCH), *((other, 2) for other in others)):
            told = [said(user_id, str(number)) for number in range(count)]
            await outbox.add_many(uow, told, topic=Topic.CHAT)
    relay = relay_on(database, sidecar, "patient")
    await relay.settle()
    await relay.relay()
    waiting = urls.sql("SELECT DISTINCT user_id FROM outbox WHERE published_at IS NULL").split()
    assert set(waiting) == {str(refused), str(busy)}
    await until(lambda: _all_out_of(relay, urls, busy), seconds=120)
    assert (
        urls.sql(f"SELECT count(*) FROM outbox WHERE user_id = '{refused}' AND published_at IS NULL") == f"{BATCH + 1}"
    )


async def _all_out_of(relay: Relay, urls: Urls, user_id: UUID) -> bool:
    await relay.relay()
    return urls.sql(f"SELECT count(*) FROM outbox WHERE user_id = '{user_id}' AND published_at IS NULL") == "0"


def said(user_id: UUID, text: str) -> NewEvent:
    return NewEvent(
        id=clock.new_id(),
        topic=Topic.CHAT,
        verb="said",
        subject="chat/1",
        user_id=user_id,
        time=clock.now(),
        data={"text": text},
    )


async def test_without_a_sidecar_rows_wait(database: Database, urls: Urls) -> None:
    await users_with_tasks(database, users=2, tasks=2)
    nowhere = Dapr("http://127.0.0.1:9")
    relay = relay_on(database, nowhere, "alone")
    await relay.settle()
    for topic in ("task-events", "user-events"):
        assert (REGISTRY.get_sample_value("taskora_outbox_lag_seconds", {"topic": topic}) or 0) > 0
    sent, refused = await relay.relay()
    assert (sent, refused > 0) == (0, True)
    assert urls.sql(ENDED) == "8"
    await nowhere.close()


async def test_what_is_no_event_is_kept_and_its_partition_flows_on(
    database: Database, urls: Urls, kafka: Kafka, sidecar: Dapr
) -> None:
    users = await users_with_tasks(database, users=1, tasks=1)
    (user,) = users
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    # Of the last, a sidecar that reads what it delivers dies.
    rubbish = (b"\x00 not json", b"[1, 2]", b'{"a": 1}', b'{"specversion": "1.0", "traceparent": 7}')
    for body in rubbish:
        await producer.send_and_wait(Topic.TASK.value, body, key=user.encode())
    await producer.stop()
    relay = relay_on(database, sidecar, "after")
    await relay.settle()
    await relay.relay()
    with Pod("audit", urls=urls, kafka=kafka):
        await until(lambda: user in urls.sql("SELECT user_id FROM audit_log WHERE action LIKE '%task.created%'"))
        bodies = "SELECT encode(body, 'hex') FROM dead_letters"
        await until(lambda: {body.hex() for body in rubbish} <= set(urls.sql(bodies).split()))


async def test_events_wait_while_a_consumers_database_is_away(urls: Urls, kafka: Kafka, sidecar: Dapr) -> None:
    async def publish() -> str:
        event = an_event(Topic.TASK, "created", user)
        await sidecar.publish(Topic.TASK.value, json.dumps(event), key=user)
        return str(event["id"])

    user = str(clock.new_id())
    audited = f"SELECT count(*) FROM audit_log WHERE user_id = '{user}'"
    with Pod("audit", urls=urls, kafka=kafka) as audit:
        await publish()
        await until(lambda: urls.sql(audited) == "1")
        urls.postgres.process.stop(kill=True)
        try:
            sent = [await publish() for _ in range(3)]
            await until(lambda: "asked to deliver again" in audit.log.read_text())
        finally:
            await asyncio.to_thread(urls.postgres.process.start, urls.postgres.ready)
        await until(lambda: urls.sql(audited) == "4")
    in_order = urls.sql(f"SELECT event_id FROM audit_log WHERE user_id = '{user}' ORDER BY no").split()
    assert in_order[1:] == sent
    given_up = f"SELECT count(*) FROM dead_letters WHERE position('{user}' IN encode(body, 'escape')) > 0"
    assert urls.sql(given_up) == "0"
