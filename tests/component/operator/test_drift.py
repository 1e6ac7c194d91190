"""What others do to the operator's objects: put back where the field is ours, left alone where it is not."""

from __future__ import annotations

import pytest
from taskora_operator.desired.model import Manifest

from tests.component.operator.cluster import Cluster, until
from tests.component.operator.harness import Operator
from tests.component.operator.small import nothing


def at(manifest: Manifest, pointer: str) -> object:
    value: object = manifest
    for step in (part.replace("~1", "/") for part in pointer.strip("/").split("/")):
        value = value[int(step)] if isinstance(value, list) else value[step]  # type: ignore[index]
    return value


@pytest.mark.parametrize(
    ("kind", "name", "pointer", "value"),
    [
        ("Deployment", "taskora-backend", "/metadata/labels/app.kubernetes.io~1component", "changed"),
        ("Deployment", "taskora-backend", "/metadata/labels/app.kubernetes.io~1managed-by", "someone"),
        ("Deployment", "taskora-backend", "/spec/replicas", 3),
        ("Deployment", "taskora-backend", "/spec/template/spec/containers/0/image", "other:1"),
        ("Deployment", "taskora-backend", "/spec/template/spec/containers/0/env/0/value", "9"),
        ("Service", "taskora-frontend", "/spec/ports/0/port", 81),
        ("ConfigMap", "taskora-config", "/data/host", "elsewhere.example"),
        ("Component", "taskora-pubsub", "/spec/metadata/0/value", "elsewhere:9092"),
        ("Ingress", "taskora", "/spec/rules/0/host", "elsewhere.example"),
        ("Secret", "taskora-admin", "/metadata/labels/app.kubernetes.io~1managed-by", "someone"),
    ],
    ids=lambda value: str(value).rsplit("/", 1)[-1] if isinstance(value, str) else None,
)
async def test_an_owned_field_changed_by_hand_is_put_back(
    cluster: Cluster, kind: str, name: str, pointer: str, value: object
) -> None:
    await cluster.make_instance()
    async with Operator(cluster) as operator:
        await operator.settle()
        right = await cluster.get(kind, name)
        await cluster.edit_json(kind, name, pointer, value)
        back = await until(
            lambda: cluster.get(kind, name), pointer, good=lambda seen: at(seen, pointer) == at(right, pointer)
        )
        assert back["metadata"]["uid"] == right["metadata"]["uid"]
        await operator.settle()
        spec, was = back.get("spec"), right.get("spec")
        assert spec == was, "nothing of the change is left"
        before = operator.counted()
        await operator.rest()
        assert operator.counted() == before


async def test_a_deleted_deployment_is_made_again(cluster: Cluster) -> None:
    await cluster.make_instance()
    async with Operator(cluster) as operator:
        await operator.settle()
        uid = (await cluster.get("Deployment", "taskora-backend"))["metadata"]["uid"]
        await cluster.delete("Deployment", "taskora-backend")
        await until(
            cluster.children,
            "another Deployment",
            good=lambda seen: (
                seen.get("Deployment/taskora-backend", {"metadata": {"uid": uid}})["metadata"]["uid"] != uid
            ),
        )
        await operator.settle()


async def test_what_was_changed_while_the_operator_was_away_is_put_back(cluster: Cluster) -> None:
    await cluster.make_instance()
    async with Operator(cluster) as operator:
        await operator.settle()
    await cluster.edit("Deployment", "taskora-backend", {"spec": {"replicas": 4}})
    await cluster.delete("ConfigMap", "taskora-config")
    async with Operator(cluster) as operator:
        await operator.settle()
        assert (await cluster.get("Deployment", "taskora-backend"))["spec"]["replicas"] == 1
        assert await cluster.exists("ConfigMap", "taskora-config")


async def test_fields_of_another_manager_survive(cluster: Cluster) -> None:
    await cluster.make_instance()
    theirs = {
        "metadata": {"annotations": {"example.org/mine": "kept"}, "labels": {"example.org/team": "a"}},
        "spec": {"minReadySeconds": 3, "template": {"metadata": {"annotations": {"example.org/restarted": "now"}}}},
    }
    async with Operator(cluster) as operator:
        await operator.settle()
        await cluster.edit("Deployment", "taskora-backend", theirs)
        await cluster.edit("Deployment", "taskora-backend", {"spec": {"replicas": 5}})
        await until(
            lambda: cluster.get("Deployment", "taskora-backend"), "replicas", good=lambda d: d["spec"]["replicas"] == 1
        )
        await operator.settle()
        found = await cluster.get("Deployment", "taskora-backend")
        assert found["metadata"]["annotations"]["example.org/mine"] == "kept"
        assert found["metadata"]["labels"]["example.org/team"] == "a"
        assert found["spec"]["minReadySeconds"] == 3
        assert found["spec"]["template"]["metadata"]["annotations"]["example.org/restarted"] == "now"


