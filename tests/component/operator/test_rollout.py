"""A release is rolled out behind its migration, and taken back when it does not become healthy."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from taskora_operator.cluster.transport import Request, Response
from taskora_operator.desired.model import Desired, Facts
from taskora_operator.engine.instances import InstanceKey
from taskora_operator.profiles import Instance

from tests.component.operator.cluster import Cluster, until
from tests.component.operator.harness import QUICK, Operator
from tests.component.operator.small import small

LOG = b"starting\nthe setting TASKORA_X is missing\n"


def image(deployment: dict[str, Any]) -> str:
    return deployment["spec"]["template"]["spec"]["containers"][0]["image"]


async def revisions(cluster: Cluster) -> dict[str, dict[str, str]]:
    """What is noted of each release."""
    return {
        item["data"]["version"]: {
            key.removeprefix("taskora.dev/"): value for key, value in item["metadata"]["annotations"].items()
        }
        for name, item in (await cluster.children()).items()
        if name.startswith("ControllerRevision/")
    }


async def upgrade(cluster: Cluster, operator: Operator, version: str, **more: Any) -> None:
    await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"version": version, **more}})
    await operator.look()


async def until_migrating(cluster: Cluster, version: str) -> None:
    async def migrates() -> str:
        job = (await cluster.children()).get("Job/taskora-migrate")
        return image(job) if job else ""

    await until(migrates, f"the migration to {version}", good=lambda seen: seen == f"migrate:{version}")


async def until_rolling(cluster: Cluster, component: str, wanted: str) -> None:
    """Until the new release's pods of a component would be made, everything before it having gone well."""

    async def rolling() -> str:
        await cluster.play_kubelet(names=["taskora-migrate", "taskora-data"])
        return image(await cluster.get("Deployment", f"taskora-{component}"))

    await until(rolling, f"{component} {wanted}", good=lambda seen: seen == f"{component}:{wanted}")


@asynccontextmanager
async def serving(cluster: Cluster, *, old: Collection[str] = (), **spec: Any) -> AsyncIterator[Operator]:
    """An operator and an instance that runs 1.0.0; whoever asks for a log is given LOG, and objects of the kinds `old`
    seem to have been there for long."""
    await cluster.make_instance(**spec)
    operator = Operator(cluster)
    send, stream = operator.wire.inner.send, operator.wire.inner.stream

    def aged(request: Request, body: bytes) -> bytes:
        made = b'"creationTimestamp":"2026-01-01T00:00:00Z"'
        ages = request.kind in old or any(b'"kind":"%s"' % kind.encode() in body for kind in old)
        return re.sub(rb'"creationTimestamp":"[^"]+"', made, body) if ages else body

    async def with_logs(request: Request, /) -> Response:
        if request.path.endswith("/log"):
            return Response(200, {}, LOG)
        answer = await send(request)
        return replace(answer, body=aged(request, answer.body))

    async def told(request: Request, /) -> AsyncIterator[Response | bytes]:
        async for each in stream(request):
            yield aged(request, each) if isinstance(each, bytes) else each

    operator.wire.inner.send = with_logs  # type: ignore[method-assign]
    operator.wire.inner.stream = told  # type: ignore[method-assign]
    async with operator:
        await operator.settle()
        yield operator


async def until_settled(cluster: Cluster, operator: Operator, reason: str) -> dict[str, Any]:
    """Until Ready gives this reason and, with a hand that plays the kubelet, nothing moves any more."""

    await until(lambda: cluster.condition("Ready"), reason, good=lambda c: c["reason"] == reason)
    await operator.rest()
    while await cluster.play_kubelet():
        await operator.rest()
    before = operator.counted()
    await operator.look()
    await operator.rest()
    assert operator.counted() == before, "a settled instance is left alone, whatever it settled in"
    return {c["type"]: c for c in (await cluster.status())["conditions"]}


