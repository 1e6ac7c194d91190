"""SC-008, SC-009: a thousand people with open tabs; of what they ask, 95 of 100 are answered within half a second."""

from __future__ import annotations

import asyncio
import os

from tests.bench.cluster.users import measured

PEOPLE = int(os.environ.get("TASKORA_BENCH_PEOPLE", "1000"))
SECONDS = float(os.environ.get("TASKORA_BENCH_SECONDS", "180"))
# Between two clicks of one person, on average.
PAUSE = float(os.environ.get("TASKORA_BENCH_PAUSE", "20"))


def test_a_thousand_people_with_open_tabs(url: str) -> None:
    figures = asyncio.run(measured(url, people=PEOPLE, seconds=SECONDS, pause=PAUSE))
    print(f"\n{PEOPLE} people, {SECONDS:.0f} s, {PAUSE:.0f} s between clicks:\n{figures}")
    assert not figures.failed
    assert not figures.unseen, "every change came to its own tab"
    assert figures.p95() < 0.5