async def test_a_generated_secret_is_never_made_anew_while_it_is_there(cluster: Cluster) -> None:
    await cluster.make_instance()
    async with Operator(cluster) as operator:
        await operator.settle()
        await cluster.edit("Secret", "taskora-admin", {"stringData": {"password": "chosen by hand"}})
        await operator.rest()
        changed = await cluster.get("Secret", "taskora-admin")
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"version": "1.1.0"}})
        await operator.settle()
        assert (await cluster.get("Secret", "taskora-admin"))["data"] == changed["data"]


async def test_what_is_no_longer_wanted_goes_and_what_is_retained_or_foreign_stays(cluster: Cluster) -> None:
    await cluster.make_instance()
    bystander = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "bystander",
            "namespace": cluster.namespace,
            "labels": {"app.kubernetes.io/managed-by": "taskora-operator", "app.kubernetes.io/instance": "taskora"},
        },
    }
    await cluster.make(bystander)
    async with Operator(cluster) as operator:
        await operator.settle()
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"ingress": {"enabled": False}}})
        await operator.look()
        await until(cluster.children, "the Ingress going", good=lambda seen: "Ingress/taskora" not in seen)
        await operator.settle()
    async with Operator(cluster, desired=nothing) as operator:
        await until(
            cluster.children,
            "all going",
            good=lambda seen: (
                {name for name in seen if not name.startswith("ControllerRevision/")}
                == {"Secret/taskora-admin", "ConfigMap/bystander"}
            ),
        )


async def test_an_object_of_someone_else_is_not_touched_and_named(cluster: Cluster) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "taskora-frontend", "namespace": cluster.namespace},
        "spec": {"selector": {"app": "theirs"}, "ports": [{"port": 1234}]},
    }
    before = await cluster.make(theirs)
    await cluster.make_instance()
    async with Operator(cluster) as operator:

        async def problem() -> str:
            await cluster.play_kubelet()
            return (await cluster.condition("WorkloadsAvailable"))["reason"]

        await until(problem, "NameTaken", good=lambda reason: reason == "NameTaken")
        condition = await cluster.condition("WorkloadsAvailable")
        assert "Service/taskora-frontend" in condition["message"]
        assert (await cluster.condition("Stalled"))["status"] == "True"
        assert await cluster.get("Service", "taskora-frontend") == before
        await cluster.delete("Service", "taskora-frontend")
        await operator.settle()


async def test_a_second_instance_in_a_namespace_is_told_so_and_touches_nothing(cluster: Cluster) -> None:
    await cluster.make_instance("first")
    async with Operator(cluster) as operator:
        await operator.settle("first")
        await cluster.make_instance("a-second")
        before = operator.counted()
        await operator.look()
        occupied = await until(
            lambda: cluster.condition("Ready", "a-second"), "Ready", good=lambda c: c["reason"] == "NamespaceOccupied"
        )
        assert occupied["status"] == "False"
        assert "first" in occupied["message"]
        await operator.rest()
        touched = [w for w in operator.counted() - before if "/events" not in w]
        assert touched == [
            f"PATCH /apis/taskora.dev/v1alpha1/namespaces/{cluster.namespace}/taskoradeployments/a-second/status"
        ]
        assert (await cluster.condition("Ready", "first"))["status"] == "True"
        await cluster.delete("TaskoraDeployment", "first")
        await operator.look()
        await until(cluster.children, "the second's objects", good=lambda seen: "ConfigMap/a-second-config" in seen)


async def test_a_paused_instance_is_only_looked_at(cluster: Cluster) -> None:
    await cluster.make_instance()
    async with Operator(cluster) as operator:
        await operator.settle()
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"paused": True, "version": "1.1.0"}})
        await operator.look()
        await until(lambda: cluster.condition("Ready"), "Paused", good=lambda c: c["reason"] == "Paused")
        before = operator.counted()
        await cluster.edit("Deployment", "taskora-backend", {"spec": {"replicas": 7}})
        await operator.rest()
        assert [w for w in operator.counted() - before if not w.endswith(("/status", "/events"))] == []
        assert (await cluster.get("Deployment", "taskora-backend"))["spec"]["replicas"] == 7
        assert (await cluster.status())["observedGeneration"] == 1
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"paused": False}})
        await operator.settle()
        assert (await cluster.get("Deployment", "taskora-backend"))["spec"]["replicas"] == 1
