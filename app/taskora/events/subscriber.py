"""What daprd is told about each event: always 200, with SUCCESS or RETRY. (A 404 would drop it unread.)

Outages answer RETRY and lose nothing. What can never succeed is kept in `dead_letters` and answered SUCCESS, so that
the partition flows on.
"""

import logging
from collections.abc import Awaitable, Callable
from enum import StrEnum

import psycopg
from fastapi import FastAPI, Request, Response
from prometheus_client import Counter

from taskora import clock, telemetry
from taskora.asgi import json_response
from taskora.domain.events import BadEvent, Event, Topic, parse, unwrapped
from taskora.domain.problems import Unavailable
from taskora.services.consumers import CONSUMERS
from taskora.store import consuming
from taskora.store.database import Database

log = logging.getLogger("taskora.events")

CONSUMED = Counter("taskora_events_consumed", "Deliveries by what became of them", ["topic", "outcome"])


OUTCOMES = ("done", "repeated", "retried", "buried")


class Verdict(StrEnum):
    SUCCESS = "SUCCESS"
    RETRY = "RETRY"


def subscribe(app: FastAPI, topic: Topic, *, take: Callable[[bytes], Awaitable[Verdict]]) -> None:
    """Route `POST /events/{topic}` to `take`, counted from zero: a rate sees no counter's first one."""
    for outcome in OUTCOMES:
        CONSUMED.labels(topic.value, outcome)

    async def delivered(request: Request) -> Response:
        return json_response({"status": (await take(await request.body())).value})

    app.add_api_route(f"/events/{topic.value}", delivered, methods=["POST"], include_in_schema=False)


class Consumer:
    """Applies its effect to each event once: the inbox row and the effect are one transaction."""

    def __init__(self, database: Database, *, name: str) -> None:
        self._database = database
        self._name = name
        self._taking = CONSUMERS[name]

    def subscribe(self, app: FastAPI) -> None:
        for topic in self._taking.topics:
            subscribe(app, topic, take=self._taker(topic))

    def _taker(self, topic: Topic) -> Callable[[bytes], Awaitable[Verdict]]:
        async def take(body: bytes) -> Verdict:
            try:
                event, reason = parse(body), ""
            except BadEvent as error:
                event, reason = None, str(error)
            whose = event.traceparent if event else telemetry.traceparent()
            with telemetry.unit(f"take {topic.value}", kind="consumer", traceparent=whose):
                try:
                    outcome = await self._take(event, body, topic=topic, reason=reason)
                except Unavailable as problem:
                    log.warning("%s: asked to deliver again: %s", topic.value, problem.detail)
                    outcome = "retried"
                except Exception:
                    log.exception("%s: asked to deliver again", topic.value)
                    outcome = "retried"
            CONSUMED.labels(topic.value, outcome).inc()
            return Verdict.RETRY if outcome == "retried" else Verdict.SUCCESS

        return take

    async def _take(self, event: Event | None, body: bytes, *, topic: Topic, reason: str) -> str:
        """`reason`: why there is no event."""
        if event is not None:
            try:
                async with self._database.write() as uow:
                    if not await consuming.receive(uow, event.id, consumer=self._name):
                        return "repeated"
                    await self._taking.effect(uow, event)
                return "done"
            except (BadEvent, psycopg.DataError, psycopg.IntegrityError) as error:
                reason = str(error)
        await self._bury(body, topic=topic, event=event, reason=reason)
        return "buried"

    async def _bury(self, body: bytes, *, topic: Topic, event: Event | None, reason: str) -> None:
        log.error("%s: kept as a dead letter: %s", topic.value, reason)
        async with self._database.write() as uow:
            if event is not None and not await consuming.receive(uow, event.id, consumer=self._name):
                return
            await consuming.bury(
                uow,
                clock.new_id(),
                consumer=self._name,
                topic=topic.value,
                event_id=event.id if event else None,
                reason=reason,
                body=body,
            )


def keep_dead_letters(app: FastAPI, database: Database, *, consumer: str) -> None:
    """Keep, byte for byte, what a sidecar could not parse or gave up on."""

    async def take(body: bytes) -> Verdict:
        try:
            async with database.write() as uow:
                await consuming.bury(
                    uow,
                    clock.new_id(),
                    consumer=consumer,
                    topic=Topic.DEAD.value,
                    event_id=None,
                    reason="A sidecar could not parse it, or gave up on it.",
                    body=unwrapped(body),
                )
        except Unavailable:
            CONSUMED.labels(Topic.DEAD.value, "retried").inc()
            return Verdict.RETRY
        CONSUMED.labels(Topic.DEAD.value, "buried").inc()
        return Verdict.SUCCESS

    subscribe(app, Topic.DEAD, take=take)
