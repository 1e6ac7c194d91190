"""What happens by the clock, on a real PostgreSQL: once, however many schedulers there are; late rather than never."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from taskora.roles import clockwork
from taskora.roles.clockwork import Clockwork
from taskora.services import firing as services
from taskora.store import firing
from taskora.store.database import Database

from .conftest import Urls, join, until

Headers = dict[str, str]
FIRED = "SELECT event->'data' FROM outbox WHERE topic = 'reminder-events' ORDER BY id"


def reminding(database: Database) -> Clockwork:
    return Clockwork(database, what="reminders", listed=firing.to_remind, act=services.remind, done=lambda: None)


def going_on(database: Database) -> Clockwork:
    return Clockwork(database, what="recurrence", listed=firing.to_continue, act=services.go_on, done=lambda: None)


@pytest.fixture
async def replicas(urls: Urls) -> AsyncIterator[list[Database]]:
    """The pools of three schedulers."""
    pools = [Database(role="scheduler", pool=5) for _ in range(3)]
    for pool in pools:
        pool.open(urls.app)
    yield pools
    for pool in pools:
        await pool.close()


def ago(**kwargs: float) -> str:
    return (datetime.now(UTC) - timedelta(**kwargs)).isoformat()


async def make(api: httpx.AsyncClient, headers: Headers, **fields: Any) -> dict[str, Any]:
    answer = await api.post("/tasks", json={"title": "t", **fields}, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def act(api: httpx.AsyncClient, headers: Headers, task: dict[str, Any], verb: str) -> dict[str, Any]:
    answer = await api.post(f"/tasks/{task['id']}/{verb}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def fired(urls: Urls) -> list[dict[str, Any]]:
    return [json.loads(line) for line in urls.sql(FIRED).splitlines()]


async def everything(database: Database) -> None:
    """What one scheduler does until nothing is due."""
    for work in (going_on(database), reminding(database)):
        while await work.turn() == 0.0:
            pass


async def test_a_reminder_whose_time_has_passed_fires_at_once_and_says_what_for(
    api: httpx.AsyncClient, headers: Headers, database: Database, urls: Urls
) -> None:
    at = ago(hours=1)
    task = await make(api, headers, title="Pay rent", due_date="2031-05-06", reminders=[{"at": at}])
    await everything(database)
    (said,) = fired(urls)
    assert datetime.fromisoformat(said.pop("scheduled_for")) == datetime.fromisoformat(at)
    assert said == {
        "user_id": urls.sql("SELECT id FROM users"),
        "reminder_id": task["reminders"][0]["id"],
        "generation": 1,
        "task_id": task["id"],
        "title": "Pay rent",
        "due_at": None,
        "due_date": "2031-05-06",
    }
    assert urls.sql("SELECT state FROM reminders") == "fired"


async def test_only_what_could_have_fired_before_is_late(
    api: httpx.AsyncClient, headers: Headers, database: Database, urls: Urls
) -> None:
    user_id = UUID(urls.sql("SELECT id FROM users"))
    await make(api, headers, reminders=[{"at": ago(hours=1)}])
    async with database.write() as uow:
        (late,) = await services.remind(uow, user_id=user_id)
    assert late < 60
    await make(api, headers, reminders=[{"at": ago(hours=1)}])
    urls.sql("UPDATE tasks SET updated_at = now() - interval '2 hours'")
    async with database.write() as uow:
        (late,) = await services.remind(uow, user_id=user_id)
    assert late > 3500


async def test_of_many_schedulers_at_once_each_reminder_is_fired_by_one(
    api: httpx.AsyncClient, urls: Urls, replicas: list[Database]
) -> None:
    for person in range(5):
        headers = (await join(api, f"user{person}@example.org"))["headers"]
        for _ in range(4):
            await make(api, headers, reminders=[{"at": ago(minutes=minutes)} for minutes in range(1, 6)])

    async def until_done(database: Database) -> None:
        while urls.sql("SELECT count(*) FROM reminders WHERE state = 'waiting'") != "0":
            await reminding(database).turn()

    await asyncio.gather(*(until_done(pool) for pool in replicas))
    told = [one["reminder_id"] for one in fired(urls)]
    assert len(told) == len(set(told)) == 100


async def test_a_reminder_moved_away_after_it_was_listed_does_not_fire(
    api: httpx.AsyncClient, headers: Headers, database: Database, urls: Urls
) -> None:
    task = await make(api, headers, due_at=ago(minutes=5), reminders=[{"minutes_before": 0}])
    async with database.read() as uow:
        listed = await firing.to_remind(uow, ahead=0, limit=10)
    (user_id,) = listed
    later = {"due_at": "2031-01-01T00:00:00Z"}
    assert (await api.patch(f"/tasks/{task['id']}", json=later, headers=headers)).status_code == 200
    async with database.write() as uow:
        assert await services.remind(uow, user_id=user_id) == []
    assert fired(urls) == []


async def test_a_due_date_that_moves_reminds_once_more_and_a_task_that_is_done_never(
    api: httpx.AsyncClient, headers: Headers, database: Database, urls: Urls
) -> None:
    task = await make(api, headers, due_at=ago(minutes=5), reminders=[{"minutes_before": 0}])
    done = await make(api, headers, due_at="2031-01-01T00:00:00Z", reminders=[{"minutes_before": 0}])
    await everything(database)
    await api.patch(f"/tasks/{task['id']}", json={"due_at": ago(minutes=1)}, headers=headers)
    await act(api, headers, done, "complete")
    urls.sql("UPDATE reminders SET fire_at = now() - interval '1 minute' WHERE state = 'cancelled'")
    await everything(database)
    assert [one["generation"] for one in fired(urls)] == [1, 2]


async def test_what_came_due_while_nobody_looked_fires_late_each_for_itself(
    api: httpx.AsyncClient, headers: Headers, database: Database, urls: Urls
) -> None:
    for days in range(1, 8):
        await make(api, headers, title=f"{days}", reminders=[{"at": ago(days=days)}])
    await everything(database)
    assert sorted(one["title"] for one in fired(urls)) == list("1234567")


async def test_one_whose_turn_fails_holds_nobody_up(
    api: httpx.AsyncClient, headers: Headers, database: Database, urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does one who has more due than is listed at once."""
    monkeypatch.setattr(clockwork, "BATCH", 1)
    await make(api, headers, title="bad", reminders=[{"at": ago(minutes=9)}])
    await make(api, (await join(api, "eve@example.org"))["headers"], title="good", reminders=[{"at": ago(minutes=1)}])
    urls.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.event->'data'->>'title' = 'bad'"
        " THEN RAISE 'no'; END IF; RETURN NEW; END $$;"
        "CREATE TRIGGER refuse BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    await everything(database)
    assert [one["title"] for one in fired(urls)] == ["good"]
    urls.sql("DROP TRIGGER refuse ON outbox")
    await everything(database)
    assert [one["title"] for one in fired(urls)] == ["good", "bad"]


