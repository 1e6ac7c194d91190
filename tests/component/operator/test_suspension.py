"""Suspended, an instance ends from the top down and keeps its data; woken, it comes back as it was first made."""

from __future__ import annotations

from tests.component.operator.cluster import Cluster, until
from tests.component.operator.harness import Operator

ORDER = ("Deployment/taskora-frontend", "Deployment/taskora-backend", "StatefulSet/taskora-data")


async def replicas(cluster: Cluster) -> list[int]:
    children = await cluster.children()
    return [children[name]["spec"]["replicas"] for name in ORDER]


async def suspend(cluster: Cluster, operator: Operator, *, wanted: bool = True) -> None:
    await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"suspended": wanted}})
    await operator.look()


async def until_replicas(cluster: Cluster, wanted: list[int]) -> None:
    await until(lambda: replicas(cluster), f"replicas {wanted}", good=lambda seen: seen == wanted)


async def test_what_is_above_has_ended_before_what_it_stands_on_ends(cluster: Cluster) -> None:
    await cluster.make_instance()
    async with Operator(cluster) as operator:
        await operator.settle()
        pods = [await cluster.make_pod("Deployment", f"taskora-{name}", said="") for name in ("frontend", "backend")]
        await suspend(cluster, operator)
        await until_replicas(cluster, [0, 1, 1])
        await cluster.play_kubelet(names=["taskora-frontend"])
        told = await until(lambda: cluster.condition("Ready"), "the news", good=lambda c: c["reason"] == "Suspending")
        assert told["status"] == "False", "its Deployment counts no pod, and one is still ending"
        await operator.rest()
        assert await replicas(cluster) == [0, 1, 1]
        await cluster.delete("Pod", pods[0])
        await until_replicas(cluster, [0, 0, 1])
        await cluster.play_kubelet(names=["taskora-backend"])
        await operator.rest()
        assert await replicas(cluster) == [0, 0, 1]
        await cluster.delete("Pod", pods[1])
        await until_replicas(cluster, [0, 0, 0])
        await operator.settle()
        assert (await cluster.condition("Ready"))["reason"] == "Suspended"
        before, reads = operator.counted(), len(operator.wire.seen)
        await operator.look()
        await operator.rest()
        assert operator.counted() == before
        assert not [r.path for r, _ in operator.wire.seen[reads:] if r.path.endswith("/pods")]


async def test_an_instance_that_does_not_work_comes_to_rest_too(cluster: Cluster) -> None:
    await cluster.make_instance()
    async with Operator(cluster) as operator:
        await operator.settle()
        path = cluster.resource("StatefulSet").path(cluster.namespace, "taskora-data", "status")
        await cluster.patch(path, {"status": {"readyReplicas": 0, "availableReplicas": 0}})
        await until(lambda: cluster.condition("DataServicesReady"), "trouble", good=lambda c: c["status"] == "False")
        await suspend(cluster, operator)
        for wanted, name in ([0, 1, 1], "taskora-frontend"), ([0, 0, 1], "taskora-backend"):
            await until_replicas(cluster, wanted)
            await cluster.play_kubelet(names=[name])
        await until_replicas(cluster, [0, 0, 0])


async def test_woken_it_comes_back_gate_by_gate_without_another_migration(cluster: Cluster) -> None:
    await cluster.make_instance(backend={"replicas": 2})
    async with Operator(cluster) as operator:
        await operator.settle()
        await suspend(cluster, operator)
        await operator.settle()
        assert await replicas(cluster) == [0, 0, 0]
        mark = len(operator.wire.writes)
        await suspend(cluster, operator, wanted=False)
        for wanted, name in ([0, 0, 1], "taskora-data"), ([0, 2, 1], "taskora-backend"):
            await until_replicas(cluster, wanted)
            await operator.rest()
            assert await replicas(cluster) == wanted, "nothing before what it stands on"
            await cluster.play_kubelet(names=[name])
        await operator.settle()
        assert await replicas(cluster) == [1, 2, 1]
        assert not [w for w in operator.wire.writes[mark:] if "/jobs/" in w]


async def test_a_paused_instance_is_looked_at_and_not_touched(cluster: Cluster) -> None:
    await cluster.make_instance()
    async with Operator(cluster) as operator:
        await operator.settle()
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"paused": True, "version": "1.1.0"}})
        await operator.look()
        await until(lambda: cluster.condition("Ready"), "the news", good=lambda c: c["reason"] == "Paused")
        await operator.rest()
        before = operator.counted()
        await cluster.edit("Deployment", "taskora-backend", {"spec": {"replicas": 3}})
        await operator.rest()
        assert not [w for w in (operator.counted() - before) if "/status" not in w and "/events" not in w]
        assert (await cluster.get("Deployment", "taskora-backend"))["spec"]["replicas"] == 3
        await cluster.play_kubelet()
        await operator.rest()
        settled = operator.counted()
        await operator.look()
        await operator.rest()
        assert operator.counted() == settled
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"paused": False}})
        assert (await operator.settle())["version"]["current"] == "1.1.0"
        assert (await cluster.get("Deployment", "taskora-backend"))["spec"]["replicas"] == 1
