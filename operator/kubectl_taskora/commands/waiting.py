"""Waiting for an instance, telling what it waits for whenever that changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from taskora_operator.api.status import ConditionType, Status
from taskora_operator.cluster.permissions import INSTANCES

from kubectl_taskora.errors import CommandError, Exit
from kubectl_taskora.manifests import Json, condition, part
from kubectl_taskora.session import Session
from kubectl_taskora.text import BAD, GOOD, WAIT

LOOK_SECONDS = 0.5
REFUSALS = ("InvalidSpec", "NamespaceOccupied")  # stalled without the generation ever being acted on
STALLED_SECONDS = 20.0  # what stalls right after a change may be what the change mends


@dataclass(frozen=True, slots=True)
class Seen:
    """How an instance stands towards a wish: `done`, or what it waits for; `stalled`: somebody has to act."""

    done: bool
    stalled: bool
    told: str


def towards_ready(body: Json, *, generation: int) -> Seen:
    """Ready at that generation (or a later one)."""
    status = Status.model_validate(part(body, "status"))
    ready, stalled = condition(body, ConditionType.READY), condition(body, ConditionType.STALLED)
    refused = stalled.get("reason") in REFUSALS
    if (status.observed_generation or 0) < generation and not refused:
        return Seen(done=False, stalled=False, told="the operator has not acted on it yet")
    told = ready.get("message") or ready.get("reason") or "no word from the operator yet"
    return Seen(done=ready.get("status") == "True", stalled=stalled.get("status") == "True", told=told)


def towards_paused(body: Json, *, generation: int) -> Seen:  # noqa: ARG001 - a paused spec is not acted on
    paused = condition(body, ConditionType.READY).get("reason") == "Paused"
    return Seen(done=paused, stalled=False, told="paused" if paused else "the operator has not seen it yet")


async def wait_for_ready(session: Session, name: str, *, generation: int, seconds: float) -> None:
    await wait(session, name, towards_ready, generation=generation, seconds=seconds)


async def wait(session: Session, name: str, look: Callable[..., Seen], *, generation: int, seconds: float) -> None:
    """Raises `CommandError` after `seconds`, or when nothing more happens by itself."""
    begun = time.monotonic()
    stalled_since: float | None = None
    before = ""
    while True:
        body = await session.connection.api.get(INSTANCES, session.connection.namespace, name)
        if body is None:
            raise CommandError(f"{name} was deleted while it was waited for.")
        seen, now = look(body, generation=generation), time.monotonic()
        if seen.done:
            session.say(f"{GOOD} {name} is there, after {now - begun:.0f} s")
            return
        if seen.told != before:
            session.say(f"{WAIT} {now - begun:3.0f} s  {seen.told}")
            before = seen.told
        stalled_since = None if not seen.stalled else stalled_since or now
        if stalled_since is not None and now - stalled_since >= min(STALLED_SECONDS, seconds):
            raise CommandError(f"{name} does not get further by itself: {seen.told}")
        if now - begun >= seconds:
            raise CommandError(f"{BAD} not there after {seconds:.0f} s: {seen.told}", code=Exit.TIMEOUT)
        await asyncio.sleep(LOOK_SECONDS)
