"""What a role says about itself on system-events: best effort, from a ring that forgets the oldest first."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from typing import Any

from taskora import clock, telemetry
from taskora.asgi import Check
from taskora.dapr import Dapr, DaprError
from taskora.domain.events import Topic, envelope
from taskora.encoding import to_json

MOST = 100
PAUSE = 5.0
# The same error is announced once in so many seconds.
SAME_AGAIN = 60.0
LOOK_EVERY = 5.0


class Bulletin:
    """`say` never waits and never fails; `run` publishes, in order, when the broker can be reached."""

    def __init__(self, dapr: Dapr, *, role: str, about: dict[str, str]) -> None:
        self._dapr = dapr
        self._role = role
        self._about = about
        self._ring: deque[str] = deque(maxlen=MOST)
        self._said = asyncio.Event()

    def say(self, verb: str, **data: Any) -> None:
        """Announce `dev.taskora.system.{verb}.v1`."""
        event = envelope(
            clock.new_id(),
            topic=Topic.SYSTEM,
            verb=verb,
            source=f"/taskora/{self._role}",
            subject=f"role/{self._role}",
            time=clock.now(),
            traceparent=telemetry.traceparent(),
            data={"role": self._role, **self._about, **data},
        )
        self._ring.append(to_json(event).decode())
        self._said.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Announce the start, then whatever is said and every error that is logged, then the end."""
        self.say("started")
        errors = _Errors(self)
        logging.getLogger().addHandler(errors)
        try:
            while not stop.is_set():
                try:
                    await self._flush()
                    self._said.clear()
                    await clock.pause(stop, self._said, seconds=PAUSE)
                except DaprError:
                    await clock.pause(stop, seconds=PAUSE)
        finally:
            logging.getLogger().removeHandler(errors)
        self.say("stopped")
        with contextlib.suppress(DaprError):
            await self._flush()

    async def watch(self, health: Check, stop: asyncio.Event) -> None:
        """Announce when the role can no longer do its work, and when it can again; not that it is still starting."""
        state = ""
        while not stop.is_set():
            missing = await health()
            now = "healthy" if missing is None else "unhealthy"
            if state and now != state:
                self.say("health_changed", state=now, because=missing or "")
            state = now if state or missing is None else ""
            await clock.pause(stop, seconds=LOOK_EVERY)

    async def _flush(self) -> None:
        while self._ring:
            await self._dapr.publish(Topic.SYSTEM.value, self._ring[0], key=self._role, limit=2)
            self._ring.popleft()


class _Errors(logging.Handler):
    """What is logged as an error, without the values in its sentence: they may be personal."""

    def __init__(self, bulletin: Bulletin) -> None:
        super().__init__(level=logging.ERROR)
        self._bulletin = bulletin
        self._last: dict[tuple[str, str], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else "Error"
        what = (record.name, str(record.msg))
        if time.monotonic() - self._last.get(what, -SAME_AGAIN) >= SAME_AGAIN:
            self._last[what] = time.monotonic()
            self._bulletin.say(
                "failed",
                error=kind,
                message=what[1],
                where=record.name,
                trace_id=telemetry.trace_id(),
            )
