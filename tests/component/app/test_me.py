"""One's own account over HTTP: profile, sessions, tokens, passwords, what is taken along, and the end."""

import asyncio
import json
from time import process_time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
from taskora import clock
from taskora.domain import audit
from taskora.domain.events import Topic, parse
from taskora.services import consumers
from taskora.store import consuming
from taskora.store.database import Database

from .conftest import PASSWORD, Urls, an_event, by_day, join
from .test_api import Headers, kind, make

NEW_PASSWORD = "another correct horse"


async def sign_in(api: httpx.AsyncClient, password: str, email: str = "ada@example.org") -> httpx.Response:
    return await api.post("/auth/login", json={"email": email, "password": password})


async def audited(database: Database, urls: Urls) -> None:
    """What the audit role does with everything in the outbox."""
    events = urls.sql(
        "SELECT event FROM outbox WHERE topic IN ('task-events', 'user-events')"
        " AND NOT EXISTS (SELECT FROM audit_log WHERE event_id = (event->>'id')::uuid) ORDER BY id"
    )
    for line in events.splitlines():
        async with database.write() as uow:
            await consumers.audited(uow, [parse(line.encode())])


# Profile


async def test_a_profile_is_changed_field_by_field(api: httpx.AsyncClient, headers: Headers, urls: Urls) -> None:
    body = {"display_name": " Ada  L. ", "preferences": {"clock": "12h"}, "training_consent": True}
    changed = (await api.patch("/me", json=body, headers=headers)).json()
    assert (changed["display_name"], changed["time_zone"]) == ("Ada L.", "Europe/Berlin")
    again = (await api.patch("/me", json={"preferences": {"theme": "dark"}}, headers=headers)).json()
    assert again["preferences"] == {"week_start": "mon", "clock": "12h", "theme": "dark", "all_day_at": "09:00"}
    assert again["training_consent"] is True
    assert (await api.get("/me", headers=headers)).json() == again
    told = "SELECT count(*) FROM outbox WHERE event->>'type' = 'dev.taskora.user.profile_changed.v1'"
    assert urls.sql(told) == "2"
    await api.patch("/me", json={"preferences": {"theme": "dark"}}, headers=headers)
    assert urls.sql(told) == "2"


@pytest.mark.parametrize(
    "body",
    [
        {"is_admin": True},
        {"id": "00000000-0000-7000-8000-000000000000"},
        {"seq": 0},
        {"email": "eve@example.org"},
        {"time_zone": "Mars/Olympus"},
        {"preferences": {"admin": True}},
        {"preferences": {"all_day_at": "9"}},
    ],
)
async def test_what_is_not_ones_to_change_is_422(api: httpx.AsyncClient, headers: Headers, body: object) -> None:
    before = (await api.get("/me", headers=headers)).json()
    answer = await api.patch("/me", json=body, headers=headers)
    assert (answer.status_code, kind(answer)) == (422, "invalid")
    assert (await api.get("/me", headers=headers)).json() == before


# Sessions and tokens


async def test_sessions_are_listed_and_ended_one_by_one_or_all_but_this(
    api: httpx.AsyncClient, headers: Headers
) -> None:
    others = [(await sign_in(api, PASSWORD)).json()["session"]["token"] for _ in range(3)]
    listed = (await api.get("/me/sessions", headers=headers)).json()["items"]
    assert [one["current"] for one in listed] == [False, False, False, True]
    assert (await api.delete(f"/me/sessions/{listed[0]['id']}", headers=headers)).status_code == 204
    assert (await api.delete(f"/me/sessions/{listed[0]['id']}", headers=headers)).status_code == 404
    assert (await api.get("/me", headers={"Taskora-Session": others[2]})).status_code == 401
    assert (await api.delete("/me/sessions", headers=headers)).status_code == 204
    assert [(await api.get("/me", headers={"Taskora-Session": token})).status_code for token in others] == [401] * 3
    assert len((await api.get("/me/sessions", headers=headers)).json()["items"]) == 1


