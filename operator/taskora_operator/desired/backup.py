"""Backups: a CronJob that dumps, proves and stores; a volume for the dumps; and what a new instance begins with.

The programs of PostgreSQL come from the database's image, storing and fetching from the application's: two containers
that share a folder for as long as their pod lives.
"""

from __future__ import annotations

from collections.abc import Sequence

from taskora_operator.api.backup import S3, Backup, Destination
from taskora_operator.desired import secrets, trust
from taskora_operator.desired.kube import config_map, labels, manifest, present, render, selector, volume
from taskora_operator.desired.model import Action, Facts, Gate, Manifest, Object, Problem
from taskora_operator.desired.pods import container, empty_dirs, from_secrets, pod, variables
from taskora_operator.desired.workloads import USER
from taskora_operator.profiles import Instance, RoleName, Server

COMPONENT, RESTORE = "backup", "restore"
SHELF = "/backups"  # where a volume of dumps is mounted
S3_KEYS = ("access-key-id", "secret-access-key")
NEVER = "0 0 31 2 *"  # what a CronJob that is only run by hand has for a schedule


def objects(instance: Instance, facts: Facts) -> Sequence[Object]:
    spec, server = instance.spec.backup, instance.backup
    if spec is None or server is None:
        return []
    made = [
        Object(config_map(instance, facts, COMPONENT, _scripts()), Gate.FOUNDATION, COMPONENT),
        Object(_cron_job(instance, facts, spec, server), Gate.BACKEND, COMPONENT),
    ]
    if spec.destination is Destination.PERSISTENT_VOLUME:
        made.append(volume(instance, facts, COMPONENT, server))
    if spec.restore_from and not instance.spec.suspended:
        made.append(Object(_restore(instance, facts, spec, server), Gate.RESTORE, RESTORE, action=Action.RUN_ONCE))
    return made


def problems(instance: Instance, facts: Facts) -> Sequence[Problem]:
    """Secrets of storages that the user must bring. No instance begins without the one it is restored from."""
    spec = instance.spec.backup
    if spec is None:
        return []
    asked = {"BackupsHealthy": spec.storage_written, "PrerequisitesMet": spec.storage_read}
    return [
        problem
        for condition, storage in asked.items()
        if storage is not None
        for problem in secrets.incomplete(storage.secret_ref.name, S3_KEYS, facts, condition=condition)
    ]


def _scripts() -> dict[str, str]:
    return {"dump.sh": render("backup-dump.sh.j2"), "restore.sh": render("backup-restore.sh.j2")}


def _cron_job(instance: Instance, facts: Facts, spec: Backup, server: Server) -> Manifest:
    storage = spec.storage_written
    dump = _database_container(instance, facts, server, "dump", ["/bin/sh", "/etc/taskora/dump.sh"])
    store = _application_container(instance, facts, "store", ["backup", "store"], storage, keep=spec.keep)
    pod = _pod(instance, facts, COMPONENT, dump, store, claim_name=None if storage else f"{facts.name}-{COMPONENT}")
    return manifest(
        "CronJob",
        f"{facts.name}-{COMPONENT}",
        api="batch/v1",
        labels=labels(instance, facts, COMPONENT),
        spec={
            "schedule": spec.schedule or NEVER,
            "timeZone": "Etc/UTC",
            "suspend": spec.schedule is None or instance.spec.suspended,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 3600,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "metadata": {"labels": labels(instance, facts, COMPONENT)},
                "spec": {"backoffLimit": 2, "activeDeadlineSeconds": 21600, "template": pod},
            },
        },
    )


def _restore(instance: Instance, facts: Facts, spec: Backup, server: Server) -> Manifest:
    assert spec.restore_from is not None, "only what is to be restored has a Job"
    name, storage = spec.restore_from.name, spec.storage_read
    fetch = _application_container(instance, facts, "fetch", ["backup", "fetch", name], storage)
    words = ["/bin/sh", "/etc/taskora/restore.sh"]
    restore = _database_container(instance, facts, server, "restore", words, BACKUP=name)
    shelf = None if storage else spec.restore_from.claim_name or f"{facts.name}-{COMPONENT}"
    return manifest(
        "Job",
        f"{facts.name}-{RESTORE}",
        api="batch/v1",
        labels=labels(instance, facts, RESTORE),
        spec={
            "backoffLimit": 2,
            "activeDeadlineSeconds": 21600,
            "template": _pod(instance, facts, RESTORE, fetch, restore, claim_name=shelf),
        },
    )


def _pod(
    instance: Instance,
    facts: Facts,
    component: str,
    first: Manifest,
    then: Manifest,
    *,
    claim_name: str | None,
) -> Manifest:
    volumes, mounts = empty_dirs(work="/work", tmp="/tmp")  # noqa: S108 - inside the pod
    ca = trust.for_database(instance)
    volumes += [{"name": "scripts", "configMap": {"name": f"{facts.name}-{COMPONENT}"}}, *ca.volumes]
    mounts += [{"name": "scripts", "mountPath": "/etc/taskora"}, *ca.mounts]
    if claim_name:
        volumes.append({"name": "shelf", "persistentVolumeClaim": {"claimName": claim_name}})
        mounts.append({"name": "shelf", "mountPath": SHELF})
    return {
        "metadata": {"labels": selector(facts, component)},
        "spec": pod(
            instance,
            uid=USER,
            writes=True,
            restartPolicy="Never",
            initContainers=[{**first, "volumeMounts": mounts}],
            containers=[{**then, "volumeMounts": mounts}],
            volumes=volumes,
        ),
    }


def _database_container(
    instance: Instance, facts: Facts, server: Server, name: str, command: list[str], **values: str
) -> Manifest:
    url = {"DATABASE_URL": (secrets.database_secret(instance, facts), "owner-url")}
    env = [*from_secrets(url), *variables(values), *trust.for_database(instance).env]
    return container(instance, name, server.image, server.resources, command=command, env=env)


def _application_container(
    instance: Instance, facts: Facts, name: str, words: list[str], storage: S3 | None, *, keep: int = 0
) -> Manifest:
    """docs/environment.md."""
    values = {
        "TASKORA_INSTANCE": facts.name,
        "TASKORA_NAMESPACE": facts.namespace,
        "TASKORA_VERSION": instance.spec.version,
        "TASKORA_LOG_LEVEL": str(instance.spec.observability.log_level),
        "TASKORA_BACKUP_URL": f"file://{SHELF}",
        **({"TASKORA_BACKUP_KEEP": str(keep)} if keep else {}),
    }
    keys: dict[str, tuple[str, str]] = {}
    if storage:
        prefix = storage.prefix or f"{facts.namespace}/{facts.name}"
        values |= {"TASKORA_BACKUP_URL": f"s3://{storage.bucket}/{prefix}", "TASKORA_BACKUP_REGION": storage.region}
        values |= present(TASKORA_BACKUP_ENDPOINT=storage.endpoint)
        keys = {f"TASKORA_BACKUP_{key.upper().replace('-', '_')}": (storage.secret_ref.name, key) for key in S3_KEYS}
    wanted = instance.roles[RoleName.BACKEND].resources
    env = [*variables(values), *from_secrets(keys)]
    return container(instance, name, instance.app_image, wanted, args=words, env=env)
