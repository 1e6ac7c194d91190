"""The operator works with just the verbs of its table: RBAC shows that it needs no more, the wire that it uses all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from taskora_operator.cluster.apiserver import ApiError, ApiServer
from taskora_operator.cluster.lease import Leadership
from taskora_operator.cluster.permissions import PODS, rules
from taskora_operator.desired import desired
from taskora_operator.desired.model import Desired, Facts, Manifest
from taskora_operator.profiles import Instance
from taskora_operator.reconcile.rotation import REQUEST

from tests.cluster.envtest import ApiServer as EnvTest
from tests.component.operator.cluster import Cluster, until
from tests.component.operator.harness import Operator, no_broker
from tests.component.operator.kinds import install_crd, install_dapr_crds, install_surroundings
from tests.component.operator.small import nothing

# An instance that has every kind: Google's ingress controller, an autoscaler, a budget, Prometheus' operator.
OWN = {"mode": "InCluster"}
EVERYTHING = {
    "profile": "GKE",
    "database": OWN,
    "cache": OWN,
    "secrets": {"store": "Kubernetes"},
    "deletionPolicy": "Delete",
    "backend": {"autoscaling": {"maxReplicas": 2}},
    "backup": {},
}
RBAC = "rbac.authorization.k8s.io/v1"
ACCOUNT = "taskora-operator"


@pytest.fixture(scope="module")
def envtest() -> Iterator[EnvTest]:
    with EnvTest() as server:
        install_crd(server)
        install_dapr_crds(server)
        install_surroundings(server)
        yield server


def grant(server: EnvTest, namespace: str) -> str:
    """What the chart grants to an operator that serves one namespace; returns a token of its service account."""
    server.kubectl("-n", namespace, "create", "serviceaccount", ACCOUNT)
    allow(server, namespace)
    return server.kubectl("-n", namespace, "create", "token", ACCOUNT).strip()


def allow(server: EnvTest, namespace: str, *, but: str = "") -> None:
    """All that the chart grants, but one resource."""
    subject = [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}]
    items: list[object] = []
    for part, kind, binding in [
        ("instances", "ClusterRole", "RoleBinding"),
        ("cluster", "ClusterRole", "ClusterRoleBinding"),
        ("leader", "Role", "RoleBinding"),
    ]:
        name = f"{ACCOUNT}-{part}"
        role = {"apiGroup": RBAC.split("/", maxsplit=1)[0], "kind": kind, "name": name}
        metadata = {"name": name, "namespace": namespace}
        granted = [
            {**rule, "resources": [each for each in rule["resources"] if each != but]}
            for rule in rules()[part]
            if rule["resources"] != [but]
        ]
        items.append({"apiVersion": RBAC, "kind": kind, "metadata": metadata, "rules": granted})
        items.append({"apiVersion": RBAC, "kind": binding, "metadata": metadata, "roleRef": role, "subjects": subject})
    server.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def topics_elsewhere(instance: Instance, facts: Facts) -> Desired:
    return replace(nothing(instance, facts), topics_outlive=True)


def marks(child: Manifest) -> Manifest:
    return {name: child["metadata"][name] for name in ("namespace", "labels", "ownerReferences")}


async def left(cluster: Cluster) -> set[str]:
    """What is there and not on its way out: nothing here takes the finalizers off volumes."""
    children = await cluster.children()
    return {
        name
        for name, child in children.items()
        if "deletionTimestamp" not in child["metadata"]
        and ACCOUNT not in child["metadata"]["name"]
        and child.get("data", {}).get("version") is None  # what is known of releases stays
    }


async def test_the_operator_uses_every_verb_it_is_granted_and_needs_no_other(
    cluster: Cluster, envtest: EnvTest
) -> None:
    token = await asyncio.to_thread(grant, envtest, cluster.namespace)
    # Every kind is made, kept and taken away again.
    await cluster.make_instance(**EVERYTHING)
    used: set[tuple[str, str, str]] = set()
    async with Operator(cluster, desired=no_broker(desired), token=token) as operator:
        leadership = Leadership(ApiServer(operator.wire), namespace=cluster.namespace, identity="test")
        await leadership.acquire()
        await leadership.release()
        await operator.settle()
        revision = next(c for n, c in (await cluster.children()).items() if n.startswith("ControllerRevision/"))
        await cluster.make({**revision, "data": {}, "metadata": {**marks(revision), "name": "of-no-use"}})
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"image": {"tag": "broken"}}})
        await operator.look()
        await until(
            lambda: cluster.get("Deployment", "taskora-backend"),
            "the rollout",
            good=lambda d: d["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":broken"),
        )
        await cluster.make_pod("Deployment", "taskora-backend", waiting="CrashLoopBackOff", restarts=3)
        await until(lambda: cluster.condition("Stalled"), "the way back", good=lambda c: c["reason"] == "RolledBack")
        await operator.rest()
        used |= operator.wire.verbs()
    async with Operator(cluster, desired=topics_elsewhere, token=token) as operator:

        async def finalizers() -> list[str]:
            return (await cluster.get("TaskoraDeployment", "taskora"))["metadata"].get("finalizers", [])

        await until(finalizers, "the finalizer")
        await operator.rest()
        used |= operator.wire.verbs()
    async with Operator(cluster, desired=nothing, token=token) as operator:
        await until(finalizers, "no finalizer", good=lambda seen: not seen)
        await until(lambda: left(cluster), "everything going", good=lambda names: names == set())
        await operator.rest()
        used |= operator.wire.verbs()
        refused = [request.path for request, response in operator.wire.seen if response and response.status == 403]
        assert refused == []
    granted = {
        (group, resource, verb)
        for part in rules().values()
        for rule in part
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    by_kopf = {("taskora.dev", "taskoradeployments", "watch")}  # which watches the instances
    assert used | by_kopf == granted


async def test_a_rotation_that_may_not_look_at_pods_says_so_and_goes_on_when_it_may(
    cluster: Cluster, envtest: EnvTest
) -> None:
    token = await asyncio.to_thread(grant, envtest, cluster.namespace)
    await cluster.make_instance()
    async with Operator(cluster, desired=no_broker(desired), token=token) as operator:

        async def may_look() -> bool:
            try:
                await ApiServer(operator.wire.inner).list(PODS, namespace=cluster.namespace)
            except ApiError as error:
                return error.code != 403
            return True

        async def condition(type_: str) -> Manifest:
            await operator.look()
            await cluster.play_kubelet()
            return await cluster.condition(type_)

        await operator.settle()
        await asyncio.to_thread(allow, envtest, cluster.namespace, but="pods")
        await until(may_look, "no look at pods", good=lambda may: not may)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        await cluster.edit("TaskoraDeployment", "taskora", {"metadata": {"annotations": {REQUEST: now}}})
        told = await until(lambda: condition("PrerequisitesMet"), "the lack", good=lambda c: c["status"] == "False")
        assert told["reason"] == "Forbidden"
        assert "lacks a permission on pods" in told["message"]
        assert "Upgrade its chart" in told["message"]
        assert (await cluster.condition("SecretsRotated"))["reason"] == "Rotating"
        await asyncio.to_thread(allow, envtest, cluster.namespace)
        await until(lambda: condition("SecretsRotated"), "the turn's end", good=lambda c: c["reason"] == "Rotated")
        await operator.settle()
        assert (await cluster.condition("PrerequisitesMet"))["status"] == "True"