async def test_a_personal_token_is_shown_once_and_works_until_it_is_deleted(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    keyed = {**headers, "Idempotency-Key": "token"}
    made = await api.post("/me/tokens", json={"label": "laptop", "days": 7}, headers=keyed)
    assert made.status_code == 201, made.text
    token = made.json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await api.get("/me", headers=bearer)).status_code == 200
    listed = (await api.get("/me/tokens", headers=headers)).json()["items"]
    assert [(one["label"], one["current"]) for one in listed] == [("laptop", False)]
    assert token not in json.dumps(listed)
    assert urls.sql("SELECT count(*) FROM idempotency") == "0"
    eve = (await join(api, "eve@example.org"))["headers"]
    assert (await api.delete(f"/me/tokens/{made.json()['id']}", headers=eve)).status_code == 404
    assert (await api.delete(f"/me/sessions/{made.json()['id']}", headers=headers)).status_code == 404
    assert (await api.delete(f"/me/tokens/{made.json()['id']}", headers=headers)).status_code == 204
    assert (await api.get("/me", headers=bearer)).status_code == 401


# Passwords


async def test_a_new_password_ends_every_other_session(api: httpx.AsyncClient, headers: Headers) -> None:
    other = {"Taskora-Session": (await sign_in(api, PASSWORD)).json()["session"]["token"]}
    wrong = {"password": "not the password", "new_password": NEW_PASSWORD}
    refused = await api.post("/me/password", json=wrong, headers=headers)
    assert (refused.status_code, kind(refused)) == (403, "forbidden")
    weak = await api.post("/me/password", json={"password": PASSWORD, "new_password": "short"}, headers=headers)
    assert weak.status_code == 422
    body = {"password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await api.post("/me/password", json=body, headers=headers)).status_code == 204
    assert (await api.get("/me", headers=headers)).status_code == 200
    assert (await api.get("/me", headers=other)).status_code == 401
    assert (await sign_in(api, PASSWORD)).status_code == 401
    assert (await sign_in(api, NEW_PASSWORD)).status_code == 200


@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org"])
async def test_guessing_passwords_of_one_address_is_429_whether_or_not_it_has_an_account(
    api: httpx.AsyncClient, headers: Headers, urls: Urls, email: str
) -> None:
    answers = [await sign_in(api, "wrong password", email) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 300
    assert (await sign_in(api, PASSWORD, email.upper())).status_code == 429
    assert email not in urls.sql("SELECT key FROM attempts")
    urls.sql("UPDATE attempts SET since = since - interval '301 seconds'")
    assert (await sign_in(api, "wrong password", email)).status_code == 401


async def test_the_right_password_begins_the_count_anew(api: httpx.AsyncClient, ada: dict[str, Any]) -> None:
    for _ in range(2):
        for _ in range(9):
            assert (await sign_in(api, "wrong password")).status_code == 401
        assert (await sign_in(api, PASSWORD)).status_code == 200


async def test_an_unknown_address_takes_as_long_as_a_wrong_password(
    api: httpx.AsyncClient, ada: dict[str, Any], urls: Urls
) -> None:
    async def seconds(email: str) -> float:
        """Of this process, whatever else the machine does."""
        began = process_time()
        assert (await sign_in(api, "wrong password", email)).status_code == 401
        return process_time() - began

    known, unknown = [], []
    for _ in range(9):
        known.append(await seconds("ada@example.org"))
        unknown.append(await seconds("nobody@example.org"))
    # The work of a hash is tens of milliseconds; without it the answer would come in a few.
    assert sorted(unknown)[4] > sorted(known)[4] * 0.6, (known, unknown)


# What is taken along


async def test_an_export_has_everything_and_no_secret(api: httpx.AsyncClient, headers: Headers, urls: Urls) -> None:
    task = await make(api, headers, "mine", tags=["home"], reminders=[{"at": "2099-01-01T00:00:00Z"}])
    await api.delete(f"/tasks/{(await make(api, headers, 'gone'))['id']}", headers=headers)
    eve = (await join(api, "eve@example.org"))["headers"]
    await make(api, eve, "hers")
    answer = await api.get("/me/export", headers=headers)
    said = answer.json()
    assert answer.headers["content-disposition"] == 'attachment; filename="taskora.json"'
    assert [one["title"] for one in said["tasks"]] == ["mine", "gone"]
    assert (said["tags"][0]["name"], said["reminders"][0]["task_id"]) == ("home", task["id"])
    assert headers["Taskora-Session"] not in answer.text
    assert "hash" not in answer.text


async def test_a_table_goes_out_and_comes_in_again(api: httpx.AsyncClient, headers: Headers) -> None:
    await make(api, headers, "=SUM(A1)", description='two\nlines, "quoted"', tags=["a", "b"], priority="urgent")
    dated = await make(api, headers, "'quoted", due_at="2026-03-01T10:00:00Z")
    await api.post(f"/tasks/{dated['id']}/complete", headers=headers)
    await make(api, headers, "day", due_date="2026-03-01")
    out = await api.get("/me/export?format=csv", headers=headers)
    assert out.headers["content-type"].startswith("text/csv")
    assert "\n=SUM" not in out.text
    eve = (await join(api, "eve@example.org"))["headers"]
    csv = {**eve, "Content-Type": "text/csv", "Idempotency-Key": "once"}
    assert (await api.post("/me/import", content=out.text, headers=csv)).json() == {"created": 3}
    assert (await api.post("/me/import", content=out.text, headers=csv)).json() == {"created": 3}

    async def told(who: Headers) -> list[tuple[Any, ...]]:
        names = ("title", "description", "status", "priority", "due_at", "due_date", "tags")
        items = (await api.get("/tasks?sort=title", headers=who)).json()["items"]
        return [tuple(str(task[name]) for name in names) for task in items]

    assert await told(eve) == await told(headers)


@pytest.mark.parametrize(
    "content",
    [
        b"title,due\nfine,\n,2026-01-01\nx,never\n",
        b"name\nx\n",
        b"",
        b"\xff\xfe",
        b'title\n"open',
        b"title\n\0\n",
        b"title,priority\nx,highest",
    ],
)
async def test_a_table_with_one_bad_row_brings_nothing_in_and_says_which(
    api: httpx.AsyncClient, headers: Headers, content: bytes
) -> None:
    answer = await api.post("/me/import", content=content, headers={**headers, "Content-Type": "text/csv"})
    assert (answer.status_code, kind(answer)) == (422, "invalid")
    if b"never" in content:
        assert [error["field"] for error in answer.json()["errors"]] == ["row 3: title", "row 4: due_at"]
    assert (await api.get("/tasks", headers=headers)).json()["items"] == []


async def test_a_calendar_is_read_by_its_secret_address_until_there_is_another(
    api: httpx.AsyncClient, headers: Headers
) -> None:
    await make(api, headers, "Call; Ümit, " + "long " * 30, due_at="2026-03-01T10:00:00+01:00", tags=["home"])
    await make(api, headers, "day", due_date="2026-03-31")
    await make(api, headers, "no date")
    path = (await api.post("/me/calendar", headers=headers)).json()["path"]
    feed = await api.get(f"http://backend{path}")
    assert feed.headers["content-type"].startswith("text/calendar")
    lines = feed.text.split("\r\n")
    assert all(len(line.encode()) <= 75 for line in lines)
    unfolded = feed.text.replace("\r\n ", "")
    assert "DTSTART:20260301T090000Z" in unfolded
    assert "SUMMARY:Call\\; Ümit\\, long long" in unfolded
    assert "DTSTART;VALUE=DATE:20260331\r\nDTEND;VALUE=DATE:20260401" in unfolded
    assert unfolded.count("BEGIN:VEVENT") == unfolded.count("END:VEVENT") == 2
    newer = (await api.post("/me/calendar", headers=headers)).json()["path"]
    assert (await api.get(f"http://backend{path}")).status_code == 404
    assert (await api.get(f"http://backend{newer}")).status_code == 200
    assert (await api.delete("/me/calendar", headers=headers)).status_code == 204
    assert (await api.get(f"http://backend{newer}")).status_code == 404


# Views and notifications


async def test_a_view_keeps_what_a_list_can_be_asked_and_nothing_else(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    query = {"priority": ["urgent"], "sort": "-priority,due_at", "due": "week"}
    view = (await api.post("/views", json={"name": "Hot", "query": query}, headers=headers)).json()
    assert view["query"] == query
    for wrong in ({"colour": "red"}, {"sort": "colour"}, {"cursor": "x"}, {"due": "never"}):
        assert (await api.post("/views", json={"name": "x", "query": wrong}, headers=headers)).status_code == 422
    path = f"/views/{view['id']}"
    renamed = (await api.patch(path, json={"name": "Hotter"}, headers=headers)).json()
    assert (renamed["name"], renamed["query"]) == ("Hotter", query)
    eve = (await join(api, "eve@example.org"))["headers"]
    assert (await api.patch(path, json={"name": "x"}, headers=eve)).status_code == 404
    assert (await api.delete(path, headers=eve)).status_code == 404
    assert (await api.get("/views", headers=headers)).json()["items"] == [renamed]
    assert (await api.delete(path, headers=headers)).status_code == 200
    assert urls.sql("SELECT count(*) FROM outbox WHERE event->>'type' LIKE '%views_changed%'") == "3"


async def test_a_notification_is_read_or_put_off_and_then_its_reminder_fires_again(
    api: httpx.AsyncClient, headers: Headers, ada: dict[str, Any], database: Database, urls: Urls
) -> None:
    task = await make(api, headers, reminders=[{"at": "2026-01-01T00:00:00Z"}])
    urls.sql("UPDATE reminders SET state = 'fired'")
    for generation in (1, 2, 3):
        fired = an_event(
            Topic.REMINDER,
            "fired",
            ada["user"]["id"],
            task_id=task["id"],
            reminder_id=task["reminders"][0]["id"],
            title=f"no {generation}",
            generation=generation,
        )
        async with database.write() as uow:
            await consumers.notified(uow, [parse(json.dumps(fired).encode())])
    page = (await api.get("/notifications?limit=2", headers=headers)).json()
    assert ([one["title"] for one in page["items"]], page["unread"]) == (["no 3", "no 2"], 3)
    rest = await api.get("/notifications", params={"limit": 2, "cursor": page["next_cursor"]}, headers=headers)
    assert [one["title"] for one in rest.json()["items"]] == ["no 1"]

    first = page["items"][0]["id"]
    eve = (await join(api, "eve@example.org"))["headers"]
    assert (await api.post(f"/notifications/{first}/read", headers=eve)).status_code == 404
    assert (await api.post(f"/notifications/{first}/read", headers=headers)).json()["read_at"]
    assert (await api.get("/notifications?unread=true", headers=headers)).json()["unread"] == 2

    path = f"/notifications/{page['items'][1]['id']}/snooze"
    snoozed = await api.post(path, json={"until": "2099-01-01T00:00:00Z"}, headers=headers)
    assert snoozed.json()["snoozed_until"] == "2099-01-01T00:00:00Z"
    kept = urls.sql("SELECT state, snoozed, generation, fire_at AT TIME ZONE 'UTC' FROM reminders")
    assert kept == "waiting|t|2|2099-01-01 00:00:00"
    for wrong in ({}, {"minutes": 0}, {"until": "2020-01-01T00:00:00Z"}, {"minutes": 5, "until": "2099-01-01T00:00Z"}):
        assert (await api.post(path, json=wrong, headers=headers)).status_code == 422, wrong
    for _ in range(2):
        await api.post("/notifications/read", headers=headers)
        assert (await api.post(f"/notifications/{first}/read", headers=headers)).status_code == 200
    assert (await api.get("/notifications", headers=headers)).json()["unread"] == 0
    assert await told(api, headers) == [2, 1, 0], "what changed nothing is not told"
    await api.post(f"/tasks/{task['id']}/complete", headers=headers)
    over = await api.post(path, json={"minutes": 5}, headers=headers)
    assert (over.status_code, kind(over)) == (409, "conflict")


async def told(api: httpx.AsyncClient, headers: Headers) -> list[int]:
    """How many notifications are unread, as the user's tabs heard it."""
    feed = (await api.get("/changes?since=0", headers=headers)).json()["items"]
    return [one["data"]["unread"] for one in feed if one["type"] == "dev.taskora.task.notifications_changed.v1"]


# History and the end


async def test_a_tasks_history_is_told_to_its_owner_from_the_audit_log(
    api: httpx.AsyncClient, headers: Headers, database: Database, urls: Urls
) -> None:
    task = await make(api, headers, "Secret plan")
    await api.patch(f"/tasks/{task['id']}", json={"title": "Plan B", "priority": "high"}, headers=headers)
    await api.post(f"/tasks/{task['id']}/complete", headers=headers)
    await audited(database, urls)
    path = f"/tasks/{task['id']}/history"
    page = (await api.get(path, params={"limit": 2}, headers=headers)).json()
    assert [item["type"].split(".")[3] for item in page["items"]] == ["completed", "updated"]
    assert page["items"][1]["values"] == {"title": "Plan B", "priority": "high"}
    older = (await api.get(path, params={"before": page["next_before"]}, headers=headers)).json()
    assert [item["type"].split(".")[3] for item in older["items"]] == ["created"]
    assert "Secret plan" not in urls.sql("SELECT entry FROM audit_log")
    eve = (await join(api, "eve@example.org"))["headers"]
    assert (await api.get(path, headers=eve)).status_code == 404


async def test_erasing_an_account_leaves_nothing_of_it_but_a_chain_that_holds(
    api: httpx.AsyncClient, headers: Headers, ada: dict[str, Any], database: Database, urls: Urls
) -> None:
    task = await make(api, headers, "Secret plan", tags=["home"], reminders=[{"at": "2099-01-01T00:00:00Z"}])
    await make(api, headers, "below", parent_id=task["id"])
    await api.post("/views", json={"name": "mine", "query": {}}, headers=headers)
    await audited(database, urls)
    urls.sql("UPDATE outbox SET published_at = now()")
    user_id = UUID(ada["user"]["id"])
    wrong = await api.request("DELETE", "/me", json={"password": "wrong password"}, headers=headers)
    assert wrong.status_code == 403
    gone = await api.request("DELETE", "/me", json={"password": PASSWORD}, headers=headers)
    assert gone.status_code == 204, gone.text
    assert (await api.get("/me", headers=headers)).status_code == 401
    assert (await sign_in(api, PASSWORD)).status_code == 401

    await audited(database, urls)
    tables = urls.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").split()
    for table in tables:
        rows = urls.sql(f"SELECT t::text FROM {table} t")
        assert "Secret plan" not in rows, table
        assert "ada@example.org" not in rows, table
        if table not in ("audit_log", "outbox"):
            assert str(user_id) not in rows, table
    async with database.read() as uow:
        chain = await consuming.chain(uow, user_id)
    assert audit.first_fault(chain) is None
    assert {json.loads(link.entry)["action"].split(".")[3] for link in chain} >= {"registered", "created", "erased"}
    assert audit.disclosed(chain[0].entry, key=None)["data"] is None


async def test_two_that_use_one_reset_at_once_set_one_password(
    api: httpx.AsyncClient, ada: dict[str, Any], headers: Headers, urls: Urls
) -> None:
    urls.sql("UPDATE users SET is_admin = true")
    made = (await api.post(f"/admin/users/{ada['user']['id']}/reset", headers=headers)).json()
    words = [f"{NEW_PASSWORD} {number}" for number in range(3)]
    bodies = [{"token": made["token"], "password": password} for password in words]
    answers = await asyncio.gather(*(api.post("/auth/reset", json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [204, 404, 404]
    assert (await api.get("/me", headers=headers)).status_code == 401
    entered = [(await sign_in(api, password)).status_code for password in words]
    assert sorted(entered) == [200, 401, 401]
    assert made["token"] not in urls.sql("SELECT t::text FROM password_resets t")


# What stands beside every page


async def test_an_overview_counts_what_the_lists_and_views_would_show(api: httpx.AsyncClient, headers: Headers) -> None:
    zone = by_day()
    assert (await api.patch("/me", json={"time_zone": zone}, headers=headers)).status_code == 200
    today = clock.now().astimezone(ZoneInfo(zone)).date().isoformat()
    parent = await make(api, headers, title="Move house", due_date="2020-01-01", tags=["home"])
    await make(api, headers, title="Pack books", parent_id=parent["id"], due_date=today)
    await make(api, headers, title="Some day", priority="high")
    done = await make(api, headers, title="Done", due_date=today, priority="high")
    await api.post(f"/tasks/{done['id']}/complete", headers=headers)
    for query in ({"priority": ["high"], "status": ["todo"]}, {"q": "books"}, {"due": "overdue", "tag": ["home"]}):
        made = await api.post("/views", json={"name": str(query), "query": query}, headers=headers)
        assert made.status_code == 201, made.text
    beside = (await api.get("/me/overview", headers=headers)).json()
    assert beside["user"]["email"] == "ada@example.org"
    assert beside["counts"] == {"inbox": 2, "today": 2, "unread": 0}
    assert [view["open"] for view in beside["views"]] == [1, 1, 1]
    assert [(tag["name"], tag["open"]) for tag in beside["tags"]] == [("home", 1)]


async def test_an_overview_has_what_rang_just_now_until_it_is_read(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    task = await make(api, headers, title="Call Mum", due_at="2035-01-01T12:00:00Z")
    ids = [str(clock.new_id()) for _ in range(2)]
    for number, age in enumerate(("1 minute", "1 day")):
        urls.sql(
            "INSERT INTO notifications (id, user_id, task_id, reminder_id, generation, title, created_at) SELECT "
            f"'{ids[number]}', user_id, id, '{ids[number]}', 1, title, now() - interval '{age}' FROM tasks"
        )
    beside = (await api.get("/me/overview", headers=headers)).json()
    assert beside["counts"]["unread"] == 2
    assert [(one["id"], one["due_at"]) for one in beside["ringing"]] == [(ids[0], task["due_at"])]
    await api.post(f"/notifications/{ids[0]}/read", headers=headers)
    assert (await api.get("/me/overview", headers=headers)).json()["ringing"] == []
