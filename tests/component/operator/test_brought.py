"""What people bring and change behind the operator's back: Secrets and certificates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from taskora_operator.desired import desired

from tests.component.operator.cluster import Cluster, until
from tests.component.operator.harness import QUICK, Operator, no_broker

WHOLE = no_broker(desired)
OFTEN = replace(QUICK, resync=0.3)  # how often the Secrets of others are read
EXTERNAL = {
    "mode": "External",
    "external": {"secretRef": {"name": "managed"}, "caSecretRef": {"name": "authority", "key": "ca.crt"}},
}
WITH_DATABASE = {"backend", "scheduler", "audit", "notifier", "insights"}


def logins(password: str) -> Mapping[str, str]:
    return {
        key: f"postgresql://{login}:{password}@db.example.org:5432/taskora"
        for key, login in (("url", "app"), ("owner-url", "owner"))
    }


async def bring(cluster: Cluster, name: str, data: Mapping[str, str], kind: str = "Opaque") -> None:
    metadata = {"name": name, "namespace": cluster.namespace}
    await cluster.make(
        {"apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": metadata, "stringData": dict(data)}
    )


async def generations(cluster: Cluster) -> Mapping[str, int]:
    """Of the Deployments, by component: a change of the pod template is one more."""
    found = (await cluster.children()).items()
    return {
        name.removeprefix("Deployment/taskora-"): each["metadata"]["generation"]
        for name, each in found
        if name.startswith("Deployment/")
    }


async def rolled_after(cluster: Cluster, operator: Operator, name: str, data: Mapping[str, str]) -> set[str]:
    """The components that roll when a Secret is changed."""
    await operator.settle()
    before = await generations(cluster)
    await cluster.edit("Secret", name, {"stringData": dict(data)})

    async def rolled() -> set[str]:
        await operator.look()
        await cluster.play_kubelet()
        return {role for role, generation in (await generations(cluster)).items() if generation != before[role]}

    await until(rolled, f"{name} noticed")
    await operator.settle()
    return await rolled()


async def test_a_changed_login_or_authority_of_ones_own_rolls_who_uses_it_and_nobody_else(cluster: Cluster) -> None:
    await bring(cluster, "managed", logins("old"))
    await bring(cluster, "authority", {"ca.crt": "-----BEGIN CERTIFICATE-----\none\n-----END CERTIFICATE-----\n"})
    await cluster.make_instance(database=EXTERNAL)
    async with Operator(cluster, desired=WHOLE, pace=OFTEN) as operator:
        assert await rolled_after(cluster, operator, "managed", logins("new")) == WITH_DATABASE
        other = "-----BEGIN CERTIFICATE-----\ntwo\n-----END CERTIFICATE-----\n"
        assert await rolled_after(cluster, operator, "authority", {"ca.crt": other}) == WITH_DATABASE


async def test_a_certificate_that_is_replaced_is_the_ingress_controllers_matter(cluster: Cluster) -> None:
    pair = {"tls.crt": "one", "tls.key": "one"}
    await bring(cluster, "certificate", pair, kind="kubernetes.io/tls")
    await cluster.make_instance(ingress={"tls": {"mode": "Secret", "secretName": "certificate"}})
    async with Operator(cluster, desired=WHOLE, pace=OFTEN) as operator:
        await operator.settle()
        before, written = await generations(cluster), operator.counted()
        await cluster.edit("Secret", "certificate", {"stringData": {"tls.crt": "two", "tls.key": "two"}})
        for _ in range(3):
            await operator.look()
            await operator.rest()
        assert await generations(cluster) == before
        assert operator.counted() == written
        reads = [request.path for request, _ in operator.wire.seen if request.path.endswith("/secrets/certificate")]
        assert not reads, "nobody's private key is read"
