"""The operator ends, or an answer is lost, at every write of everything that can be done to an instance: the end is the
same, nothing is made twice, data stays the same object, and then nothing is written any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from taskora_operator.cluster.transport import Response
from taskora_operator.desired import desired
from taskora_operator.reconcile.drawing import Desire

from tests.component.operator.faults.judge import End, judge
from tests.component.operator.faults.points import every
from tests.component.operator.faults.scenarios import ROTATE, SCENARIOS, Scenario, Worlds
from tests.component.operator.faults.wire import Call, MeddledWire, Send
from tests.component.operator.faults.world import World
from tests.component.operator.small import small


async def crash_before(wire: MeddledWire, send: Send) -> Response:
    wire.die()


async def crash_after(wire: MeddledWire, send: Send) -> Response:
    await send()
    wire.die()


async def lose_the_answer(wire: MeddledWire, send: Send) -> Response:
    await send()
    raise ConnectionResetError("the answer is lost")


FAULTS = (crash_before, crash_after, lose_the_answer)


@dataclass(frozen=True)
class Point:
    call: Call
    fault: Callable[[MeddledWire, Send], Awaitable[Response]]

    def __str__(self) -> str:
        return f"{self.fault.__name__} {self.call}"


def points(undisturbed: End) -> list[Point]:
    writes = [Call(call.name, "", call.nth) for call in undisturbed.calls if call.writes]
    return [Point(call, fault) for call in writes for fault in FAULTS]


async def disturb(worlds: Worlds, scenario: Scenario, point: Point, desire: Desire) -> tuple[End, bool]:
    """The end, and whether the point was reached."""
    async with worlds.before(scenario, desire) as world:
        wire = world.wire
        reached = asyncio.Event()

        async def meddle(call: Call, send: Send) -> Response:
            if (call.name, call.nth) != (point.call.name, point.call.nth) or reached.is_set():
                return await send()
            reached.set()
            return await point.fault(wire, send)

        wire.arm(meddle)
        await scenario.change(world)
        await settled_or_dead(world, wire)
        if wire.dead:
            await world.stop()
            await world.start()
            await world.settled()
        return await world.end(), reached.is_set()


async def settled_or_dead(world: World, wire: MeddledWire) -> None:
    settling = asyncio.create_task(world.settled())
    dying = asyncio.create_task(wire.died.wait())
    await asyncio.wait([settling, dying], return_when=asyncio.FIRST_COMPLETED)
    for task in (settling, dying):
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
    if not settling.cancelled() and not wire.dead:
        settling.result()


async def try_all(worlds: Worlds, scenario: Scenario, desire: Desire, what: str, *, about: int) -> None:
    undisturbed = await worlds.undisturbed(scenario, desire)
    missed: list[Point] = []

    async def run(point: Point) -> None:
        end, reached = await disturb(worlds, scenario, point, desire)
        judge(end, undisturbed=undisturbed)
        if not reached:
            missed.append(point)

    await every(what, points(undisturbed), run, about=about)
    # What was deleted is deleted again, in vain, only if the watch has not told by then.
    again = [point for point in missed if point.call.name.startswith("DELETE") and point.call.nth]
    of_children = [str(point) for point in missed if point.call.about_children and point not in again]
    assert not of_children, "every write of an object was a place to crash"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_a_fault_at_any_write_leads_to_the_same_end(worlds: Worlds, scenario: Scenario) -> None:
    await try_all(worlds, scenario, small, f"writes of the small instance: {scenario.name}", about=12)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_a_fault_at_a_write_of_the_whole_instance_leads_to_the_same_end(
    worlds: Worlds, scenario: Scenario
) -> None:
    await try_all(worlds, scenario, desired, f"writes of the whole instance: {scenario.name}", about=4)


async def test_a_fault_at_any_write_of_a_rotation_leads_to_the_same_end(worlds: Worlds) -> None:
    """The login that is in use afterwards tells how often it turned."""
    await try_all(worlds, ROTATE, desired, "writes of the whole instance: rotate", about=8)
