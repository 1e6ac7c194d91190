"""With the operator gone, Kubernetes' own controllers can take everything away: a namespace, or an instance."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from taskora_operator.cluster.permissions import INSTANCES
from taskora_operator.cluster.transport import Request
from taskora_operator.desired import desired

from tests.cluster.envtest import ApiServer as EnvTest
from tests.cluster.envtest import Controllers
from tests.component.operator.cluster import Cluster, until
from tests.component.operator.harness import Operator, no_broker
from tests.component.operator.kinds import install_crd, install_dapr_crds
from tests.component.operator.test_permissions import topics_elsewhere

CONTROLLERS = (
    "namespace-controller",
    "garbage-collector-controller",
    "persistentvolumeclaim-protection-controller",
)
PATIENCE = 90.0  # seconds; the garbage collector looks for new kinds now and then


@pytest.fixture(scope="module")
def envtest() -> Iterator[EnvTest]:
    """With those of Kubernetes' controllers that take things away."""
    with EnvTest() as server:
        install_crd(server)
        install_dapr_crds(server)
        with Controllers(server, *CONTROLLERS):
            yield server


async def there(cluster: Cluster) -> set[str]:
    return {name for name in await cluster.children() if not name.endswith("/kube-root-ca.crt")}


async def delete_namespace(cluster: Cluster) -> None:
    await cluster.api.request(Request("DELETE", f"/api/v1/namespaces/{cluster.namespace}"))


async def namespace_is_gone(cluster: Cluster) -> str:
    """Nothing, or what still keeps it."""
    path = "/api/v1/namespaces"
    listed = (await cluster.api.request(Request("GET", path)))["items"]
    found = next((item for item in listed if item["metadata"]["name"] == cluster.namespace), None)
    conditions = found["status"].get("conditions", ()) if found else ()
    return (
        "" if found is None else "; ".join(c["message"] for c in conditions if c["status"] == "True") or "it is there"
    )


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
async def test_a_namespace_ends_with_the_operator_gone(cluster: Cluster, policy: str) -> None:
    await cluster.make_instance(deletionPolicy=policy)
    async with Operator(cluster, desired=no_broker(desired)) as operator:
        await operator.settle()
    assert len(await there(cluster)) > 70
    await delete_namespace(cluster)
    await until(lambda: namespace_is_gone(cluster), "its end", good=lambda left: left == "", deadline=PATIENCE)


async def test_topics_elsewhere_that_are_to_go_keep_it_until_somebody_lets_go_of_them(cluster: Cluster) -> None:
    """The one finalizer: without the operator nobody can delete topics on a broker that is not the instance's."""
    await cluster.make_instance(deletionPolicy="Delete")

    async def finalizers() -> list[str]:
        return (await cluster.get("TaskoraDeployment", "taskora"))["metadata"].get("finalizers", [])

    async with Operator(cluster, desired=topics_elsewhere):
        await until(finalizers, "the finalizer", good=lambda seen: seen == ["taskora.dev/topics"])
    await delete_namespace(cluster)
    told = await until(
        lambda: namespace_is_gone(cluster), "the reason", good=lambda left: "finalizers" in left, deadline=PATIENCE
    )
    assert "taskora.dev/topics in 1 resource" in told
    await cluster.edit("TaskoraDeployment", "taskora", {"metadata": {"finalizers": None}})
    await until(lambda: namespace_is_gone(cluster), "its end", good=lambda left: left == "", deadline=PATIENCE)


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
async def test_of_an_instance_that_is_deleted_with_the_operator_gone_only_what_is_retained_stays(
    cluster: Cluster, policy: str
) -> None:
    await cluster.make_instance(deletionPolicy=policy)
    async with Operator(cluster, desired=no_broker(desired)) as operator:
        await operator.settle()
    owned = {name for name, child in (await cluster.children()).items() if child["metadata"].get("ownerReferences")}
    kept = await there(cluster) - owned
    assert {name.split("/")[0] for name in kept} == (
        {"Secret", "PersistentVolumeClaim"} if policy == "Retain" else set()
    )
    await cluster.delete(INSTANCES.kind, "taskora")
    await until(
        lambda: there(cluster), "nothing but what is retained", good=lambda left: left == kept, deadline=PATIENCE
    )
