"""The migration Job: brings the schema to the release, before any pod of that release starts.

A release has a Job of its own name. A suspended instance has none, since its database is away; waking runs it again,
which changes nothing where the schema is already there.
"""

from __future__ import annotations

from collections.abc import Sequence

from taskora_operator.desired import secrets, trust
from taskora_operator.desired.kube import digest, labels, manifest, selector
from taskora_operator.desired.model import Action, Facts, Gate, Manifest, Object
from taskora_operator.desired.pods import container, empty_dirs, from_secrets, pod, variables
from taskora_operator.desired.workloads import USER
from taskora_operator.profiles import Instance, RoleName

COMPONENT = "migrate"
LAST_WORDS = 60
"""Seconds by which a Job outlives its deadline: its pod, which ends with it, can be asked until then why it hangs."""


def objects(instance: Instance, facts: Facts) -> Sequence[Object]:
    if instance.spec.suspended:
        return []
    return [Object(_job(instance, facts), Gate.SCHEMA, COMPONENT, action=Action.REPLACE)]


def _job(instance: Instance, facts: Facts) -> Manifest:
    volumes, mounts = empty_dirs(tmp="/tmp")  # noqa: S108 - inside the pod
    ca = trust.for_database(instance)
    version = instance.spec.version.lower().replace(".", "-")[:12].rstrip("-")
    return manifest(
        "Job",
        f"{facts.name}-migrate-{version}-{digest(instance.app_image, instance.spec.version)[:8]}",
        api="batch/v1",
        labels=labels(instance, facts, COMPONENT),
        spec={
            "backoffLimit": 2,  # with its pauses of 10 and 20 s, a verdict within a minute
            "activeDeadlineSeconds": instance.spec.update.migration_deadline_seconds + LAST_WORDS,
            "template": {
                "metadata": {"labels": selector(facts, COMPONENT)},
                "spec": pod(
                    instance,
                    uid=USER,
                    restartPolicy="Never",
                    containers=[
                        container(
                            instance,
                            "migrate",
                            instance.app_image,
                            instance.roles[RoleName.BACKEND].resources,
                            args=["migrate"],
                            env=[*_environment(instance, facts), *ca.env],
                            volumeMounts=[*mounts, *ca.mounts],
                        )
                    ],
                    volumes=[*volumes, *ca.volumes],
                ),
            },
        },
    )


def _environment(instance: Instance, facts: Facts) -> list[Manifest]:
    database, admin = secrets.database_secret(instance, facts), secrets.admin_secret(facts)
    sources = {
        "TASKORA_DATABASE_OWNER_URL": (database, "owner-url"),
        "TASKORA_DATABASE_URL": (database, "url"),
        "TASKORA_ADMIN_EMAIL": (admin, "email"),
        "TASKORA_ADMIN_PASSWORD": (admin, "password"),
    }
    return [
        *variables(
            {
                "TASKORA_INSTANCE": facts.name,
                "TASKORA_NAMESPACE": facts.namespace,
                "TASKORA_VERSION": instance.spec.version,
                "TASKORA_LOG_LEVEL": instance.spec.observability.log_level,
            }
        ),
        *from_secrets(sources),
    ]
