"""The event broker in the cluster: Redpanda or Apache Kafka, one node or three, their volumes and their Service.

Three nodes are one StatefulSet, so that a change restarts them one by one. Its claim template is there for its names
alone: the volumes are the operator's own objects, made before it and found by it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from taskora_operator.api.quantity import amount
from taskora_operator.api.services import Engine
from taskora_operator.desired.kube import (
    CONFIG_HASH,
    budget,
    config_map,
    digest,
    labels,
    manifest,
    render,
    replicas,
    selector,
    volume,
)
from taskora_operator.desired.model import BrokerAccess, Facts, Gate, Manifest, Object
from taskora_operator.desired.pods import container, empty_dirs, pod, spread, variables
from taskora_operator.profiles import Instance, Server

COMPONENT = "broker"
PORT = 9092
INNER_PORTS = (9093, 33145)  # Kafka's controllers, Redpanda's nodes
CONNECTION_STRING = "$ConnectionString"  # the name under which Event Hubs takes one as the password
_MIB = 1024 * 1024


def bootstrap(instance: Instance, facts: Facts) -> str:
    """The address clients start from, `host:port[,host:port…]`; empty for Cloud Pub/Sub, which is no Kafka."""
    if instance.broker:
        return ",".join(f"{host}:{PORT}" for host in _hosts(instance, facts))
    if instance.spec.broker.engine is Engine.CLOUD_PUBSUB:
        return ""
    if instance.spec.broker.engine is Engine.EVENT_HUBS:
        return f"{instance.spec.cloud.azure.event_hubs_namespace}.servicebus.windows.net:9093"
    return ",".join(instance.spec.broker.external.bootstrap_servers)


def encrypted(instance: Instance) -> bool:
    """Whether clients speak TLS to the broker."""
    tls = instance.spec.broker.external.tls
    outside = instance.broker is None
    return outside and (instance.spec.broker.engine is Engine.EVENT_HUBS or bool(tls and tls.enabled))


def access(instance: Instance, facts: Facts) -> BrokerAccess:
    """What the operator's own admin client needs beside the address."""
    if instance.broker:
        return BrokerAccess()
    auth, tls = instance.spec.broker.external.auth, instance.spec.broker.external.tls
    login: Mapping[str, str] = facts.secrets.get(auth.secret_ref.name, {}) if auth else {}
    ca = tls.ca_secret_ref if tls else None
    return BrokerAccess(
        tls=encrypted(instance),
        ca=facts.secrets.get(ca.name, {}).get(ca.key, "") if ca else "",
        mechanism=str(auth.mechanism) if auth else "",
        username=login.get("username", CONNECTION_STRING) if auth else "",
        password=login.get("password", ""),
    )


def objects(instance: Instance, facts: Facts) -> Sequence[Object]:
    server = instance.broker
    if server is None:
        return []
    files = _files(instance, facts, server)
    return [
        Object(config_map(instance, facts, COMPONENT, files), Gate.DATA, COMPONENT),
        Object(_service(instance, facts), Gate.DATA, COMPONENT),
        *(volume(instance, facts, COMPONENT, server, name=name) for name in _claims(instance, facts)),
        Object(_stateful_set(instance, facts, server, files), Gate.DATA, COMPONENT),
        *([Object(budget(instance, facts, COMPONENT), Gate.DATA, COMPONENT)] if instance.broker_nodes > 1 else []),
    ]


def _claims(instance: Instance, facts: Facts) -> Sequence[str]:
    nodes = instance.broker_nodes
    return [f"{facts.name}-broker"] if nodes == 1 else [f"data-{facts.name}-broker-{node}" for node in range(nodes)]


def _hosts(instance: Instance, facts: Facts) -> Sequence[str]:
    """One node goes by the Service's name, several by their own."""
    service = f"{facts.name}-broker.{facts.namespace}.svc"
    nodes = instance.broker_nodes
    return [service] if nodes == 1 else [f"{facts.name}-broker-{node}.{service}" for node in range(nodes)]


def _service(instance: Instance, facts: Facts) -> Manifest:
    return manifest(
        "Service",
        f"{facts.name}-broker",
        api="v1",
        labels=labels(instance, facts, COMPONENT),
        spec={
            "clusterIP": "None",
            "publishNotReadyAddresses": True,  # the broker reaches itself by this name before it is ready
            "selector": selector(facts, COMPONENT),
            "ports": [{"name": "kafka", "port": PORT, "protocol": "TCP", "targetPort": "kafka"}],
        },
    )


def _memory(server: Server) -> int:
    """What the broker may use, in MiB."""
    text = server.resources.limits.get("memory") or server.resources.requests.get("memory") or "1Gi"
    return int(amount(text) / _MIB)


