"""One transaction is one truth: what happens together, or not at all, and in which order."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
from taskora.domain.problems import DatabaseUnavailable, ServiceBusy
from taskora.store.database import Database

from .conftest import Urls, api_on, join, until

Headers = dict[str, str]


@pytest.mark.parametrize("table", ["tasks", "outbox", "idempotency"])
async def test_when_any_part_fails_none_is_kept(
    database: Database, api: httpx.AsyncClient, headers: Headers, urls: Urls, table: str
) -> None:
    urls.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;"
        f"CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    keyed = {**headers, "Idempotency-Key": "k"}
    with pytest.raises(psycopg.errors.RaiseException):
        await api.post("/tasks", json={"title": "x"}, headers=keyed)
    kept = (
        "SELECT (SELECT count(*) FROM tasks), (SELECT count(*) FROM outbox WHERE topic = 'task-events'), seq,"
        " (SELECT count(*) FROM idempotency) FROM users"
    )
    assert urls.sql(kept) == "0|0|0|0"
    urls.sql(f"DROP TRIGGER refuse ON {table}")
    assert (await api.post("/tasks", json={"title": "x"}, headers=keyed)).status_code == 201
    assert urls.sql(kept) == "1|1|1|1"


async def test_a_connection_that_dies_in_the_middle_leaves_nothing(
    database: Database, headers: Headers, urls: Urls
) -> None:
    async def cut_off() -> None:
        async with database.write() as uow:
            await uow.rows("UPDATE users SET seq = seq + 1")
            in_transaction = f"state = 'idle in transaction' AND datname = '{urls.name}'"
            urls.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {in_transaction}")
            await uow.rows("UPDATE users SET seq = seq + 1")

    with pytest.raises(DatabaseUnavailable):
        await cut_off()
    assert urls.sql("SELECT seq FROM users") == "0"
    async with database.write() as uow:
        assert await uow.rows("SELECT 1 AS one") == [{"one": 1}]


async def test_one_users_numbers_have_no_gap_however_many_write_and_fail_at_once(
    api: httpx.AsyncClient, headers: Headers, urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskora.store.database.POOL_WAIT", 60)
    task = (await api.post("/tasks", json={"title": "t"}, headers=headers)).json()

    async def write(number: int) -> int:
        path, body = f"/tasks/{task['id']}", {"title": f"title {number}"}
        if number % 3 == 0:
            return (await api.post("/tasks", json=body, headers=headers)).status_code
        version = {"If-Match": '"999"'} if number % 3 == 1 else {}
        return (await api.patch(path, json=body, headers={**headers, **version})).status_code

    statuses = await asyncio.gather(*(write(number) for number in range(60)))
    assert sorted(set(statuses)) == [200, 201, 412]
    numbered = urls.sql("SELECT seq, event->'data'->>'seq' FROM outbox WHERE topic = 'task-events' ORDER BY id")
    assert numbered.split() == [f"{seq}|{seq}" for seq in range(1, 42)]
    assert urls.sql("SELECT seq FROM users") == "41"
    assert urls.sql("SELECT version FROM tasks ORDER BY version DESC LIMIT 1") == "21"


async def test_users_do_not_wait_for_one_another(api: httpx.AsyncClient, headers: Headers, database: Database) -> None:
    eve = (await join(api, "eve@example.org"))["headers"]
    async with database.write() as uow:
        await uow.rows("SELECT 1 FROM users WHERE email = 'ada@example.org' FOR UPDATE")
        waiting = asyncio.ensure_future(api.post("/tasks", json={"title": "x"}, headers=headers))
        assert (await api.post("/tasks", json={"title": "x"}, headers=eve)).status_code == 201
        assert not waiting.done()
    assert (await waiting).status_code == 201


async def test_when_no_connection_comes_free_the_answer_is_503_busy(urls: Urls) -> None:
    database = Database(role="backend", pool=2)
    database.open(urls.app)
    async with api_on(database) as api:
        headers = (await join(api))["headers"]
        async with contextlib.AsyncExitStack() as held:
            for _ in range(2):
                await held.enter_async_context(database.write())
            busy = await api.get("/tasks", headers=headers)
            assert (busy.status_code, busy.json()["type"]) == (503, "urn:taskora:problem:service_busy")
            assert busy.headers["retry-after"] == "1"
            # Busy is not broken: the pod stays in the service.
            assert (await api.get("http://backend/readyz")).status_code == 200
            with pytest.raises(ServiceBusy):
                async with database.read():
                    pass
        assert (await api.get("/tasks", headers=headers)).status_code == 200
    await database.close()


async def test_what_is_refused_while_busy_is_not_done_and_what_waits_is(urls: Urls) -> None:
    database = Database(role="backend", pool=2)
    database.open(urls.app)
    async with api_on(database) as api:
        headers = (await join(api))["headers"]

        async def create(number: int) -> httpx.Response:
            keyed = {**headers, "Idempotency-Key": f"k{number}"}
            return await api.post("/tasks", json={"title": f"{number}"}, headers=keyed)

        with psycopg.connect(urls.app) as other:
            other.execute("SELECT 1 FROM users FOR UPDATE")
            asked = {asyncio.ensure_future(create(number)): number for number in range(20)}
            await until(lambda: sum(answer.done() for answer in asked) == 18)
            refused, waiting = ([one for one in asked if one.done() is done] for done in (True, False))
            assert {answer.result().json()["type"] for answer in refused} == {"urn:taskora:problem:service_busy"}
            assert {answer.result().headers["retry-after"] for answer in refused} == {"1"}
            assert len(waiting) == 2
        async with asyncio.timeout(30):
            answers = [await answer for answer in waiting] + [await create(asked[answer]) for answer in refused]
        assert {answer.status_code for answer in answers} == {201}
        titles = {answer.json()["title"] for answer in answers}
        assert titles == {f"{number}" for number in range(20)}
    assert urls.sql("SELECT count(*), count(DISTINCT title) FROM tasks") == "20|20"
    assert urls.sql("SELECT seq, (SELECT count(*) FROM outbox WHERE topic = 'task-events') FROM users") == "20|20"
    await database.close()


async def test_a_request_that_is_given_up_gives_its_connection_back(urls: Urls) -> None:
    database = Database(role="backend", pool=1)
    database.open(urls.app)

    async def wait() -> None:
        async with database.write() as uow:
            await uow.rows("CREATE TEMPORARY TABLE left_behind AS SELECT 1")
            await uow.rows("SELECT pg_sleep(600)")

    at_work = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{urls.name}' AND wait_event = 'PgSleep'"
    waiting = asyncio.ensure_future(wait())
    await until(lambda: urls.sql(at_work) == "1")
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert urls.sql(at_work) == "0"
    async with database.read() as uow:
        assert await uow.rows("SELECT to_regclass('left_behind') AS there") == [{"there": None}]
    await database.close()


async def test_connections_are_kept_and_made_anew_when_they_are_old(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pid() -> int:
        async with database.read() as uow:
            return (await uow.rows("SELECT pg_backend_pid() AS pid"))[0]["pid"]

    first = await pid()
    assert await pid() == first
    monkeypatch.setattr("taskora.store.database.RECYCLE", 0)
    assert await pid() != first


@contextlib.asynccontextmanager
async def pooler(urls: Urls) -> AsyncIterator[str]:
    """A way to the database on which, as with PgBouncer, a number is given that is no server's: its URL."""
    number = re.compile(rb"(K\0\0\0\x0c).{4}", re.DOTALL)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(1 << 16):
            writer.write(number.sub(rb"\1none", said))
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = await asyncio.open_connection("127.0.0.1", urls.postgres.port)
        await asyncio.gather(pass_on(reader, server[1]), pass_on(server[0], writer))

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as listening:
        yield urls.app.replace(f":{urls.postgres.port}/", f":{listening.sockets[0].getsockname()[1]}/")


