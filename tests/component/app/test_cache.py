"""What is kept in a real Redis, through a real sidecar, until what it was made from changes."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from taskora.cache import KEPT, Cache
from taskora.dapr import Dapr
from taskora.store.database import Database

from tests.cluster.progress import output
from tests.cluster.services import Daprd, Redis

from .conftest import api_on, join
from .sidecars import statestore


@dataclass
class Kept:
    redis: Redis
    api: httpx.AsyncClient
    dapr: Dapr


@pytest.fixture
async def kept(database: Database, tmp_path: Path) -> AsyncIterator[Kept]:
    with Redis() as redis:
        (tmp_path / "statestore.yaml").write_text(json.dumps(statestore(redis)))  # which is YAML
        with Daprd(app_id="backend", components=tmp_path) as sidecar:
            dapr = Dapr(sidecar.url, token="")
            async with api_on(database, cache=Cache(dapr)) as api:
                yield Kept(redis, api, dapr)
            await dapr.close()


async def test_a_calendar_is_made_again_only_when_a_task_has_changed(kept: Kept) -> None:
    who = await join(kept.api, "a@example.org")
    headers = who["headers"]
    made = await kept.api.post("/tasks", json={"title": "Call", "due_date": "2026-03-31"}, headers=headers)
    path = (await kept.api.post("/me/calendar", headers=headers)).json()["path"]

    async def feed() -> str:
        answer = await kept.api.get(f"http://backend{path}")
        assert answer.status_code == 200
        return answer.text

    name = f"calendar:{who['user']['id']}"
    first = await feed()
    assert "SUMMARY:Call\r\n" in first
    found = await kept.dapr.state(name)
    assert found == {"version": found["version"], "text": first}
    await kept.dapr.keep_state(name, found | {"text": "what is kept"})
    assert await feed() == "what is kept", "it is taken as it is"
    renamed = await kept.api.patch(f"/tasks/{made.json()['id']}", json={"title": "Write"}, headers=headers)
    assert renamed.status_code == 200
    assert "SUMMARY:Write\r\n" in await feed()
    assert "SUMMARY:Write\r\n" in (await kept.dapr.state(name))["text"]
    left = output("redis-cli", "-p", str(kept.redis.port), "ttl", f"taskora||{name}")
    assert 0 < int(left) <= KEPT, "it is not there for ever"
    await asyncio.to_thread(kept.redis.stop)
    assert "SUMMARY:Write\r\n" in await feed(), "without the store it is made each time"
