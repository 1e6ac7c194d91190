"""What the API costs beside the SQL it sends: requests to the backend's process, and pgbench with the same statements,
in turns, in CPU seconds of all who work for them; PostgreSQL is always among them. The API has the server keep its
statements, as pgbench does where it is told `prepared`; `extended` sends each as if it were the first.

The statements are recorded from the application itself. A last turn says where the backend's own share goes.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
from taskora import clock
from taskora.domain.events import SHARDS
from taskora.store.database import Database
from taskora.telemetry import Observed

from tests.cluster.cache import CHECKOUT
from tests.cluster.process import Process, answers, free_port
from tests.cluster.progress import output, say
from tests.component.app.conftest import api_on
from tests.component.app.sidecars import PROGRAM, TOKENS
from tests.component.app.urls import Urls

ROUNDS = int(os.environ.get("TASKORA_BENCH_ROUNDS", "5"))
REQUESTS = int(os.environ.get("TASKORA_BENCH_REQUESTS", "4000"))
PEOPLE, TASKS, AT_ONCE = 200, 60, 8
MODES = ("pgbench, extended", "pgbench, prepared")
TICKS = os.sysconf("SC_CLK_TCK")

# A person's number is what their id and their session's hash are made of, so that pgbench can make them too. What is
# written is another backend's to relay.
PREPARE = f"""
INSERT INTO users (id, email, display_name, password_hash, time_zone, created_at)
SELECT lpad(to_hex(n), 32, '0')::uuid, n || '@example.org', 'n', 'x', 'Europe/Berlin', now()
FROM generate_series(1, {PEOPLE}) AS n;
INSERT INTO sessions (token_hash, user_id, kind, created_at, expires_at)
SELECT sha256(convert_to('bench-' || n, 'UTF8')), lpad(to_hex(n), 32, '0')::uuid, 'token', now(), now() + '1 day'
FROM generate_series(1, {PEOPLE}) AS n;
INSERT INTO tasks (id, user_id, title, description, status, priority, tags, version, created_at, updated_at)
SELECT gen_random_uuid(), users.id, 'Task number ' || n || ' of its user', 'What there is to say about it', 'todo',
       'medium', '{{}}', 1, now(), now()
FROM users, generate_series(1, {TASKS}) AS n;
INSERT INTO leases (name, owner, epoch, expires_at)
SELECT 'relay/backend/shard/' || lpad(n::text, 2, '0'), 'another backend', 1, now() + '1 day'
FROM generate_series(0, {SHARDS - 1}) AS n;
"""
# What differs from request to request; all else is sent as it was recorded.
VARYING = {
    "token_hash": "sha256(convert_to('bench-' || :who, 'UTF8'))",
    "user_id": "lpad(to_hex(:who::int), 32, '0')::uuid",
    "id": "lpad(to_hex(:id::bigint), 32, '0')::uuid",
    "key": "'key-' || :id",
}

Statements = list[tuple[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class Kind:
    """A kind of request. A body: it writes."""

    name: str
    method: str
    path: str
    body: dict[str, Any] | None = None

    def headers(self, person: int) -> dict[str, str]:
        """As the frontend's sidecar sends them."""
        return {
            "Taskora-Session": f"bench-{person}",
            "dapr-api-token": TOKENS["APP_API_TOKEN"],
            "X-Request-Id": clock.new_id().hex,
            "traceparent": f"00-{clock.new_id().hex}-{clock.new_id().hex[16:]}-01",
            **({"Idempotency-Key": str(clock.new_id())} if self.body else {}),
        }


CREATE = Kind("creates", "POST", "/tasks", {"title": "Pay the rent", "description": "By transfer", "priority": "high"})
LIST = Kind("lists of 50", "GET", "/tasks")


@dataclass(frozen=True)
class Cost:
    """CPU seconds of a thousand requests: who asks for the statements (or asks pgbench's), and PostgreSQL."""

    asking: float
    database: float

    @property
    def both(self) -> float:
        return self.asking + self.database