async def test_statements_are_prepared_but_not_where_a_pooler_stands_between(urls: Urls) -> None:
    prepared = "SELECT count(*) AS found FROM pg_prepared_statements"
    async with pooler(urls) as through:
        for url, kept in ((urls.app, 1), (through, 0)):
            database = Database(role="backend")
            database.open(url)
            for _ in range(7):
                async with database.read() as uow:
                    await uow.rows("SELECT 1", prepared=True)
                    await uow.rows("SELECT 2")
            async with database.read() as uow:
                assert await uow.row(prepared) == {"found": kept}, url
            await database.close()


async def test_the_database_away_is_503_and_its_return_needs_no_restart(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    assert (await api.get("http://backend/readyz")).status_code == 200
    urls.postgres.process.stop(kill=True)
    try:
        away = await api.post("/tasks", json={"title": "x"}, headers={**headers, "Idempotency-Key": "k"})
        assert (away.status_code, away.json()["type"]) == (503, "urn:taskora:problem:database_unavailable")
        assert "retry-after" in away.headers
        assert (await api.get("http://backend/readyz")).status_code == 503
        assert (await api.get("http://backend/healthz")).status_code == 200
    finally:
        await asyncio.to_thread(urls.postgres.process.start, urls.postgres.ready)

    async def answered() -> bool:
        answer = await api.post("/tasks", json={"title": "x"}, headers={**headers, "Idempotency-Key": "k"})
        return answer.status_code == 201

    await until(answered)
    assert (await api.get("http://backend/readyz")).status_code == 200
    assert urls.sql("SELECT count(*) FROM tasks") == "1"


async def test_a_restart_between_two_requests_is_not_even_noticed(
    api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    assert (await api.get("/tasks", headers=headers)).status_code == 200
    urls.postgres.process.stop(kill=True)
    await asyncio.to_thread(urls.postgres.process.start, urls.postgres.ready)
    assert (await api.post("/tasks", json={"title": "x"}, headers=headers)).status_code == 201


async def test_the_address_not_read_yet_is_503() -> None:
    async with api_on(Database(role="backend")) as api:
        answer = await api.get("/me", headers={"Taskora-Session": "x"})
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:taskora:problem:database_unavailable")


async def test_times_come_in_utc_whatever_the_servers_zone(
    database: Database, api: httpx.AsyncClient, headers: Headers, urls: Urls
) -> None:
    urls.sql(f"ALTER DATABASE {urls.name} SET timezone = 'Asia/Kolkata'")
    await database.close()
    database.open(urls.app)
    made = await api.post("/tasks", json={"title": "x", "due_at": "2026-01-01T00:00:00Z"}, headers=headers)
    read = await api.get(f"/tasks/{made.json()['id']}", headers=headers)
    assert read.text == made.text


async def test_the_event_in_the_outbox_is_a_cloudevent_of_the_task(
    api: httpx.AsyncClient, headers: Headers, ada: dict[str, Any], urls: Urls
) -> None:
    task = (await api.post("/tasks", json={"title": "x"}, headers=headers)).json()
    event = json.loads(urls.sql("SELECT event FROM outbox WHERE topic = 'task-events'"))
    assert event["specversion"] == "1.0"
    assert (event["source"], event["type"]) == ("/taskora/backend", "dev.taskora.task.created.v1")
    assert event["subject"] == f"task/{task['id']}"
    assert event["data"] == {
        "user_id": ada["user"]["id"],
        "task_id": task["id"],
        "fields": [],
        "seq": 1,
        "task": task,
    }


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET entry = 'x'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "DELETE FROM inbox",
        "DELETE FROM dead_letters",
        "CREATE TABLE mine (id int)",
        "ALTER TABLE tasks ADD COLUMN mine int",
        "DROP TABLE tasks",
    ],
)
def test_the_applications_login_may_not(urls: Urls, statement: str) -> None:
    with psycopg.connect(urls.app) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)  # type: ignore[arg-type]
