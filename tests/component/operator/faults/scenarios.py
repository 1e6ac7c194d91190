"""Scenarios: what is done to a world, and how it ends when nothing disturbs it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from taskora_operator.reconcile.drawing import Desire

from tests.cluster.envtest import ApiServer as EnvTest
from tests.component.operator.cluster import Cluster
from tests.component.operator.faults.judge import End, judge
from tests.component.operator.faults.kubelet import Kubelet
from tests.component.operator.faults.wire import pass_on
from tests.component.operator.faults.world import BROKEN, NAME, World
from tests.component.operator.small import small

Change = Callable[[World], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """`change` is what is disturbed; it is made to an instance of `spec` that is settled, or (None) to no instance;
    with a `past`, when that was over, too."""

    name: str
    change: Change
    spec: Mapping[str, Any] | None = field(default_factory=dict[str, Any])
    alters: frozenset[str] = frozenset()  # data that the change itself touches
    past: Sequence[Change] = ()


async def _make(world: World) -> None:
    await world.make()


async def _again(world: World) -> None:
    await world.delete()
    await world.make()


def _edit(**spec: Any) -> Change:
    async def change(world: World) -> None:
        await world.edit(**spec)

    return change


def _break(workload: str) -> Change:
    async def change(world: World) -> None:
        world.fails = workload
        await world.edit(version=BROKEN)

    return change


SCENARIOS = (
    Scenario("create", _make, spec=None),
    Scenario("scale", _edit(backend={"replicas": 3}, frontend={"replicas": 2})),
    Scenario("upgrade", _edit(version="1.1.0")),
    Scenario("roll back", _edit(version="1.0.0"), past=[_edit(version="1.1.0")]),
    Scenario("take back a release", _break("Deployment/taskora-backend")),
    Scenario("take back a migration", _break("Job/taskora-migrate")),
    Scenario("suspend", _edit(suspended=True)),
    Scenario("wake", _edit(suspended=False), spec={"suspended": True}),
    Scenario("take away", _edit(ingress={"enabled": False})),
    Scenario("give up data", _edit(deletionPolicy="Delete")),
    Scenario("delete and adopt", _again),
)

ROTATE = Scenario(
    "rotate",
    World.rotate,
    alters=frozenset(f"Secret/taskora-{name}" for name in ("database", "cache", "session-keys")),
)
"""Of the whole instance: the small one has nothing to be turned."""

_UNDISTURBED: dict[tuple[str, Desire], End] = {}


class Worlds:
    """Makes worlds in one API server."""

    def __init__(self, server: EnvTest, kubelet: Kubelet, names: Callable[[], str]) -> None:
        self.server, self.kubelet, self._names = server, kubelet, names

    @asynccontextmanager
    async def new(self, desired: Desire = small) -> AsyncIterator[World]:
        async with Cluster.connect(self.server, namespace=self._names()) as cluster:
            world = World(cluster, self.kubelet, desired)
            labels = {"app.kubernetes.io/managed-by": "taskora-operator", "app.kubernetes.io/instance": NAME}
            metadata = {"name": "bystander", "namespace": cluster.namespace, "labels": labels}
            await cluster.make({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
            try:
                yield world
            finally:
                await world.stop()

    @asynccontextmanager
    async def before(self, scenario: Scenario, desired: Desire = small) -> AsyncIterator[World]:
        """A world in which the scenario's change is about to be made, with an operator at work."""
        async with self.new(desired) as world:
            await world.start()
            if scenario.spec is not None:
                await world.make(**scenario.spec)
                await world.settled()
            for change in scenario.past:
                await change(world)
                await world.settled()
            await world.snapshot()
            world.wire.arm(pass_on)
            yield world

    async def undisturbed(self, scenario: Scenario, desired: Desire = small) -> End:
        """Played once and kept: how a scenario ends does not depend on where."""
        if (scenario.name, desired) not in _UNDISTURBED:
            _UNDISTURBED[scenario.name, desired] = await self._undisturbed(scenario, desired)
        return _UNDISTURBED[scenario.name, desired]

    async def _undisturbed(self, scenario: Scenario, desired: Desire) -> End:
        async with self.before(scenario, desired) as world:
            await scenario.change(world)
            await world.until(world.up_to_date, "the operator seeing what is there")
            await world.settled()
            end = await world.end()
            judge(end, undisturbed=end)
            assert end.altered == scenario.alters, f"data was touched: {sorted(end.altered)}"
            return end
