"""What administrators may, and nobody else."""

import json
from typing import Any

import httpx
import pytest
from taskora import clock
from taskora.domain.events import Topic
from taskora.settings import Registration
from taskora.store import consuming
from taskora.store.database import Database

from .conftest import PASSWORD, Urls, all_pages, an_event, api_on, join
from .test_api import Headers, kind, make
from .test_me import audited

READS = ("audit", "audit/check", "system-events", "alerts", "training-export", "users", "dead-letters")


@pytest.fixture
async def admin(api: httpx.AsyncClient, headers: Headers, urls: Urls) -> Headers:
    urls.sql("UPDATE users SET is_admin = true WHERE email = 'ada@example.org'")
    return headers


async def test_all_of_it_is_403_for_everybody_else(api: httpx.AsyncClient, admin: Headers, urls: Urls) -> None:
    eve = await join(api, "eve@example.org")
    someone = eve["user"]["id"]
    calls: list[tuple[str, str, Any]] = [("GET", f"/admin/{path}", None) for path in READS]
    calls += [
        ("POST", "/admin/users", {"email": "x@example.org", "password": PASSWORD, "display_name": "X"}),
        ("DELETE", f"/admin/users/{someone}", None),
        ("POST", f"/admin/users/{someone}/reset", None),
    ]
    for method, path, body in calls:
        refused = await api.request(method, path, json=body, headers=eve["headers"])
        assert (refused.status_code, kind(refused)) == (403, "forbidden"), path
        assert (await api.request(method, path, json=body)).status_code == 401, path
    for path in READS:
        assert (await api.get(f"/admin/{path}", headers=admin)).status_code == 200, path
    assert urls.sql("SELECT count(*) FROM users") == "2"


async def test_the_audit_log_is_paged_without_anybodys_words_and_its_chains_are_checked(
    api: httpx.AsyncClient, admin: Headers, database: Database, urls: Urls
) -> None:
    for number in range(4):
        await make(api, admin, f"Secret {number}")
    await audited(database, urls)
    seen = [item["event_id"] for item in await all_pages(api, "/admin/audit", admin, limit=4)]
    assert "Secret" not in (await api.get("/admin/audit?limit=200", headers=admin)).text
    assert len(seen) == len(set(seen)) == int(urls.sql("SELECT count(*) FROM audit_log")) >= 6
    only = await api.get("/admin/audit", params={"action": "dev.taskora.task.created.v1"}, headers=admin)
    assert len(only.json()["items"]) == 4

    sound = {"chains": 1, "faults": [], "seal": None, "cut": []}
    assert (await api.get("/admin/audit/check", headers=admin)).json() == sound
    urls.sql("UPDATE audit_log SET action = 'x', entry = replace(entry, 'created', 'deleted') WHERE no = 3")
    faults = (await api.get("/admin/audit/check", headers=admin)).json()["faults"]
    assert [fault["no"] for fault in faults] == [3]


async def test_an_administrator_makes_users_also_where_registration_is_closed(
    database: Database, api: httpx.AsyncClient, admin: Headers, urls: Urls
) -> None:
    body = {"email": "new@example.org", "password": PASSWORD, "display_name": "New"}
    async with api_on(database, registration=Registration.CLOSED) as closed:
        made = await closed.post("/admin/users", json=body, headers=admin)
        assert made.status_code == 201, made.text
        assert (await closed.post("/admin/users", json=body, headers=admin)).status_code == 409
        entered = await closed.post("/auth/login", json={"email": "new@example.org", "password": PASSWORD})
        assert entered.json()["user"]["is_admin"] is False
    listed = (await api.get("/admin/users", headers=admin)).json()["items"]
    assert [one["email"] for one in listed] == ["new@example.org", "ada@example.org"]
    assert (await api.delete(f"/admin/users/{made.json()['id']}", headers=admin)).status_code == 204
    assert (await api.delete(f"/admin/users/{made.json()['id']}", headers=admin)).status_code == 404
    assert urls.sql("SELECT count(*) FROM users") == "1"


async def test_the_last_administrator_stays(api: httpx.AsyncClient, admin: Headers, ada: dict[str, Any]) -> None:
    for method, path, body in (
        ("DELETE", "/me", {"password": PASSWORD}),
        ("DELETE", f"/admin/users/{ada['user']['id']}", None),
    ):
        answer = await api.request(method, path, json=body, headers=admin)
        assert (answer.status_code, kind(answer)) == (409, "conflict")


