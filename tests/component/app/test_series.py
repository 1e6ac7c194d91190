"""Tasks that come again, subtasks, reminders and bulk acts: what a change brings with it, in one transaction."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from .conftest import Urls, join
from .test_api import Headers, kind, make

DAILY = {"frequency": "daily"}


async def patch(api: httpx.AsyncClient, headers: Headers, task: dict[str, Any], **fields: Any) -> dict[str, Any]:
    scope = fields.pop("scope", None)
    answer = await api.patch(
        f"/tasks/{task['id']}", json=fields, headers=headers, params={"scope": scope} if scope else None
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def act(api: httpx.AsyncClient, headers: Headers, task: dict[str, Any], verb: str) -> dict[str, Any]:
    answer = await api.post(f"/tasks/{task['id']}/{verb}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def promised(urls: Urls) -> str:
    return urls.sql("SELECT occurrence_no, task_id, due_at <= now() FROM recurrence_due ORDER BY 1")


def a_successor(urls: Urls, task: dict[str, Any]) -> str:
    """The scheduler's part: occurrence 2, as it makes it."""
    return urls.sql(
        "INSERT INTO tasks (id, user_id, title, description, status, priority, tags, version, created_at, updated_at,"
        " series_id, occurrence_no, series, recurrence)"
        " SELECT gen_random_uuid(), user_id, title, description, 'todo', priority, tags, 1, now(), now(), series_id, 2,"
        " jsonb_set(series, '{version}', '1'), recurrence FROM tasks"
        f" WHERE id = '{task['id']}' RETURNING id; DELETE FROM recurrence_due"
    )


# Recurrence