async def test_a_release_that_crashes_is_taken_back_and_the_old_one_serves(cluster: Cluster) -> None:
    async with serving(cluster) as operator:
        await upgrade(cluster, operator, "1.1.0")
        await until_rolling(cluster, "backend", "1.1.0")
        await cluster.make_pod("Deployment", "taskora-backend", waiting="CrashLoopBackOff", restarts=3)
        said = await until_settled(cluster, operator, "RolledBack")
        assert (said["Ready"]["status"], said["Stalled"]["status"]) == ("False", "True")
        assert said["WorkloadsAvailable"]["status"] == said["SchemaMigrated"]["status"] == "True"
        assert "TASKORA_X is missing" in said["Stalled"]["message"]
        assert "ended 3 times" in said["Stalled"]["message"]
        for component in ("backend", "frontend"):
            assert image(await cluster.get("Deployment", f"taskora-{component}")) == f"{component}:1.0.0"
        instance = await cluster.get("TaskoraDeployment", "taskora")
        assert instance["spec"]["version"] == "1.1.0", "the spec is the user's"
        assert instance["status"]["version"] == {"current": "1.0.0", "target": "1.1.0"}
        assert [(e["version"], e["outcome"]) for e in instance["status"]["history"]] == [
            ("1.1.0", "RolledBack"),
            ("1.0.0", "Succeeded"),
        ]
        noted = (await revisions(cluster))["1.1.0"]
        assert (noted["outcome"], noted["failure"]) == ("RolledBack", "CrashLoop")
        assert "TASKORA_X is missing" in noted["message"]
    async with Operator(cluster) as restarted:
        await restarted.look()
        await restarted.rest()
        assert restarted.wire.writes == [], "another operator knows what was decided"


async def test_what_was_taken_back_is_tried_again_when_the_spec_changes_and_not_for_scaling(cluster: Cluster) -> None:
    async with serving(cluster) as operator:
        await upgrade(cluster, operator, "1.1.0")
        await until_rolling(cluster, "backend", "1.1.0")
        pod = await cluster.make_pod("Deployment", "taskora-backend", waiting="CrashLoopBackOff", restarts=3)
        await until_settled(cluster, operator, "RolledBack")
        await cluster.delete("Pod", pod)
        await upgrade(cluster, operator, "1.1.0", backend={"replicas": 2})
        await until_settled(cluster, operator, "RolledBack")
        await upgrade(cluster, operator, "1.1.0", backend={"replicas": 2, "env": [{"name": "X", "value": "1"}]})
        status = await operator.settle()
        assert status["version"] == {"current": "1.1.0", "target": "1.1.0", "previous": "1.0.0"}


async def test_a_migration_that_fails_is_never_rolled_out(cluster: Cluster) -> None:
    async with serving(cluster) as operator:
        await upgrade(cluster, operator, "1.1.0")
        await until_migrating(cluster, "1.1.0")
        await cluster.end_badly("taskora-migrate", why="no such column")
        said = await until_settled(cluster, operator, "RolledBack")
        assert "no such column" in said["Ready"]["message"]
        assert (await revisions(cluster))["1.1.0"]["failure"] == "MigrationFailed"
        assert not [w for w in operator.wire.writes if "deployments/taskora-backend" in w][1:], "1.1.0 never ran"
        await upgrade(cluster, operator, "1.0.0")
        await operator.settle()


async def test_a_release_that_never_becomes_ready_is_taken_back_at_the_deadline(cluster: Cluster) -> None:
    async with serving(cluster) as operator:
        await upgrade(cluster, operator, "1.1.0")
        await until_rolling(cluster, "backend", "1.1.0")
        pod = await cluster.make_pod("Deployment", "taskora-backend", state={"running": {}})
        backend = await cluster.get("Deployment", "taskora-backend")
        told = {
            "type": "Progressing",
            "status": "False",
            "reason": "ProgressDeadlineExceeded",
            "message": "no progress",
        }
        at = "2026-01-01T00:00:00Z"
        conditions = [{**told, "lastUpdateTime": at, "lastTransitionTime": at}]
        seen = {"observedGeneration": backend["metadata"]["generation"], "updatedReplicas": 0, "conditions": conditions}
        await cluster.patch(
            cluster.resource("Deployment").path(cluster.namespace, "taskora-backend", "status"), {"status": seen}
        )
        said = await until_settled(cluster, operator, "RolledBack")
        assert f"no progress; backend in pod {pod} does not become ready" in said["Stalled"]["message"]
        assert "TASKORA_X is missing" in said["Stalled"]["message"]
        assert said["WorkloadsAvailable"]["status"] == "True"
        assert image(await cluster.get("Deployment", "taskora-backend")) == "backend:1.0.0"
        assert (await revisions(cluster))["1.1.0"]["failure"] == "ProgressDeadlineExceeded"


