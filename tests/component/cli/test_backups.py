"""`backup` and `restore` against a real API server; dumping itself is in tests/component/app/test_backup.py."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import yaml
from taskora_operator.desired import desired

from tests.component.cli.conftest import Command
from tests.component.operator.cluster import Cluster, until
from tests.component.operator.harness import Operator, no_broker

WHOLE = no_broker(desired)
AT = "2026-03-01T03:00:00Z"
TOLD = {"name": "taskora-20260301T030000Z", "time": AT, "bytes": 4096, "sha256": "ab" * 32}


@contextlib.asynccontextmanager
async def backed_up(cluster: Cluster) -> AsyncIterator[Operator]:
    await cluster.make_instance(backup={"schedule": "@daily"})
    async with Operator(cluster, desired=WHOLE) as operator:
        await operator.settle()
        yield operator


async def job_by_hand(cluster: Cluster) -> Any:
    jobs, _ = await cluster.api.list(cluster.resource("Job"), namespace=cluster.namespace)
    return next((job for job in jobs if "by-hand" in job["metadata"]["name"]), None)


async def end(cluster: Cluster, job: Any, *, code: int, message: str) -> None:
    """What the kubelet and the Job controller do."""
    name = job["metadata"]["name"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {**job["spec"]["template"]["metadata"]["labels"], "job-name": name}},
        "spec": {"containers": [{"name": "store", "image": "a"}]},
    }
    cluster.server.kubectl("-n", cluster.namespace, "create", "-f", "-", stdin=json.dumps(pod))
    state = {"terminated": {"containerID": "c://1", "exitCode": code, "message": message}}
    container = {"name": "store", "image": "a", "imageID": "", "ready": False, "restartCount": 0, "state": state}
    path = f"/api/v1/namespaces/{cluster.namespace}/pods/{name}/status"
    await cluster.patch(path, {"status": {"containerStatuses": [container]}})
    types = ("FailureTarget", "Failed") if code else ("SuccessCriteriaMet", "Complete")
    ended = {"startTime": AT, "uncountedTerminatedPods": {}} | (
        {"failed": 1} if code else {"succeeded": 1, "completionTime": AT}
    )
    told = {"status": "True", "lastProbeTime": AT, "lastTransitionTime": AT}
    conditions = [{"type": each, **told} for each in types]
    job_path = cluster.resource("Job").path(cluster.namespace, name, "status")
    await cluster.patch(job_path, {"status": {**ended, "conditions": conditions}})


async def test_a_backup_by_hand_is_waited_for_and_told(cluster: Cluster, taskora: Command) -> None:
    async with backed_up(cluster):
        running = asyncio.create_task(taskora("backup", "--wait", "--timeout", "20s"))
        job = await until(lambda: job_by_hand(cluster), "the Job")
        await end(cluster, job, code=0, message=json.dumps(TOLD))
        ended = await running
        assert ended.code == 0, ended.err
        assert "taskora-20260301T030000Z, 4.0 KiB, read back and found whole" in ended.out
        await until(cluster.status, "the backup in status", good=lambda status: status.get("lastBackup") == TOLD)
        assert "✓ Backups" in (await taskora("status")).out


async def test_a_backup_that_fails_is_told_with_its_last_words(cluster: Cluster, taskora: Command) -> None:
    async with backed_up(cluster):
        running = asyncio.create_task(taskora("backup", "--wait", "--timeout", "20s"))
        await end(
            cluster, await until(lambda: job_by_hand(cluster), "the Job"), code=1, message="No space left on device"
        )
        ended = await running
        assert ended.code == 1
        assert "No space left on device" in " ".join(ended.err.split())


async def test_backups_that_are_not_set_up_are_told_what_to_write(cluster: Cluster, taskora: Command) -> None:
    await cluster.make_instance()
    ended = await taskora("backup")
    assert ended.code == 1
    assert "write spec.backup" in " ".join(ended.err.split())


def file(folder: Path, **spec: Any) -> str:
    body = {
        "apiVersion": "taskora.dev/v1alpha1",
        "kind": "TaskoraDeployment",
        "metadata": {"name": "taskora"},
        "spec": {"profile": "Local", "version": "1.0.0", "host": "taskora.localhost", **spec},
    }
    path = folder / "taskora.yaml"
    path.write_text(yaml.safe_dump(body), encoding="utf-8")
    return str(path)


def claim(name: str) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


async def test_a_restore_makes_a_new_instance_that_begins_with_the_backup(
    cluster: Cluster, taskora: Command, tmp_path: Path
) -> None:
    missing = await taskora("restore", TOLD["name"], "-f", file(tmp_path))
    assert missing.code == 1
    assert "There is no volume taskora-backup to restore from" in " ".join(missing.err.split())
    await cluster.make(claim("taskora-backup"))
    ended = await taskora("restore", TOLD["name"], "-f", file(tmp_path))
    assert ended.code == 0, ended.err
    spec = (await cluster.get("TaskoraDeployment", "taskora"))["spec"]
    assert spec["backup"] == {"restoreFrom": {"name": TOLD["name"]}}
    again = await taskora("restore", TOLD["name"], "-f", file(tmp_path))
    assert again.code == 1
    assert "into a new instance only" in " ".join(again.err.split())


async def test_a_restore_never_meets_data_that_is_there(cluster: Cluster, taskora: Command, tmp_path: Path) -> None:
    await cluster.make(claim("taskora-backup"))
    await cluster.make(claim("taskora-postgres"))
    ended = await taskora("restore", TOLD["name"], "-f", file(tmp_path))
    assert ended.code == 1
    assert "never restored over data" in " ".join(ended.err.split())
    assert not await cluster.exists("TaskoraDeployment", "taskora")