async def test_completing_a_task_that_comes_again_promises_the_next_one_and_reopening_takes_it_back(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    task = await make(api, headers, due_date="2026-01-31", recurrence={"frequency": "monthly"})
    assert task["recurrence"]["time_zone"] == "Europe/Berlin"
    assert promised(urls) == ""
    await act(api, headers, task, "complete")
    assert promised(urls) == f"2|{task['id']}|t"
    await act(api, headers, task, "reopen")
    assert promised(urls) == ""


async def test_reopening_takes_back_an_untouched_successor_and_completing_again_brings_it_back(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    task = await make(api, headers, due_date="2026-01-01", recurrence=DAILY)
    await act(api, headers, task, "complete")
    next_id = a_successor(urls, task)

    await act(api, headers, task, "reopen")
    assert (await api.get(f"/tasks/{next_id}", headers=headers)).status_code == 404
    assert (await api.get("/tasks?trash=true", headers=headers)).json()["items"] == []
    assert (await api.post(f"/tasks/{next_id}/restore", headers=headers)).status_code == 404

    await act(api, headers, task, "complete")
    assert promised(urls) == ""
    assert (await api.get(f"/tasks/{next_id}", headers=headers)).json()["version"] == 3

    await act(api, headers, task, "reopen")
    await act(api, headers, task, "complete")
    await patch(api, headers, {"id": next_id}, title="touched")
    await act(api, headers, task, "reopen")
    assert (await api.get(f"/tasks/{next_id}", headers=headers)).json()["title"] == "touched"
    seqs = urls.sql("SELECT seq FROM outbox WHERE topic = 'task-events' ORDER BY id").split()
    assert seqs == [str(number + 1) for number in range(len(seqs))]


async def test_on_schedule_the_next_one_is_promised_from_the_start(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    pattern = {"frequency": "daily", "mode": "on_schedule"}
    task = await make(api, headers, due_at="2099-01-01T10:00:00Z", recurrence=pattern)
    assert urls.sql("SELECT occurrence_no, due_at AT TIME ZONE 'UTC' FROM recurrence_due") == "2|2099-01-01 10:00:00"
    await patch(api, headers, task, recurrence=None)
    assert promised(urls) == ""


async def test_a_recurrence_without_a_date_begins_on_its_first_day(api: httpx.AsyncClient, headers: Headers) -> None:
    weekly = {"frequency": "weekly", "weekdays": ["mon"]}
    task = await make(api, headers, recurrence=weekly)
    assert datetime.fromisoformat(task["due_date"]).weekday() == 0
    later = await patch(api, headers, await make(api, headers), recurrence=weekly)
    assert datetime.fromisoformat(later["due_date"]).weekday() == 0


async def test_what_is_changed_for_this_one_alone_is_not_what_the_next_one_is_like(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    task = await make(api, headers, "Gym", due_date="2026-01-05", recurrence=DAILY)
    series = "SELECT series->'planned', series->>'due', series->>'start' FROM tasks"
    await patch(api, headers, task, title="Gym with Eva", due_date="2026-01-07", scope="this")
    assert urls.sql(series) == '{"title": "Gym"}|2026-01-05|2026-01-05'
    await patch(api, headers, task, title="Pool")
    assert urls.sql(series) == "{}|2026-01-05|2026-01-05"
    await patch(api, headers, task, due_date="2026-01-09", scope="future")
    assert urls.sql(series) == "{}|2026-01-09|2026-01-09"


async def test_skipping_moves_a_task_to_its_next_date_until_there_is_none(
    api: httpx.AsyncClient, headers: Headers
) -> None:
    task = await make(api, headers, due_date="2026-01-31", recurrence={"frequency": "monthly", "until": "2026-03-31"})
    assert (await act(api, headers, task, "skip"))["due_date"] == "2026-02-28"
    assert (await act(api, headers, task, "skip"))["due_date"] == "2026-03-31"
    last = await api.post(f"/tasks/{task['id']}/skip", headers=headers)
    assert (last.status_code, kind(last)) == (409, "conflict")


async def test_the_dates_to_come_are_shown_before_anything_is_saved(api: httpx.AsyncClient, headers: Headers) -> None:
    asked = {"recurrence": {"frequency": "monthly"}, "due_date": "2026-01-31", "limit": 3}
    answer = (await api.post("/recurrence/preview", json=asked, headers=headers)).json()
    assert answer["text"] == "every month on the 31st, or the last day"
    assert [item["due_date"] for item in answer["items"]] == ["2026-01-31", "2026-02-28", "2026-03-31"]
    assert answer["items"][1]["note"] == "February 2026 has no 31st."
    wrong = {"recurrence": {"frequency": "daily", "mode": "on_schedule", "anchor": "completion"}}
    assert (await api.post("/recurrence/preview", json=wrong, headers=headers)).status_code == 422


async def test_a_task_without_a_date_begins_to_come_again_on_the_patterns_first_day(
    api: httpx.AsyncClient, headers: Headers
) -> None:
    task = await patch(api, headers, await make(api, headers), recurrence={"frequency": "monthly", "month_day": 31})
    assert task["due_date"] >= datetime.now(UTC).date().isoformat()
    (planned,) = (await api.get("/recurrence/upcoming", headers=headers)).json()["items"]
    assert planned["items"][0]["due_date"] == task["due_date"]
    refused = await api.patch(f"/tasks/{task['id']}", json={"due_date": None, "recurrence": DAILY}, headers=headers)
    assert (refused.status_code, kind(refused)) == (422, "invalid")


async def test_the_dates_to_come_are_told_by_words_too(api: httpx.AsyncClient, headers: Headers) -> None:
    asked = {"text": "every 2 weeks on mon and fri, 3 times", "due_date": "2026-11-30"}
    answer = (await api.post("/recurrence/preview", json=asked, headers=headers)).json()
    assert (answer["text"], answer["recurrence"]["weekdays"]) == (
        "every 2 weeks on Monday and Friday, 3 times",
        ["mon", "fri"],
    )
    assert [item["due_date"] for item in answer["items"]] == ["2026-11-30", "2026-12-04", "2026-12-14"]
    for wrong in ({"text": "whenever"}, {}, {**asked, "recurrence": DAILY}):
        assert (await api.post("/recurrence/preview", json=wrong, headers=headers)).status_code == 422


async def test_what_is_planned_counts_from_where_the_series_began_not_from_where_a_task_stands(
    api: httpx.AsyncClient, headers: Headers
) -> None:
    task = await make(api, headers, due_date="2026-01-31", recurrence={"frequency": "monthly"})
    await act(api, headers, task, "skip")
    await patch(api, headers, task, due_date="2026-03-02", scope="this")
    await act(api, headers, await make(api, headers, due_date="2026-01-05", recurrence=DAILY), "complete")
    (planned,) = (await api.get("/recurrence/upcoming?limit=3", headers=headers)).json()["items"]
    assert (planned["task_id"], planned["text"]) == (task["id"], "every month on the 31st, or the last day")
    assert planned["start"] == {"due_at": None, "due_date": "2026-01-31"}
    assert [item["due_date"] for item in planned["items"]] == ["2026-02-28", "2026-03-31", "2026-04-30"]
    assert (await api.get(f"/recurrence/upcoming?task_id={task['id']}", headers=headers)).json()["items"] != []
    eve = (await join(api, "eve@example.org"))["headers"]
    assert (await api.get(f"/recurrence/upcoming?task_id={task['id']}", headers=eve)).json()["items"] == []


# Subtasks


async def test_subtasks_stand_in_order_under_their_task_and_share_its_way_into_the_trash(
    api: httpx.AsyncClient, headers: Headers
) -> None:
    parent = await make(api, headers, "Move house")
    one, two = [await make(api, headers, title, parent_id=parent["id"]) for title in ("boxes", "van")]
    page = await api.get("/tasks", params={"parent_id": parent["id"], "sort": "position"}, headers=headers)
    assert [task["title"] for task in page.json()["items"]] == ["boxes", "van"]
    await api.delete(f"/tasks/{two['id']}", headers=headers)

    await api.delete(f"/tasks/{parent['id']}", headers=headers)
    assert (await api.get("/tasks", headers=headers)).json()["items"] == []
    await api.post(f"/tasks/{parent['id']}/restore", headers=headers)
    assert [task["id"] for task in (await api.get("/tasks", headers=headers)).json()["items"]] == [
        one["id"],
        parent["id"],
    ]


async def test_a_subtask_has_no_subtasks_and_nobody_elses_task_above_it(
    api: httpx.AsyncClient, headers: Headers
) -> None:
    parent = await make(api, headers, "parent")
    child = await make(api, headers, "child", parent_id=parent["id"])
    eve = (await join(api, "eve@example.org"))["headers"]
    hers = await make(api, eve, "hers")

    async def refused(method: str, path: str, parent_id: str) -> None:
        answer = await api.request(method, path, json={"title": "x", "parent_id": parent_id}, headers=headers)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "parent_id"), answer.text

    await refused("POST", "/tasks", child["id"])
    await refused("POST", "/tasks", hers["id"])
    await refused("PATCH", f"/tasks/{parent['id']}", parent["id"])
    other = await make(api, headers, "other")
    await refused("PATCH", f"/tasks/{parent['id']}", other["id"])
    await api.delete(f"/tasks/{other['id']}", headers=headers)
    await refused("POST", "/tasks", other["id"])


# Reminders


async def test_reminders_follow_their_tasks_due_time_and_end_with_it(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    task = await make(
        api, headers, due_at="2099-01-02T10:00:00Z", reminders=[{"minutes_before": 60}, {"at": "2099-01-01T00:00:00Z"}]
    )
    path = f"/tasks/{task['id']}/reminders"

    async def fires() -> list[tuple[str | None, str]]:
        found = (await api.get(path, headers=headers)).json()["items"]
        return [(one["fire_at"], one["state"]) for one in found]

    absolute = ("2099-01-01T00:00:00Z", "waiting")
    assert await fires() == [absolute, ("2099-01-02T09:00:00Z", "waiting")]
    await patch(api, headers, task, due_date="2099-01-05")  # at nine in Berlin
    assert await fires() == [absolute, ("2099-01-05T07:00:00Z", "waiting")]
    assert urls.sql("SELECT generation FROM reminders ORDER BY fire_at").split() == ["1", "2"]
    changed = await api.patch("/me", json={"time_zone": "UTC", "preferences": {"all_day_at": "12:00"}}, headers=headers)
    assert changed.status_code == 200, changed.text
    assert await fires() == [absolute, ("2099-01-05T11:00:00Z", "waiting")]
    assert urls.sql("SELECT generation FROM reminders ORDER BY fire_at").split() == ["1", "2"]

    await act(api, headers, task, "complete")
    assert {state for _, state in await fires()} == {"cancelled"}
    await act(api, headers, task, "reopen")
    assert {state for _, state in await fires()} == {"waiting"}

    one = (await api.get(path, headers=headers)).json()["items"][0]
    left = await api.delete(f"/reminders/{one['id']}", headers=headers)
    assert [kept["minutes_before"] for kept in left.json()["reminders"]] == [60]
    assert urls.sql("SELECT count(*) FROM reminders") == "1"
    await patch(api, headers, task, due_date=None)
    assert await fires() == [(None, "cancelled")]


async def test_a_reminder_is_set_once_and_in_the_past_it_is_due_at_once(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    task = await make(api, headers)
    path = f"/tasks/{task['id']}/reminders"
    past = {"at": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}
    first = await api.post(path, json=past, headers=headers)
    assert (first.status_code, first.headers["etag"]) == (201, '"2"')
    assert (await api.post(path, json=past, headers=headers)).headers["etag"] == '"2"'
    assert urls.sql("SELECT state, fire_at < now() FROM reminders") == "waiting|t"
    for wrong in ({"minutes_before": 5}, {}, {"at": past["at"], "minutes_before": 5}, {"minutes_before": -1}):
        assert (await api.post(path, json=wrong, headers=headers)).status_code == 422, wrong


# Many at once


async def test_one_act_on_many_tasks_happens_to_all_of_them(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    one, two, three = [await make(api, headers, f"{number}", tags=["old"]) for number in range(3)]
    eve = (await join(api, "eve@example.org"))["headers"]
    hers = await make(api, eve, "hers")
    ids = [three["id"], hers["id"], one["id"], one["id"]]
    body = {"ids": ids, "act": "update", "patch": {"priority": "high"}, "add_tags": ["new"], "remove_tags": ["OLD"]}
    keyed = {**headers, "Idempotency-Key": "bulk"}
    answer = await api.post("/tasks/bulk", json=body, headers=keyed)
    assert answer.status_code == 200, answer.text
    assert [(task["id"], task["priority"], task["tags"]) for task in answer.json()["items"]] == [
        (three["id"], "high", ["new"]),
        (one["id"], "high", ["new"]),
    ]
    assert answer.json()["missing"] == [hers["id"]]
    assert (await api.post("/tasks/bulk", json=body, headers=keyed)).text == answer.text
    for verb, status in (("complete", "done"), ("reopen", "todo")):
        done = await api.post("/tasks/bulk", json={"ids": [one["id"], two["id"]], "act": verb}, headers=headers)
        assert [task["status"] for task in done.json()["items"]] == [status, status]
    gone = await api.post("/tasks/bulk", json={"ids": [one["id"], two["id"]], "act": "delete"}, headers=headers)
    assert len(gone.json()["items"]) == 2
    back = await api.post("/tasks/bulk", json={"ids": [one["id"]], "act": "restore"}, headers=headers)
    assert back.json()["items"][0]["deleted_at"] is None
    for wrong in ({"ids": [], "act": "complete"}, {"ids": ids, "act": "explode"}, {**body, "act": "complete"}):
        assert (await api.post("/tasks/bulk", json=wrong, headers=headers)).status_code == 422, wrong


# Tags


async def test_a_tag_is_made_by_being_used_and_written_one_way(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    await make(api, headers, tags=["Home"])
    again = await make(api, headers, tags=["HOME", "garden"])
    assert again["tags"] == ["Home", "garden"]
    listed = (await api.get("/tags", headers=headers)).json()["items"]
    assert [(tag["name"], tag["open"], tag["pinned"]) for tag in listed] == [("garden", 1, False), ("Home", 2, False)]
    told = urls.sql("SELECT count(*) FROM outbox WHERE event->>'type' = 'dev.taskora.task.tags_changed.v1'")
    assert told == "2"


async def test_a_tag_renamed_or_deleted_is_so_on_every_task(api: httpx.AsyncClient, headers: Headers) -> None:
    task = await make(api, headers, tags=["home", "work"])
    tag = (await api.post("/tags", json={"name": "urgent", "color": "rose", "pinned": True}, headers=headers)).json()
    assert (tag["color"], tag["pinned"]) == ("rose", True)
    again = await api.post("/tags", json={"name": "URGENT"}, headers=headers)
    assert (again.status_code, kind(again)) == (409, "conflict")
    home = next(one for one in (await api.get("/tags", headers=headers)).json()["items"] if one["name"] == "home")
    renamed = await api.patch(f"/tags/{home['id']}", json={"name": "House", "color": "sky"}, headers=headers)
    assert (renamed.json()["name"], renamed.json()["color"]) == ("House", "sky")
    assert (await api.get(f"/tasks/{task['id']}", headers=headers)).json()["tags"] == ["House", "work"]
    assert (await api.patch(f"/tags/{home['id']}", json={"name": "urgent"}, headers=headers)).status_code == 409
    assert (await api.delete(f"/tags/{home['id']}", headers=headers)).status_code == 200
    assert (await api.get(f"/tasks/{task['id']}", headers=headers)).json()["tags"] == ["work"]
    eve = (await join(api, "eve@example.org"))["headers"]
    for method in ("PATCH", "DELETE"):
        assert (await api.request(method, f"/tags/{tag['id']}", json={}, headers=eve)).status_code == 404
