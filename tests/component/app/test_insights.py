"""What insights keep: alerts that come and go, training samples of those who allow it, releases, the log's seals."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from taskora.dapr import Dapr
from taskora.domain.events import Topic, parse
from taskora.events import bulletin as module
from taskora.events.bulletin import Bulletin
from taskora.services import insights, seals
from taskora.services.consumers import audited
from taskora.store import insights as stored
from taskora.store.database import Database

from .conftest import Urls, an_event, join

Observe = Callable[..., Awaitable[None]]
ALERTS = "SELECT rule, subject, severity, count, resolved_at IS NULL FROM alerts ORDER BY first_at, rule"


@pytest.fixture
def observe(database: Database) -> Observe:
    async def take(topic: Topic, verb: str, user_id: object = "-", **data: Any) -> None:
        async with database.write() as uow:
            await insights.observed(uow, [parse(json.dumps(an_event(topic, verb, user_id, **data)).encode())])

    return take


async def test_an_alert_is_raised_once_counts_and_is_over_when_the_role_is_well_again(
    observe: Observe, urls: Urls
) -> None:
    about = {"role": "audit", "pod": "audit-1"}
    for _ in range(3):
        await observe(Topic.SYSTEM, "health_changed", **about, state="unhealthy", because="no database")
    await observe(Topic.SYSTEM, "failed", **about, error="KeyError", where="taskora.events")
    assert urls.sql(ALERTS).splitlines() == ["unhealthy|audit-1|critical|3|t", "errors|audit|warning|1|t"]
    await observe(Topic.SYSTEM, "health_changed", **about, state="healthy")
    assert urls.sql(ALERTS).splitlines() == ["unhealthy|audit-1|critical|3|f", "errors|audit|warning|1|t"]
    await observe(Topic.SYSTEM, "health_changed", **about, state="unhealthy")
    assert "unhealthy|audit-1|critical|1|t" in urls.sql(ALERTS)


async def test_errors_that_stay_away_for_an_hour_are_over(observe: Observe, database: Database, urls: Urls) -> None:
    for role in ("audit", "notifier"):
        await observe(Topic.SYSTEM, "failed", role=role, error="KeyError")
    urls.sql("UPDATE alerts SET last_at = now() - interval '61 minutes' WHERE subject = 'audit'")
    async with database.read() as uow:
        await insights.settle(uow)
    assert urls.sql("SELECT subject FROM alerts WHERE resolved_at IS NULL") == "notifier"


async def test_a_role_that_starts_again_and_again_is_told_of(observe: Observe, urls: Urls) -> None:
    for _ in range(4):
        await observe(Topic.SYSTEM, "started", role="audit")
    assert urls.sql(ALERTS) == ""
    await observe(Topic.SYSTEM, "started", role="audit")
    assert urls.sql(ALERTS) == "restarts|audit|critical|1|t"
    assert urls.sql("SELECT role, count(*) FROM system_events GROUP BY role") == "audit|5"


async def test_what_is_said_is_kept_of_those_who_allow_it_and_does_not_tell_who_they_are(
    observe: Observe, api: httpx.AsyncClient, urls: Urls
) -> None:
    people = [(await join(api, f"user{n}@example.org"))["user"]["id"] for n in range(3)]
    urls.sql(
        f"UPDATE users SET training_consent_at = now() - interval '1 day' WHERE id IN ('{people[0]}', '{people[1]}')"
    )
    for person, allowed in ((people[0], True), (people[1], False), (people[2], True)):
        said = {"conversation_id": str(UUID(int=5)), "no": 1, "role": "user", "training": allowed}
        await observe(
            Topic.CHAT, "said", person, **said, text="I'm Ada, mail ada@b.example or ring +49 170 1234567 by 2031-05-06"
        )
    kept = urls.sql("SELECT user_id, text FROM training_samples")
    assert kept == f"{people[0]}|I'm [name], mail [email] or ring [number] by 2031-05-06"
    assert urls.sql("SELECT count(*), sum(count) FROM activity") == "3|3"


async def test_of_many_backends_of_a_release_one_says_that_it_is_there(database: Database) -> None:
    async def ask(version: str) -> bool:
        async with database.read() as uow:
            return await stored.first_of_release(uow, version)

    assert sum(await asyncio.gather(*(ask("1.0.0") for _ in range(6)))) == 1
    assert await ask("1.0.1")
    assert not await ask("1.0.0")


async def test_the_log_is_sealed_once_an_hour_and_what_is_cut_off_shows(
    database: Database, urls: Urls, ada: dict[str, Any]
) -> None:
    async def log(count: int) -> None:
        for _ in range(count):
            event = parse(json.dumps(an_event(Topic.TASK, "created", ada["user"]["id"])).encode())
            async with database.write() as uow:
                await audited(uow, [event])

    async def seal() -> bool:
        async with database.write() as uow:
            return await seals.seal(uow)

    async def faults() -> Any:
        async with database.read() as uow:
            return await seals.faults(uow)

    assert not await seal()
    await log(3)
    assert sum(await asyncio.gather(*(seal() for _ in range(4)))) == 1
    await log(2)
    assert not await seal()
    assert await faults() == (None, [])
    # An hour later, as the seal has it.
    urls.sql("DELETE FROM audit_seals")
    assert await seal()
    urls.sql("DELETE FROM audit_log WHERE no = 5")
    assert await faults() == (None, [UUID(ada["user"]["id"])])
    urls.sql("""UPDATE audit_seals SET heads = '{}'""")
    assert await faults() == (1, [])


async def test_a_bulletin_tells_when_the_role_falls_ill_and_recovers_not_that_it_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.001)
    states = iter(["starting", None, None, "no database", "no database", None])
    stop, dapr = asyncio.Event(), Dapr("http://127.0.0.1:9")
    bulletin = Bulletin(dapr, role="audit", about={"pod": "p", "version": "1"})

    async def health() -> str | None:
        found = next(states, "end")
        if found == "end":
            stop.set()
        return None if found == "end" else found

    await bulletin.watch(health, stop)
    await dapr.close()
    said = [json.loads(text)["data"] for text in bulletin._ring]
    assert [(one["state"], one["because"]) for one in said] == [("unhealthy", "no database"), ("healthy", "")]
