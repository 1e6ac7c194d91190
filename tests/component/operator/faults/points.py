"""Every point of something, many at once, and a count of those that were tried."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from taskora_operator.cluster.apiserver import ApiError

P = TypeVar("P")

AT_ONCE = 8
EVERY_POINT = bool(os.environ.get("TASKORA_EVERY_POINT"))
"""All points also where there are so many that continuous integration looks at a sample. `make faults` sets it."""

TRIED: dict[str, tuple[int, int]] = {}  # how many of how many


def tried(what: str, points: int, *, of: int | None = None) -> None:
    before, there = TRIED.get(what, (0, 0))
    TRIED[what] = before + points, there + (points if of is None else of)


def sample(points: Sequence[P], *, about: int) -> Sequence[P]:
    """The same ones every time, from all over, in their order."""
    if EVERY_POINT or len(points) <= about:
        return points
    chosen = sorted(random.Random(0).sample(range(len(points)), about))
    return [points[index] for index in chosen]


async def every(what: str, points: Sequence[P], run: Callable[[P], Awaitable[None]], *, about: int) -> None:
    """Raises once all were tried, or about so many, with what failed at each."""
    chosen = sample(points, about=about)
    room, failed = asyncio.Semaphore(AT_ONCE), dict[P, Exception]()

    async def one(point: P) -> None:
        async with room:
            try:
                await run(point)
            except (AssertionError, ApiError, OSError, LookupError, TypeError, ValueError) as error:
                failed[point] = error

    async with asyncio.TaskGroup() as group:
        for point in chosen:
            group.create_task(one(point))
    tried(what, len(chosen), of=len(points))
    told = "\n".join(f"  {point}: {type(error).__name__}: {error}" for point, error in list(failed.items())[:8])
    assert not failed, f"{len(failed)} of {len(chosen)} points of {what} failed:\n{told}"
