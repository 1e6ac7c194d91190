"""`backup` and `restore`."""

from __future__ import annotations

import asyncio
import copy
import json
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from taskora_operator.cluster.apiserver import ApiError
from taskora_operator.cluster.permissions import BY_KIND, INSTANCES
from taskora_operator.cluster.transport import Request
from taskora_operator.desired.backup import COMPONENT
from taskora_operator.desired.model import Manifest
from taskora_operator.profiles import resolve
from taskora_operator.reconcile.backups import complaint, stored

from kubectl_taskora.answer import Answer
from kubectl_taskora.applying import from_file
from kubectl_taskora.commands.changes import FIELD_MANAGER
from kubectl_taskora.commands.logs import pod_log
from kubectl_taskora.commands.waiting import wait_for_ready
from kubectl_taskora.errors import CommandError, Exit
from kubectl_taskora.manifests import Json, condition, items, part
from kubectl_taskora.reading import PODS, Here, instance_here, read_spec
from kubectl_taskora.session import Session
from kubectl_taskora.text import GOOD, WAIT, size

CRON_JOBS, JOBS = BY_KIND["batch/v1", "CronJob"], BY_KIND["batch/v1", "Job"]
CLAIMS = BY_KIND["v1", "PersistentVolumeClaim"]
LOOK_SECONDS = 0.5
DOING = {"dump": "the database is dumped", "store": "the dump is stored and read back"}


async def backup(session: Session, asked: Namespace) -> Answer:
    here = await instance_here(session.connection)
    cron = await _cron_job(session, here)
    if asked.list:
        return await _listed(session, here, cron, seconds=asked.timeout)
    job = await _run(session, job_of(cron, name=f"{here.name}-{COMPONENT}-by-hand-{int(time.time())}"))
    name = job["metadata"]["name"]
    if not asked.wait:
        told = f"Job/{name} makes a backup; `kubectl taskora status` tells when it is done."
        return Answer(told, {"job": name, "done": False})
    await _ended(session, name, seconds=asked.timeout)
    made = stored(await _pods(session, name))
    if made is None:
        return Answer(f"{GOOD} done by Job/{name}", {"job": name, "done": True})
    told = f"{GOOD} {made.name}, {size(made.bytes)}, read back and found whole"
    return Answer(told, {"job": name, "done": True, **made.model_dump(mode="json", by_alias=True)})


async def restore(session: Session, asked: Namespace) -> Answer:
    """A new instance from a file and a backup. Data that is there is never touched."""
    connection = session.connection
    body = from_file(asked.file, namespace=connection.namespace, said=asked.namespace)
    metadata = body["metadata"]
    connection.namespace = metadata["namespace"]
    written = {**body, "spec": with_backup(body["spec"], asked.name, claim=asked.claim)}
    if await connection.api.get(INSTANCES, connection.namespace, metadata["name"]) is not None:
        raise CommandError(
            f"{metadata['name']} is there. A backup is restored into a new instance only: use another namespace, or "
            "delete this one and its data first."
        )
    await _refuse_data(session, written)
    request = Request(
        "POST",
        INSTANCES.path(connection.namespace),
        {"fieldManager": FIELD_MANAGER},
        json.dumps(written).encode(),
    )
    made = await connection.api.request(request)
    told = f"{metadata['name']} is made and begins with {asked.name}."
    if asked.wait:
        session.say(told)
        generation = made["metadata"]["generation"]
        await wait_for_ready(session, metadata["name"], generation=generation, seconds=asked.timeout)
    return Answer(told, {"name": metadata["name"], "namespace": connection.namespace, "restored": asked.name})


def with_backup(spec: Mapping[str, Any], name: str, *, claim: str | None) -> dict[str, Any]:
    """The spec beginning with a backup: on that volume, or where the spec says."""
    backup: Mapping[str, Any] = spec.get("backup") or {}
    there: Mapping[str, Any] = {"claimName": claim} if claim else backup.get("restoreFrom") or {}
    return {**spec, "backup": {**backup, "restoreFrom": {**there, "name": name}}}


async def _refuse_data(session: Session, body: Json) -> None:
    """Said now rather than by a Job that fails: the volumes that a restore needs, and the one it must not meet."""
    resource = read_spec({"status": {}, **body})
    instance, name, connection = resolve(resource.spec), resource.metadata.name, session.connection
    asked = resource.spec.backup
    old = f"{name}-postgres"
    if instance.postgres and await connection.api.get(CLAIMS, connection.namespace, old) is not None:
        raise CommandError(
            f"The volume {old} of an earlier instance is here, and a backup is never restored over data. Apply the "
            f"file as it is to go on with that data; or, if it may go: `kubectl -n {connection.namespace} delete pvc "
            f"{old}`."
        )
    if asked is None or asked.restore_from is None or asked.storage_read is not None:
        return
    shelf = asked.restore_from.claim_name or f"{name}-{COMPONENT}"
    if await connection.api.get(CLAIMS, connection.namespace, shelf) is None:
        raise CommandError(f"There is no volume {shelf} to restore from: name one with --claim, or write backup.s3.")