class Backend:
    """The role as the process it is, but without a sidecar."""

    def __init__(self, urls: Urls, folder: Path) -> None:
        self.port, self.urls = free_port(), urls
        environment = {
            "TASKORA_DATABASE_URL": urls.app,
            "DAPR_HTTP_ENDPOINT": f"http://127.0.0.1:{free_port()}",
            "TASKORA_APP_PORT": str(self.port),
            "TASKORA_METRICS_PORT": str(free_port()),
            "TASKORA_HOST": "127.0.0.1",
            "TASKORA_DRAIN_SECONDS": "0",
            **TOKENS,
        }
        self.process = Process(*PROGRAM, "serve", "backend", log=folder / "backend.log", env=environment)

    async def asked(self, kind: Kind, requests: int) -> Cost:
        left = iter(range(requests))
        url = f"http://127.0.0.1:{self.port}/api/v1{kind.path}"

        async def some(http: aiohttp.ClientSession) -> None:
            for number in left:
                headers = kind.headers(number % PEOPLE + 1)
                async with http.request(kind.method, url, json=kind.body, headers=headers) as answer:
                    body = await answer.text()
                    assert answer.status < 300, body

        before = used(self.process.pid), of_postgres(self.urls)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http:
            await asyncio.gather(*(some(http) for _ in range(AT_ONCE)))
        after = used(self.process.pid), of_postgres(self.urls)
        return Cost(1000 * (after[0] - before[0]) / requests, 1000 * (after[1] - before[1]) / requests)


@pytest.fixture
def backend(urls: Urls, tmp_path: Path) -> Iterator[Backend]:
    urls.sql(PREPARE)
    urls.sql("VACUUM ANALYZE")
    running = Backend(urls, tmp_path)
    running.process.start(lambda: answers(running.port))
    yield running
    running.process.stop()


