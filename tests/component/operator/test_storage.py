"""Volumes against a real API server, which refuses what a storage class does not allow."""

from __future__ import annotations

import pytest
from taskora_operator.cluster.apiserver import ApiError
from taskora_operator.desired import desired

from tests.component.operator.cluster import Cluster, until
from tests.component.operator.harness import Operator, no_broker

CLAIM = "taskora-postgres"


async def asked(cluster: Cluster) -> str:
    return (await cluster.get("PersistentVolumeClaim", CLAIM))["spec"]["resources"]["requests"]["storage"]


async def resize(cluster: Cluster, operator: Operator, size: str) -> None:
    change = {"database": {"inCluster": {"storage": {"size": size}}}}
    await cluster.edit("TaskoraDeployment", "taskora", {"spec": change})
    await operator.look()


async def bind(cluster: Cluster) -> None:
    """As the controller of volumes tells of a claim that has one."""
    status = {"phase": "Bound", "capacity": {"storage": await asked(cluster)}}
    await cluster.patch(claim_path(cluster, "status"), {"status": status})


def claim_path(cluster: Cluster, subresource: str | None = None) -> str:
    return cluster.resource("PersistentVolumeClaim").path(cluster.namespace, CLAIM, subresource)


async def test_a_volume_asked_to_grow_before_it_is_there_grows_once_it_is(cluster: Cluster) -> None:
    name = f"{cluster.namespace}-late"
    await cluster.make_cluster_wide("StorageClass", name, provisioner="example.org/x", allowVolumeExpansion=True)
    await cluster.make_instance(database={"inCluster": {"storage": {"size": "2Gi", "className": name}}})
    async with Operator(cluster, desired=no_broker(desired)) as operator:
        await operator.settle()
        with pytest.raises(ApiError, match="spec is immutable after creation"):
            await cluster.patch(claim_path(cluster), {"spec": {"resources": {"requests": {"storage": "4Gi"}}}})
        await resize(cluster, operator, "4Gi")
        told = await until(
            lambda: cluster.condition("Ready"), "StorageNotBound", good=lambda c: c["reason"] == "StorageNotBound"
        )
        assert (await cluster.condition("Progressing"))["status"] == "True"
        assert (await cluster.condition("Stalled"))["status"] == "False", "a volume takes its time"
        assert "waits for a volume of 2Gi" in told["message"]
        assert "kubectl describe pvc taskora-postgres" in told["message"]
        assert await asked(cluster) == "2Gi"
        await bind(cluster)
        await operator.settle()
        assert await asked(cluster) == "4Gi"


@pytest.mark.parametrize("grows", [True, False])
async def test_a_volume_grows_where_its_class_allows_it_and_the_rest_goes_on_where_not(
    cluster: Cluster, grows: bool
) -> None:
    name = f"{cluster.namespace}-{grows}".lower()
    await cluster.make_cluster_wide("StorageClass", name, provisioner="example.org/x", allowVolumeExpansion=grows)
    storage = {"size": "2Gi", "className": name}
    await cluster.make_instance(database={"inCluster": {"storage": storage}})
    async with Operator(cluster, desired=no_broker(desired)) as operator:
        await operator.settle()
        await bind(cluster)
        await operator.rest()
        await resize(cluster, operator, "4Gi")
        if grows:
            await operator.settle()
            assert await asked(cluster) == "4Gi"
        reason = "StorageShrink" if grows else "StorageFixed"
        await resize(cluster, operator, "3Gi")
        told = await until(lambda: cluster.condition("Stalled"), reason, good=lambda c: c["reason"] == reason)
        assert ("ask for 4Gi or more" if grows else "does not allow it") in told["message"]
        assert await asked(cluster) == ("4Gi" if grows else "2Gi")
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"observability": {"logLevel": "debug"}}})
        await operator.look()

        async def level() -> str:
            await cluster.play_kubelet()
            containers = (await cluster.get("Deployment", "taskora-audit"))["spec"]["template"]["spec"]["containers"]
            return next(e["value"] for e in containers[0]["env"] if e["name"] == "TASKORA_LOG_LEVEL")

        await until(level, "the other change", good=lambda seen: seen == "debug")
        while await cluster.play_kubelet():
            await operator.rest()
        before = operator.counted()
        await operator.look()
        await operator.rest()
        assert operator.counted() == before
        await resize(cluster, operator, "4Gi" if grows else "2Gi")
        await operator.settle()
