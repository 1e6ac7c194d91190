"""An instance is made in order, and once it is as wanted nothing is written any more."""

from __future__ import annotations

import re
from collections import Counter

from taskora_operator.desired import desired

from tests.component.operator.cluster import Cluster, until
from tests.component.operator.harness import Operator, no_broker


async def test_objects_are_made_gate_by_gate(cluster: Cluster) -> None:
    await cluster.make_instance()
    async with Operator(cluster) as operator:
        for waits_for, made, not_yet in [
            ("taskora-data", "StatefulSet/taskora-data", "Component/taskora-pubsub"),
            ("taskora-migrate", "Job/taskora-migrate", "Deployment/taskora-backend"),
            ("taskora-backend", "Deployment/taskora-backend", "Deployment/taskora-frontend"),
            ("taskora-frontend", "Deployment/taskora-frontend", "Ingress/taskora"),
        ]:
            await until(cluster.children, made, good=lambda seen, made=made: made in seen)
            await operator.rest()
            assert not_yet not in await cluster.children()
            assert (await cluster.condition("Ready"))["status"] == "False"
            await cluster.play_kubelet(names=[waits_for])
        await operator.settle()
        assert "Ingress/taskora" in await cluster.children()


async def test_a_whole_instance_becomes_ready_and_is_then_left_alone(cluster: Cluster) -> None:
    await cluster.make_instance()
    async with Operator(cluster, desired=no_broker(desired)) as operator:
        status = await operator.settle()
        conditions = {c["type"]: c["status"] for c in status["conditions"]}
        assert conditions.pop("Stalled") == "False"
        assert conditions.pop("Progressing") == "False"
        assert set(conditions.values()) == {"True"}, status["conditions"]
        assert status["ready"] == "9/9"
        assert status["version"] == {"current": "1.0.0", "target": "1.0.0"}
        before = operator.counted()
        await operator.look()
        await cluster.edit("Deployment", "taskora-audit", {"metadata": {"annotations": {"example.org/mine": "kept"}}})
        await operator.rest()
        assert operator.counted() == before, "an annotation of somebody else is no reason to write"
        assert operator.engine.reconciler.writer.remembered(cluster.namespace) == {}
    async with Operator(cluster, desired=no_broker(desired)) as restarted:
        await restarted.look()
        await restarted.rest()
        assert restarted.counted() == Counter(), "a restart is no reason to write"


async def test_nothing_is_written_on_the_users_object_but_its_status(cluster: Cluster) -> None:
    made = await cluster.make_instance()
    async with Operator(cluster) as operator:
        await operator.settle()
        assert not [w for w in operator.wire.writes if re.search(r"/taskoradeployments/[^/]+$", w)]
    found = await cluster.get("TaskoraDeployment", "taskora")
    for body in (made, found):
        for name in ("managedFields", "resourceVersion"):
            body["metadata"].pop(name)
        body.pop("status", None)
    assert found == made


async def test_what_goes_with_the_instance_is_owned_by_it_and_what_is_retained_is_not(cluster: Cluster) -> None:
    uid = (await cluster.make_instance())["metadata"]["uid"]
    async with Operator(cluster) as operator:
        await operator.settle()
        for name, child in (await cluster.children()).items():
            owners = [owner["uid"] for owner in child["metadata"].get("ownerReferences", [])]
            assert owners == ([] if name == "Secret/taskora-admin" else [uid]), name
        secret = await cluster.get("Secret", "taskora-admin")
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"deletionPolicy": "Delete"}})
        await operator.settle()
        kept = await cluster.get("Secret", "taskora-admin")
        assert [owner["uid"] for owner in kept["metadata"]["ownerReferences"]] == [uid]
        assert kept["data"] == secret["data"]
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"deletionPolicy": "Retain"}})
        await operator.settle()
        assert "ownerReferences" not in (await cluster.get("Secret", "taskora-admin"))["metadata"]


async def test_an_upgrade_migrates_before_anything_new_starts(cluster: Cluster) -> None:
    await cluster.make_instance()
    async with Operator(cluster) as operator:
        await operator.settle()
        job = (await cluster.get("Job", "taskora-migrate"))["metadata"]["uid"]
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"version": "1.1.0"}})
        await operator.look()
        await until(cluster.children, "another migration", good=lambda seen: _uid(seen) not in (None, job))
        await operator.rest()
        assert (await cluster.condition("SchemaMigrated"))["status"] == "False"
        assert _image(await cluster.get("Deployment", "taskora-backend")) == "backend:1.0.0"
        assert (await cluster.condition("WorkloadsAvailable"))["status"] == "True", "the old release serves on"
        status = await operator.settle()
        assert _image(await cluster.get("Deployment", "taskora-backend")) == "backend:1.1.0"
        assert status["version"] == {"current": "1.1.0", "target": "1.1.0", "previous": "1.0.0"}


async def test_a_closed_gate_takes_nothing_away(cluster: Cluster) -> None:
    await cluster.make_instance()
    async with Operator(cluster) as operator:
        await operator.settle()
        before = {name: child["metadata"]["uid"] for name, child in (await cluster.children()).items()}
        down = {"status": {"readyReplicas": 0, "availableReplicas": 0}}
        path = cluster.resource("StatefulSet").path(cluster.namespace, "taskora-data", "status")
        await cluster.patch(path, down)
        await until(lambda: cluster.condition("DataServicesReady"), "the news", good=lambda c: c["status"] == "False")
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"version": "2.0.0"}})
        await operator.look()
        await until(lambda: cluster.condition("Ready"), "Ready", good=lambda c: c["observedGeneration"] == 2)
        now = {name: child["metadata"]["uid"] for name, child in (await cluster.children()).items()}
        assert before.items() <= now.items()
        assert _image(await cluster.get("Deployment", "taskora-backend")) == "backend:1.0.0"


def _uid(children: dict[str, dict[str, dict[str, str]]]) -> str | None:
    job = children.get("Job/taskora-migrate")
    return job["metadata"]["uid"] if job else None


def _image(deployment: dict[str, dict[str, dict[str, dict[str, list[dict[str, str]]]]]]) -> str:
    return deployment["spec"]["template"]["spec"]["containers"][0]["image"]
