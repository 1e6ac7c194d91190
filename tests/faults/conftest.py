"""One whole Taskora for all of these tests, and what was accepted by it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.cluster.process import Process, answers
from tests.component.app.sidecars import PROGRAM, TOKENS, Pod
from tests.whole import ROLES, Whole

from . import checker
from .ledger import Ledger
from .rest import at_rest
from .writers import PATIENCE, Writer

HERE = Path(__file__).parents[2]


class Judge:
    """The checker, and what it has said before: some tests do damage on purpose."""

    def __init__(self, whole: Whole, ledger: Ledger) -> None:
        self._whole, self._ledger = whole, ledger
        self._known: set[str] = set()

    async def complaints(self, *, seconds: float = 60) -> list[str]:
        """What is wrong that was not before, once everything has come to rest."""
        rows, messages = await self._looked(seconds)
        found = checker.faults(self._ledger, rows, messages)
        fresh = [one for one in found if one not in self._known]
        self._known.update(found)
        return fresh

    async def _looked(self, seconds: float) -> tuple[checker.Stored, list[checker.Message]]:
        """The tables and the topics at one moment. What a role says of itself passes by no table: should it say
        something while they are read, all of it is read again."""
        url, bootstrap = self._whole.urls.postgres.url_of(self._whole.urls.name), self._whole.kafka.bootstrap
        deadline = time.monotonic() + seconds
        messages = await checker.published(bootstrap)
        while True:
            await at_rest(self._whole, seconds=seconds)
            rows = await asyncio.to_thread(checker.stored, url)
            before, messages = messages, await checker.published(bootstrap)
            if len(messages) == len(before):
                return rows, messages
            assert time.monotonic() < deadline, f"after {seconds:.0f} s somebody still publishes"


@pytest.fixture(scope="session")
def whole(request: pytest.FixtureRequest) -> Iterator[Whole]:
    with Whole(roles=ROLES | {"backend": 2, "scheduler": 2}) as running:
        yield running
        if request.session.testsfailed:
            running.keep_logs(HERE / "build" / "faults")


@pytest.fixture(scope="session")
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def alone(whole: Whole) -> Whole:
    """One backend and one scheduler, so that everything comes by them."""
    for name in ("backend-1", "scheduler-1"):
        whole.pods[name].process.stop(kill=True)
    return whole


@pytest.fixture(scope="session")
def judge(whole: Whole, ledger: Ledger) -> Judge:
    return Judge(whole, ledger)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


async def joined(
    whole: Whole,
    http: aiohttp.ClientSession,
    ledger: Ledger,
    *,
    people: int,
    seed: int = 0,
    backends: int = 2,
    patience: float = PATIENCE,
) -> list[Writer]:
    """People with accounts: every other comes through the frontend, the rest straight to one of the backends."""
    there = [f"{whole.pods[f'backend-{number}'].url}/api/v1" for number in range(backends)]
    ways = [f"{whole.door.url}/api/v1", *there]
    token = {"dapr-api-token": TOKENS["APP_API_TOKEN"]}
    writers = [
        Writer(http, ledger, api=ways[number % len(ways)], headers=token, seed=seed + number, patience=patience)
        for number in range(people)
    ]
    await asyncio.gather(*(writer.join(anteroom=there[0]) for writer in writers))
    return writers


def relaunch(pod: Pod, *words: str) -> Process:
    """The pod's role in the hands of the launcher from now on; without `words`, as it is by itself."""
    pod.process.stop(kill=True)
    program = (sys.executable, "-m", "tests.faults.launcher", *words) if words else PROGRAM
    role = pod.process.command[-1]
    environment = {**pod.process.env, "PYTHONPATH": str(HERE)}
    pod.process = Process(*program, "serve", role, log=pod.log, env=environment)
    pod.process.start(lambda: answers(pod.port))
    return pod.process
