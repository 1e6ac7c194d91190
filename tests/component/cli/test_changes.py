"""`scale`, `pause`, `resume`, `suspend`, `wake`, and waiting for what they bring."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from taskora_operator.reconcile.drawing import Desire

from tests.component.cli.conftest import Command
from tests.component.operator.cluster import Cluster
from tests.component.operator.harness import Operator
from tests.component.operator.small import small


@contextlib.asynccontextmanager
async def living(cluster: Cluster, *, desired: Desire = small) -> AsyncIterator[Operator]:
    """An operator, and a hand that plays the kubelet and kopf's watch all the while."""
    async with Operator(cluster, desired=desired) as operator:
        await operator.settle()

        async def play() -> None:
            while True:
                await operator.look()
                await cluster.play_kubelet()
                await asyncio.sleep(0.05)

        hand = asyncio.create_task(play())
        try:
            yield operator
        finally:
            hand.cancel()
            await asyncio.wait([hand])


async def test_scaling_is_waited_for_and_a_second_time_is_nothing(cluster: Cluster, taskora: Command) -> None:
    await cluster.make_instance()
    async with living(cluster):
        ended = await taskora("scale", "backend=3", "--wait", "--timeout", "20s")
        assert ended.code == 0, ended.err
        assert "backend 1 → 3" in ended.out
        assert "✓ taskora is there" in ended.err
        again = await taskora("scale", "backend=3", "-o", "json")
        assert again.data == {"changed": False, "spec": {}}
    spec = (await cluster.get("TaskoraDeployment", "taskora"))["spec"]
    assert spec["backend"] == {"replicas": 3}


async def test_a_pause_holds_and_ends(cluster: Cluster, taskora: Command) -> None:
    await cluster.make_instance()
    async with living(cluster):
        assert (await taskora("pause", "--wait", "--timeout", "20s")).code == 0
        assert "paused already" in (await taskora("pause")).out
        assert (await taskora("scale", "backend=2")).code == 0
        waited = await taskora("status", "--wait", "--timeout", "0.5s")
        assert waited.code == 3, "paused: it does not come about"
        resumed = await taskora("resume", "--wait", "--timeout", "20s")
        assert resumed.code == 0, resumed.err


async def test_suspended_is_zero_and_waking_brings_it_back(cluster: Cluster, taskora: Command) -> None:
    await cluster.make_instance()
    async with living(cluster):
        ended = await taskora("suspend", "--wait", "--timeout", "20s")
        assert ended.code == 0, ended.err
        assert (await cluster.get("Deployment", "taskora-backend"))["spec"]["replicas"] == 0
        assert "suspended, everything is scaled to zero" in (await taskora("status")).out
        ended = await taskora("wake", "--wait", "--timeout", "20s")
        assert ended.code == 0, ended.err
        assert (await cluster.get("Deployment", "taskora-backend"))["spec"]["replicas"] == 1


async def test_what_does_not_come_about_has_a_status_of_its_own_and_says_what_was_waited_for(
    cluster: Cluster, taskora: Command
) -> None:
    await cluster.make_instance()
    ended = await taskora("status", "--wait", "--timeout", "0.3s")
    assert ended.code == 3
    assert "the operator has not acted on it yet" in ended.err


async def test_a_role_that_is_none_is_refused_before_anything_is_written(cluster: Cluster, taskora: Command) -> None:
    made = await cluster.make_instance()
    ended = await taskora("scale", "backend=2", "fronted=2")
    assert ended.code == 64
    assert "no role 'fronted'" in ended.err
    assert (await cluster.get("TaskoraDeployment", "taskora"))["spec"] == made["spec"]
