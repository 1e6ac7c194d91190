"""The backend's API against a real PostgreSQL: what a client may rely on."""

import asyncio
import hashlib
import json
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from taskora.settings import Registration
from taskora.store.database import Database

from .conftest import PASSWORD, Urls, all_pages, api_on, join

Headers = dict[str, str]


async def make(api: httpx.AsyncClient, headers: Headers, title: str = "Pay rent", **fields: Any) -> dict[str, Any]:
    answer = await api.post("/tasks", json={"title": title, **fields}, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def kind(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.json()["type"].removeprefix("urn:taskora:problem:")


# A task's life


async def test_a_task_lives_from_draft_to_trash_and_back(api: httpx.AsyncClient, headers: Headers) -> None:
    task = await make(api, headers, tags=["home", "Home"], priority="urgent", due_date="2026-03-01")
    path = f"/tasks/{task['id']}"
    assert (task["status"], task["version"], task["tags"]) == ("todo", 1, ["home"])

    changed = await api.patch(path, json={"due_at": "2026-03-01T10:00:00+01:00", "title": "x"}, headers=headers)
    assert (changed.json()["due_at"], changed.json()["due_date"]) == ("2026-03-01T09:00:00Z", None)
    assert changed.headers["etag"] == '"2"'

    done = await api.post(f"{path}/complete", headers=headers)
    assert (done.json()["status"], done.json()["completed_at"]) == ("done", done.json()["updated_at"])
    assert (await api.post(f"{path}/reopen", headers=headers)).json()["status"] == "todo"

    assert (await api.delete(path, headers=headers)).status_code == 200
    assert (await api.get(path, headers=headers)).status_code == 404
    assert (await api.get("/tasks", headers=headers)).json()["items"] == []
    assert (await api.post(f"{path}/restore", headers=headers)).status_code == 200
    assert (await api.get(path, headers=headers)).json()["version"] == 6


async def test_a_change_that_changes_nothing_makes_no_version_and_no_event(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    task = await make(api, headers)
    for _ in range(2):
        same = await api.patch(f"/tasks/{task['id']}", json={"title": "Pay rent"}, headers=headers)
        assert same.json() == task
    assert urls.sql("SELECT count(*) FROM outbox WHERE topic = 'task-events'") == "1"
    assert urls.sql("SELECT seq FROM users") == "1"


async def test_pages_follow_one_another_without_gap_or_repeat(api: httpx.AsyncClient, headers: Headers) -> None:
    made = [(await make(api, headers, f"task {number}"))["id"] for number in range(7)]
    seen = await all_pages(api, "/tasks", headers, limit=3)
    assert [task["id"] for task in seen] == made[::-1]


async def test_lists_filter_by_status_priority_tags_and_text(api: httpx.AsyncClient, headers: Headers) -> None:
    rent = await make(api, headers, "Pay rent 100%", tags=["home", "money"], priority="urgent")
    milk = await make(api, headers, "Milk", description="and RENT_al car", tags=["home"])
    await api.post(f"/tasks/{milk['id']}/complete", headers=headers)

    async def found(**query: Any) -> list[str]:
        answer = await api.get("/tasks", params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        return [task["title"] for task in answer.json()["items"]]

    assert await found(status="done") == ["Milk"]
    assert await found(status=["done", "todo"]) == ["Milk", "Pay rent 100%"]
    assert await found(priority="urgent") == ["Pay rent 100%"]
    assert await found(tag=["home", "money"]) == ["Pay rent 100%"]
    assert await found(q="rent", sort="-created_at") == ["Milk", "Pay rent 100%"]
    assert await found(q="100%") == ["Pay rent 100%"]
    assert await found(q="%%") == []
    assert rent["id"]


async def test_an_empty_list_knows_its_seq(api: httpx.AsyncClient, headers: Headers) -> None:
    page = (await api.get("/tasks", headers=headers)).json()
    assert page == {"items": [], "next_cursor": None, "seq": 0}


# What is refused


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/tasks", {"title": "a\0b"}),
        ("POST", "/tasks", {"title": "\ud800"}),
        ("POST", "/tasks", {"title": "x" * 501}),
        ("POST", "/tasks", {"title": "x", "description": "y" * 50_001}),
        ("POST", "/tasks", {}),
        ("POST", "/tasks", {"title": "x", "due_at": "2026-01-01T00:00:00Z", "due_date": "2026-01-01"}),
        ("GET", "/tasks?q=%00", None),
        ("GET", "/tasks?tag=%00", None),
        ("GET", "/tasks?limit=0", None),
        ("GET", "/tasks?cursor=abc", None),
        ("GET", "/tasks?colour=red", None),
        ("GET", "/tasks/not-an-id", None),
        ("GET", "/changes?since=-1", None),
        ("GET", "/changes?since=99999999999999999999", None),
    ],
)
async def test_what_can_not_be_accepted_is_422(
    api: httpx.AsyncClient, headers: Headers, method: str, path: str, body: object
) -> None:
    content = None if body is None else json.dumps(body)
    answer = await api.request(method, path, content=content, headers={**headers, "content-type": "application/json"})
    assert (answer.status_code, kind(answer)) == (422, "invalid")


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 20_000, b""])
async def test_a_body_that_is_no_json_is_the_clients_fault(
    api: httpx.AsyncClient, headers: Headers, content: bytes
) -> None:
    answer = await api.post("/tasks", content=content, headers={**headers, "content-type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    assert kind(answer)


async def test_another_users_task_is_not_there(api: httpx.AsyncClient, headers: Headers) -> None:
    task = await make(api, headers)
    eve = (await join(api, "eve@example.org"))["headers"]
    path = f"/tasks/{task['id']}"
    for method, where in (
        ("GET", path),
        ("PATCH", path),
        ("DELETE", path),
        ("POST", f"{path}/complete"),
        ("POST", f"{path}/restore"),
    ):
        answer = await api.request(method, where, headers=eve, json={} if method == "PATCH" else None)
        assert (answer.status_code, kind(answer)) == (404, "not_found"), (method, where)
    assert (await api.get("/tasks", headers=eve)).json()["items"] == []
    assert (await api.get(path, headers=headers)).json() == task


async def test_a_change_of_an_older_version_is_412_and_shows_the_present(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    task = await make(api, headers)
    path = f"/tasks/{task['id']}"
    newer = await api.patch(path, json={"title": "B"}, headers={**headers, "If-Match": 'W/"1"'})
    assert newer.status_code == 200
    refused = await api.patch(path, json={"title": "C"}, headers={**headers, "If-Match": '"1"'})
    assert (refused.status_code, kind(refused)) == (412, "changed_meanwhile")
    assert refused.json()["current"] == newer.json()
    for verb in ("complete", "reopen"):
        assert (await api.post(f"{path}/{verb}", headers={**headers, "If-Match": '"1"'})).status_code == 412
    assert (await api.delete(path, headers={**headers, "If-Match": '"1"'})).status_code == 412
    assert urls.sql("SELECT seq FROM users") == "2"


# Idempotency


async def test_twins_with_one_key_make_one_task_and_get_one_answer(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    keyed = {**headers, "Idempotency-Key": "twin"}
    answers = await asyncio.gather(*(api.post("/tasks", json={"title": "once"}, headers=keyed) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert {answer.headers["etag"] for answer in answers} == {'"1"'}
    assert urls.sql("SELECT count(*) FROM tasks") == "1"
    assert urls.sql("SELECT count(*) FROM outbox WHERE topic = 'task-events'") == "1"
    assert urls.sql("SELECT seq FROM users") == "1"


async def test_a_key_used_for_something_else_is_422(api: httpx.AsyncClient, headers: Headers) -> None:
    keyed = {**headers, "Idempotency-Key": "k"}
    assert (await api.post("/tasks", json={"title": "a"}, headers=keyed)).status_code == 201
    other = await api.post("/tasks", json={"title": "b"}, headers=keyed)
    assert (other.status_code, kind(other)) == (422, "idempotency_key_reused")


async def test_keys_belong_to_their_user(api: httpx.AsyncClient, headers: Headers) -> None:
    eve = (await join(api, "eve@example.org"))["headers"]
    ids = {
        (await api.post("/tasks", json={"title": "a"}, headers={**who, "Idempotency-Key": "same"})).json()["id"]
        for who in (headers, eve)
    }
    assert len(ids) == 2


async def test_a_change_sent_again_gets_its_answer_though_the_version_has_moved(
    api: httpx.AsyncClient, headers: Headers
) -> None:
    task = await make(api, headers)
    keyed = {**headers, "Idempotency-Key": "again", "If-Match": '"1"'}
    first = await api.patch(f"/tasks/{task['id']}", json={"title": "B"}, headers=keyed)
    await api.patch(f"/tasks/{task['id']}", json={"title": "C"}, headers=headers)
    again = await api.patch(f"/tasks/{task['id']}", json={"title": "B"}, headers=keyed)
    assert (again.status_code, again.text) == (200, first.text)
    assert (await api.get(f"/tasks/{task['id']}", headers=headers)).json()["title"] == "C"


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb"])
async def test_a_key_that_is_no_key_is_422(api: httpx.AsyncClient, headers: Headers, key: str) -> None:
    answer = await api.post("/tasks", json={"title": "a"}, headers={**headers, "Idempotency-Key": key})
    assert (answer.status_code, kind(answer)) == (422, "invalid")


# People


async def test_nobody_gets_in_without_a_live_session(api: httpx.AsyncClient, headers: Headers) -> None:
    for sent in ({}, {"Taskora-Session": "wrong"}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer "}):
        answer = await api.get("/tasks", headers=sent)
        assert (answer.status_code, kind(answer)) == (401, "not_signed_in")
        assert "www-authenticate" in answer.headers
    assert (await api.post("/auth/logout", headers=headers)).status_code == 204
    assert (await api.get("/me", headers=headers)).status_code == 401
    assert (await api.post("/tasks", json={"title": "x"}, headers=headers)).status_code == 401


async def test_a_session_that_has_ended_lets_nobody_in(api: httpx.AsyncClient, headers: Headers, urls: Urls) -> None:
    urls.sql("UPDATE sessions SET expires_at = now()")
    assert (await api.get("/me", headers=headers)).status_code == 401


async def test_a_token_lets_a_program_in(api: httpx.AsyncClient, ada: dict[str, Any]) -> None:
    answer = await api.post("/auth/token", json={"email": "ADA@example.org", "password": PASSWORD})
    assert answer.status_code == 201
    me = await api.get("/me", headers={"Authorization": f"Bearer {answer.json()['token']}"})
    assert me.json() == ada["user"]


async def test_a_wrong_password_and_an_unknown_address_are_told_apart_by_nobody(
    api: httpx.AsyncClient, ada: dict[str, Any]
) -> None:
    bodies = [
        (await api.post("/auth/login", json={"email": email, "password": "wrong password"}))
        for email in ("ada@example.org", "nobody@example.org", "no address")
    ]
    assert {(answer.status_code, answer.text) for answer in bodies} == {(401, bodies[0].text)}
    assert kind(bodies[0]) == "wrong_credentials"


async def test_an_address_has_one_account(api: httpx.AsyncClient, ada: dict[str, Any]) -> None:
    answer = await api.post(
        "/auth/register", json={"email": "Ada@Example.org", "password": PASSWORD, "display_name": "A"}
    )
    assert (answer.status_code, kind(answer)) == (409, "conflict")


async def test_a_weak_password_is_explained(api: httpx.AsyncClient) -> None:
    answer = await api.post("/auth/register", json={"email": "a@b.example", "password": "short", "display_name": "A"})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["password"]


async def test_closed_registration_is_403(database: Database) -> None:
    async with api_on(database, registration=Registration.CLOSED) as api:
        answer = await api.post(
            "/auth/register", json={"email": "a@b.example", "password": PASSWORD, "display_name": "A"}
        )
    assert (answer.status_code, kind(answer)) == (403, "registration_closed")


async def test_secrets_are_nowhere_in_the_database(ada: dict[str, Any], urls: Urls) -> None:
    dump = "".join(
        urls.sql(f"SELECT t::text FROM {table} t") for table in ("users", "sessions", "outbox", "idempotency")
    )
    assert ada["session"]["token"] not in dump
    assert PASSWORD not in dump
    assert "$argon2id$" in dump


async def test_too_many_sign_ins_at_once_are_429(
    api: httpx.AsyncClient, ada: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskora.store.database.POOL_WAIT", 60)
    bodies = [{"email": f"{number}@example.org", "password": "wrong password"} for number in range(60)]
    answers = await asyncio.gather(*(api.post("/auth/login", json=body) for body in bodies))
    statuses = {answer.status_code for answer in answers}
    assert statuses == {401, 429}
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 429)


# Keeping up


async def test_the_feed_gives_every_change_once_in_order(api: httpx.AsyncClient, headers: Headers) -> None:
    task = await make(api, headers)
    await api.post(f"/tasks/{task['id']}/complete", headers=headers)
    await api.delete(f"/tasks/{task['id']}", headers=headers)
    feed = (await api.get("/changes?since=1", headers=headers)).json()
    assert feed["seq"] == 3
    assert [(item["seq"], item["type"]) for item in feed["items"]] == [
        (2, "dev.taskora.task.completed.v1"),
        (3, "dev.taskora.task.deleted.v1"),
    ]
    assert feed["items"][0]["data"]["task"]["status"] == "done"
    assert (await api.get("/changes?since=3", headers=headers)).json() == {"items": [], "seq": 3}


async def test_a_feed_that_no_longer_reaches_back_is_410(api: httpx.AsyncClient, headers: Headers, urls: Urls) -> None:
    await make(api, headers)
    urls.sql("UPDATE users SET feed_floor = 1")
    for since in (0, 2):
        answer = await api.get(f"/changes?since={since}", headers=headers)
        assert (answer.status_code, kind(answer)) == (410, "gone")


async def test_heads_tell_the_seq_of_each_live_session_and_which_are_not(
    api: httpx.AsyncClient, ada: dict[str, Any], headers: Headers
) -> None:
    await make(api, headers)
    eve = await join(api, "eve@example.org")
    await api.post("/auth/logout", headers=eve["headers"])
    ours, hers = (hashlib.sha256(who["session"]["token"].encode()).hexdigest() for who in (ada, eve))
    heads = (await api.post("/internal/heads", json={"sessions": [ours, hers, "0" * 64]})).json()
    assert heads["heads"] == {ada["user"]["id"]: 1}
    assert set(heads["revoked"]) == {hers, "0" * 64}
    assert 0 < heads["relay_lag_seconds"] < 60


# The document


async def test_answers_are_as_the_openapi_document_says(api: httpx.AsyncClient, headers: Headers) -> None:
    document = (await api.get("http://backend/api/openapi.json")).json()
    schemas = {"components": document["components"]}
    task = await make(api, headers, tags=["a"], due_date="2026-01-01")

    def check(path: str, method: str, answer: httpx.Response) -> None:
        spec = document["paths"][path][method]["responses"][str(answer.status_code)]["content"]
        schema = spec[answer.headers["content-type"]]["schema"]
        Draft202012Validator({**schema, **schemas}).validate(answer.json())

    one = "/api/v1/tasks/{task_id}"
    check("/api/v1/tasks", "get", await api.get("/tasks", headers=headers))
    check(one, "get", await api.get(f"/tasks/{task['id']}", headers=headers))
    check(one, "get", await api.get(f"/tasks/{task['id']}"))
    check(one, "patch", await api.patch(f"/tasks/{task['id']}", json={"title": "\0"}, headers=headers))
    check(one, "patch", await api.patch(f"/tasks/{task['id']}", json={}, headers={**headers, "If-Match": '"9"'}))
    check("/api/v1/changes", "get", await api.get("/changes?since=0", headers=headers))
    check("/api/v1/changes", "get", await api.get("/changes?since=9", headers=headers))
    check("/api/v1/me", "get", await api.get("/me", headers=headers))
    check("/api/v1/auth/login", "post", await api.post("/auth/login", json={"email": "a", "password": "b"}))
    statuses = {status for path in document["paths"].values() for verb in path.values() for status in verb["responses"]}
    assert {"401", "403", "404", "409", "410", "412", "422", "429", "503"} <= statuses
