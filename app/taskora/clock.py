"""The only places where time and chance enter: everything that decides takes them as arguments."""

import asyncio
import os
import time
from datetime import UTC, datetime
from uuid import UUID

from taskora.domain.ids import uuid7


def now() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """A fresh UUIDv7: ids sort by the time they were made."""
    return uuid7(time.time_ns() // 1_000_000, entropy=os.urandom(10))


async def pause(*until: asyncio.Event, seconds: float | None = None) -> None:
    """Wait for the first of `until`, at most `seconds`."""
    waiting = [asyncio.ensure_future(event.wait()) for event in until]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()