UNPLACED = {"reason": "Unschedulable", "message": "0/1 nodes are available: 1 Insufficient cpu."}


@pytest.mark.parametrize("workload", ["Deployment/taskora-backend", "Job/taskora-migrate"])
@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (
            {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}},
            "ImagePullBackOff",
            "can't start: not found",
        ),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", **UNPLACED}]},
            "Unschedulable",
            "(0/1 nodes are available: 1 Insufficient cpu): add one that fits, or ask for less",
        ),
    ],
    ids=["no image", "no room"],
)
async def test_what_never_starts_is_taken_back_at_the_deadline(
    cluster: Cluster, status: dict[str, Any], reason: str, words: str, workload: str
) -> None:
    kind, name = workload.split("/")
    old: set[str] = set()
    async with serving(cluster, old=old) as operator:
        await upgrade(cluster, operator, "1.1.0")
        await until_migrating(cluster, "1.1.0")
        if kind == "Deployment":
            await until_rolling(cluster, "backend", "1.1.0")
        await cluster.make_pod(kind, name, **status)
        old.add("Pod")
        said = await until_settled(cluster, operator, "RolledBack")
        assert words in said["Stalled"]["message"]
        assert said["WorkloadsAvailable"]["status"] == "True"
        assert (await revisions(cluster))["1.1.0"]["failure"] == reason
        assert image(await cluster.get("Deployment", "taskora-backend")) == "backend:1.0.0"


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        (None, "NotStarted", "it gets no pod; `kubectl describe job taskora-migrate` tells why"),
        ({"waiting": {"reason": "ContainerCreating"}}, "NotStarted", "does not start; `kubectl describe pod"),
        ({"running": {}}, "DeadlineExceeded", "it has not ended within 60 s"),
    ],
    ids=["no pod", "no container", "no end"],
)
async def test_a_migration_that_hangs_is_given_up_while_the_old_release_serves(
    cluster: Cluster, state: dict[str, Any] | None, reason: str, words: str
) -> None:
    old: set[str] = set()
    async with serving(cluster, old=old, update={"migrationDeadlineSeconds": 60}) as operator:
        await upgrade(cluster, operator, "1.1.0")
        await until_migrating(cluster, "1.1.0")
        if state is not None:
            await cluster.make_pod("Job", "taskora-migrate", state=state)
        await until(lambda: cluster.condition("Progressing"), "progress", good=lambda c: c["status"] == "True")
        old |= {"Pod", "Job"}
        await cluster.edit("Job", "taskora-migrate", {"metadata": {"annotations": {"seen": "again"}}})
        said = await until_settled(cluster, operator, "RolledBack")
        assert words in said["Stalled"]["message"]
        assert ("TASKORA_X is missing" in said["Stalled"]["message"]) == (reason == "DeadlineExceeded")
        assert said["WorkloadsAvailable"]["status"] == "True"
        assert (await revisions(cluster))["1.1.0"]["failure"] == reason
        assert image(await cluster.get("Deployment", "taskora-backend")) == "backend:1.0.0"
        assert not await cluster.exists("Job", "taskora-migrate"), "nothing goes on with it"


async def test_a_migration_is_given_more_time_while_it_runs_and_after_it_was_given_up(cluster: Cluster) -> None:
    async with serving(cluster) as operator:
        await upgrade(cluster, operator, "1.1.0")
        await until_migrating(cluster, "1.1.0")
        await cluster.make_pod("Job", "taskora-migrate", state={"running": {}})
        begun = (await cluster.get("Job", "taskora-migrate"))["metadata"]["uid"]
        await upgrade(cluster, operator, "1.1.0", update={"migrationDeadlineSeconds": 7200})

        async def limit() -> int:
            return (await cluster.get("Job", "taskora-migrate"))["spec"]["activeDeadlineSeconds"]

        await until(limit, "more time", good=lambda seen: seen == 7260)
        assert (await cluster.get("Job", "taskora-migrate"))["metadata"]["uid"] == begun, "and goes on"
        await cluster.delete("Pod", "taskora-migrate-pod")
        await cluster.end_badly("taskora-migrate", why="too late")
        await until_settled(cluster, operator, "RolledBack")
        await upgrade(cluster, operator, "1.1.0", update={"migrationDeadlineSeconds": 9000})
        assert (await operator.settle())["version"]["current"] == "1.1.0"