async def _cron_job(session: Session, here: Here) -> Json:
    found = await session.connection.api.get(CRON_JOBS, session.connection.namespace, f"{here.name}-{COMPONENT}")
    if found is None:
        raise CommandError(
            'Backups are not set up: write spec.backup, at the least `backup: {schedule: "0 3 * * *"}`, and wait for '
            "the instance to be Ready."
        )
    return found


def job_of(cron: Json, *, name: str, words: Sequence[str] | None = None) -> dict[str, Any]:
    """A Job as the CronJob would make it; with `words` only its last container runs, with these arguments."""
    metadata, template = cron["metadata"], copy.deepcopy(cron["spec"]["jobTemplate"])
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": metadata["name"], "uid": metadata["uid"]}
    pod = template["spec"]["template"]["spec"]
    if words is not None:
        pod.pop("initContainers", None)
        pod["containers"][0]["args"] = list(words)
        template["spec"] |= {"backoffLimit": 0, "ttlSecondsAfterFinished": 60}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": dict(template["metadata"].get("labels", {})),
            "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
            "ownerReferences": [owner],
        },
        "spec": template["spec"],
    }


async def _run(session: Session, job: Json) -> Json:
    query = {"fieldManager": FIELD_MANAGER}
    path = JOBS.path(job["metadata"]["namespace"])
    return await session.connection.api.request(Request("POST", path, query, json.dumps(job).encode()))


async def _ended(session: Session, name: str, *, seconds: float) -> None:
    """Until a Job has ended well. Raises `CommandError` with its last words, or when time is up."""
    begun, before = time.monotonic(), ""
    while True:
        job = await session.connection.api.get(JOBS, session.connection.namespace, name)
        if job is None:
            raise CommandError(f"Job/{name} was deleted while it was waited for.")
        if condition(job, "Complete").get("status") == "True":
            return
        if condition(job, "Failed").get("status") == "True":
            why = complaint(await _pods(session, name)) or condition(job, "Failed").get("message", "it says no more")
            raise CommandError(f"Job/{name} failed: {why}")
        pods = await _pods(session, name)
        told = progress(pods)
        if told != before:
            session.say(f"{WAIT} {time.monotonic() - begun:3.0f} s  {told}")
            before = told
        if time.monotonic() - begun >= seconds:
            raise CommandError(f"Job/{name} has not ended after {seconds:.0f} s: {told}", code=Exit.TIMEOUT)
        await asyncio.sleep(LOOK_SECONDS)


def progress(pods: Sequence[Json]) -> str:
    """What a backup's pod is at."""
    for pod in pods:
        for kind in ("initContainerStatuses", "containerStatuses"):
            for container in items(pod, "status", kind):
                if part(container, "state", "running"):
                    return DOING.get(container["name"], f"{container['name']} runs")
                reason = part(container, "state", "waiting").get("reason")
                if reason not in (None, "PodInitializing", "ContainerCreating"):
                    return f"{container['name']}: {reason}"
        for told in items(pod, "status", "conditions"):
            if told["type"] == "PodScheduled" and told["status"] == "False":
                return f"no node takes its pod: {told.get('message', '').partition('. ')[0]}"
    return "its pod is made"


async def _pods(session: Session, job: str) -> Sequence[Manifest]:
    pods, _ = await session.connection.api.list(
        PODS, namespace=session.connection.namespace, selector=f"job-name={job}"
    )
    return pods


async def _listed(session: Session, here: Here, cron: Json, *, seconds: float) -> Answer:
    """What lies in the storage, asked by a pod that may reach it."""
    name = f"{here.name}-list-{int(time.time())}"
    await _run(session, job_of(cron, name=name, words=["backup", "list"]))
    try:
        await _ended(session, name, seconds=seconds)
        pods = await _pods(session, name)
        text = await pod_log(session.connection, pods[0]["metadata"]["name"], container="store") if pods else ""
    finally:
        await _delete(session, name)
    found = listing(text)
    rows = [f"{each['name']:<40} {size(each['bytes']):>10}" for each in found]
    return Answer("\n".join(rows) or "There is no backup yet.", found)


def listing(log: str) -> list[dict[str, Any]]:
    """The backups that `taskora backup list` printed, among its other lines."""
    found: list[dict[str, Any]] = []
    for raw in log.splitlines():
        try:
            line = json.loads(raw.partition(" ")[2])
        except ValueError:
            continue
        if isinstance(line, dict) and "bytes" in line and "name" in line:
            found.append(line)  # pyright: ignore[reportUnknownArgumentType]
    return found


async def _delete(session: Session, job: str) -> None:
    path = JOBS.path(session.connection.namespace, job)
    try:
        await session.connection.api.request(Request("DELETE", path, {"propagationPolicy": "Background"}))
    except ApiError as error:
        if error.code != 404:
            raise
