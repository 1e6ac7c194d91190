"""Lists of tasks: every filter, every order, page after page, against a real PostgreSQL."""

import itertools
import random
from datetime import UTC, datetime, time, timedelta
from typing import Any

import httpx
import pytest
from taskora import clock
from taskora.domain import cursors

from .conftest import Urls, all_pages
from .test_api import Headers, kind, make


async def titles(api: httpx.AsyncClient, headers: Headers, **query: Any) -> list[str]:
    answer = await api.get("/tasks", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return [task["title"] for task in answer.json()["items"]]


async def test_pages_in_any_order_follow_one_another_without_gap_or_repeat(
    api: httpx.AsyncClient, headers: Headers
) -> None:
    chance = random.Random(7)
    for number in range(23):
        due = chance.choice(
            [{}, {"due_date": f"2026-03-0{chance.randint(1, 4)}"}, {"due_at": "2026-03-02T10:00:00+01:00"}]
        )
        title = chance.choice(["Äpfel", "apples", "Zebra", "apples 🍎\u200d"])
        task = await make(api, headers, title, priority=chance.choice(["low", "urgent"]), position=number % 5, **due)
        if chance.random() < 0.3:
            await api.post(f"/tasks/{task['id']}/complete", headers=headers)
    keys = ["priority", "due_at", "title", "status", "position", "completed_at", "updated_at"]
    for first, second in itertools.permutations(keys, 2):
        sort = f"{chance.choice(['', '-'])}{first},{chance.choice(['', '-'])}{second}"
        whole = (await api.get("/tasks", params={"sort": sort, "limit": 200}, headers=headers)).json()["items"]
        seen = await all_pages(api, "/tasks", headers, sort=sort, limit=7)
        assert seen == whole, sort
        assert len({task["id"] for task in seen}) == 23, sort


async def test_several_keys_sort_one_after_the_other(api: httpx.AsyncClient, headers: Headers) -> None:
    await make(api, headers, "no date", priority="urgent")
    await make(api, headers, "that day", priority="urgent", due_date="2026-03-01")
    await make(api, headers, "that noon", priority="urgent", due_at="2026-03-01T12:00:00+01:00")
    await make(api, headers, "next day", priority="urgent", due_at="2026-03-02T00:30:00+01:00")
    await make(api, headers, "least", priority="low", due_date="2020-01-01")
    assert await titles(api, headers, sort="-priority,due_at,title") == [
        "that noon",
        "that day",
        "next day",
        "no date",
        "least",
    ]
    assert (await titles(api, headers, sort="due_at"))[0] == "least"
    assert await titles(api, headers, sort="title") == ["least", "next day", "no date", "that day", "that noon"]


@pytest.mark.parametrize("sort", ["colour", "title,title", "-", "title,-title", "a,b,c,d,e", "priority;drop"])
async def test_an_order_there_is_not_is_explained(api: httpx.AsyncClient, headers: Headers, sort: str) -> None:
    answer = await api.get("/tasks", params={"sort": sort}, headers=headers)
    assert (answer.status_code, kind(answer)) == (422, "invalid")


async def test_a_cursor_of_another_order_is_422(api: httpx.AsyncClient, headers: Headers) -> None:
    for number in range(3):
        await make(api, headers, f"{number}")
    cursor = (await api.get("/tasks?sort=title&limit=1", headers=headers)).json()["next_cursor"]
    for query in ("", "sort=title,priority&"):
        assert (await api.get(f"/tasks?{query}cursor={cursor}", headers=headers)).status_code == 422
    made_up = cursors.encode("due_at", "never", "no id")
    for wrong in (made_up, cursors.encode("due_at", "never", clock.new_id()), cursor[:-3]):
        answer = await api.get(f"/tasks?sort=due_at&cursor={wrong}", headers=headers)
        assert (answer.status_code, kind(answer)) == (422, "invalid")


async def test_due_windows_are_those_of_the_users_own_day(api: httpx.AsyncClient, headers: Headers) -> None:
    now = datetime.now(UTC)
    # Fourteen hours ahead, and while midnight is near there eleven behind: the day is mostly another than UTC's.
    zone, here = "Pacific/Kiritimati", now + timedelta(hours=14)
    if not time(0, 10) < here.time() < time(23, 30):
        zone, here = "Pacific/Pago_Pago", now - timedelta(hours=11)
    assert (await api.patch("/me", json={"time_zone": zone}, headers=headers)).status_code == 200
    today, day = here.date(), timedelta(days=1)
    await make(api, headers, "yesterday", due_date=str(today - day))
    await make(api, headers, "today", due_date=str(today))
    await make(api, headers, "minute ago", due_at=(now - timedelta(minutes=1)).isoformat())
    await make(api, headers, "next month", due_date=str(today + 31 * day))
    await make(api, headers, "some day")
    done = await make(api, headers, "done late", due_date=str(today - day))
    await api.post(f"/tasks/{done['id']}/complete", headers=headers)

    assert await titles(api, headers, due="overdue") == ["minute ago", "yesterday"]
    assert await titles(api, headers, due="overdue", status="done") == ["done late"]
    assert "today" in await titles(api, headers, due="today")
    assert not {"yesterday", "next month", "some day"} & set(await titles(api, headers, due="today"))
    assert "today" in await titles(api, headers, due="week")
    assert "next month" not in await titles(api, headers, due="week")
    assert await titles(api, headers, due="none") == ["some day"]
    assert await titles(api, headers, due_from=str(today + day)) == ["next month"]
    assert "minute ago" not in await titles(api, headers, due_from=str(today + day), due_to=str(today + 40 * day))
    assert await titles(api, headers, due_to=str(today - day), status="todo") == ["yesterday"]
    both = await api.get("/tasks", params={"due": "today", "due_to": str(today)}, headers=headers)
    assert both.status_code == 422


async def test_tags_are_asked_for_all_together_or_any_of_them_however_they_are_written(
    api: httpx.AsyncClient, headers: Headers
) -> None:
    await make(api, headers, "both", tags=["Home", "money"])
    await make(api, headers, "one", tags=["home"])
    await make(api, headers, "other", tags=["work"])
    assert await titles(api, headers, tag=["HOME", "Money"]) == ["both"]
    assert await titles(api, headers, tag=["home", "work"], tag_mode="any") == ["other", "one", "both"]
    assert await titles(api, headers, tag=["home", "nowhere"]) == []
    assert await titles(api, headers, tag=["home", "HOME"]) == ["one", "both"]
    assert await titles(api, headers, tag="nowhere", tag_mode="any") == []


async def test_a_list_tells_of_families_when_it_is_asked(api: httpx.AsyncClient, headers: Headers) -> None:
    party = await make(api, headers, "Party")
    cake, tea, _ = [await make(api, headers, title, parent_id=party["id"]) for title in ("Cake", "Tea", "Music")]
    await api.post(f"/tasks/{cake['id']}/complete", headers=headers)
    await api.delete(f"/tasks/{tea['id']}", headers=headers)
    whole = (await api.get("/tasks", params={"families": True}, headers=headers)).json()
    assert (whole["parents"], whole["parts"]) == ({party["id"]: "Party"}, {party["id"]: [1, 2]})
    some = (await api.get("/tasks", params={"families": True, "status": "done"}, headers=headers)).json()
    assert (some["parents"], some["parts"]) == ({party["id"]: "Party"}, {}), "of what is not in the list itself, too"
    assert "parents" not in (await api.get("/tasks", headers=headers)).json()


async def test_the_trash_is_a_list_of_its_own(api: httpx.AsyncClient, headers: Headers) -> None:
    kept = await make(api, headers, "kept")
    gone = await make(api, headers, "gone")
    await api.delete(f"/tasks/{gone['id']}", headers=headers)
    assert await titles(api, headers) == ["kept"]
    assert await titles(api, headers, trash=True, sort="-deleted_at") == ["gone"]
    assert kept["deleted_at"] is None


async def test_the_users_own_order_is_kept_and_there_is_room_between_two(
    api: httpx.AsyncClient, headers: Headers
) -> None:
    first, second, third = [await make(api, headers, title) for title in ("a", "b", "c")]
    assert await titles(api, headers, sort="position") == ["c", "b", "a"]
    between = (second["position"] + third["position"]) / 2
    await api.patch(f"/tasks/{first['id']}", json={"position": between}, headers=headers)
    assert await titles(api, headers, sort="position") == ["c", "a", "b"]
    for wrong in ("1e400", "NaN", "null", '"1"', "1e16"):
        answer = await api.patch(
            f"/tasks/{first['id']}",
            content=f'{{"position": {wrong}}}',
            headers={**headers, "content-type": "application/json"},
        )
        assert answer.status_code in (200, 422), (wrong, answer.text)


async def test_a_page_is_one_statement_and_says_the_seq_it_is_of(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    await make(api, headers, "x", tags=["home"])
    page = (await api.get("/tasks?sort=title&tag=home&due=none&limit=1", headers=headers)).json()
    assert page["seq"] == int(urls.sql("SELECT seq FROM users"))
    assert page["next_cursor"] is None


async def test_a_task_is_the_same_in_a_list_and_alone(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    asked = {
        "title": "Pay the rent",
        "due_at": "2031-01-31T09:00:00+01:00",
        "tags": ["home"],
        "recurrence": {"frequency": "monthly", "time_zone": "Europe/Berlin"},
        "reminders": [{"minutes_before": 60}, {"at": "2031-01-30T08:00:00Z"}],
    }
    for body in (asked, {"title": "rent", "due_date": "2031-01-31", "description": "x"}):
        made = (await api.post("/tasks", json=body, headers=headers)).json()
        for query in ({}, {"q": "rent"}):
            items = (await api.get("/tasks", params=query, headers=headers)).json()["items"]
            found = next(item for item in items if item["id"] == made["id"])
            found.pop("marks", None)
            assert found == (await api.get(f"/tasks/{made['id']}", headers=headers)).json() == made
