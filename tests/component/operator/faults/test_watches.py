"""What watches tell comes late, twice, in pieces or not at all: frozen, rewound, dropped, or 410 with a deletion in the
gap, for every kind. The end is the same as if they had told it all at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import pytest
from taskora_operator.cluster.permissions import CHILDREN
from taskora_operator.cluster.transport import Response

from tests.component.operator.faults.judge import judge
from tests.component.operator.faults.points import every
from tests.component.operator.faults.scenarios import SCENARIOS, Scenario, Worlds
from tests.component.operator.faults.wire import Call, Parts, tell
from tests.component.operator.faults.world import NAME, World

UPGRADE = next(scenario for scenario in SCENARIOS if scenario.name == "upgrade")


async def one_of(world: World, kind: str) -> str:
    names = [each.split("/")[1] for each in await world.cluster.children() if each.startswith(f"{kind}/{NAME}")]
    return min(names)


def loses(kind: str) -> Scenario:
    """Somebody deletes an object of the kind while an upgrade is asked for."""

    async def change(world: World) -> None:
        await world.cluster.delete(kind, await one_of(world, kind))
        if kind != "ControllerRevision":  # that of the past is not made again
            await world.edit(version="1.1.0")

    return Scenario(f"lose a {kind}", change, alters=frozenset({"Secret/taskora-admin"} if kind == "Secret" else ()))


class Frozen:
    """Events of the kind are held back until the operator has done all it could without them."""

    def __init__(self, world: World, plural: str) -> None:
        self.world, self.plural, self.thawed = world, plural, asyncio.Event()

    async def watching(self, call: Call, parts: Parts) -> Parts:
        async for part in parts:
            if call.plural == self.plural:
                await self.thawed.wait()
            yield part

    async def before(self) -> None:
        self.thawed.clear()

    async def after(self) -> None:
        await self.world.idle()
        self.thawed.set()


class Rewound:
    """When all is over, everything that was ever told of the kind is told again, but for the deletions."""

    def __init__(self, world: World, plural: str) -> None:
        self.world, self.plural = world, plural
        self.told: list[bytes] = []
        self.channel: asyncio.Queue[Response | bytes] = asyncio.Queue()

    async def watching(self, call: Call, parts: Parts) -> Parts:
        if call.plural != self.plural:
            async for part in tell(call, parts):
                yield part
            return

        async def pump() -> None:
            async for part in parts:
                assert isinstance(part, bytes)
                self.told.append(part)
                self.channel.put_nowait(part)

        pumping = asyncio.create_task(pump())
        try:
            while True:
                yield await self.channel.get()
        finally:
            pumping.cancel()
            await asyncio.wait([pumping])

    async def before(self) -> None:
        pass

    async def after(self) -> None:
        await self.world.until(self.world.up_to_date, "the operator seeing what is there")
        await self.world.settled()
        before = self.world.writes()
        for part in self.told:
            if json.loads(part)["type"] in ("ADDED", "MODIFIED"):
                self.channel.put_nowait(part)
        await self.world.until(self._told_again, "everything being told again")
        await self.world.idle()
        assert self.world.writes() == before, "what was told again is no reason to write"

    async def _told_again(self) -> bool:
        return self.channel.empty()


class Dropped:
    """The connection is lost after every event of the kind."""

    def __init__(self, world: World, plural: str) -> None:
        self.world, self.plural, self.dropping = world, plural, False

    async def watching(self, call: Call, parts: Parts) -> Parts:
        async for part in parts:
            yield part
            if self.dropping and call.plural == self.plural:
                raise ConnectionResetError("the watch is lost")

    async def before(self) -> None:
        self.dropping = True

    async def after(self) -> None:
        pass


class Gone:
    """The connection is lost before the change; when it is back, what happened since is not told any more: 410."""

    def __init__(self, world: World, plural: str) -> None:
        self.world, self.plural = world, plural
        self.cut, self.lost, self.mended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def watching(self, call: Call, parts: Parts) -> Parts:
        if call.plural != self.plural:
            async for part in tell(call, parts):
                yield part
            return
        if self.cut.is_set() and not self.mended.is_set():
            self.lost.set()
            await self.mended.wait()
            error = {"code": 410, "reason": "Expired", "message": "too old resource version"}
            yield json.dumps({"type": "ERROR", "object": error}).encode()
            return
        cutting = asyncio.create_task(self.cut.wait())
        try:
            while True:
                reading = asyncio.ensure_future(anext(parts))
                await asyncio.wait([reading, cutting], return_when=asyncio.FIRST_COMPLETED)
                if self.cut.is_set() and not self.mended.is_set():
                    reading.cancel()
                    with suppress(asyncio.CancelledError, StopAsyncIteration):
                        await reading
                    raise ConnectionResetError("the watch is lost")
                yield await reading
        finally:
            cutting.cancel()

    async def before(self) -> None:
        self.cut.set()
        await asyncio.wait_for(self.lost.wait(), timeout=20)

    async def after(self) -> None:
        await self.world.idle()
        self.mended.set()


Fault = Callable[[World, str], Frozen | Rewound | Dropped | Gone]
FAULTS: tuple[Fault, ...] = (Frozen, Rewound, Dropped, Gone)


@dataclass(frozen=True)
class Point:
    kind: str
    plural: str

    def __str__(self) -> str:
        return self.kind


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__.lower())
async def test_a_watch_that_fails_in_any_kind_leads_to_the_same_end(worlds: Worlds, fault: Fault) -> None:
    kinds = {name.split("/")[0] for name in (await worlds.undisturbed(UPGRADE)).objects}

    async def run(point: Point) -> None:
        scenario = loses(point.kind)
        undisturbed = await worlds.undisturbed(scenario)
        async with worlds.before(scenario) as world:
            await world.stop()
            wire = world.prepare()
            trouble = fault(world, point.plural)
            wire.watching = trouble.watching
            if isinstance(trouble, Frozen):
                trouble.thawed.set()
            await world.begin()
            await world.settled()
            await world.snapshot()
            await trouble.before()
            await scenario.change(world)
            await trouble.after()
            await world.until(world.up_to_date, "the operator seeing what is there")
            await world.settled()
            judge(await world.end(), undisturbed=undisturbed)

    points = [Point(resource.kind, resource.plural) for resource in CHILDREN if resource.kind in kinds]
    assert len(points) > 7
    await every(f"kinds whose watch was {fault.__name__.lower()}", points, run, about=8)
