"""The long form, `make faults`: ever so many writes in a storm, the broker away for a quarter of an hour of it.

python -m tests.faults --writes 100000 --broker-away 900
python -m tests.faults --writes 5000 --broker-away 0 --database-away 900
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from threading import Event

import aiohttp

from tests.cluster.progress import say
from tests.whole import ROLES, Whole

from .conftest import Judge, joined
from .ledger import Ledger
from .storm import Storm, victims

LOGS = Path(__file__).parents[2] / "build" / "faults"
PEOPLE = 24
# What the checker may say, always told: how often each.
KINDS = ("lost", "doubled", "doubled or lost", "order", "audit", "topics", "schema", "given up")


async def run(whole: Whole, *, writes: int, outages: Mapping[str, float], seed: int) -> list[str]:
    """What the checker says in the end."""
    ledger, began, over = Ledger(), time.monotonic(), Event()
    storm, away = Storm(victims(whole), every=(5, 15), seed=seed, outages=outages), max(outages.values())

    def enough() -> bool:
        return over.is_set() or (ledger.total >= writes and time.monotonic() - began > away)

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
        writers = await joined(whole, http, ledger, people=PEOPLE, patience=away + 300)
        raging = asyncio.ensure_future(asyncio.to_thread(storm.rage, enough))
        working = asyncio.gather(*(writer.work(enough) for writer in writers))
        while not working.done():
            await asyncio.wait([working], timeout=30)
            say(f"{ledger.total} writes accepted, {len(storm.killed)} killed", seconds=time.monotonic() - began)
        over.set()  # also where a writer was refused: then there is no calm to wait for
        await raging
        await working
    rate = ledger.total / (time.monotonic() - began)
    say(f"{ledger.total} writes accepted, {rate:.0f} a second; killed: {dict(Counter(storm.killed))}")
    rested = time.monotonic()
    ledger.save(LOGS / "ledger.json")
    found = await Judge(whole, ledger).complaints(seconds=1800)
    say(f"at rest after {time.monotonic() - rested:.0f} s")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--writes", type=int, default=100_000)
    parser.add_argument("--broker-away", type=float, default=900, help="seconds")
    parser.add_argument("--database-away", type=float, default=0, help="seconds")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    say(f"seed {asked.seed}")
    LOGS.mkdir(parents=True, exist_ok=True)
    with Whole(roles=ROLES | {"backend": 2, "scheduler": 2}) as whole:
        try:
            outages = {"kafka": asked.broker_away, "postgres": asked.database_away}
            found = asyncio.run(run(whole, writes=asked.writes, outages=outages, seed=asked.seed))
        finally:
            whole.keep_logs(LOGS)
    kinds = Counter(one.partition(":")[0] for one in found)
    print("\n".join(found[:50]))
    print(", ".join(f"{kind} {kinds.pop(kind, 0)}" for kind in KINDS), *(f"{kind} {n}" for kind, n in kinds.items()))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
