"""What becomes of events that are delivered: each has its effect once, in order, or comes again.

Outages answer RETRY and lose nothing. What can never succeed is kept in `dead_letters` and answered SUCCESS, so that
the partition flows on.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import compress

from fastapi import FastAPI
from prometheus_client import Counter as Metric

from taskora import clock, telemetry
from taskora.deliveries import Take, Verdict, subscribe
from taskora.domain.events import BadEvent, Event, Topic, parse
from taskora.domain.problems import Unavailable
from taskora.domain.trace import parse as parse_trace
from taskora.services.consumers import CONSUMERS, POISON
from taskora.store import consuming
from taskora.store.database import Database, Writing

log = logging.getLogger("taskora.events")

CONSUMED = Metric("taskora_events_consumed", "Deliveries by what became of them", ["topic", "outcome"])

# Passed is what has no effect with this consumer: it needs no inbox row, and no database.
OUTCOMES = DONE, PASSED, REPEATED, RETRIED, BURIED = "done", "passed", "repeated", "retried", "buried"


@dataclass(frozen=True, slots=True)
class Delivered:
    """One record of a topic. `reason`: why it can't have an effect; without an event there always is one."""

    body: bytes
    event: Event | None
    reason: str = ""


class Consumer:
    """Applies its effect to each event once: inbox rows and effects of one delivery are one transaction."""

    def __init__(self, database: Database, *, name: str) -> None:
        self._database = database
        self._name = name
        self._taking = CONSUMERS[name]

    def subscribe(self, app: FastAPI) -> None:
        for topic in self._taking.topics:
            subscribe(app, topic, take=self._taker(topic))

    def _taker(self, topic: Topic) -> Take:
        async def take(bodies: Sequence[bytes]) -> list[Verdict]:
            those = [_read(body) for body in bodies]
            heeded = [one.event is None or self._taking.heeds(one.event.type) for one in those]
            taken = iter(await self._take(list(compress(those, heeded)), topic) if any(heeded) else ())
            outcomes = [next(taken) if heeds else PASSED for heeds in heeded]
            for one, outcome in zip(those, outcomes, strict=True):
                if one.event and outcome != PASSED:
                    trace = parse_trace(one.event.traceparent)
                    about = {"event_id": one.event.id, "trace_id": trace.trace_id if trace else ""}
                    log.info("%s: %s", topic.value, outcome, extra=about)
            return _verdicts(topic, outcomes)

        _from_zero(topic)
        return take

    async def _take(self, those: Sequence[Delivered], topic: Topic) -> list[str]:
        """What became of each. Which one it is that spoils it for the others shows by halves."""
        try:
            return await self._together(those, topic)
        except Unavailable as problem:
            log.warning("%s: asked to deliver again: %s", topic.value, problem.detail)
            return [RETRIED] * len(those)
        except Exception as error:
            if len(those) == 1:
                (one,) = those
                if isinstance(error, POISON) and not one.reason:
                    return await self._take([replace(one, reason=str(error))], topic)
                log.exception("%s: asked to deliver again", topic.value)
                return [RETRIED]
        half = len(those) // 2
        first = await self._take(those[:half], topic)
        if RETRIED in first:  # what comes after may not overtake it
            return first + [RETRIED] * (len(those) - half)
        return first + await self._take(those[half:], topic)

    async def _together(self, those: Sequence[Delivered], topic: Topic) -> list[str]:
        """All in one transaction, the effects in order."""
        with ExitStack() as spans:
            events = [one.event for one in those if one.event]
            for event in events:
                spans.enter_context(
                    telemetry.step(f"take {topic.value}", kind="consumer", traceparent=event.traceparent)
                )
            async with self._database.write() as uow:
                fresh = await consuming.receive(uow, [event.id for event in events], consumer=self._name)
                outcomes, taken = list[str](), list[Event]()
                for one in those:
                    if one.event and one.event.id not in fresh:
                        outcomes.append(REPEATED)
                        continue
                    if one.event:
                        fresh.remove(one.event.id)  # twice in one delivery: the second is repeated
                    if one.event and not one.reason:
                        taken.append(one.event)
                        outcomes.append(DONE)
                    else:
                        await self._bury(uow, one, topic)
                        outcomes.append(BURIED)
                if taken:
                    await self._taking.effect(uow, taken)
        return outcomes

    async def _bury(self, uow: Writing, one: Delivered, topic: Topic) -> None:
        whose = one.event.traceparent if one.event else telemetry.traceparent()
        with telemetry.unit("bury", kind="internal", traceparent=whose):
            log.error("%s: kept as a dead letter: %s", topic.value, one.reason)
            await consuming.bury(
                uow,
                clock.new_id(),
                consumer=self._name,
                topic=topic.value,
                event_id=one.event.id if one.event else None,
                reason=one.reason,
                body=one.body,
            )


def keep_dead_letters(app: FastAPI, database: Database, *, consumer: str) -> None:
    """Keep, byte for byte, what lies on dead-letters."""

    async def take(bodies: Sequence[bytes]) -> list[Verdict]:
        try:
            async with database.write() as uow:
                for body in bodies:
                    await consuming.bury(
                        uow,
                        clock.new_id(),
                        consumer=consumer,
                        topic=Topic.DEAD.value,
                        event_id=None,
                        reason="It lay on dead-letters.",
                        body=body,
                    )
        except Unavailable:
            return _verdicts(Topic.DEAD, [RETRIED] * len(bodies))
        return _verdicts(Topic.DEAD, [BURIED] * len(bodies))

    _from_zero(Topic.DEAD)
    subscribe(app, Topic.DEAD, take=take)


def _read(body: bytes) -> Delivered:
    try:
        return Delivered(body, parse(body))
    except BadEvent as error:
        return Delivered(body, None, str(error))


def _from_zero(topic: Topic) -> None:
    """A rate sees no counter's first one."""
    for outcome in OUTCOMES:
        CONSUMED.labels(topic.value, outcome)


def _verdicts(topic: Topic, outcomes: Sequence[str]) -> list[Verdict]:
    for outcome, count in Counter(outcomes).items():
        CONSUMED.labels(topic.value, outcome).inc(count)
    return [Verdict.RETRY if outcome == RETRIED else Verdict.SUCCESS for outcome in outcomes]
