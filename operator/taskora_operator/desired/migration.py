"""The migration Job: brings the schema to the release, before any pod of that release starts.

A release has a Job of its own name. A suspended instance has none, since its database is away; waking runs it again,
which changes nothing where the schema is already there.
"""

from __future__ import annotations

from collections.abc import Sequence

from taskora_operator.desired import secrets, trust
from taskora_operator.desired.kube import (
    container_security,
    digest,
    empty_dirs,
    labels,
    manifest,
    pod_security,
    pull_secrets,
    resources,
    selector,
)
from taskora_operator.desired.model import Action, Facts, Gate, Manifest, Object
from taskora_operator.desired.workloads import USER
from taskora_operator.profiles import Instance, RoleName

COMPONENT = "migrate"


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
            "activeDeadlineSeconds": 1800,
            "template": {
                "metadata": {"labels": selector(facts, COMPONENT)},
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "securityContext": pod_security(USER),
                    **pull_secrets(instance),
                    "containers": [
                        {
                            "name": "migrate",
                            "image": instance.app_image,
                            "imagePullPolicy": instance.spec.image.pull_policy,
                            "args": ["migrate"],
                            "env": [*_environment(instance, facts), *ca.env],
                            **resources(instance.roles[RoleName.BACKEND].resources),
                            "securityContext": container_security(),
                            "terminationMessagePolicy": "FallbackToLogsOnError",
                            "volumeMounts": [*mounts, *ca.mounts],
                        }
                    ],
                    "volumes": [*volumes, *ca.volumes],
                },
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
        {"name": "TASKORA_INSTANCE", "value": facts.name},
        {"name": "TASKORA_NAMESPACE", "value": facts.namespace},
        {"name": "TASKORA_VERSION", "value": instance.spec.version},
        {"name": "TASKORA_LOG_LEVEL", "value": instance.spec.observability.log_level},
        *(
            {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
            for name, (secret, key) in sources.items()
        ),
    ]
