"""A real PostgreSQL for all tests, a migrated database of its own for each, and the backend's API on top of it."""

import asyncio
import itertools
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp
from taskora import clock
from taskora.api.app import build
from taskora.api.calls import Backend
from taskora.api.rates import Rates
from taskora.asgi import Health
from taskora.cache import Cache
from taskora.domain.events import Topic, envelope
from taskora.services.passwords import Passwords
from taskora.settings import Registration
from taskora.store.database import Database
from taskora.store.migrate import upgrade

from tests.cluster.services import Postgres

from .urls import Urls

PASSWORD = "correct horse battery"
numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    # What was committed survives a kill, as it would on a disk that is waited for.
    with Postgres(synchronous_commit="on") as server:
        server.sql("CREATE ROLE taskora_owner LOGIN")
        server.sql("CREATE ROLE taskora_app LOGIN")
        server.sql("CREATE DATABASE template_taskora OWNER taskora_owner")
        upgrade(server.url_of("template_taskora", user="taskora_owner"), app_login="taskora_app")
        yield server


@pytest.fixture
def empty(postgres: Postgres) -> Iterator[Urls]:
    """A database without a schema."""
    name = f"empty_{next(numbers)}"
    postgres.sql(f"CREATE DATABASE {name} OWNER taskora_owner")
    yield Urls(postgres, name)
    postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def urls(postgres: Postgres) -> Iterator[Urls]:
    """A database at the newest schema."""
    name = f"test_{next(numbers)}"
    postgres.sql(f"CREATE DATABASE {name} TEMPLATE template_taskora OWNER taskora_owner")
    yield Urls(postgres, name)
    postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(urls: Urls) -> AsyncIterator[Database]:
    pool = Database(role="backend", pool=8)
    pool.open(urls.app)
    yield pool
    await pool.close()


def api_on(
    database: Database,
    *,
    registration: Registration = Registration.OPEN,
    rates: tuple[float, float] = (0, 0),
    cache: Cache | None = None,
    wrap: Callable[[ASGIApp], ASGIApp] = lambda app: app,
) -> httpx.AsyncClient:
    """A client of the backend's API as the sidecar reaches it. `rates`: a session's requests a second, and at once."""
    backend = Backend(
        database, Passwords(), registration, wake=lambda: None, rates=Rates(*rates), cache=cache or Cache()
    )
    app = wrap(build(Health(ready=database.missing), backend, version="test"))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://backend/api/v1", timeout=30)


@pytest.fixture
async def api(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with api_on(database) as client:
        yield client


async def join(api: httpx.AsyncClient, email: str = "ada@example.org") -> dict[str, Any]:
    """A new account; the answer's JSON with the headers of its session under `headers`."""
    answer = await api.post(
        "/auth/register",
        json={"email": email, "password": PASSWORD, "display_name": "Ada", "time_zone": "Europe/Berlin"},
    )
    assert answer.status_code == 201, answer.text
    return {**answer.json(), "headers": {"Taskora-Session": answer.json()["session"]["token"]}}


@pytest.fixture
async def ada(api: httpx.AsyncClient) -> dict[str, Any]:
    return await join(api)


@pytest.fixture
def headers(ada: dict[str, Any]) -> dict[str, str]:
    return ada["headers"]


def by_day() -> str:
    """A zone where no midnight is near: what is due today there still is when a test ends."""
    return "UTC" if 6 <= clock.now().hour < 18 else "Asia/Tokyo"


async def all_pages(api: httpx.AsyncClient, path: str, headers: dict[str, str], **query: Any) -> list[dict[str, Any]]:
    """The items of every page, one page after the other."""
    items: list[dict[str, Any]] = []
    cursor: str | None = ""
    for _ in range(100):
        page = await api.get(path, params={**query, "cursor": cursor}, headers=headers)
        assert page.status_code == 200, (query, page.text)
        items += page.json()["items"]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            return items
    raise AssertionError(f"no end after 100 pages of {query}")


def an_event(topic: Topic, verb: str, user_id: object, **data: Any) -> dict[str, Any]:
    """A CloudEvent as JSON gives it."""
    made = envelope(
        clock.new_id(),
        topic=topic,
        verb=verb,
        source="/taskora/backend",
        subject="task/1",
        time=clock.now(),
        traceparent="",
        data={"user_id": str(user_id), **data},
    )
    return {**made, "id": str(made["id"]), "time": made["time"].isoformat()}


def a_delivery(*bodies: bytes) -> dict[str, Any]:
    """What a sidecar hands over in one call; its entries are numbered."""
    return {"entries": [{"entryId": str(n), "event": b64encode(body).decode()} for n, body in enumerate(bodies)]}


async def until(check: Callable[[], Awaitable[Any] | Any], *, seconds: float = 60) -> Any:
    """The first true answer of `check`; fails with its last one after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"still {found!r} after {seconds} s"
        await asyncio.sleep(0.02)
