"""Backups as the operator sees them: a restore before everything else, and what status says of dumps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from taskora_operator.desired import desired
from taskora_operator.desired.model import Manifest

from tests.component.operator.cluster import Cluster, until
from tests.component.operator.harness import Operator, no_broker

WHOLE = no_broker(desired)
AT = "2026-03-01T03:00:00Z"
TOLD = {"name": "taskora-20260301T030000Z", "time": AT, "bytes": 4096, "sha256": "ab" * 32}


async def jobs(cluster: Cluster) -> Sequence[str]:
    found, _ = await cluster.api.list(cluster.resource("Job"), namespace=cluster.namespace)
    return sorted(job["metadata"]["name"] for job in found)


async def test_a_restore_ends_before_the_migration_begins_and_is_done_once(cluster: Cluster) -> None:
    await cluster.make_instance(backup={"restoreFrom": {"name": TOLD["name"]}})
    async with Operator(cluster, desired=WHOLE) as operator:
        await operator.look()

        async def data_services() -> Sequence[str]:
            await cluster.play_kubelet(names=["taskora-postgres", "taskora-redis", "taskora-broker"])
            return await jobs(cluster)

        assert await until(data_services, "the restore") == ["taskora-restore"]
        await operator.rest()
        assert await jobs(cluster) == ["taskora-restore"]
        assert "Job/taskora-restore" in (await cluster.condition("SchemaMigrated"))["message"]
        await operator.settle()
        uid = (await cluster.get("Job", "taskora-restore"))["metadata"]["uid"]
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"version": "1.1.0"}})
        status = await operator.settle()
        assert (await cluster.get("Job", "taskora-restore"))["metadata"]["uid"] == uid, "an upgrade restores nothing"
        assert status["version"]["current"] == "1.1.0", "what began the instance holds no release up"
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"backup": {"restoreFrom": None}}})
        await operator.settle()
        assert not [name for name in await jobs(cluster) if "restore" in name]


async def ran(cluster: Cluster, name: str, *, ended: Manifest, condition: Manifest) -> None:
    """A Job of the CronJob's, its pod, and how both ended, as controllers and kubelet would leave them."""
    cron = await cluster.get("CronJob", "taskora-backup")
    template = cron["spec"]["jobTemplate"]
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "taskora-backup", "uid": cron["metadata"]["uid"]}
    body = {"metadata": {**template["metadata"], "name": name, "ownerReferences": [owner]}, "spec": template["spec"]}
    created = await cluster.make({"apiVersion": "batch/v1", "kind": "Job", **body})
    labels = {**created["spec"]["template"]["metadata"]["labels"], "job-name": name}
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"name": "store", "image": "a"}]},
    }
    cluster.server.kubectl("-n", cluster.namespace, "create", "-f", "-", stdin=json.dumps(pod))
    state = {"terminated": {"containerID": "c://1", "reason": "Ended", **ended}}
    container = {"name": "store", "image": "a", "imageID": "", "ready": False, "restartCount": 0, "state": state}
    path = f"/api/v1/namespaces/{cluster.namespace}/pods/{name}/status"
    await cluster.patch(path, {"status": {"phase": "Succeeded", "containerStatuses": [container]}})
    job = cluster.resource("Job").path(cluster.namespace, name, "status")
    await cluster.patch(job, {"status": {"startTime": AT, "uncountedTerminatedPods": {}, **condition}})


def done(*types: str, **more: Any) -> Manifest:
    told = {"status": "True", "lastProbeTime": AT, "lastTransitionTime": AT}
    return {"conditions": [{"type": each, **told} for each in types], **more}


async def test_status_tells_of_the_last_backup_and_of_one_that_failed(cluster: Cluster) -> None:
    await cluster.make_instance(backup={"schedule": "@daily"})
    async with Operator(cluster, desired=WHOLE) as operator:
        status = await operator.settle()
        assert "lastBackup" not in status
        assert (await cluster.condition("BackupsHealthy"))["reason"] == "NoneYet"
        good = done("SuccessCriteriaMet", "Complete", succeeded=1, completionTime=AT)
        await ran(cluster, "taskora-backup-1", ended={"exitCode": 0, "message": json.dumps(TOLD)}, condition=good)
        seen = await until(cluster.status, "the backup in status", good=lambda status: "lastBackup" in status)
        assert seen["lastBackup"] == TOLD
        assert (await cluster.condition("BackupsHealthy"))["reason"] == "Succeeded"
        bad = done("FailureTarget", "Failed", failed=1)
        await ran(cluster, "taskora-backup-2", ended={"exitCode": 1, "message": "the bucket is gone"}, condition=bad)
        failed = await until(
            lambda: cluster.condition("BackupsHealthy"), "the failure", good=lambda c: c["status"] == "False"
        )
        assert "the bucket is gone" in failed["message"]
        assert TOLD["name"] in failed["message"]
        assert (await cluster.condition("Ready"))["status"] == "True", "Taskora serves all the same"
        await operator.rest()
        before = operator.counted()
        await operator.look()
        await operator.rest()
        assert operator.counted() == before
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"backup": None}})
        await operator.settle()
        assert (await cluster.condition("BackupsHealthy"))["status"] == "Unknown", "nobody asks for backups"
        assert not await cluster.exists("CronJob", "taskora-backup")