async def test_never_leaves_a_failed_release_and_says_why(cluster: Cluster) -> None:
    async with serving(cluster, update={"rollback": "Never"}) as operator:
        await upgrade(cluster, operator, "1.1.0")
        await until_rolling(cluster, "backend", "1.1.0")
        pod = await cluster.make_pod("Deployment", "taskora-backend", waiting="CrashLoopBackOff", restarts=3)
        await until(lambda: cluster.condition("Stalled"), "Stalled", good=lambda c: c["reason"] == "RolloutFailed")
        await operator.rest()
        assert image(await cluster.get("Deployment", "taskora-backend")) == "backend:1.1.0"
        await cluster.delete("Pod", pod)
        assert (await operator.settle())["version"]["current"] == "1.1.0", "it became healthy after all"


async def test_a_rollback_across_a_schema_that_no_longer_serves_it_changes_nothing(cluster: Cluster) -> None:
    async with serving(cluster) as operator:
        await upgrade(cluster, operator, "2.0.0")
        await until_migrating(cluster, "2.0.0")
        await cluster.make_pod("Job", "taskora-migrate", said='{"schema": 7, "oldest": "1.5.0"}')
        await operator.settle()
        assert (await revisions(cluster))["2.0.0"]["oldest-release"] == "1.5.0"
        before = {name: child["metadata"]["resourceVersion"] for name, child in (await cluster.children()).items()}
        await upgrade(cluster, operator, "1.0.0")
        said = await until_settled(cluster, operator, "RollbackRefused")
        assert "serves 1.5.0 and newer" in said["Ready"]["message"]
        assert said["WorkloadsAvailable"]["status"] == "True"
        after = {name: child["metadata"]["resourceVersion"] for name, child in (await cluster.children()).items()}
        assert after == before
        assert (await cluster.status())["version"] == {"current": "2.0.0", "target": "1.0.0", "previous": "1.0.0"}
        await upgrade(cluster, operator, "2.0.0")
        await operator.settle()


async def test_going_back_to_a_release_the_schema_serves_needs_no_migration(cluster: Cluster) -> None:
    async with serving(cluster) as operator:
        await upgrade(cluster, operator, "1.1.0")
        await until_migrating(cluster, "1.1.0")
        await cluster.make_pod("Job", "taskora-migrate", said='{"schema": 2, "oldest": "1.0.0"}')
        await operator.settle()
        jobs = [w for w in operator.wire.writes if "PATCH" in w and "/jobs/" in w]
        await upgrade(cluster, operator, "1.0.0")
        status = await operator.settle()
        assert status["version"] == {"current": "1.0.0", "target": "1.0.0", "previous": "1.1.0"}
        assert [w for w in operator.wire.writes if "PATCH" in w and "/jobs/" in w] == jobs


async def test_a_crash_between_noting_the_failure_and_going_back_loses_nothing(cluster: Cluster) -> None:
    async with serving(cluster) as operator:
        await upgrade(cluster, operator, "1.1.0")
        await until_rolling(cluster, "backend", "1.1.0")
        await operator.engine.stop()
        pod = await cluster.make_pod("Deployment", "taskora-backend", waiting="CrashLoopBackOff", restarts=3)
        second = Operator(cluster)

        async with second:
            await until(
                lambda: revisions(cluster), "the note", good=lambda seen: seen["1.1.0"]["outcome"] == "RolledBack"
            )
        await cluster.delete("Pod", pod)
    async with Operator(cluster) as third:
        await third.look()
        await until_settled(cluster, third, "RolledBack")
        assert image(await cluster.get("Deployment", "taskora-backend")) == "backend:1.0.0"


async def test_a_release_that_rolls_is_drawn_once_a_look(cluster: Cluster) -> None:
    drawn = 0

    def counted(instance: Instance, facts: Facts) -> Desired:
        nonlocal drawn
        drawn += 1
        return small(instance, facts)

    await cluster.make_instance()
    async with Operator(cluster, desired=counted, pace=replace(QUICK, rolling=600)) as operator:
        await operator.settle()
        await upgrade(cluster, operator, "1.1.0")
        await until_rolling(cluster, "backend", "1.1.0")
        await operator.rest()
        before = drawn
        operator.engine.queue.add(InstanceKey(cluster.namespace, "taskora"))
        await operator.rest()
        assert (await cluster.condition("Progressing"))["status"] == "True"
        assert drawn == before + 1