@pytest.mark.parametrize("kind", [CREATE, LIST], ids=lambda kind: kind.name)
async def test_what_a_request_costs_beside_its_statements(
    kind: Kind, backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements = await recorded(kind, backend.urls, monkeypatch)
    await backend.asked(kind, REQUESTS // 10)
    costs: dict[str, list[Cost]] = {"the API": [], **{mode: [] for mode in MODES}}
    for turn in range(ROUNDS):
        costs["the API"].append(await backend.asked(kind, REQUESTS))
        for number, mode in enumerate(MODES):
            run = turn * len(MODES) + number
            costs[mode].append(await asyncio.to_thread(by_pgbench, kind, statements, backend.urls, tmp_path, run, mode))
    say(f"{kind.name}: CPU s per 1,000, medians of {ROUNDS} turns of {REQUESTS}, {len(statements)} statements each")
    for name, turns in costs.items():
        parts = (statistics.median(getattr(cost, part) for cost in turns) for part in ("both", "asking", "database"))
        say(f"  {name}: {{:.3f}} ({{:.3f}} itself, {{:.3f}} PostgreSQL)".format(*parts))
    for mode in MODES:
        done = sorted(by.both / through.both for through, by in zip(costs["the API"], costs[mode], strict=True))
        say(f"  by CPU second the API does {statistics.median(done):.0%} of {mode} ({done[0]:.0%} to {done[-1]:.0%})")
    say("  where the backend's share goes: " + await profile(kind, backend, tmp_path))


async def recorded(kind: Kind, urls: Urls, monkeypatch: pytest.MonkeyPatch) -> Statements:
    """What the application sends for such a request, with its parameters; BEGIN and COMMIT are the driver's own."""
    sent: Statements = []
    really = psycopg.AsyncCursor.execute

    async def record(cursor: Any, query: Any, params: Any = None, **kwargs: Any) -> Any:
        sent.append((query, params))
        return await really(cursor, query, params, **kwargs)

    database = Database(role="backend")
    database.open(urls.app)
    async with api_on(database, wrap=Observed) as api:
        await api.get("/me", headers=kind.headers(1))  # a new connection says more
        monkeypatch.setattr(psycopg.AsyncCursor, "execute", record)
        answer = await api.request(kind.method, kind.path, json=kind.body, headers=kind.headers(1))
        monkeypatch.undo()
        assert answer.is_success, answer.text
    await database.close()
    return sent


def by_pgbench(kind: Kind, statements: Statements, urls: Urls, folder: Path, run: int, mode: str) -> Cost:
    lines = [f"\\set who random(1, {PEOPLE})", "\\set number :number + 1", "\\set id :client_id * 1000000 + :number"]
    given: dict[str, str] = {"number": str((run + 1) * 10**8)}
    wrapped = ["BEGIN;", "COMMIT;"] if kind.body else ["", ""]
    lines.append(wrapped[0])
    for place, (sql, parameters) in enumerate(statements):

        def said(name: re.Match[str], place: int = place, parameters: Mapping[str, Any] = parameters) -> str:
            value = parameters[name[1]]
            if name[1] in VARYING or value is None:
                return VARYING.get(name[1], "NULL")
            given[f"v{place}_{name[1]}"] = literal(value)
            return f":v{place}_{name[1]}"

        lines.append(re.sub(r"%\((\w+)\)s", said, " ".join(sql.split())) + ";")
    lines.append(wrapped[1])
    script = folder / "statements.sql"
    script.write_text("\n".join(lines))
    each = REQUESTS // AT_ONCE
    words = ["-n", "-M", mode.split()[1], "-c", f"{AT_ONCE}", "-t", f"{each}", "-f", f"{script}"]
    for name, value in given.items():
        words += ["-D", f"{name}={value}"]
    before = of_postgres(urls)
    with (folder / "pgbench.log").open("w+") as log:
        process = subprocess.Popen([urls.postgres.bin / "pgbench", *words, urls.app], stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        log.seek(0)
        assert f": {each * AT_ONCE}/{each * AT_ONCE}\n" in (told := log.read()), told
    database = of_postgres(urls) - before
    return Cost(*(1000 * part / (each * AT_ONCE) for part in (usage.ru_utime + usage.ru_stime, database)))


def literal(value: Any) -> str:
    if isinstance(value, list):
        return "{" + ",".join(f'"{one}"' for one in value) + "}"
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)


def used(pid: int, *, children: bool = False) -> float:
    """CPU seconds of a process, with those of its children that have ended if wanted."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return sum(int(ticks) for ticks in fields[11 : 15 if children else 13]) / TICKS


def of_postgres(urls: Urls) -> float:
    """Of all its processes, those that have ended too."""
    server = urls.postgres.process.pid
    listed = Path(f"/proc/{server}/task/{server}/children")
    while True:
        children = listed.read_text()
        try:
            seconds = used(server, children=True) + sum(used(int(pid)) for pid in children.split())
        except (FileNotFoundError, ProcessLookupError):
            continue
        if listed.read_text() == children:
            return seconds


async def profile(kind: Kind, backend: Backend, folder: Path) -> str:
    """Samples of the process while it holds the interpreter, counted by the package whose line it was."""
    found = folder / "profile"
    uv = output(sys.executable, "tests/cluster", "uv", cwd=CHECKOUT)
    how = f"--gil --rate 400 --duration 6 --format raw --pid {backend.process.pid} --output {found}"
    words = [uv, "tool", "run", "py-spy", "record", *how.split()]
    sampling = await asyncio.create_subprocess_exec(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while sampling.returncode is None:
        await backend.asked(kind, REQUESTS // 10)
    shares: Counter[str] = Counter()
    for line in found.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        file = re.search(r"\(([^(]*?)(?::\d+)?\)$", stack)
        package = re.sub(r".*(?:site-packages/|python3\.\d+/)", "", file[1]).split("/")[0] if file else "unknown"
        shares[package] += int(count)
    return ", ".join(f"{name} {count / shares.total():.0%}" for name, count in shares.most_common(12))
