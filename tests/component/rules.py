"""Of every rule of the resource: a spec that breaks it, and one nearby that doesn't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.specs import SPECS

Spec = Mapping[str, Any]

LOCAL, GKE, AKS = SPECS["local"], SPECS["gke"], SPECS["aks"]
SECRET = {"secretRef": {"name": "managed"}}
EXTERNAL = {"mode": "External", "external": SECRET}
KAFKA = {"bootstrapServers": ["kafka.example.org:9092"]}
S3 = {"bucket": "dumps", "secretRef": {"name": "spaces"}}
PROJECT = {"gcp": {"projectID": "taskora-production"}}
EVENT_HUBS = {"azure": {"eventHubsNamespace": "taskora"}}
SMALL = {"storage": {"size": "2Gi"}}
DOKS = {**LOCAL, "profile": "DOKS", "database": {"external": SECRET}, "ingress": {"tls": {"mode": "None"}}}


@dataclass(frozen=True)
class Example:
    """`rule` is how its message begins; `before`, what was there, where it is about a change."""

    rule: str
    bad: Spec
    good: Spec
    before: Spec | None = None

    def __str__(self) -> str:
        return self.rule


def local(**changes: Any) -> Spec:
    return {**LOCAL, **changes}


def stays(rule: str, bad: Spec, *, before: Spec = LOCAL) -> Example:
    """Everything else may change."""
    return Example(rule, bad, {**before, "version": "1.0.1"}, before)


def without(spec: Spec, *names: str) -> Spec:
    return {name: value for name, value in spec.items() if name not in names}


def part(name: str, rule: str, bad: object, good: object, **more: Any) -> Example:
    return Example(rule, local(**{name: bad}, **more), local(**{name: good}, **more))


def environment(*variables: Spec) -> Spec:
    return {"env": list(variables)}


EXAMPLES: Sequence[Example] = [
    # What data depends on.
    stays("profile can't be changed", DOKS),
    stays("broker.engine can't be changed", local(broker={"engine": "Kafka"})),
    stays("broker.engine can't be changed", local(), before=local(broker={"engine": "Kafka"})),
    stays("broker.mode can't be changed", local(broker={"mode": "External", "external": KAFKA})),
    stays("broker.topicPrefix can't be changed", local(broker={"topicPrefix": "tasks."})),
    stays("broker.inCluster.replicas can't be changed", local(broker={"inCluster": {"replicas": 3}})),
    stays("database.mode can't be changed", local(database=EXTERNAL)),
    stays("database.mode can't be changed", local(), before=local(database=EXTERNAL)),
    stays("backup.restoreFrom is for the beginning", local(backup={"restoreFrom": {"name": "a"}})),
    stays(
        "backup.restoreFrom is for the beginning",
        local(backup={"restoreFrom": {"name": "b"}}),
        before=local(backup={"restoreFrom": {"name": "a"}}),
    ),
    Example(
        "backup.restoreFrom is for the beginning",
        local(backup={"restoreFrom": {"name": "a"}}),
        local(backup={"keep": 3}),
        local(backup={}),
    ),
    stays(
        "a volume keeps its storage class",
        local(database={"inCluster": {"storage": {"className": "fast"}}}),
        before=local(database={"inCluster": {"storage": {"className": "slow"}}}),
    ),
    # What a profile has outside the cluster.
    Example("this profile uses an external database", without(DOKS, "database"), DOKS),
    Example("this profile uses an external cache", without(GKE, "cache"), GKE),
    Example("this profile takes its certificate from cert-manager", without(DOKS, "ingress"), DOKS),
    Example(
        "the database of this instance is outside",
        {**DOKS, "database": {"external": SECRET, "inCluster": SMALL}},
        {**DOKS, "database": {"mode": "InCluster", "inCluster": SMALL}},
    ),
    part("database", "the database of this instance runs in", {"external": SECRET}, EXTERNAL),
    Example(
        "the cache of this instance is outside",
        {**GKE, "cache": {"external": SECRET, "inCluster": SMALL}},
        {**GKE, "cache": {"mode": "InCluster", "inCluster": SMALL}},
    ),
    part("cache", "the cache of this instance runs in", {"external": SECRET}, EXTERNAL),
    part(
        "broker",
        "the broker of this instance is outside",
        {"mode": "External", "external": KAFKA, "inCluster": SMALL},
        {"mode": "InCluster", "inCluster": SMALL},
    ),
    part(
        "broker",
        "the broker of this instance runs in",
        {"external": KAFKA},
        {"mode": "External", "external": KAFKA},
    ),
    part("database", "mode External needs external.secretRef.name", {"mode": "External"}, EXTERNAL),
    part("cache", "mode External needs external.secretRef.name", {"mode": "External"}, EXTERNAL),
    part(
        "broker",
        "mode External needs external.bootstrapServers",
        {"mode": "External"},
        {"mode": "External", "external": KAFKA},
    ),
    part(
        "broker",
        "tls without auth needs tls.caSecretRef.name",
        {"mode": "External", "external": {**KAFKA, "tls": {}}},
        {"mode": "External", "external": {**KAFKA, "tls": {"caSecretRef": {"name": "authority"}}}},
    ),
    # What a cloud's services need.
    Example("secrets come from Google's Secret Manager", without(GKE, "cloud"), GKE),
    Example("secrets come from Azure Key Vault", without(AKS, "cloud"), AKS),
    Example(
        "names of secrets in a cloud's store have no dots",
        {**GKE, "database": {"external": {"secretRef": {"name": "managed.database"}}}},
        GKE,
    ),
    Example(
        "CloudPubSub needs cloud.gcp.projectID",
        local(broker={"engine": "CloudPubSub"}),
        local(broker={"engine": "CloudPubSub"}, cloud=PROJECT),
    ),
    part(
        "broker",
        "topics of Cloud Pub/Sub are made with Google's tools",
        {"engine": "CloudPubSub", "topics": [{"name": "task-events", "partitions": 12}]},
        {"engine": "CloudPubSub"},
        cloud=PROJECT,
    ),
    part(
        "broker",
        "CloudPubSub and EventHubs run outside the cluster",
        {"engine": "CloudPubSub", "mode": "InCluster"},
        {"engine": "CloudPubSub"},
        cloud=PROJECT,
    ),
    Example(
        "EventHubs needs cloud.azure.eventHubsNamespace",
        local(broker={"engine": "EventHubs", "external": {"auth": SECRET}}),
        local(broker={"engine": "EventHubs", "external": {"auth": SECRET}}, cloud=EVENT_HUBS),
    ),
    part(
        "broker",
        "EventHubs needs external.auth.secretRef.name",
        {"engine": "EventHubs"},
        {"engine": "EventHubs", "external": {"auth": SECRET}},
        cloud=EVENT_HUBS,
    ),
    part(
        "broker",
        "the addresses of CloudPubSub and EventHubs follow",
        {"engine": "EventHubs", "external": {"auth": SECRET, **KAFKA}},
        {"engine": "EventHubs", "external": {"auth": SECRET}},
        cloud=EVENT_HUBS,
    ),
    Example(
        "a cloud's store holds what you wrote there",
        {**GKE, "secrets": {"rotateEvery": "30d"}},
        {**GKE, "secrets": {"rotateEvery": "30d", "store": "Kubernetes"}},
    ),
    # The way in.
    Example(
        "ingress.tls.mode Managed is for GKE",
        local(ingress={"tls": {"mode": "Managed"}}),
        {**AKS, "ingress": {"tls": {"mode": "Managed", "secretName": "on-the-gateway"}}},
    ),
    part(
        "ingress",
        "mode Secret needs secretName",
        {"tls": {"mode": "Secret"}},
        {"tls": {"mode": "Secret", "secretName": "own"}},
    ),
    part(
        "ingress",
        "mode CertManager needs issuerRef",
        {"tls": {"mode": "CertManager"}},
        {"tls": {"mode": "CertManager", "issuerRef": {"name": "letsencrypt"}}},
    ),
    part(
        "ingress",
        "issuerRef is for mode CertManager",
        {"tls": {"mode": "None", "issuerRef": {"name": "letsencrypt"}}},
        {"tls": {"mode": "CertManager", "issuerRef": {"name": "letsencrypt"}}},
    ),
    part(
        "ingress",
        "mode None serves no certificate",
        {"tls": {"mode": "None", "secretName": "own"}},
        {"tls": {"mode": "None"}},
    ),
    # The roles.
    part(
        "backend",
        "replicas and autoscaling exclude each other",
        {"replicas": 2, "autoscaling": {"maxReplicas": 3}},
        {"autoscaling": {"maxReplicas": 3}},
    ),
    part(
        "backend",
        "minReplicas is above maxReplicas",
        {"autoscaling": {"minReplicas": 4, "maxReplicas": 3}},
        {"autoscaling": {"minReplicas": 3, "maxReplicas": 3}},
    ),
    part(
        "audit", "write either value or valueFrom", environment({"name": "A"}), environment({"name": "A", "value": ""})
    ),
    part(
        "audit",
        "write either secretKeyRef or configMapKeyRef",
        environment({"name": "A", "valueFrom": {}}),
        environment({"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}),
    ),
    part(
        "frontend",
        "the operator sets TASKORA_*",
        environment({"name": "TASKORA_HOST", "value": "x"}),
        environment({"name": "HOST", "value": "x"}),
    ),
    part(
        "frontend",
        "annotations under dapr.io/",
        {"podAnnotations": {"dapr.io/enabled": "false"}},
        {"podAnnotations": {"example.org/enabled": "false"}},
    ),
    part(
        "frontend",
        "labels under app.kubernetes.io/",
        {"podLabels": {"app.kubernetes.io/name": "x"}},
        {"podLabels": {"example.org/name": "x"}},
    ),
    part("update", "with maxSurge 0 no pod", {"maxSurge": "0%"}, {"maxSurge": "0%", "maxUnavailable": 1}),
    # The rest.
    part("backup", "destination S3 needs s3", {"destination": "S3"}, {"destination": "S3", "s3": S3}),
    part("backup", "s3 is for destination S3", {"s3": S3}, {"destination": "S3", "s3": S3}),
    part(
        "backup",
        "storage is of the volume",
        {"destination": "S3", "s3": S3, **SMALL},
        {"destination": "PersistentVolume", **SMALL},
    ),
    part(
        "backup",
        "the backup lies in one place",
        {"restoreFrom": {"name": "a", "claimName": "b", "s3": S3}},
        {"restoreFrom": {"name": "a", "s3": S3}},
    ),
    part(
        "database",
        "names of parameters are lower case",
        {"inCluster": {"parameters": {"Work_Mem": "1MB"}}},
        {"inCluster": {"parameters": {"work_mem": "1MB"}}},
    ),
    part(
        "database",
        "the operator sets where PostgreSQL listens",
        {"inCluster": {"parameters": {"port": "1"}}},
        {"inCluster": {"parameters": {"max_connections": "50"}}},
    ),
    part("chat", "this provider needs secretRef.name", {"provider": "OpenAI"}, {"provider": "OpenAI", **SECRET}),
    part("chat", "provider Builtin answers by itself", {"model": "large"}, {"provider": "Builtin"}),
    part(
        "chat",
        "provider Ollama needs endpoint",
        {"provider": "Ollama"},
        {"provider": "Ollama", "endpoint": "http://ollama.models.svc:11434/v1"},
    ),
    part(
        "chat",
        "this provider has one address of its own",
        {"provider": "Mistral", **SECRET, "endpoint": "https://models.example.org"},
        {"provider": "Mistral", **SECRET},
    ),
]
