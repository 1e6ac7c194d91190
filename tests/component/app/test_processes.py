"""How a role's process begins and ends."""

import asyncio
import os
import signal
import socket
import sys
import time
from pathlib import Path

import httpx
import psycopg
import pytest
from taskora.dapr import Dapr
from taskora.roles.credentials import secret
from taskora.roles.serve import StartFailed
from taskora.services.passwords import Passwords

from tests.cluster.process import Process, answers, free_port

from .conftest import Urls, join, until


def backend(urls: Urls, folder: Path, **environment: str) -> tuple[Process, str]:
    port = free_port()
    given = {
        "TASKORA_DATABASE_URL": urls.app,
        "TASKORA_HOST": "127.0.0.1",
        "TASKORA_APP_PORT": str(port),
        "TASKORA_METRICS_PORT": str(free_port()),
        "DAPR_HTTP_ENDPOINT": "http://127.0.0.1:9",
        **environment,
    }
    command = (sys.executable, "-m", "taskora", "serve", "backend")
    process = Process(*command, log=folder / "backend.log", env={**os.environ, **given})
    return process, f"http://127.0.0.1:{given['TASKORA_APP_PORT']}"


async def test_a_process_told_to_end_leaves_the_service_first_and_finishes_what_it_began(
    urls: Urls, tmp_path: Path
) -> None:
    process, url = backend(urls, tmp_path, TASKORA_DRAIN_SECONDS="5")
    await asyncio.to_thread(process.start, lambda: answers(int(url.rsplit(":", 1)[1])), seconds=60)
    try:
        async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=30) as api:

            async def ready() -> bool:
                return (await api.get(f"{url}/readyz")).status_code == 200

            async def leaving() -> bool:
                return (await api.get(f"{url}/readyz")).status_code == 503

            await until(ready)
            headers = (await join(api))["headers"]
            with psycopg.connect(urls.app) as other:
                other.execute("SELECT 1 FROM users FOR UPDATE")
                begun = asyncio.ensure_future(api.post("/tasks", json={"title": "begun"}, headers=headers))
                await until(lambda: urls.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") == "1")
                os.kill(process.pid, signal.SIGTERM)
                await until(leaving)
                assert (await api.get("/me", headers=headers)).status_code == 200
                await until(lambda: not answers(int(url.rsplit(":", 1)[1])))
                assert not begun.done()
                other.rollback()
            assert (await begun).status_code == 201
        await until(lambda: not process.alive())
        assert '"message": "Ended"' in process.log.read_text()
    finally:
        process.stop(kill=True)


def test_a_port_that_is_taken_is_a_sentence(urls: Urls, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process, _ = backend(urls, tmp_path, TASKORA_APP_PORT=str(taken.getsockname()[1]))
        with pytest.raises(Exception, match="ended with 1"):
            process.start(lambda: False)
    assert "Is another process on this port?" in process.log.read_text()


async def test_a_secret_that_can_not_be_read_is_a_sentence() -> None:
    dapr = Dapr("http://127.0.0.1:9")
    with pytest.raises(StartFailed, match="Secret 'taskora-database' could not be read through Dapr within 0 s"):
        await secret(dapr, "taskora-database", key="url", stop=asyncio.Event(), wait=0)
    await dapr.close()


async def test_nobody_takes_as_long_to_be_refused_as_somebody() -> None:
    passwords = Passwords()
    stored = await passwords.hashed("correct horse battery")

    async def quickest(known: str | None) -> float:
        """In seconds of this process, whatever else the machine does."""
        times: list[float] = []
        for _ in range(7):
            began = time.process_time()
            assert not await passwords.matches("wrong password", known)
            times.append(time.process_time() - began)
        return min(times)

    assert 0.5 < await quickest(None) / await quickest(stored) < 2
    passwords.close()