async def test_a_reminder_fires_when_its_time_comes_without_any_tick(
    api: httpx.AsyncClient, headers: Headers, database: Database, urls: Urls
) -> None:
    stop = asyncio.Event()
    running = asyncio.ensure_future(reminding(database).run(stop))
    await make(api, headers, reminders=[{"at": (datetime.now(UTC) + timedelta(seconds=1.7)).isoformat()}])
    await until(lambda: fired(urls))
    assert urls.sql("SELECT fired_at >= fire_at FROM reminders") == "t"
    stop.set()
    await running


DAILY = {"frequency": "daily", "time_zone": "Europe/Berlin"}


async def numbers(urls: Urls) -> list[str]:
    return urls.sql("SELECT occurrence_no FROM tasks WHERE deleted_at IS NULL ORDER BY occurrence_no").split()


async def test_a_completed_task_comes_again_once_however_many_schedulers_there_are(
    api: httpx.AsyncClient, urls: Urls, replicas: list[Database]
) -> None:
    for person in range(4):
        headers = (await join(api, f"user{person}@example.org"))["headers"]
        for _ in range(3):
            task = await make(api, headers, due_at="2031-01-01T09:00:00Z", recurrence=DAILY)
            await act(api, headers, task, "complete")

    async def until_done(database: Database) -> None:
        while urls.sql("SELECT count(*) FROM recurrence_due") != "0":
            await going_on(database).turn()

    await asyncio.gather(*(until_done(pool) for pool in replicas))
    assert await numbers(urls) == ["1"] * 12 + ["2"] * 12
    assert urls.sql("SELECT count(*) FROM users WHERE seq <> 9") == "0"


