"""Who sets the number of pods: the operator, until an autoscaler does; that one, until it is taken away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from taskora_operator.desired import desired

from tests.cluster.envtest import ApiServer as EnvTest
from tests.component.operator.cluster import Cluster, until
from tests.component.operator.harness import Operator, no_broker
from tests.component.operator.kinds import install_metrics
from tests.component.stand_ins import METRICS

WHOLE = no_broker(desired)
SCALES = {"autoscaling": {"minReplicas": 2, "maxReplicas": 5}}


@pytest.fixture(autouse=True, scope="module")
def measured(envtest: EnvTest) -> Iterator[None]:
    install_metrics(envtest)
    yield
    envtest.kubectl("delete", "crd", METRICS["metadata"]["name"])


async def replicas(cluster: Cluster) -> int:
    return (await cluster.get("Deployment", "taskora-backend"))["spec"]["replicas"]


async def scale(cluster: Cluster, to: int) -> None:
    """As the controller of HorizontalPodAutoscalers does."""
    path = cluster.resource("Deployment").path(cluster.namespace, "taskora-backend", "scale")
    await cluster.patch(path, {"spec": {"replicas": to}})


async def edit(cluster: Cluster, operator: Operator, **backend: object) -> None:
    await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"backend": backend}})
    await operator.settle()


async def test_an_autoscaler_takes_over_is_left_alone_and_gives_back_without_a_jump(cluster: Cluster) -> None:
    await cluster.make_instance(backend={"replicas": 3})
    async with Operator(cluster, desired=WHOLE) as operator:
        await operator.settle()
        assert await replicas(cluster) == 3
        await edit(cluster, operator, replicas=None, **SCALES)
        assert await replicas(cluster) == 3, "what runs is kept until the autoscaler says otherwise"
        target = (await cluster.get("HorizontalPodAutoscaler", "taskora-backend"))["spec"]["scaleTargetRef"]
        assert target["name"] == "taskora-backend"
        await scale(cluster, 5)
        await operator.settle()
        assert await replicas(cluster) == 5
        path = cluster.resource("Deployment").path(cluster.namespace, "taskora-backend")
        written = operator.counted()[f"PATCH {path}"]
        for wanted in (2, 5, 4):
            await scale(cluster, wanted)
            await operator.settle()
            assert await replicas(cluster) == wanted
        assert operator.counted()[f"PATCH {path}"] == written, "the field is not the operator's any more"
        await edit(cluster, operator, resources={"requests": {"cpu": "200m"}})
        assert await replicas(cluster) == 4, "nor by another change of the Deployment"
        async with Operator(cluster, desired=WHOLE) as another:
            await another.settle()
            assert await replicas(cluster) == 4, "nor by an operator that was started again"
        await edit(cluster, operator, autoscaling=None, replicas=2)
        assert await replicas(cluster) == 2
        assert not await cluster.exists("HorizontalPodAutoscaler", "taskora-backend")
        await scale(cluster, 5)
        await until(lambda: replicas(cluster), "the number that is written", good=lambda seen: seen == 2)


async def test_suspended_it_is_zero_and_woken_within_the_autoscalers_bounds(cluster: Cluster) -> None:
    await cluster.make_instance(backend=SCALES)
    async with Operator(cluster, desired=WHOLE) as operator:
        await operator.settle()
        await scale(cluster, 5)
        await operator.settle()
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"suspended": True}})
        await operator.settle()
        assert await replicas(cluster) == 0
        assert not await cluster.exists("HorizontalPodAutoscaler", "taskora-backend")
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"suspended": False}})
        await operator.settle()
        assert 2 <= await replicas(cluster) <= 5
