"""Many people at once, each with an open tab: a stream of changes that stays open, and requests with pauses between.

    python -m tests.bench.cluster.users URL [--people 1000] [--seconds 120] [--pause 10]

Python alone: k6 knows no server-sent events, and a thousand people who think between two clicks ask some hundred times
a second, which one event loop can do. It shares the machine with what it measures.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import random
import resource
import socket
import sys
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

PASSWORD = "correct horse battery staple"
# Of a hundred requests so many: mostly people look.
MIX = {"list": 40, "create": 25, "complete": 20, "edit": 15}
COMING_AT_ONCE = 6  # a password costs the backend tens of milliseconds
SEEN_WITHIN = 30.0


class Here(AbstractResolver):
    """Every name is this machine: not every resolver knows those of the cluster."""

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        pass


@dataclass
class Figures:
    """Seconds of each kind of request; seconds from an accepted change to its event in the person's own tab."""

    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    seen: list[float] = field(default_factory=list[float])
    failed: Counter[str] = field(default_factory=Counter[str])
    unseen: int = 0
    streams: int = 0
    broken: int = 0

    def p95(self) -> float:
        return quantile(list(itertools.chain(*self.seconds.values())), 0.95)

    def __str__(self) -> str:
        kinds = {**self.seconds, "all": [*itertools.chain(*self.seconds.values())], "seen in the tab": self.seen}
        lines: list[str] = []
        for kind, took in kinds.items():
            p50, p95, p99 = (quantile(took, share) * 1000 for share in (0.5, 0.95, 0.99))
            lines.append(f"{kind:<15} {len(took):>6}  p50 {p50:5.0f} ms  p95 {p95:5.0f} ms  p99 {p99:5.0f} ms")
        failed = dict(self.failed) or "none"
        return "\n".join(
            [*lines, f"{self.streams} streams, {self.broken} broken; failed: {failed}; changes not seen: {self.unseen}"]
        )


def quantile(values: Sequence[float], share: float) -> float:
    ranked = sorted(values)
    return ranked[min(int(len(ranked) * share), len(ranked) - 1)] if ranked else 0.0


