"""What somebody who means harm may try at the API, and what becomes of it."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any
from unicodedata import normalize

import httpx
import pytest
from taskora.asgi import BODY_LIMIT, BodyLimit
from taskora.store.database import Database

from tests.cluster.process import answers

from .conftest import PASSWORD, Urls, api_on, join, until
from .test_api import Headers, kind, make
from .test_contract import DOCUMENT
from .test_processes import backend

Person = dict[str, Any]

# What is sent where a body is a must.
BODIES: dict[str, Any] = {
    "PATCH /api/v1/tasks/{task_id}": {"title": "stolen"},
    "POST /api/v1/tasks/{task_id}/reminders": {"at": "2099-01-01T00:00:00Z"},
    "PATCH /api/v1/tags/{tag_id}": {"name": "stolen"},
    "PATCH /api/v1/views/{view_id}": {"name": "stolen"},
    "POST /api/v1/notifications/{notification_id}/snooze": {"minutes": 5},
}
OWNED = [
    f"{verb.upper()} {path}"
    for path, verbs in DOCUMENT["paths"].items()
    for verb in verbs
    if "{" in path and not path.startswith(("/api/v1/admin/", "/api/v1/calendar/"))
]


async def belongings(api: httpx.AsyncClient, headers: Headers, urls: Urls) -> dict[str, str]:
    task = await make(api, headers, tags=["mine"], reminders=[{"at": "2099-01-01T00:00:00Z"}])
    urls.sql(
        "INSERT INTO notifications (id, user_id, task_id, reminder_id, generation, title, created_at)"
        " SELECT gen_random_uuid(), user_id, task_id, id, 1, 'x', now() FROM reminders"
    )
    view = await api.post("/views", json={"name": "v", "query": {}}, headers=headers)
    chat = await api.post("/chat", json={"message": "help"}, headers=headers)
    token = await api.post("/me/tokens", json={"label": "l"}, headers=headers)
    return {
        "task_id": task["id"],
        "reminder_id": task["reminders"][0]["id"],
        "tag_id": (await api.get("/tags", headers=headers)).json()["items"][0]["id"],
        "view_id": view.json()["id"],
        "conversation_id": chat.json()["conversation_id"],
        "token_id": token.json()["id"],
        "session_id": (await api.get("/me/sessions", headers=headers)).json()["items"][0]["id"],
        "notification_id": urls.sql("SELECT id FROM notifications"),
    }


async def test_whatever_is_anothers_is_404_on_every_route_and_stays_as_it_is(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    ids = await belongings(api, headers, urls)
    eve = (await join(api, "eve@example.org"))["headers"]
    tables = ("tasks", "tags", "views", "reminders", "notifications", "conversations", "messages", "sessions")
    owner = "user_id <> (SELECT id FROM users WHERE email = 'eve@example.org')"

    def kept() -> list[str]:
        return [
            urls.sql(f"SELECT t::text FROM {table} t WHERE {owner if table != 'messages' else 'true'} ORDER BY 1")
            for table in tables
        ]

    before = kept()
    for label in OWNED:
        method, _, path = label.partition(" ")
        named = set(re.findall(r"{(\w+)}", path))
        assert named <= ids.keys(), f"{label}: say here what one of these is"
        url = f"http://backend{path.format(**ids)}"
        answer = await api.request(method, url, json=BODIES.get(label), headers=eve)
        assert (answer.status_code, kind(answer)) == (404, "not_found"), (label, answer.text)
    assert kept() == before
    assert len(OWNED) >= 20


ASKED = [
    (verb.upper(), re.sub(r"{\w+}", "nowhere", path))
    for path, verbs in DOCUMENT["paths"].items()
    for verb, operation in verbs.items()
    if "401" in operation["responses"] and path not in ("/api/v1/auth/login", "/api/v1/auth/token")
]
WRONG: dict[str, Any] = {"params": {"limit": "x", "cursor": "x", "since": "x"}, "content": b"{"}


async def test_what_is_wrong_with_a_request_is_told_to_who_is_signed_in_alone(
    api: httpx.AsyncClient, headers: Headers
) -> None:
    ends = [(method, path) for method, path in ASKED if method == "DELETE" or path.endswith("/logout")]
    told = [
        (await api.request(method, f"http://backend{path}", headers=headers, **WRONG)).status_code
        for method, path in ASKED
        if (method, path) not in ends
    ]
    assert 401 not in told, told
    assert told.count(422) >= 30, told
    for method, path in ASKED:
        for sent in ({}, {"Authorization": "Bearer nobody's"}):
            answer = await api.request(method, f"http://backend{path}", headers=sent, **WRONG)
            assert answer.status_code == 401, (method, path, sent, answer.text)


async def test_what_is_wrong_with_a_request_of_administration_is_told_to_administrators_alone(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    administered = [(method, path) for method, path in ASKED if path.startswith("/api/v1/admin/")]

    async def told() -> list[int]:
        return [
            (await api.request(method, f"http://backend{path}", headers=headers, **WRONG)).status_code
            for method, path in administered
        ]

    assert await told() == [403] * len(administered)
    urls.sql("UPDATE users SET is_admin = true")
    assert (await told()).count(422) == len(administered) - 1 >= 12  # the check of the chains takes nothing


async def test_anothers_ids_inside_a_body_are_not_there_either(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    ids = await belongings(api, headers, urls)
    eve = (await join(api, "eve@example.org"))["headers"]
    assert (await api.post("/tasks", json={"title": "x", "parent_id": ids["task_id"]}, headers=eve)).status_code == 422
    many = await api.post("/tasks/bulk", json={"ids": [ids["task_id"]], "act": "delete"}, headers=eve)
    assert many.json() == {"items": [], "missing": [ids["task_id"]]}
    talk = {"message": "help", "conversation_id": ids["conversation_id"]}
    assert (await api.post("/chat", json=talk, headers=eve)).status_code == 404
    assert (await api.get("/tasks", params={"parent_id": ids["task_id"]}, headers=eve)).json()["items"] == []


@pytest.mark.parametrize(
    "field",
    ["id", "user_id", "version", "status", "created_at", "completed_at", "deleted_at", "series_id", "place", "seq"],
)
async def test_a_new_task_is_made_of_what_a_client_may_say(
    api: httpx.AsyncClient, headers: Headers, field: str
) -> None:
    answer = await api.post("/tasks", json={"title": "x", field: "done"}, headers=headers)
    assert (answer.status_code, kind(answer)) == (422, "invalid")


async def test_nobody_makes_themselves_an_administrator(api: httpx.AsyncClient, urls: Urls) -> None:
    body = {"email": "eve@example.org", "password": PASSWORD, "display_name": "Eve"}
    for extra in ({"is_admin": True}, {"id": "x"}, {"seq": -1}):
        assert (await api.post("/auth/register", json={**body, **extra})).status_code == 422
    assert urls.sql("SELECT count(*) FROM users") == "0"


async def test_signing_in_begins_a_session_of_its_own_whatever_was_brought_along(
    api: httpx.AsyncClient, ada: Person
) -> None:
    planted = {"Taskora-Session": "planted-by-somebody"}
    body = {"email": "ada@example.org", "password": PASSWORD}
    tokens = {
        (await api.post("/auth/login", json=body, headers=brought)).json()["session"]["token"]
        for brought in ({}, planted, ada["headers"])
    }
    assert len(tokens | {ada["session"]["token"], "planted-by-somebody"}) == 5
    assert (await api.get("/me", headers=planted)).status_code == 401


@pytest.mark.parametrize(
    "sent",
    [
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer x y"},
        {"Authorization": "bearer\t"},
        {"Authorization": "Basic dGVzdDp0ZXN0"},
        {"Taskora-Session": "x" * 10_000},
        {"Taskora-Session": "' OR 1=1 --"},
        {"X-User-Id": "1", "X-Forwarded-User": "ada@example.org"},
        {"Cookie": "taskora_session=x"},
    ],
)
async def test_no_header_stands_in_for_a_session(api: httpx.AsyncClient, ada: Person, sent: dict[str, str]) -> None:
    answer = await api.get("/me", headers=sent)
    assert (answer.status_code, kind(answer)) == (401, "not_signed_in")


async def test_a_bearer_token_is_what_counts_beside_a_session(api: httpx.AsyncClient, ada: Person) -> None:
    both = {**ada["headers"], "Authorization": "Bearer wrong"}
    assert (await api.get("/me", headers=both)).status_code == 401


@pytest.mark.parametrize(
    "path", ["/../../../etc/passwd", "/tasks/..%2f..%2fme", "/tasks/%00", "//me", "/tasks/../me", "/TASKS", "/me/"]
)
async def test_a_path_leads_to_its_own_route_or_nowhere(api: httpx.AsyncClient, headers: Headers, path: str) -> None:
    answer = await api.get(f"http://backend/api/v1{path}", headers=headers, follow_redirects=False)
    assert answer.status_code in (200, 307, 404, 422), answer.text
    if answer.status_code == 200:  # the client itself took the dots out
        assert answer.json()["email"] == "ada@example.org"


async def test_a_runaway_script_is_told_to_slow_down_and_nobody_else_is(
    database: Database, api: httpx.AsyncClient, headers: Headers
) -> None:
    eve = (await join(api, "eve@example.org"))["headers"]
    async with api_on(database, rates=(1, 20)) as limited:
        answered = [await limited.get("/me", headers=headers) for _ in range(30)]
        statuses = [answer.status_code for answer in answered]
        assert statuses[:20] == [200] * 20
        assert 429 in statuses[20:]
        refused = next(answer for answer in answered if answer.status_code == 429)
        assert (kind(refused), refused.headers["retry-after"]) == ("too_many_requests", "1")
        assert (await limited.get("/me", headers=eve)).status_code == 200


# Every text field


def fields() -> list[tuple[str, str, dict[str, Any], str]]:
    """method, path, a body that is accepted, and the field that is tried."""
    account = {"email": "x@example.org", "password": PASSWORD, "display_name": "X"}
    return [
        ("POST", "/tasks", {"title": "x"}, "title"),
        ("POST", "/tasks", {"title": "x"}, "description"),
        ("POST", "/tasks", {"title": "x"}, "tags.0"),
        ("PATCH", "/tasks/{task_id}", {}, "title"),
        ("PATCH", "/tasks/{task_id}", {}, "description"),
        ("POST", "/tasks/bulk", {"ids": ["{task_id}"], "act": "update"}, "add_tags.0"),
        ("POST", "/tasks/quick-add", {}, "text"),
        ("POST", "/tasks/parse", {}, "text"),
        ("POST", "/tags", {}, "name"),
        ("POST", "/views", {"query": {}}, "name"),
        ("POST", "/views", {"name": "x", "query": {}}, "query.q"),
        ("POST", "/chat", {}, "message"),
        ("POST", "/me/tokens", {}, "label"),
        ("PATCH", "/me", {}, "display_name"),
        ("PATCH", "/me", {}, "time_zone"),
        ("POST", "/me/password", {"password": PASSWORD}, "new_password"),
        ("POST", "/auth/register", account, "display_name"),
        ("POST", "/auth/register", account, "password"),
        ("POST", "/auth/register", account, "email"),
        ("POST", "/auth/login", account, "email"),
        ("POST", "/auth/login", account, "password"),
        ("POST", "/auth/reset", {"password": PASSWORD}, "token"),
    ]


NASTY = {
    "nul": "a\0b",
    "half": "\ud800",
    "other half": "x\udfff",
    "megabyte": "x" * (BODY_LIMIT - 300),
    "more than a megabyte": "x" * (BODY_LIMIT + 1),
    "right to left": "\u202egnirts\u202c \u2067א\u2069",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "sql": "'; DROP TABLE tasks; --",
    "template": "{{7*7}} ${7*7} %(user_id)s %s {0}",
    "combining": "e" + "\u0301" * 400,
    "control": "\x1b[31mred\x07",
    "line ends": "a\r\nSet-Cookie: x=1",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈",
    "spaces": " \u00a0\u2003\t ",
    "ıi": "İıſK",
}


@pytest.mark.parametrize("nasty", NASTY)
async def test_every_text_field_takes_any_text_or_says_why_not(
    database: Database, ada: Person, headers: Headers, api: httpx.AsyncClient, urls: Urls, nasty: str
) -> None:
    task = await make(api, headers)
    text = NASTY[nasty]
    async with api_on(database, wrap=BodyLimit) as limited:
        for method, path, body, field in fields():
            sent = json.loads(json.dumps(body).replace("{task_id}", task["id"]))
            at, _, inner = field.partition(".")
            if inner == "0":
                sent[at] = [text]
            elif inner:
                sent[at] = {**sent.get(at, {}), inner: text}
            else:
                sent[at] = text
            content = json.dumps(sent).encode()
            answer = await limited.request(
                method,
                path.format(task_id=task["id"]),
                content=content,
                headers={**headers, "Content-Type": "application/json"},
            )
            named = (path, field, answer.status_code, answer.text[:300])
            allowed = (200, 201, 204, 401, 403, 404, 409, 413, 422, 429)
            assert answer.status_code in allowed, named
            if len(content) > BODY_LIMIT:
                assert answer.status_code == 413, named
            if nasty in ("nul", "half", "other half") and path not in ("/auth/login", "/tasks/parse"):
                assert answer.status_code in (422, 404), named
            if answer.status_code in (200, 201) and at == "title":
                assert answer.json()["title"] == normalize("NFC", " ".join(text.split())), named
            for query in ("q", "tag", "cursor", "sort", "status"):
                listed = await api.get(
                    "/tasks", params={query: text[:5000].encode("utf-8", "replace")}, headers=headers
                )
                assert listed.status_code in (200, 422), (query, listed.text[:300])
    assert urls.sql("SELECT count(*) > 0 FROM tasks") == "t"


# What a process says


async def test_no_secret_and_nobodys_words_are_in_a_log_line(urls: Urls, tmp_path: Path) -> None:
    process, url = backend(urls, tmp_path, TASKORA_LOG_LEVEL="debug")
    await asyncio.to_thread(process.start, lambda: answers(int(url.rsplit(":", 1)[1])), seconds=60)
    try:
        async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=30) as api:

            async def ready() -> bool:
                return (await api.get(f"{url}/readyz")).status_code == 200

            await until(ready)
            ada = await join(api)
            headers = ada["headers"]
            await make(api, headers, "Private words")
            token = (await api.post("/me/tokens", json={"label": "l"}, headers=headers)).json()["token"]
            calendar = (await api.post("/me/calendar", headers=headers)).json()["path"]
            await api.get(f"{url}{calendar}")
            await api.get("/tasks?q=Private", headers={"Authorization": f"Bearer {token}"})
            await api.post("/auth/login", json={"email": "ada@example.org", "password": "wrong " + PASSWORD})
            await api.post("/auth/reset", json={"token": "a-secret-of-a-reset", "password": PASSWORD})
            await api.get(f"/{token}")
            urls.sql("ALTER TABLE tasks RENAME TO gone")
            assert (await api.post("/tasks", json={"title": "Private words"}, headers=headers)).status_code == 500
    finally:
        process.stop(kill=True)
    log = process.log.read_text()
    assert '"status": 500' in log
    secrets = (headers["Taskora-Session"], token, calendar.split("/")[-1], "a-secret-of-a-reset", PASSWORD)
    for secret in (*secrets, "ada@example.org", "Private"):
        assert secret not in log, secret
