"""The API server refuses, or does not answer, at every call the operator makes, reads and watches too: once, and for a
while. It recovers by itself, says what it lacks, and serves the others meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from taskora_operator.cluster.apiserver import ApiError
from taskora_operator.cluster.transport import Response

from tests.component.operator.faults.judge import judge
from tests.component.operator.faults.points import every
from tests.component.operator.faults.scenarios import SCENARIOS, Worlds
from tests.component.operator.faults.wire import Call, Meddle, Send, refusal
from tests.component.operator.faults.world import World

CREATE = SCENARIOS[0]
LOCAL = "the instance's"
HOW = ("403", "409", "422", "429", "500", "nothing listens")


def refuse(how: str, call: Call) -> Response:
    if how.isdigit():
        return refusal(int(how), call, retry_after=0 if how == "429" else None)
    raise ConnectionRefusedError(how)


@dataclass(frozen=True)
class Point:
    call: Call
    how: str

    def __str__(self) -> str:
        return f"{self.how} at {self.call}"


async def calls(worlds: Worlds) -> list[Call]:
    """Every call of an operator from its start until an instance is Ready."""
    async with worlds.new() as world:
        await world.make()
        heard: list[Call] = []

        async def listen(call: Call, send: Send) -> Response:
            heard.append(call)
            return await send()

        async with alive(world, listen):
            await world.settled()
        return heard


@asynccontextmanager
async def alive(world: World, meddle: Meddle, *, also: World | None = None) -> AsyncIterator[None]:
    """An operator that is started again whenever its process ends."""

    async def live() -> None:
        while True:
            try:
                wire = world.prepare(also=[also.cluster] if also else ())
                wire.arm(meddle)
                async with world.operators[-1] as operator:
                    await operator.ended()
            except ApiError:
                world.operators.clear()
                await asyncio.sleep(0.05)

    living = asyncio.create_task(live(), name="the operator's pod")
    try:
        yield
    finally:
        living.cancel()
        await asyncio.wait([living])
        if not living.cancelled():
            living.result()


async def test_a_refusal_of_any_call_is_survived(worlds: Worlds) -> None:
    undisturbed = await worlds.undisturbed(CREATE)

    async def run(point: Point) -> None:
        async with worlds.new() as world:
            refused = asyncio.Event()

            async def meddle(call: Call, send: Send) -> Response:
                if (call.name, call.nth) == (point.call.name, point.call.nth) and not refused.is_set():
                    refused.set()
                    return refuse(point.how, call)
                return await send()

            await world.make()
            await world.snapshot()
            async with alive(world, meddle):
                await world.settled()
                judge(await world.end(), undisturbed=undisturbed)

    points = [Point(call, how) for call in await calls(worlds) for how in HOW]
    await every("calls that were refused once", points, run, about=40)


async def test_a_lasting_refusal_of_any_call_is_told_keeps_nobody_else_waiting_and_is_recovered_from(
    worlds: Worlds,
) -> None:
    undisturbed = await worlds.undisturbed(CREATE)

    async def run(point: Point) -> None:
        async with worlds.new() as world, worlds.new() as other:
            refused, over = 0, False

            async def meddle(call: Call, send: Send) -> Response:
                nonlocal refused
                if call.name == point.call.name and call.namespace != other.namespace and not over:
                    refused += 1
                    return refuse(point.how, call)
                return await send()

            async def tried_again() -> bool:
                return refused > 1

            async def other_is_ready() -> bool:
                engines = [operator.engine for operator in world.operators]
                return any(other.ready(engine) == other.generation for engine in engines)

            async def told() -> bool:
                conditions = (await world.cluster.status()).get("conditions", ())
                messages = [c["message"] for c in conditions if c["reason"] == "Forbidden"]
                return any("lacks a permission" in m and f'"{point.call.plural}"' in m for m in messages)

            await world.make()
            await other.make()
            await world.snapshot()
            async with alive(world, meddle, also=other):
                if point.call.namespace == LOCAL:
                    await world.until(other_is_ready, "the other instance being Ready")
                if point.how == "403" and can_be_told(point.call):
                    await world.until(told, "a condition that names the permission")
                if point.call.name not in ONCE:
                    await world.until(tried_again, "another try")
                over = True
                await world.settled()
                judge(await world.end(), undisturbed=undisturbed)

    found = {call.name: call for call in await calls(worlds)}
    points = [Point(call, how) for call in found.values() for how in HOW]
    await every("calls that were refused for a while", points, run, about=40)


# An event that can't be posted is given up.
ONCE = frozenset({"POST /apis/events.k8s.io/v1/events"})


def can_be_told(call: Call) -> bool:
    """Where the status itself can't be written, or the instances can't be read, there is nowhere to tell it."""
    return call.namespace == LOCAL and not call.name.endswith(("/status", "/events", "/taskoradeployments"))


async def test_retry_after_is_waited_for(worlds: Worlds) -> None:
    async with worlds.before(CREATE) as world:
        await world.make()
        await world.settled()
        times: list[float] = []

        async def meddle(call: Call, send: Send) -> Response:
            if call.name == "PATCH /api/v1/configmaps/taskora-config":
                times.append(time.monotonic())
                if len(times) == 1:
                    return refusal(429, call, retry_after=1)
            return await send()

        world.wire.arm(meddle)
        await world.edit(host="elsewhere.localhost")
        await world.settled()
        assert times[1] - times[0] >= 1
