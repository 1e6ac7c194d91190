"""Server-sent events for browsers, fed by the broker through this pod's own subscription and by the users' heads."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from time import time

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from prometheus_client import Counter, Gauge, Histogram
from starlette.requests import Request
from starlette.responses import Response

from taskora import telemetry
from taskora.deliveries import Verdict
from taskora.domain.events import BadEvent, as_change, parse
from taskora.domain.problems import Gone, Invalid, NotSignedIn, Problem
from taskora.encoding import to_json
from taskora.web.backend import Backend, User
from taskora.web.cookie import token_hash
from taskora.web.sessions import Sessions
from taskora.web.sync import Change, Event, Hub, Listener, Live, follow

log = logging.getLogger("taskora.live")

STREAMS = Gauge("taskora_sync_streams", "Open event streams of browsers")
DELAY = Histogram(
    "taskora_sync_fanout_seconds",
    "From a change's own time to its way into the streams of this pod",
    buckets=(0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 15, 60),
)
RECEIVED = Counter("taskora_sync_events", "Task events from the broker, by what became of them", ["result"])
LOOKS = Counter("taskora_sync_heads", "Looks at the users' heads, by how they ended", ["result"])

LOOK_SECONDS = 1.0
LAG_SECONDS = 5.0
"""A relay this far behind is said to delay live updates."""
MISSES = 3
"""So many looks in a row without an answer mean that the backend is down."""
RETRY_MS = 2000


class Stream:
    """`GET /api/v1/events`: every change of the caller after `since`, then as they happen."""

    def __init__(self, hub: Hub, backend: Backend, sessions: Sessions) -> None:
        self._hub = hub
        self._backend = backend
        self._sessions = sessions

    async def open(self, request: Request) -> Response:
        """The stream; a problem document when it can't begin, because of the caller or of the backend.

        410 where the feed does not reach: long behind, or, after the database was restored, ahead of it.
        """
        since = _since(request)
        bearer = request.headers.get("authorization")
        token: str | None = None
        if bearer is None:
            session = await self._sessions.required(request)
            token, secret, user_id = session.token, session.token, session.profile.user_id
        else:
            secret = bearer.partition(" ")[2].strip()
            user_id = User.model_validate(await self._backend.ask("GET", "me", authorization=bearer)).id

        async def fetch(after: int) -> list[Change] | None:
            return await self._backend.changes(after, token=token, authorization=bearer)

        async def fetch_later(after: int) -> list[Change] | None:
            try:
                return await fetch(after)
            except NotSignedIn:
                listener.end(signed_out=True)
            except Gone:
                return None
            except Problem as problem:
                log.info("The feed can't be asked; the next look at the heads brings it up again: %s", problem)
            return []

        listener = Listener(user_id, seq=since, session=token_hash(secret))
        self._hub.join(listener)
        try:
            first = await fetch(since)
        except BaseException:
            self._hub.leave(listener)
            raise

        async def body() -> AsyncIterator[bytes]:
            STREAMS.inc()
            events = follow(listener, first=first, fetch=fetch_later, live=self._hub.live)
            try:
                yield format_sse_event(retry=RETRY_MS)
                async with contextlib.aclosing(events):
                    async for event in events:
                        yield _bytes(event)
            finally:
                self._hub.leave(listener)
                STREAMS.dec()

        # A proxy that buffers would hold changes back.
        return EventSourceResponse(body(), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


class Inflow:
    """What this pod's own subscription delivers. What can't be read is left out: the feed still has it."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def take(self, bodies: Sequence[bytes]) -> list[Verdict]:
        """Always success: there is nothing that a repetition would mend."""
        for body in bodies:
            self._pass_on(body)
        return [Verdict.SUCCESS] * len(bodies)

    def _pass_on(self, body: bytes) -> None:
        try:
            event = parse(body)
            user_id = str(event.user_id)
            change = Change.model_validate(as_change(event.model_dump(mode="json")))
        except (BadEvent, KeyError, ValueError) as error:
            RECEIVED.labels("dropped").inc()
            log.warning("An event from the broker was not understood and is left out: %s", error)
            return
        with telemetry.step("pass on task-events", kind="consumer", traceparent=event.traceparent):
            RECEIVED.labels("passed_on").inc()
            DELAY.observe(max(time() - event.time.timestamp(), 0))
            self._hub.publish(user_id, change)


async def watch_heads(hub: Hub, backend: Backend, stop: asyncio.Event) -> None:
    """Once a second, while anybody listens: who is behind, whose session is gone, how far the relay is."""
    missed = 0
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_SECONDS)
        if not len(hub):
            continue
        try:
            found = await backend.heads(hub.sessions())
        except (Problem, ValueError) as error:
            missed += 1
            LOOKS.labels("failed").inc()
            log.log(logging.WARNING if missed == MISSES else logging.DEBUG, "The heads can't be asked: %s", error)
            if missed >= MISSES:
                hub.tell_heads({}, revoked=(), live=Live.DOWN)
            continue
        missed = 0
        LOOKS.labels("answered").inc()
        live = Live.DELAYED if found.relay_lag_seconds > LAG_SECONDS else Live.OK
        hub.tell_heads(found.heads, revoked=found.revoked, live=live)
    hub.close()


def _since(request: Request) -> int:
    given = request.headers.get("last-event-id") or request.query_params.get("since", "")
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise Invalid("Say from where to go on: since=SEQ, with the seq of your last list, or Last-Event-ID.")
    return int(given)


def _bytes(event: Event) -> bytes:
    if event.name is None:
        return KEEPALIVE_COMMENT
    return format_sse_event(
        event=event.name, data_str=to_json(event.data).decode(), id=None if event.seq is None else str(event.seq)
    )
