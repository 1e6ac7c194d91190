"""Redis in the cluster: one pod that is stopped before the next starts, with its append-only file on a volume.

The passwords are what the Secret says, at the start and ever after, as PostgreSQL's logins are: they are turned without
a restart, and a Secret that was lost and made anew heals.
"""

from __future__ import annotations

from collections.abc import Sequence

from taskora_operator.api.quantity import amount
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

COMPONENT, PROOF = "redis", "passwords"
PORT = 6379
USER = 999

# By a login that is good whatever the Secret holds.
_READY = 'test "$(REDISCLI_AUTH=$(cat /tmp/keeper) redis-cli --user keeper ping)" = PONG'


def objects(instance: Instance, facts: Facts) -> Sequence[Object]:
    server = instance.redis
    if server is None:
        return []
    files = _files(server)
    return [
        Object(config_map(instance, facts, COMPONENT, files), Gate.DATA, COMPONENT),
        Object(_service(instance, facts), Gate.DATA, COMPONENT),
        volume(instance, facts, COMPONENT, server),
        Object(_deployment(instance, facts, server, files), Gate.DATA, COMPONENT),
        *proof(
            instance,
            facts,
            server,
            of=COMPONENT,
            component=PROOF,
            uid=USER,
            secret=secrets.cache_secret(instance, facts),
            proved={"REDISCLI_AUTH": "standby-password"},
            where={"HOST": "host", "PORT": "port"},
        ),
    ]


def _files(server: Server) -> dict[str, str]:
    limit = server.resources.limits.get("memory")
    # A rewrite of the append-only file needs memory of its own.
    maxmemory = int(amount(limit) * 3 / 4) if limit else 0
    return {
        "start.sh": render("redis-start.sh.j2"),
        "passwords.sh": render("redis-passwords.sh.j2"),
        "prove.sh": render("redis-prove.sh.j2"),
        "redis.conf": render("redis.conf.j2", maxmemory=maxmemory),
    }


def _service(instance: Instance, facts: Facts) -> Manifest:
    return manifest(
        "Service",
        f"{facts.name}-redis",
        api="v1",
        labels=labels(instance, facts, COMPONENT),
        spec={
            "selector": selector(facts, COMPONENT),
            "ports": [{"name": "redis", "port": PORT, "protocol": "TCP", "targetPort": "redis"}],
        },
    )


def _deployment(instance: Instance, facts: Facts, server: Server, files: dict[str, str]) -> Manifest:
    secret = secrets.cache_secret(instance, facts)
    volumes, mounts = empty_dirs(tmp="/tmp")  # noqa: S108 - inside the pod
    probe = {"exec": {"command": ["/bin/sh", "-c", _READY]}, "timeoutSeconds": 5}
    return manifest(
        "Deployment",
        f"{facts.name}-redis",
        api="apps/v1",
        labels=labels(instance, facts, COMPONENT),
        spec={
            "replicas": replicas(instance, facts, COMPONENT, 1),
            "strategy": {"type": "Recreate"},  # two at once would write to one file
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
                    containers=[
                        container(
                            instance,
                            COMPONENT,
                            server.image,
                            server.resources,
                            command=["/bin/sh", "/etc/taskora/start.sh"],
                            ports=[{"name": "redis", "containerPort": PORT, "protocol": "TCP"}],
                            startupProbe={**probe, "periodSeconds": 2, "failureThreshold": 150},
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
                        {"name": "data", "persistentVolumeClaim": {"claimName": f"{facts.name}-redis"}},
                        {"name": "config", "configMap": {"name": f"{facts.name}-redis"}},
                        {"name": "credentials", "secret": {"secretName": secret}},
                        *volumes,
                    ],
                ),
            },
        },
    )
