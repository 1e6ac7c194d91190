"""One whole Taskora on this machine for each measurement, with three schedulers and many people."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from tests.component.app.conftest import postgres, urls  # noqa: F401 - fixtures
from tests.component.app.sidecars import TOKENS
from tests.whole import ROLES, Whole

# How many reminders, completions, and ten times so many events; fewer to try a measurement out.
COUNT = int(os.environ.get("TASKORA_BENCH_COUNT", "10000"))
PEOPLE = 200
# Fewer than the backend has connections: who waits for one is told that it is busy.
AT_ONCE = 8


@dataclass(frozen=True)
class Person:
    http: aiohttp.ClientSession
    api: str
    user_id: str
    token: str

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "dapr-api-token": TOKENS["APP_API_TOKEN"]}
        while True:
            async with self.http.request(method, self.api + path, json=body, headers=headers) as answer:
                if answer.status == 503:
                    await asyncio.sleep(float(answer.headers["Retry-After"]))
                    continue
                assert answer.status < 300, f"{method} {path}: {answer.status} {await answer.text()}"
                return await answer.json()


@pytest.fixture
def whole() -> Iterator[Whole]:
    with Whole(roles=ROLES | {"scheduler": 3}) as running:
        yield running


@pytest.fixture
async def people(whole: Whole) -> AsyncIterator[list[Person]]:
    """Put into the database: what a password costs is not what is measured."""
    whole.urls.sql(
        "INSERT INTO users (id, email, display_name, password_hash, time_zone, created_at)"
        " SELECT gen_random_uuid(), n || '@example.org', 'n', 'x', 'Europe/Berlin', now()"
        f" FROM generate_series(1, {PEOPLE}) AS n"
    )
    ids = whole.urls.sql("SELECT id FROM users WHERE NOT is_admin").split()
    tokens = {user_id: f"bench-{user_id}" for user_id in ids}
    whole.urls.sql(
        "INSERT INTO sessions (token_hash, user_id, kind, created_at, expires_at)"
        " SELECT decode(hash, 'hex'), id::uuid, 'token', now(), now() + interval '1 day' FROM (VALUES "
        + ", ".join(f"('{hashlib.sha256(token.encode()).hexdigest()}', '{one}')" for one, token in tokens.items())
        + ") AS given (hash, id)"
    )
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http:
        api = f"{whole.pods['backend-0'].url}/api/v1"
        yield [Person(http, api, user_id, token) for user_id, token in tokens.items()]


async def each(jobs: list[Callable[[], Awaitable[Any]]]) -> list[Any]:
    """All of them, so many at once."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(job: Callable[[], Awaitable[Any]]) -> Any:
        async with free:
            return await job()

    return await asyncio.gather(*(one(job) for job in jobs))


def quantiles(whole: Whole, what: str, source: str) -> tuple[float, float, float]:
    """The median, the 99th percentile and the greatest of an SQL expression in seconds."""
    fractions = "ARRAY[0.5, 0.99, 1]"
    found = whole.urls.sql(
        f"SELECT array_to_string(percentile_cont({fractions}) WITHIN GROUP (ORDER BY {what}), ' ') FROM {source}"
    )
    middle, late, latest = (float(number) for number in found.split())
    return middle, late, latest


def told(numbers: tuple[float, float, float]) -> str:
    return "p50 {:.2f} s, p99 {:.2f} s, most {:.2f} s".format(*numbers)