async def test_the_next_one_has_its_own_reminder_and_the_tabs_are_told(
    api: httpx.AsyncClient, headers: Headers, database: Database, urls: Urls
) -> None:
    weekly = {"frequency": "weekly", "weekdays": ["mon"], "time_zone": "Europe/Berlin"}
    task = await make(
        api, headers, due_at="2031-01-06T09:00:00Z", recurrence=weekly, reminders=[{"minutes_before": 30}]
    )
    await act(api, headers, task, "complete")
    await everything(database)
    feed = (await api.get("/changes?since=2", headers=headers)).json()["items"]
    (told,) = [item for item in feed if item["type"].endswith("created.v1")]
    assert told["data"]["task"]["due_at"] == "2031-01-13T09:00:00Z"
    (again,) = told["data"]["task"]["reminders"]
    assert again["id"] != task["reminders"][0]["id"]
    states = urls.sql("SELECT state, fire_at AT TIME ZONE 'UTC' FROM reminders ORDER BY fire_at")
    assert states.splitlines() == ["cancelled|2031-01-06 08:30:00", "waiting|2031-01-13 08:30:00"]


async def test_reopened_before_the_next_was_made_there_is_none(
    api: httpx.AsyncClient, headers: Headers, database: Database, urls: Urls
) -> None:
    task = await make(api, headers, due_at="2031-01-01T09:00:00Z", recurrence=DAILY)
    await act(api, headers, task, "complete")
    await act(api, headers, task, "reopen")
    await everything(database)
    assert await numbers(urls) == ["1"]


async def test_completed_reopened_and_completed_again_there_is_one_next(
    api: httpx.AsyncClient, headers: Headers, database: Database, urls: Urls
) -> None:
    task = await make(api, headers, due_at="2031-01-01T09:00:00Z", recurrence=DAILY)
    for verb in ("complete", "reopen", "complete"):
        await act(api, headers, task, verb)
        await everything(database)
    assert await numbers(urls) == ["1", "2"]


@pytest.mark.parametrize(("catch_up", "made"), [("all", 6), ("latest", 3), ("none", 2)])
async def test_on_schedule_what_was_missed_is_caught_up_as_asked(
    api: httpx.AsyncClient, headers: Headers, database: Database, urls: Urls, catch_up: str, made: int
) -> None:
    """Due 4.5 days ago, daily: four dates have passed since, and one is always ahead."""
    pattern = {**DAILY, "mode": "on_schedule", "catch_up": catch_up}
    await make(api, headers, due_at=ago(days=4.5), recurrence=pattern)
    await everything(database)
    assert len(await numbers(urls)) == made
    latest = urls.sql("SELECT max(due_at) - now() BETWEEN '0 hours' AND '1 day' FROM tasks")
    assert latest == "t"
    ahead = "SELECT due_at > now(), occurrence_no FROM recurrence_due"
    assert urls.sql(ahead) == "t|7"
    await everything(database)
    assert len(await numbers(urls)) == made


async def test_a_series_that_has_ended_promises_nothing_more(
    api: httpx.AsyncClient, headers: Headers, database: Database, urls: Urls
) -> None:
    twice = {**DAILY, "mode": "on_schedule", "catch_up": "all", "count": 2}
    await make(api, headers, due_at=ago(days=4.5), recurrence=twice)
    await everything(database)
    assert await numbers(urls) == ["1", "2"]
    assert urls.sql("SELECT count(*) FROM recurrence_due") == "0"
