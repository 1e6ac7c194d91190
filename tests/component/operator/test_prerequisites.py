"""What the cluster or the user has yet to bring: said in a condition with what to do, noticed when it comes."""

from __future__ import annotations

from taskora_operator.desired import desired

from tests.cluster.envtest import ApiServer as EnvTest
from tests.component.operator.cluster import Cluster, until
from tests.component.operator.harness import Operator, no_broker
from tests.component.operator.kinds import install_crd, install_dapr_crds


async def test_without_dapr_the_data_services_start_and_the_command_is_told(cluster: Cluster) -> None:
    await cluster.remove_dapr()
    await cluster.make_instance()
    async with Operator(cluster) as operator:

        async def told() -> dict[str, str]:
            await cluster.play_kubelet()
            return await cluster.condition("PrerequisitesMet")

        missing = await until(told, "DaprMissing", good=lambda c: c["reason"] == "DaprMissing")
        assert "dapr init -k" in missing["message"]
        await until(lambda: cluster.condition("DataServicesReady"), "data", good=lambda c: c["status"] == "True")
        assert (await cluster.condition("Ready"))["reason"] == "DaprMissing"
        assert "Job/taskora-migrate" not in await cluster.children()
        await cluster.install_dapr()
        await operator.settle()


async def test_a_control_plane_that_fails_changes_nothing_that_runs(cluster: Cluster) -> None:
    """What a pod is made like depends on Dapr's version, which is known also while none of its pods answers."""
    await cluster.make_instance()
    async with Operator(cluster, desired=no_broker(desired)) as operator:
        await operator.settle()
    path = cluster.resource("Deployment").path("dapr-system", "dapr-sentry", "status")
    await cluster.patch(path, {"status": {"availableReplicas": 0}})
    async with Operator(cluster, desired=no_broker(desired)) as operator:
        try:
            await operator.look()
            await until(
                lambda: cluster.condition("PrerequisitesMet"),
                "it said",
                good=lambda c: c["reason"] == "DaprUnavailable",
            )
        finally:
            await cluster.play_kubelet(namespace="dapr-system")
        await operator.settle()
        assert [each for each in operator.wire.writes if "/status" not in each and "/events" not in each] == []


async def test_mtls_that_is_off_is_said_and_its_return_is_noticed(cluster: Cluster) -> None:
    await cluster.set_mtls(False)
    try:
        await cluster.make_instance()
        async with Operator(cluster) as operator:
            await until(
                lambda: cluster.condition("PrerequisitesMet"), "the news", good=lambda c: c["reason"] == "DaprMTLSOff"
            )
            await cluster.set_mtls(True)
            await operator.settle()
    finally:
        await cluster.set_mtls(True)


async def test_kinds_that_the_cluster_learns_later_are_used_without_a_restart() -> None:
    """On an API server of its own, for it begins without Dapr's CRDs."""
    with EnvTest() as server:
        install_crd(server)
        async with Cluster.connect(server, namespace="tasks") as cluster:
            await cluster.make_instance()
            async with Operator(cluster) as operator:
                await until(
                    lambda: cluster.condition("PrerequisitesMet"), "Dapr", good=lambda c: c["reason"] == "DaprMissing"
                )
                install_dapr_crds(server)
                await cluster.install_dapr()
                await operator.settle()


async def test_an_ingress_class_that_does_not_exist_is_named_and_the_rest_goes_on(cluster: Cluster) -> None:
    await cluster.make_instance(ingress={"className": "treafik"})
    async with Operator(cluster) as operator:
        missing = await until(
            lambda: cluster.condition("IngressReady"), "the class", good=lambda c: c["reason"] == "IngressClassMissing"
        )
        assert "treafik" in missing["message"]
        assert "nginx" in missing["message"]

        async def available() -> dict[str, str]:
            await cluster.play_kubelet()
            return await cluster.condition("WorkloadsAvailable")

        await until(available, "workloads", good=lambda c: c["status"] == "True")
        assert (await cluster.condition("Ready"))["reason"] == "IngressClassMissing"
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"ingress": {"className": "nginx"}}})
        await operator.settle()


async def test_a_missing_external_secret_is_named_and_its_arrival_is_noticed(cluster: Cluster) -> None:
    await cluster.make_instance(database={"mode": "External", "external": {"secretRef": {"name": "my-postgres"}}})
    async with Operator(cluster, desired=no_broker(desired)) as operator:
        missing = await until(
            lambda: cluster.condition("PrerequisitesMet"),
            "SecretMissing",
            good=lambda c: c["reason"] == "SecretMissing",
        )
        assert f"kubectl -n {cluster.namespace} create secret generic my-postgres" in missing["message"]
        url = "postgresql://a:b@db.example.org:5432/taskora"
        await cluster.make(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "my-postgres", "namespace": cluster.namespace},
                "stringData": {"url": url, "owner-url": url},
            }
        )
        await operator.settle()
