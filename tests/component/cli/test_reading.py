"""`status`, `plan` and `doctor` against a real API server, with a real operator where one is needed."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest
import yaml
from taskora_operator.desired import desired

from tests.cluster import binaries
from tests.component.cli.conftest import Command
from tests.component.operator.cluster import Cluster, until
from tests.component.operator.harness import Operator, no_broker

WHOLE = no_broker(desired)


def file(folder: Path, name: str = "taskora", namespace: str | None = None, **spec: Any) -> str:
    body = {
        "apiVersion": "taskora.dev/v1alpha1",
        "kind": "TaskoraDeployment",
        "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}),
        "spec": {"profile": "Local", "version": "1.0.0", "host": "taskora.localhost"} | spec,
    }
    path = folder / "taskora.yaml"
    path.write_text(yaml.safe_dump(body), encoding="utf-8")
    return str(path)


async def test_status_is_true_to_what_the_operator_says(cluster: Cluster, taskora: Command) -> None:
    nothing = await taskora("status")
    assert (nothing.code, nothing.out) == (1, "")
    assert f"no TaskoraDeployment in namespace {cluster.namespace}" in nothing.err
    await cluster.make_instance()
    assert "has not looked at it yet" in (await taskora("status")).out
    async with Operator(cluster) as operator:
        await operator.settle()
        seen = await taskora("status", "-o", "json")
        assert (seen.code, seen.data["ready"]) == (0, True)
        text = (await taskora("status")).out
        assert "✓ Ready" in text
        assert "✓ frontend     1/1" in text


async def test_open_tells_the_address_once_there_is_one(cluster: Cluster, taskora: Command) -> None:
    await cluster.make_instance(ingress={"port": 8080})
    none = await taskora("open")
    assert none.code == 1
    assert "kubectl taskora status" in none.err
    async with Operator(cluster) as operator:
        await operator.settle()
    told = await taskora("open")
    assert (told.code, told.out.strip()) == (0, "http://taskora.localhost:8080")
    assert (await taskora("open", "-o", "json")).data == {"url": "http://taskora.localhost:8080"}


async def test_status_names_the_pod_that_fails_and_its_last_words(cluster: Cluster, taskora: Command) -> None:
    await cluster.make_instance()
    async with Operator(cluster) as operator:
        await operator.settle()
        labels = {"app.kubernetes.io/name": "taskora", "app.kubernetes.io/instance": "taskora"}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p1", "labels": {**labels, "app.kubernetes.io/component": "backend"}},
            "spec": {"containers": [{"name": "app", "image": "a"}]},
        }
        cluster.server.kubectl("-n", cluster.namespace, "create", "-f", "-", stdin=json.dumps(pod))
        ended = {"exitCode": 3, "reason": "Error", "message": '{"message": "no database"}', "containerID": "c://1"}
        waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
        container = {"name": "app", "image": "a", "imageID": "", "ready": False, "restartCount": 4}
        status = {"containerStatuses": [{**container, "state": waiting, "lastState": {"terminated": ended}}]}
        await cluster.patch(f"/api/v1/namespaces/{cluster.namespace}/pods/p1/status", {"status": status})
        path = cluster.resource("Deployment").path(cluster.namespace, "taskora-backend", "status")
        await cluster.patch(path, {"status": {"availableReplicas": 0, "readyReplicas": 0}})

        async def text() -> str:
            return (await taskora("status")).out

        seen = await until(text, "the backend's fall", good=lambda out: "✗ backend" in out)
        words = " ".join(seen.replace("│", " ").split())
        assert "p1: app CrashLoopBackOff, 4 restarts, ended with 3, said last: no database" in words


async def test_a_plan_writes_nothing(cluster: Cluster, taskora: Command, tmp_path: Path) -> None:
    planned = await taskora("plan", "-f", file(tmp_path))
    assert planned.code == 2, planned.err
    assert "a new instance, " in planned.out
    assert not planned.err
    assert await cluster.children() == {}
    assert not await cluster.exists("TaskoraDeployment", "taskora")


async def test_what_is_planned_is_what_the_operator_then_writes(
    cluster: Cluster, taskora: Command, tmp_path: Path
) -> None:
    """For a new instance, an upgrade with other changes, and a removal."""
    async with Operator(cluster, desired=WHOLE) as operator:
        for spec in (
            {},
            {"version": "1.1.0", "backend": {"replicas": 3}, "networkPolicy": {"enabled": False}},
            {"version": "1.1.0", "ingress": {"enabled": False}, "dapr": {"logLevel": "debug"}},
        ):
            path = file(tmp_path, **spec)
            planned = await taskora("plan", "-o", "json", "-f", path)
            assert planned.code == 2, planned.err
            operator.wire.seen.clear()
            cluster.server.kubectl("-n", cluster.namespace, "apply", "-f", path)
            await operator.settle()
            assert _written(operator) == {(o["kind"], o["name"]) for o in planned.data["objects"]}
            assert (await taskora("plan", "-f", path)).code == 0, "and then there is nothing left to do"


def _written(operator: Operator) -> set[tuple[str, str]]:
    """(kind, name) of everything written but status and events."""
    found: set[tuple[str, str]] = set()
    for request, _ in operator.wire.seen:
        if request.method != "GET" and not request.path.endswith("/status") and request.kind not in ("", "Event"):
            body = json.loads(request.body or b"{}")
            found.add((request.kind, body.get("metadata", {}).get("name") or request.path.rsplit("/", 1)[-1]))
    return found


async def test_drift_is_planned_to_be_put_back(cluster: Cluster, taskora: Command) -> None:
    await cluster.make_instance()
    async with Operator(cluster, desired=WHOLE) as operator:
        await operator.settle()
    assert (await taskora("plan")).code == 0
    await cluster.edit("Deployment", "taskora-audit", {"spec": {"replicas": 5}})
    planned = await taskora("plan")
    assert planned.code == 2
    assert "Deployment/taskora-audit · 5 pods → 1" in planned.out
    assert "spec.replicas: 5 → 1" in planned.out


async def test_no_value_of_a_secret_is_ever_printed(cluster: Cluster, taskora: Command, tmp_path: Path) -> None:
    await cluster.make_instance()
    async with Operator(cluster, desired=WHOLE) as operator:
        await operator.settle()
    for name, value in (("taskora-cache", "swordfish"), ("taskora-database", "postgresql://taskora_app:swordfish@h/t")):
        data = {"password": value, "url": value}
        await cluster.edit(
            "Secret", name, {"data": {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}}
        )
    secret = [item for name, item in (await cluster.children()).items() if name.startswith("Secret/")]
    told = {"username", "host", "port", "email"}
    values = {v for item in secret for k, v in item.get("data", {}).items() if v and k not in told}
    values |= {base64.b64decode(v).decode() for v in values}
    for words in (["plan"], ["plan", "-o", "json"], ["plan", "-f", file(tmp_path, version="1.1.0")], ["doctor"]):
        ended = await taskora(*words)
        for value in values:
            assert value not in ended.out + ended.err, words
    assert "a configuration or Secret that its pods read changes" in (await taskora("plan")).out


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"profile": "Moon"}, "Unsupported value"),
        ({"profile": "DOKS"}, "write database.external.secretRef.name"),
        ({"colour": "blue"}, "colour"),
    ],
)
async def test_what_an_apply_would_refuse_is_an_error_in_the_servers_words(
    taskora: Command, tmp_path: Path, spec: dict[str, Any], said: str
) -> None:
    ended = await taskora("plan", "-f", file(tmp_path, **spec))
    assert ended.code == 1
    assert said in " ".join(ended.err.split())


async def test_a_namespace_that_is_not_there_is_told_with_the_command(taskora: Command, tmp_path: Path) -> None:
    ended = await taskora("plan", "-f", file(tmp_path), namespace="nowhere")
    assert ended.code == 1
    assert "kubectl create namespace nowhere" in ended.err


async def test_a_file_of_another_namespace_than_the_one_that_is_said_is_refused(
    cluster: Cluster, taskora: Command, tmp_path: Path
) -> None:
    for words in (["plan"], ["doctor"], ["restore", "taskora-20260301T030000Z"]):
        ended = await taskora(*words, "-f", file(tmp_path, namespace="tasks"))
        assert ended.code == 1
        assert f"is for namespace tasks, and -n says {cluster.namespace}" in " ".join(ended.err.split())


async def test_a_file_without_one_instance_is_refused(taskora: Command, tmp_path: Path) -> None:
    for text, said in (("a: [", "no YAML"), ("kind: Pod", "holds 0 TaskoraDeployments")):
        path = tmp_path / "x.yaml"
        path.write_text(text, encoding="utf-8")
        ended = await taskora("plan", "-f", str(path))
        assert ended.code == 1
        assert said in " ".join(ended.err.split())
    assert "can't be read" in " ".join((await taskora("plan", "-f", str(tmp_path / "no.yaml"))).err.split())


async def test_doctor_sees_what_this_cluster_lacks(cluster: Cluster, taskora: Command, tmp_path: Path) -> None:
    ended = await taskora("doctor", "-o", "json", "-f", file(tmp_path))
    assert ended.code == 1
    found = {finding["about"]: finding for finding in ended.data}
    assert found["Operator"]["level"] == "problem", "it runs in the test, not in the cluster"
    assert found["Ingress"]["level"] == "problem", "there is a class, and nobody behind it"
    assert found["Storage"]["level"] == "problem"
    assert found["Dapr"]["level"] == "good"
    assert found["Secrets"]["level"] == "good"
    assert all(f["fix"] for f in ended.data if f["level"] == "problem")


async def test_kubectl_finds_the_command(cluster: Cluster) -> None:
    await cluster.make_instance()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    words = [binaries.go_programs("kubectl")["kubectl"], "taskora", "status", "-n", cluster.namespace]
    environment = {"PATH": path, "KUBECONFIG": str(cluster.server.kubeconfig)}
    ended = await asyncio.create_subprocess_exec(*words, env=environment, stdout=PIPE, stderr=PIPE)
    out, err = await ended.communicate()
    assert ended.returncode == 0, err
    assert f"taskora in namespace {cluster.namespace}" in out.decode()