async def test_training_takes_only_what_is_still_consented_to(
    api: httpx.AsyncClient, admin: Headers, urls: Urls
) -> None:
    await join(api, "eve@example.org")
    for email in ("ada", "eve"):
        urls.sql(
            "INSERT INTO training_samples (id, user_id, conversation_id, role, text, created_at)"
            f" SELECT gen_random_uuid(), id, gen_random_uuid(), 'user', 'of {email}', now() FROM users"
            f" WHERE email = '{email}@example.org'"
        )
    await api.patch("/me", json={"training_consent": True}, headers=admin)
    exported = await api.get("/admin/training-export", headers=admin)
    assert [item["text"] for item in exported.json()["items"]] == ["of ada"]
    assert "user_id" not in exported.text
    await api.patch("/me", json={"training_consent": False}, headers=admin)
    assert (await api.get("/admin/training-export", headers=admin)).json()["items"] == []
    assert urls.sql("SELECT text FROM training_samples") == "of eve"


async def test_alerts_and_system_events_are_listed_the_latest_first(
    api: httpx.AsyncClient, admin: Headers, urls: Urls
) -> None:
    urls.sql(
        "INSERT INTO alerts (id, rule, subject, severity, message, first_at, last_at, resolved_at)"
        " SELECT gen_random_uuid(), 'r' || n, 's', 'warning', 'm', now(), now() - n * interval '1 minute',"
        " CASE WHEN n > 1 THEN now() END FROM generate_series(1, 3) n;"
        "INSERT INTO system_events (id, role, type, occurred_at, data)"
        " SELECT gen_random_uuid(), 'audit', 'started', now() - n * interval '1 minute', '{}'"
        " FROM generate_series(1, 3) n"
    )
    alerts = (await api.get("/admin/alerts?limit=2", headers=admin)).json()
    assert [one["rule"] for one in alerts["items"]] == ["r1", "r2"]
    rest = await api.get("/admin/alerts", params={"cursor": alerts["next_cursor"]}, headers=admin)
    assert [one["rule"] for one in rest.json()["items"]] == ["r3"]
    assert len((await api.get("/admin/alerts?open=true", headers=admin)).json()["items"]) == 1
    assert len((await api.get("/admin/system-events?role=audit", headers=admin)).json()["items"]) == 3
    assert (await api.get("/admin/system-events?role=nobody", headers=admin)).json()["items"] == []


async def test_a_dead_letter_is_read_tried_again_and_put_aside(
    api: httpx.AsyncClient, admin: Headers, database: Database, ada: dict[str, Any], urls: Urls
) -> None:
    event = json.dumps(an_event(Topic.TASK, "created", ada["user"]["id"], n=1))
    for body in (event, "{"):
        async with database.write() as uow:
            await consuming.bury(
                uow,
                clock.new_id(),
                consumer="audit",
                topic="task-events",
                event_id=None,
                reason="for a test",
                body=body.encode(),
            )
    poison, good = (await api.get("/admin/dead-letters", headers=admin)).json()["items"]
    shown = await api.get(f"/admin/dead-letters/{good['id']}", headers=admin)
    assert shown.json()["body"] == event
    taken = await api.post(f"/admin/dead-letters/{good['id']}/replay", headers=admin)
    assert (taken.status_code, taken.json()["state"]) == (200, "replayed")
    assert urls.sql("SELECT count(*) FROM audit_log") == "1"
    for verb in ("replay", "discard"):
        assert (await api.post(f"/admin/dead-letters/{good['id']}/{verb}", headers=admin)).status_code == 409
    assert (await api.post(f"/admin/dead-letters/{poison['id']}/replay", headers=admin)).status_code == 409
    assert (await api.post(f"/admin/dead-letters/{poison['id']}/discard", headers=admin)).status_code == 200
    assert (await api.get("/admin/dead-letters", headers=admin)).json()["items"] == []
    assert len((await api.get("/admin/dead-letters?state=all&limit=1", headers=admin)).json()["items"]) == 1
    assert (await api.post(f"/admin/dead-letters/{clock.new_id()}/discard", headers=admin)).status_code == 404
