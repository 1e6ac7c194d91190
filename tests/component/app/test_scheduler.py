"""What the scheduler forgets, and that only one does it at a time."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from taskora.domain.ids import uuid7
from taskora.roles.scheduler import tidy
from taskora.store import leases
from taskora.store.database import Database

from .conftest import Urls


async def test_what_has_served_its_time_is_forgotten_and_nothing_else(
    database: Database, api: httpx.AsyncClient, headers: dict[str, str], urls: Urls
) -> None:
    for title in ("old", "waiting", "new"):
        answer = await api.post("/tasks", json={"title": title}, headers={**headers, "Idempotency-Key": title})
        assert answer.status_code == 201
    urls.sql(
        "UPDATE outbox SET published_at = now() - interval '8 days' WHERE seq = 1 OR seq IS NULL;"
        "UPDATE outbox SET created_at = now() - interval '99 days' WHERE seq = 2;"
        "UPDATE outbox SET published_at = now() WHERE seq = 3;"
        "UPDATE idempotency SET created_at = now() - interval '8 days' WHERE key = 'old';"
        "INSERT INTO sessions (token_hash, user_id, kind, created_at, expires_at) "
        "SELECT 'x', id, 'browser', now(), now() - interval '8 days' FROM users"
    )
    assert await tidy(database, owner="a")
    assert urls.sql("SELECT string_agg(seq::text, ' ' ORDER BY seq) FROM outbox") == "2 3"
    assert urls.sql("SELECT string_agg(key, ' ' ORDER BY key) FROM idempotency") == "new waiting"
    assert urls.sql("SELECT count(*) FROM sessions") == "1"
    assert (await api.get("/changes?since=0", headers=headers)).status_code == 410
    feed = (await api.get("/changes?since=1", headers=headers)).json()
    assert [item["seq"] for item in feed["items"]] == [2, 3]


async def test_what_rang_long_ago_is_forgotten_once_it_was_seen_or_is_over(
    database: Database, ada: dict[str, Any], urls: Urls
) -> None:
    ages = {"old": datetime.now(UTC) - timedelta(days=91), "new": datetime.now(UTC) - timedelta(days=89)}
    for age, at in ages.items():
        for state in ("seen", "over", "waiting"):
            made = uuid7(int(at.timestamp() * 1000), entropy=os.urandom(10))
            urls.sql(
                "INSERT INTO notifications"
                " (id, user_id, task_id, reminder_id, generation, title, created_at, read_at, dismissed_at) VALUES"
                f" ('{made}', '{ada['user']['id']}', gen_random_uuid(),"
                f" gen_random_uuid(), 1, '{age} {state}', now(), {'now()' if state == 'seen' else 'NULL'},"
                f" {'now()' if state == 'over' else 'NULL'})"
            )
    assert await tidy(database, owner="a")
    assert urls.sql("SELECT string_agg(title, ', ' ORDER BY id) FROM notifications WHERE title LIKE 'old%'") == (
        "old waiting"
    )
    assert urls.sql("SELECT count(*) FROM notifications WHERE title LIKE 'new%'") == "3"


async def test_of_many_schedulers_one_tidies(database: Database) -> None:
    assert sum(await asyncio.gather(*(tidy(database, owner=name) for name in "abcdef"))) == 1


async def test_a_lease_has_one_owner_and_a_new_one_gets_a_new_epoch(database: Database, urls: Urls) -> None:
    async def hold(owner: str) -> dict[str, int]:
        async with database.read() as uow:
            return await leases.hold(uow, ["x"], owner=owner)

    held: list[Any] = await asyncio.gather(*(hold(name) for name in "abcdef"))
    assert sum(bool(one) for one in held) == 1
    (owner,) = (name for name, one in zip("abcdef", held, strict=True) if one)
    assert await hold(owner) == {"x": 1}
    urls.sql("UPDATE leases SET expires_at = now() - interval '1 second'")
    assert await hold("z") == {"x": 2}
    assert await hold(owner) == {}