def _files(instance: Instance, facts: Facts, server: Server) -> dict[str, str]:
    memory, nodes, hosts = _memory(server), instance.broker_nodes, _hosts(instance, facts)
    service = f"{facts.name}-broker.{facts.namespace}.svc"
    if instance.spec.broker.engine is Engine.KAFKA:
        # From the name, not the UID: an instance made again adopts the volume of the one before it.
        seed = hashlib.sha256(f"{facts.namespace}/{facts.name}".encode()).digest()[:16]
        return {
            # Half is heap; the rest is for threads, buffers and the page cache that Kafka reads from.
            "start.sh": render(
                "kafka-start.sh.j2",
                nodes=nodes,
                service=service,
                cluster_id=base64.urlsafe_b64encode(seed).decode().rstrip("="),
                heap=max(memory // 2, 192),
            ),
            "server.properties": render("server.properties.j2", hosts=hosts),
            "log4j2.properties": render("log4j2.properties.j2"),
        }
    own = hosts[0] if nodes == 1 else f"HOSTNAME.{service}"  # the start script fills it in
    return {
        "start.sh": render("redpanda-start.sh.j2", memory=max(memory * 4 // 5, 256), nodes=nodes),
        "redpanda.yaml": render("redpanda.yaml.j2", hosts=hosts, own=own),
        "bootstrap.yaml": render("redpanda-bootstrap.yaml.j2", nodes=nodes),
    }


def _data(instance: Instance, facts: Facts) -> tuple[Manifest, Sequence[Manifest]]:
    """Where the volume `data` comes from, as (part of the set's spec, volumes of the pod's)."""
    if instance.broker_nodes == 1:
        return {}, [{"name": "data", "persistentVolumeClaim": {"claimName": f"{facts.name}-broker"}}]
    # Never compared with what a volume has grown to: the claims of these names are there before the set is.
    template = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "volumeMode": "Filesystem",
        },
        "status": {"phase": "Pending"},  # as the API server completes it
    }
    return {"volumeClaimTemplates": [template]}, []


def _stateful_set(instance: Instance, facts: Facts, server: Server, files: dict[str, str]) -> Manifest:
    kafka = instance.spec.broker.engine is Engine.KAFKA
    ready: dict[str, Any]
    if kafka:
        uid, data = 1000, "/data"
        volumes, mounts = empty_dirs(tmp="/tmp")  # noqa: S108 - inside the pod
        ready = {"tcpSocket": {"port": "kafka"}}
    else:
        uid, data = 101, "/var/lib/redpanda/data"
        volumes, mounts = empty_dirs(tmp="/tmp", etc="/etc/redpanda")  # noqa: S108 - inside the pod
        ready = {"httpGet": {"path": "/v1/status/ready", "port": 9644, "scheme": "HTTP"}}
    nodes = instance.broker_nodes
    templates, data_volumes = _data(instance, facts)
    return manifest(
        "StatefulSet",
        f"{facts.name}-broker",
        api="apps/v1",
        labels=labels(instance, facts, COMPONENT),
        spec={
            "replicas": replicas(instance, facts, COMPONENT, nodes),
            **({"minReadySeconds": 15} if nodes > 1 else {}),  # to catch up before the next one is restarted
            **templates,
            "serviceName": f"{facts.name}-broker",
            "podManagementPolicy": "Parallel",  # as PostgreSQL's: a bad edit can be undone
            "selector": {"matchLabels": selector(facts, COMPONENT)},
            "template": {
                "metadata": {
                    "labels": selector(facts, COMPONENT),
                    "annotations": {CONFIG_HASH: digest(files)},
                },
                "spec": pod(
                    instance,
                    uid=uid,
                    writes=True,
                    terminationGracePeriodSeconds=60,
                    **({"topologySpreadConstraints": spread(selector(facts, COMPONENT))} if nodes > 1 else {}),
                    containers=[
                        container(
                            instance,
                            COMPONENT,
                            server.image,
                            server.resources,
                            command=["/bin/sh", "/etc/taskora/start.sh"],
                            env=variables({"HOME": "/tmp"}),  # noqa: S108 - inside the pod
                            ports=[{"name": "kafka", "containerPort": PORT, "protocol": "TCP"}],
                            startupProbe={**ready, "periodSeconds": 2, "failureThreshold": 150},
                            readinessProbe={**ready, "periodSeconds": 5, "timeoutSeconds": 5},
                            livenessProbe={
                                "tcpSocket": {"port": "kafka"},
                                "periodSeconds": 20,
                                "timeoutSeconds": 5,
                                "failureThreshold": 6,
                            },
                            volumeMounts=[
                                {"name": "data", "mountPath": data},
                                {"name": "config", "mountPath": "/etc/taskora"},
                                *mounts,
                            ],
                        )
                    ],
                    volumes=[
                        *data_volumes,
                        {"name": "config", "configMap": {"name": f"{facts.name}-broker"}},
                        *volumes,
                    ],
                ),
            },
        },
    )
