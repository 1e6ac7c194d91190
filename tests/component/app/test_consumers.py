"""What consumers make of what daprd delivers, against a real PostgreSQL: once, whatever is delivered and how often."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, LiteralString
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from taskora import clock
from taskora.asgi import Health, application
from taskora.domain import audit
from taskora.domain.events import Topic, parse
from taskora.events.subscriber import Consumer, keep_dead_letters
from taskora.services import consumers
from taskora.store import consuming
from taskora.store.database import Database

from .conftest import Urls, a_delivery, an_event, join

Deliver = Callable[..., Awaitable[str]]
DeliverAll = Callable[[str, Topic, Sequence[dict[str, Any] | bytes]], Awaitable[list[str]]]


@pytest.fixture
async def sidecar(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """What calls `/{role}/events/{topic}` of every role there is."""
    app = application(Health())
    for name in consumers.CONSUMERS:
        part = application(Health())
        Consumer(database, name=name).subscribe(part)
        keep_dead_letters(part, database, consumer=name)
        app.mount(f"/{name}", part)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://app", timeout=30) as client:
        yield client


@pytest.fixture
def deliver_all(sidecar: httpx.AsyncClient) -> DeliverAll:
    """`await deliver_all(role, topic, events)`: in one call, what the role answers daprd to each."""

    async def send(role: str, topic: Topic, events: Sequence[dict[str, Any] | bytes]) -> list[str]:
        bodies = [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events]
        answer = await sidecar.post(f"/{role}/events/{topic.value}", json=a_delivery(*bodies))
        assert answer.status_code == 200
        told = {one["entryId"]: one["status"] for one in answer.json()["statuses"]}
        return [told[str(n)] for n in range(len(bodies))]

    return send


@pytest.fixture
def deliver(deliver_all: DeliverAll) -> Deliver:
    """`await deliver(role, topic, event)`."""

    async def send(role: str, topic: Topic, event: dict[str, Any] | bytes) -> str:
        (status,) = await deliver_all(role, topic, [event])
        return status

    return send


@pytest.fixture
def user_id(ada: dict[str, Any]) -> UUID:
    return UUID(ada["user"]["id"])


async def test_an_event_delivered_often_and_at_once_is_audited_once(
    deliver: Deliver, urls: Urls, user_id: UUID
) -> None:
    event = an_event(Topic.TASK, "created", user_id)
    answers = await asyncio.gather(*(deliver("audit", Topic.TASK, event) for _ in range(6)))
    assert answers == ["SUCCESS"] * 6
    assert urls.sql("SELECT count(*) FROM audit_log") == "1"


async def test_the_chain_of_a_user_holds_though_topics_come_side_by_side(
    deliver: Deliver, database: Database, urls: Urls, user_id: UUID
) -> None:
    sent = [
        deliver("audit", topic, an_event(topic, "created", user_id, n=number))
        for number in range(10)
        for topic in (Topic.TASK, Topic.USER)
    ]
    assert set(await asyncio.gather(*sent)) == {"SUCCESS"}
    async with database.read() as uow:
        chain = await consuming.chain(uow, user_id)
    assert [entry.no for entry in chain] == list(range(1, 21))
    assert audit.first_fault(chain) is None
    urls.sql("UPDATE audit_log SET entry = replace(entry, '.created.', '.deleted.') WHERE no = 4")
    async with database.read() as uow:
        assert audit.first_fault(await consuming.chain(uow, user_id)) is not None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'{"specversion":"1.0"}',
        b"\xff\x00",
        json.dumps(an_event(Topic.TASK, "created", "nobody")).encode(),
    ],
)
async def test_what_can_never_succeed_is_kept_as_it_came_and_lets_the_rest_pass(
    deliver: Deliver, urls: Urls, user_id: UUID, body: bytes
) -> None:
    assert await deliver("audit", Topic.TASK, body) == "SUCCESS"
    assert await deliver("audit", Topic.TASK, an_event(Topic.TASK, "created", user_id)) == "SUCCESS"
    assert urls.sql("SELECT count(*) FROM audit_log") == "1"
    assert urls.sql("SELECT consumer, topic, state, encode(body, 'hex') FROM dead_letters") == (
        f"audit|task-events|open|{body.hex()}"
    )


async def test_a_poisonous_event_is_kept_once_however_often_it_comes(deliver: Deliver, urls: Urls) -> None:
    event = an_event(Topic.TASK, "created", "nobody")
    for _ in range(3):
        assert await deliver("audit", Topic.TASK, event) == "SUCCESS"
    assert urls.sql("SELECT count(*), min(event_id::text) FROM dead_letters") == f"1|{event['id']}"


def buried(topic: Topic) -> float:
    """What the alert about dead letters counts."""
    labels = {"topic": topic.value, "outcome": "buried"}
    return REGISTRY.get_sample_value("taskora_events_consumed_total", labels) or 0


async def test_what_lies_on_dead_letters_is_kept_raw(deliver: Deliver, urls: Urls) -> None:
    before = buried(Topic.DEAD)
    body = b"\x00 anything at all"
    assert await deliver("audit", Topic.DEAD, body) == "SUCCESS"
    assert urls.sql("SELECT topic, encode(body, 'hex') FROM dead_letters") == f"dead-letters|{body.hex()}"
    assert buried(Topic.DEAD) == before + 1


async def test_without_the_database_everything_is_asked_for_again_and_nothing_is_given_up(
    deliver: Deliver, urls: Urls, user_id: UUID
) -> None:
    event = an_event(Topic.TASK, "created", user_id)
    urls.postgres.process.stop(kill=True)
    try:
        for body in (event, b"not json"):
            assert await deliver("audit", Topic.TASK, body) == "RETRY"
        assert await deliver("audit", Topic.DEAD, b"x") == "RETRY"
    finally:
        await asyncio.to_thread(urls.postgres.process.start, urls.postgres.ready)
    assert await deliver("audit", Topic.TASK, event) == "SUCCESS"
    assert urls.sql("SELECT (SELECT count(*) FROM audit_log), (SELECT count(*) FROM dead_letters)") == "1|0"


async def test_a_fault_in_the_effect_leaves_no_inbox_row(deliver: Deliver, urls: Urls, user_id: UUID) -> None:
    urls.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;"
        "CREATE TRIGGER refuse BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    event = an_event(Topic.TASK, "created", user_id)
    assert await deliver("audit", Topic.TASK, event) == "RETRY"
    assert urls.sql("SELECT count(*) FROM inbox") == "0"
    urls.sql("DROP TRIGGER refuse ON audit_log")
    assert await deliver("audit", Topic.TASK, event) == "SUCCESS"
    assert urls.sql("SELECT count(*) FROM inbox") == "1"


async def test_what_is_delivered_at_once_is_taken_at_once_and_in_order(
    deliver_all: DeliverAll, urls: Urls, user_id: UUID
) -> None:
    others = [str(user_id), str(clock.new_id())]
    events = [an_event(Topic.TASK, "updated", others[n % 2], n=n) for n in range(50)]
    assert await deliver_all("audit", Topic.TASK, [*events, events[7]]) == ["SUCCESS"] * 51
    for who, mine in ((others[0], events[::2]), (others[1], events[1::2])):
        logged = urls.sql(f"SELECT event_id FROM audit_log WHERE user_id = '{who}' ORDER BY no").split()
        assert logged == [event["id"] for event in mine]
    transactions = "SELECT count(*), count(DISTINCT kept.xmin::text) FROM (SELECT xmin FROM {}) AS kept"
    assert urls.sql(transactions.format("audit_log")) == "50|1"
    assert urls.sql(transactions.format("inbox")) == "50|1"


@pytest.mark.parametrize("bad", [b"not json", json.dumps(an_event(Topic.TASK, "updated", "nobody")).encode()])
async def test_one_bad_among_many_is_kept_alone_and_the_others_are_taken_in_order(
    deliver_all: DeliverAll, urls: Urls, user_id: UUID, bad: bytes
) -> None:
    events: list[Any] = [an_event(Topic.TASK, "updated", user_id, n=n) for n in range(20)]
    assert await deliver_all("audit", Topic.TASK, [*events[:13], bad, *events[13:]]) == ["SUCCESS"] * 21
    logged = urls.sql("SELECT event_id FROM audit_log ORDER BY no").split()
    assert logged == [event["id"] for event in events]
    assert urls.sql("SELECT encode(body, 'hex') FROM dead_letters") == bad.hex()


async def test_an_hour_at_the_end_of_all_days_stops_nobody(deliver_all: DeliverAll, urls: Urls, user_id: UUID) -> None:
    first, never, last = (an_event(Topic.USER, "signed_in", user_id, n=n) for n in range(3))
    never |= {"time": "0001-01-01T00:00:00+14:00"}
    for role in ("audit", "insights"):
        assert await deliver_all(role, Topic.USER, [first, never, last]) == ["SUCCESS"] * 3
    assert urls.sql("SELECT sum(count) FROM activity") == "2"
    assert "insights" in urls.sql("SELECT consumer FROM dead_letters").split()


async def test_none_overtakes_one_that_must_come_again(deliver_all: DeliverAll, urls: Urls, user_id: UUID) -> None:
    events = [an_event(Topic.TASK, "updated", user_id, n=n) for n in range(9)]
    urls.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;"
        "CREATE TRIGGER refuse BEFORE INSERT ON audit_log FOR EACH ROW"
        f" WHEN (NEW.event_id = '{events[5]['id']}') EXECUTE FUNCTION refuse()"
    )
    assert await deliver_all("audit", Topic.TASK, events) == ["SUCCESS"] * 5 + ["RETRY"] * 4
    assert urls.sql("SELECT count(*) FROM inbox") == "5"
    urls.sql("DROP TRIGGER refuse ON audit_log")
    assert await deliver_all("audit", Topic.TASK, events[5:]) == ["SUCCESS"] * 4
    logged = urls.sql("SELECT event_id FROM audit_log ORDER BY no").split()
    assert logged == [event["id"] for event in events]


async def test_deliveries_that_cross_do_not_wait_for_each_other_in_a_circle(
    deliver_all: DeliverAll, api: httpx.AsyncClient, urls: Urls
) -> None:
    people = [(await join(api, f"user{n}@example.org"))["user"]["id"] for n in range(8)]
    for role, topics in (("audit", (Topic.TASK, Topic.USER)), ("insights", (Topic.USER, Topic.CHAT))):
        sent = [
            deliver_all(role, topic, [an_event(topic, "updated", one) for one in order])
            for _ in range(4)
            for topic, order in zip(topics, (people, people[::-1]), strict=True)
        ]
        assert all(set(answer) == {"SUCCESS"} for answer in await asyncio.gather(*sent))
    reminding = [
        deliver_all("notifier", Topic.REMINDER, [a_reminder(UUID(one), clock.new_id(), n=n) for one in order])
        for n, order in enumerate((people, people[::-1]) * 4)
    ]
    assert all(set(answer) == {"SUCCESS"} for answer in await asyncio.gather(*reminding))
    assert urls.sql("SELECT count(*) FROM audit_log") == "64"


async def test_what_is_no_delivery_is_no_success(sidecar: httpx.AsyncClient, urls: Urls, user_id: UUID) -> None:
    """Of a sidecar that hands over one by one, an answer without a word on it would be taken for one."""
    answer = await sidecar.post("/audit/events/task-events", json=an_event(Topic.TASK, "created", user_id))
    assert answer.status_code == 500
    assert urls.sql("SELECT (SELECT count(*) FROM audit_log), (SELECT count(*) FROM dead_letters)") == "0|0"


def a_reminder(user_id: UUID, task_id: UUID, **data: Any) -> dict[str, Any]:
    fields = {"task_id": str(task_id), "reminder_id": str(UUID(int=7)), "generation": 1, "title": "Pay rent"}
    return an_event(Topic.REMINDER, "fired", user_id, **fields | data)


async def test_a_reminder_that_fired_notifies_once_a_generation_and_tells_the_tabs(
    deliver: Deliver, api: httpx.AsyncClient, headers: dict[str, str], urls: Urls, user_id: UUID
) -> None:
    task_id = clock.new_id()
    for reminder in (a_reminder(user_id, task_id), a_reminder(user_id, task_id)):
        for _ in range(2):
            assert await deliver("notifier", Topic.REMINDER, reminder) == "SUCCESS"
    assert urls.sql("SELECT title FROM notifications") == "Pay rent"
    feed = (await api.get("/changes?since=0", headers=headers)).json()
    assert [(item["seq"], item["type"]) for item in feed["items"]] == [(1, "dev.taskora.task.notified.v1")]
    assert await deliver("notifier", Topic.REMINDER, a_reminder(user_id, task_id, generation=2)) == "SUCCESS"
    assert urls.sql("SELECT count(*) FROM notifications") == "2"


async def test_a_reminder_is_delivered_when_the_notification_of_its_generation_is_kept(
    deliver: Deliver, api: httpx.AsyncClient, headers: dict[str, str], urls: Urls, user_id: UUID
) -> None:
    at = {"at": "2020-01-01T00:00:00Z"}
    task = (await api.post("/tasks", json={"title": "t", "reminders": [at]}, headers=headers)).json()
    urls.sql("UPDATE reminders SET state = 'fired', generation = 2")
    for generation, state in ((1, "fired"), (2, "delivered")):
        reminder = a_reminder(user_id, UUID(task["id"]), reminder_id=task["reminders"][0]["id"], generation=generation)
        assert await deliver("notifier", Topic.REMINDER, reminder) == "SUCCESS"
        assert urls.sql("SELECT state FROM reminders") == state


async def test_a_task_that_is_done_needs_no_reminding_any_more_and_tabs_hear_of_it_once(
    deliver: Deliver, database: Database, urls: Urls, user_id: UUID
) -> None:
    task_id = clock.new_id()
    async with database.write() as uow:
        await uow.rows(A_TASK_THAT_FIRED, {"id": task_id, "user_id": user_id})
    await deliver("notifier", Topic.REMINDER, a_reminder(user_id, task_id))
    other = an_event(Topic.TASK, "completed", user_id, task_id=str(clock.new_id()))
    await deliver("notifier", Topic.TASK, other)
    assert urls.sql("SELECT dismissed_at IS NULL FROM notifications") == "t"
    done = an_event(Topic.TASK, "completed", user_id, task_id=str(task_id))
    urls.sql("UPDATE tasks SET" + AFTER["completed"])
    await deliver("notifier", Topic.TASK, done)
    assert urls.sql("SELECT dismissed_at IS NULL FROM notifications") == "f"
    await deliver("notifier", Topic.TASK, an_event(Topic.TASK, "deleted", user_id, task_id=str(task_id)))
    told = "event->>'type' = 'dev.taskora.task.notifications_changed.v1'"
    assert urls.sql(f"SELECT event->'data'->>'unread' FROM outbox WHERE {told}") == "0"


async def test_what_means_nothing_to_the_notifier_waits_for_no_database(
    deliver_all: DeliverAll, urls: Urls, user_id: UUID
) -> None:
    task_id = clock.new_id()
    ignored = [an_event(Topic.TASK, verb, user_id, task_id=str(task_id)) for verb in ("created", "notified")]
    done = an_event(Topic.TASK, "completed", user_id, task_id=str(task_id))
    urls.postgres.process.stop(kill=True)
    try:
        answers = await deliver_all("notifier", Topic.TASK, [ignored[0], b"not json", ignored[1], done])
        assert answers == ["SUCCESS", "RETRY", "SUCCESS", "RETRY"]
    finally:
        await asyncio.to_thread(urls.postgres.process.start, urls.postgres.ready)
    assert await deliver_all("notifier", Topic.TASK, [b"not json", done]) == ["SUCCESS"] * 2
    assert urls.sql("SELECT (SELECT count(*) FROM inbox), (SELECT count(*) FROM dead_letters)") == "1|1"


# What an act on a task makes of its row.
AFTER: dict[str, LiteralString] = {
    "completed": " status = 'done', completed_at = now()",
    "reopened": " status = 'todo', completed_at = NULL",
    "deleted": " deleted_at = now()",
    "restored": " deleted_at = NULL",
}


# What happens, to which of two tasks of whom, in which generation of its reminder. The third person is gone.
HAPPENED = st.tuples(
    st.sampled_from(["fired", "fired", "completed", "deleted"]), st.integers(0, 2), st.integers(0, 1), st.integers(1, 2)
)
NOTIFIED = "dev.taskora.task.notified.v1"
A_PERSON = """
INSERT INTO users (id, email, display_name, password_hash, time_zone, created_at)
VALUES (%(id)s, %(id)s::text, '', '', 'UTC', now())
"""
A_TASK_THAT_FIRED = """
WITH task AS (
    INSERT INTO tasks (id, user_id, title, description, status, priority, tags, version, created_at, updated_at)
    VALUES (%(id)s, %(user_id)s, '', '', 'todo', 'low', '{}', 1, now(), now()) RETURNING id, user_id
)
INSERT INTO reminders (id, user_id, task_id, at, fire_at, state) SELECT id, user_id, id, now(), now(), 'fired' FROM task
"""


async def noticed(
    database: Database, happened: Sequence[tuple[str, int, int, int]], *, half: int, together: bool
) -> list[Any]:
    """What it comes to for two new people with two tasks each, whose reminders have fired.

    What the tasks have come to shows from the event numbered `half` on.
    """
    people = [uuid4() for _ in range(3)]
    tasks = {(who, which): uuid4() for who in range(3) for which in range(2)}
    places = {task_id: place for place, task_id in tasks.items()}
    events = [
        a_reminder(people[who], tasks[who, which], reminder_id=str(tasks[who, which]), generation=time, title=f"{n}")
        if verb == "fired"
        else an_event(Topic.TASK, verb, people[who], task_id=str(tasks[who, which]))
        for n, (verb, who, which, time) in enumerate(happened)
    ]
    taken = [parse(json.dumps(event).encode()) for event in events]
    async with database.write() as uow:
        for user_id in people[:2]:
            await uow.rows(A_PERSON, {"id": user_id})
        for (who, _), task_id in tasks.items():
            if who < 2:
                await uow.rows(A_TASK_THAT_FIRED, {"id": task_id, "user_id": people[who]})
    for part in (taken[:half], taken[half:]):
        for some in [part] if together else [[event] for event in part]:
            async with database.write() as uow:
                await consumers.notified(uow, some)
        async with database.write() as uow:
            for verb, who, which, _ in happened:
                if verb != "fired":
                    await uow.rows("UPDATE tasks SET" + AFTER[verb] + " WHERE id = %(id)s", {"id": tasks[who, which]})
    came_to = list[Any]()
    async with database.read() as uow:
        for user_id in people[:2]:
            mine = {"user_id": user_id}
            kept = await uow.rows(
                "SELECT task_id, generation, title, dismissed_at IS NULL AS up FROM notifications"
                " WHERE user_id = %(user_id)s ORDER BY title",
                mine,
            )
            told = await uow.rows("SELECT seq, event FROM outbox WHERE user_id = %(user_id)s ORDER BY id", mine)
            states = await uow.rows("SELECT id, state FROM reminders WHERE user_id = %(user_id)s", mine)
            assert [row["seq"] for row in told] == [row["event"]["data"]["seq"] for row in told]
            assert [row["seq"] for row in told] == list(range(1, len(told) + 1))
            said = [row["event"] for row in told]
            came_to += [
                [(places[row["task_id"]], row["generation"], row["title"], row["up"]) for row in kept],
                [(one["data"]["title"], one["data"]["generation"]) for one in said if one["type"] == NOTIFIED],
                [one["data"]["unread"] for one in said if one["type"] != NOTIFIED][-1:],
                sorted((places[row["id"]], row["state"]) for row in states),
            ]
    return came_to


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happened=st.lists(HAPPENED, max_size=10), half=st.integers(0, 10))
async def test_many_at_once_come_to_what_they_come_to_one_by_one(
    happened: list[tuple[str, int, int, int]], half: int, database: Database
) -> None:
    one_by_one = await noticed(database, happened, half=half, together=False)
    assert await noticed(database, happened, half=half, together=True) == one_by_one


# What happens to a task and its reminder, and in between of which topic the notifier takes an event.
STEPS = st.lists(st.sampled_from(["fired", *AFTER, Topic.TASK, Topic.REMINDER]), max_size=12)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(steps=["fired", "completed"], first=Topic.TASK)
@example(steps=["fired", "deleted"], first=Topic.TASK)
@example(steps=["fired", "completed", Topic.TASK, "reopened"], first=Topic.REMINDER)
@example(steps=["fired", Topic.REMINDER, "completed", Topic.TASK, "reopened"], first=Topic.TASK)
@given(steps=STEPS, first=st.sampled_from([Topic.TASK, Topic.REMINDER]))
async def test_whichever_topic_comes_first_notifications_are_up_while_their_task_is_open(
    steps: list[str], first: Topic, database: Database
) -> None:
    user_id, task_id = uuid4(), uuid4()
    reminder_id, fired = str(uuid4()), 0
    done = deleted = False
    waiting: dict[Topic, list[dict[str, Any]]] = {Topic.TASK: [], Topic.REMINDER: []}

    async def take(topic: Topic) -> None:
        if waiting[topic]:
            async with database.write() as uow:
                await consumers.notified(uow, [parse(json.dumps(waiting[topic].pop(0)).encode())])

    async with database.write() as uow:
        await uow.rows(A_PERSON, {"id": user_id})
        await uow.rows(A_TASK_THAT_FIRED, {"id": task_id, "user_id": user_id})
    for step in steps:
        if isinstance(step, Topic):
            await take(step)
        elif step == "fired":
            fired += 1
            about = a_reminder(user_id, task_id, reminder_id=reminder_id, generation=fired)
            waiting[Topic.REMINDER].append(about)
        else:
            done, deleted = {
                "completed": (True, deleted),
                "reopened": (False, deleted),
                "deleted": (done, True),
                "restored": (done, False),
            }[step]
            async with database.write() as uow:
                await uow.rows("UPDATE tasks SET" + AFTER[step] + " WHERE id = %(id)s", {"id": task_id})
            waiting[Topic.TASK].append(an_event(Topic.TASK, step, user_id, task_id=str(task_id)))
    for topic in (first, Topic.TASK, Topic.REMINDER):
        while waiting[topic]:
            await take(topic)
    async with database.read() as uow:
        kept = await uow.rows(
            "SELECT dismissed_at IS NULL AS up FROM notifications WHERE user_id = %(user_id)s", {"user_id": user_id}
        )
    assert [row["up"] for row in kept] == [not done and not deleted] * fired


async def test_a_title_that_is_no_text_is_kept_as_a_dead_letter(deliver: Deliver, urls: Urls, user_id: UUID) -> None:
    for title in ("half of a \ud83d", "nothing \x00"):
        assert await deliver("notifier", Topic.REMINDER, a_reminder(user_id, clock.new_id(), title=title)) == "SUCCESS"
    assert urls.sql("SELECT (SELECT count(*) FROM notifications), (SELECT count(*) FROM dead_letters)") == "0|2"


async def test_a_reminder_of_an_account_that_is_gone_is_nothing(deliver: Deliver, urls: Urls) -> None:
    assert await deliver("notifier", Topic.REMINDER, a_reminder(clock.new_id(), clock.new_id())) == "SUCCESS"
    assert urls.sql("SELECT (SELECT count(*) FROM notifications), (SELECT count(*) FROM dead_letters)") == "0|0"


async def test_activity_is_counted_by_user_day_and_kind_and_by_role_for_the_system(
    deliver: Deliver, urls: Urls, user_id: UUID
) -> None:
    for _ in range(2):
        event = an_event(Topic.USER, "signed_in", user_id)
        for _ in range(2):
            assert await deliver("insights", Topic.USER, event) == "SUCCESS"
    assert await deliver("insights", Topic.SYSTEM, an_event(Topic.SYSTEM, "started", "-", role="backend")) == "SUCCESS"
    counted = urls.sql("SELECT subject, type, sum(count) FROM activity GROUP BY 1, 2 ORDER BY 2")
    assert counted.splitlines() == [
        "/taskora/backend|dev.taskora.system.started.v1|1",
        f"{user_id}|dev.taskora.user.signed_in.v1|2",
    ]