class Person:
    """Somebody in a browser: their cookie, their tab's stream, what they made."""

    def __init__(self, http: aiohttp.ClientSession, url: str, figures: Figures) -> None:
        self._http, self._url, self._figures = http, url, figures
        self._headers = {"Origin": url}
        self._made: list[str] = []
        # Of each task the versions that were accepted and have not come by the stream, and those that came first.
        self._awaited: dict[tuple[str, int], float] = {}
        self._came: dict[tuple[str, int], float] = {}

    async def come(self) -> None:
        """A new account, and its cookie."""
        account = {
            "email": f"{uuid.uuid4().hex}@example.org",
            "password": PASSWORD,
            "display_name": "Lena",
            "time_zone": "Europe/Berlin",
        }
        for _ in range(20):
            async with self._http.post(f"{self._url}/api/v1/auth/register", json=account, headers=self._headers) as got:
                if got.status == 201:
                    morsel = next(iter(got.cookies.values()))
                    self._headers["Cookie"] = f"{morsel.key}={morsel.value}"
                    return
                assert got.status in (429, 503), await got.text()
                await asyncio.sleep(float(got.headers.get("Retry-After", "1")))
        raise AssertionError("An account could not be made in twenty attempts.")

    async def watch(self, opened: Callable[[], None]) -> None:
        """The tab's stream, opened again where it breaks."""
        since = 0
        forever = aiohttp.ClientTimeout(total=None, sock_read=60)
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                path = f"{self._url}/api/v1/events?since={since}"
                async with self._http.get(path, headers=self._headers, timeout=forever) as stream:
                    if stream.status == 200:
                        opened()
                        async for line in stream.content:
                            if line.startswith(b"data:") and b'"task_id"' in line:
                                since = self._told(json.loads(line[5:]))
            self._figures.broken += 1
            await asyncio.sleep(2)

    def _told(self, change: dict[str, Any]) -> int:
        task = change["data"]["task"]
        key = (task["id"], task["version"])
        if (began := self._awaited.pop(key, None)) is not None:
            self._figures.seen.append(time.monotonic() - began)
        else:
            self._came[key] = time.monotonic()
        return int(change["seq"])

    async def live(self, end: float, pause: float) -> None:
        await asyncio.sleep(random.uniform(0, pause))
        while time.monotonic() < end:
            await self._act(random.choices(list(MIX), list(MIX.values()))[0])
            await asyncio.sleep(random.expovariate(1 / pause))

    async def _act(self, kind: str) -> None:
        if kind in ("complete", "edit") and not self._made:
            kind = "create"
        match kind:
            case "list":
                await self._ask(kind, "GET", "/tasks?limit=50")
            case "create":
                if task := await self._ask(
                    kind, "POST", "/tasks", {"title": f"Task {len(self._made)}", "tags": ["home"]}
                ):
                    self._made.append(task["id"])
            case "complete":
                chosen = self._made.pop(random.randrange(len(self._made)))
                await self._ask(kind, "POST", f"/tasks/{chosen}/complete")
            case _:
                await self._ask(kind, "PATCH", f"/tasks/{random.choice(self._made)}", {"title": f"T {uuid.uuid4()}"})

    async def _ask(
        self, kind: str, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any] | None:
        began = time.monotonic()
        try:
            async with self._http.request(method, f"{self._url}/api/v1{path}", json=body, headers=self._headers) as got:
                said = await got.json()
                outcome = "" if got.status < 300 else f"{kind} {got.status}"
        except (aiohttp.ClientError, TimeoutError) as error:
            said, outcome = {}, f"{kind} {type(error).__name__}"
        if outcome:
            self._figures.failed[outcome] += 1
            return None
        now = time.monotonic()
        self._figures.seconds[kind].append(now - began)
        if method != "GET":
            key = (said["id"], said["version"])
            if (came := self._came.pop(key, None)) is not None:
                self._figures.seen.append(max(0.0, came - began))
            else:
                self._awaited[key] = began
        return said

    @property
    def unseen(self) -> int:
        return len(self._awaited)


async def measured(url: str, *, people: int, seconds: float, pause: float) -> Figures:
    """`people` come one after the other, open their tabs, and work for `seconds` with about `pause` between clicks."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    figures = Figures()
    async with _browser() as http:
        crowd = [Person(http, url, figures) for _ in range(people)]
        await _few([person.come() for person in crowd])
        opened = asyncio.Semaphore(0)
        tabs = [asyncio.ensure_future(person.watch(opened.release)) for person in crowd]
        async with asyncio.timeout(60 + people / 5):
            for _ in crowd:
                await opened.acquire()
        figures.streams, figures.broken = people, 0
        print(f"{people} people have come and look", file=sys.stderr, flush=True)
        end = time.monotonic() + seconds
        await asyncio.gather(*(person.live(end, pause) for person in crowd))
        for _ in range(int(SEEN_WITHIN / 0.1)):
            figures.unseen = sum(person.unseen for person in crowd)
            if not figures.unseen:
                break
            await asyncio.sleep(0.1)
        for tab in tabs:
            tab.cancel()
        await asyncio.wait(tabs)
    return figures


@contextlib.asynccontextmanager
async def _browser() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0, ssl=False, family=socket.AF_INET, resolver=Here())
    waiting = aiohttp.ClientTimeout(total=30)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, timeout=waiting, cookie_jar=jar) as http:
        yield http


async def _few(jobs: Sequence[Coroutine[Any, Any, None]]) -> None:
    free = asyncio.Semaphore(COMING_AT_ONCE)

    async def one(job: Coroutine[Any, Any, None]) -> None:
        async with free:
            await job

    await asyncio.gather(*map(one, jobs))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--pause", type=float, default=10)
    asked = parser.parse_args()
    print(asyncio.run(measured(asked.url, people=asked.people, seconds=asked.seconds, pause=asked.pause)))
