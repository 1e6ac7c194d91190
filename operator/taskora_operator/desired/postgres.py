"""PostgreSQL in the cluster: a StatefulSet of one pod, its volume, its configuration and its Service.

The start script is the operator's own, so any image with the programs of PostgreSQL 15 or newer runs. The logins are
what the Secret says, at the start and ever after: passwords are turned without a restart, and a Secret that was lost
and made anew heals. A Job proves that a fresh login is let in before anybody is told to use it.
"""

from __future__ import annotations

from collections.abc import Sequence

from taskora_operator.desired import secrets
from taskora_operator.desired.kube import (
    CONFIG_HASH,
    config_map,
    digest,
    labels,
    manifest,
    render,
    replicas,
    selector,
    volume,
)
from taskora_operator.desired.model import Facts, Gate, Manifest, Object
from taskora_operator.desired.pods import container, empty_dirs, pod
from taskora_operator.desired.proof import proof
from taskora_operator.profiles import Instance, Server

COMPONENT, PROOF = "postgres", "logins"
PORT = 5432
USER = 999

# Found like the start script finds the server.
_READY = (
    "PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1) "
    "exec pg_isready --quiet --host=127.0.0.1 --port=5432"
)


def objects(instance: Instance, facts: Facts) -> Sequence[Object]:
    server = instance.postgres
    if server is None:
        return []
    files = _files(instance)
    return [
        Object(config_map(instance, facts, COMPONENT, files), Gate.DATA, COMPONENT),
        Object(_service(instance, facts), Gate.DATA, COMPONENT),
        volume(instance, facts, COMPONENT, server),
        Object(_stateful_set(instance, facts, server, files), Gate.DATA, COMPONENT),
        *proof(
            instance,
            facts,
            server,
            of=COMPONENT,
            component=PROOF,
            uid=USER,
            secret=secrets.database_secret(instance, facts),
            proved={"STANDBY_URL": "standby-url", "OWNER_URL": "owner-url"},
        ),
    ]


def _files(instance: Instance) -> dict[str, str]:
    parameters = sorted(instance.spec.database.in_cluster.parameters.items())
    return {
        "start.sh": render("postgres-start.sh.j2"),
        "logins.sh": render("postgres-logins.sh.j2"),
        "prove.sh": render("postgres-prove.sh.j2"),
        "postgresql.conf": render("postgresql.conf.j2", parameters=parameters),
        "pg_hba.conf": render("pg_hba.conf.j2"),
    }


def _service(instance: Instance, facts: Facts) -> Manifest:
    return manifest(
        "Service",
        f"{facts.name}-postgres",
        api="v1",
        labels=labels(instance, facts, COMPONENT),
        spec={
            "clusterIP": "None",
            "selector": selector(facts, COMPONENT),
            "ports": [{"name": "postgres", "port": PORT, "protocol": "TCP", "targetPort": "postgres"}],
        },
    )


def _stateful_set(instance: Instance, facts: Facts, server: Server, files: dict[str, str]) -> Manifest:
    secret = secrets.database_secret(instance, facts)
    volumes, mounts = empty_dirs(run="/run/taskora", tmp="/tmp")  # noqa: S108 - inside the pod
    probe = {"exec": {"command": ["/bin/sh", "-c", _READY]}, "timeoutSeconds": 5}
    return manifest(
        "StatefulSet",
        f"{facts.name}-postgres",
        api="apps/v1",
        labels=labels(instance, facts, COMPONENT),
        spec={
            "replicas": replicas(instance, facts, COMPONENT, 1),
            "serviceName": f"{facts.name}-postgres",
            # One pod has no order to keep, and under Parallel a bad edit can be undone while its pod still fails.
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": selector(facts, COMPONENT)},
            "template": {
                "metadata": {
                    "labels": selector(facts, COMPONENT),
                    "annotations": {CONFIG_HASH: digest(files)},
                },
                "spec": pod(
                    instance,
                    uid=USER,
                    writes=True,
                    terminationGracePeriodSeconds=60,
                    containers=[
                        container(
                            instance,
                            COMPONENT,
                            server.image,
                            server.resources,
                            command=["/bin/sh", "/etc/taskora/start.sh"],
                            ports=[{"name": "postgres", "containerPort": PORT, "protocol": "TCP"}],
                            startupProbe={**probe, "periodSeconds": 2, "failureThreshold": 300},
                            readinessProbe={**probe, "periodSeconds": 5},
                            livenessProbe={**probe, "periodSeconds": 20, "failureThreshold": 6},
                            volumeMounts=[
                                {"name": "data", "mountPath": "/data"},
                                {"name": "config", "mountPath": "/etc/taskora"},
                                {"name": "credentials", "mountPath": "/credentials"},
                                *mounts,
                            ],
                        )
                    ],
                    volumes=[
                        {"name": "data", "persistentVolumeClaim": {"claimName": f"{facts.name}-postgres"}},
                        {"name": "config", "configMap": {"name": f"{facts.name}-postgres"}},
                        {"name": "credentials", "secret": {"secretName": secret}},
                        *volumes,
                    ],
                ),
            },
        },
    )
