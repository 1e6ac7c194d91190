"""Specs and facts that several tests start from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from taskora_operator.api.spec import Spec
from taskora_operator.desired.model import Capabilities, Facts

SAMPLES = Path(__file__).parent.parent / "manifests" / "samples"

MONITORING = frozenset({"monitoring.coreos.com/v1/PodMonitor", "monitoring.coreos.com/v1/PrometheusRule"})
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nZm9y IHRlc3Rz\n-----END CERTIFICATE-----\n".replace(" ", "")

SECRETS = {
    "taskora-database": {
        "url": "postgresql://taskora_a:1@h:5432/taskora",
        "standby-url": "postgresql://taskora_b:1@h:5432/taskora",
        "owner-url": "postgresql://o:2@h:5432/taskora",
    },
    "taskora-cache": {
        "host": "h",
        "port": "6379",
        "username": "default",
        "password": "3",
        "standby-password": "",
        "ca": "",
    },
    "taskora-session-keys": {"current": "4", "previous": ""},
    "taskora-dapr-api-token": {"token": "5"},
    "taskora-dapr-app-token": {"token": "6"},
    "managed-database": {"url": "postgresql://a:1@db:25060/taskora", "owner-url": "postgresql://o:2@db:25060/taskora"},
    "managed-cache": {"host": "cache.example.org", "port": "6380", "username": "", "password": "3"},
    "memorystore": {"host": "10.1.2.3", "port": "6378", "username": "", "password": "3", "ca": CERTIFICATE},
    "azure-cache": {"host": "taskora.redis.cache.windows.net", "port": "6380"},
    "kafka-login": {"username": "taskora", "password": "7"},
    "event-hubs": {"password": "Endpoint=sb://taskora.servicebus.windows.net/;SharedAccessKey=8"},
    "authorities": {"ca.crt": CERTIFICATE},
    "chat": {"key": "9"},
    "spaces": {"access-key-id": "A", "secret-access-key": "10"},
}

_MANAGED_DATABASE = {"external": {"secretRef": {"name": "managed-database"}}}
_LETS_ENCRYPT = {"tls": {"issuerRef": {"name": "letsencrypt"}}}


def _sample(name: str) -> dict[str, Any]:
    return yaml.safe_load((SAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))["spec"]


# Shortest first: what a profile makes of little, then what each field adds.
SPECS: dict[str, dict[str, Any]] = {
    **{name: _sample(name) for name in ("local", "doks", "gke", "gke-pubsub", "aks", "aks-eventhubs")},
    "local-kafka": {
        "profile": "Local",
        "version": "1.0.0",
        "host": "taskora.localhost",
        "broker": {"engine": "Kafka"},
        "ingress": {"port": 8080},
        "backup": {"schedule": "0 3 * * *", "keep": 3, "storage": {"size": "5Gi"}},
    },
    # One that has every kind of object there is, and as much of the spec as goes together.
    "local-full": {
        "profile": "Local",
        "version": "1.2.3",
        "host": "tasks.example.org",
        "imageRegistry": "mirror.example.org/hub",
        "ingress": {"className": "gce", **_LETS_ENCRYPT},
        "frontend": {"autoscaling": {"minReplicas": 2, "maxReplicas": 6}},
        "backend": {"autoscaling": {"maxReplicas": 9, "targetCPU": 60}},
        "database": {
            "mode": "External",
            "external": {**_MANAGED_DATABASE["external"], "caSecretRef": {"name": "authorities"}},
        },
        "broker": {"inCluster": {"replicas": 3}, "topicPrefix": "tasks."},
        "chat": {"provider": "OpenAI", "model": "gpt-5-nano", "secretRef": {"name": "chat"}},
        "observability": {
            "metrics": True,
            "alerts": True,
            "dashboards": True,
            "tracing": {"endpoint": "http://collector.observability.svc:4317", "sampling": 1},
        },
        "networkPolicy": {"ingressNamespaces": ["traefik"], "ingressRanges": ["10.0.0.0/24"]},
        "update": {"maxSurge": "25%", "maxUnavailable": 1},
    },
    "doks-kafka": {
        "profile": "DOKS",
        "version": "1.2.3",
        "host": "tasks.example.org",
        "database": _MANAGED_DATABASE,
        "ingress": _LETS_ENCRYPT,
        "broker": {
            "mode": "External",
            "engine": "Kafka",
            "external": {
                "bootstrapServers": ["kafka-0.example.org:9094", "kafka-1.example.org:9094"],
                "auth": {"mechanism": "SCRAM-SHA-512", "secretRef": {"name": "kafka-login"}},
                "tls": {"caSecretRef": {"name": "authorities"}},
            },
        },
        "backup": {
            "schedule": "@daily",
            "destination": "S3",
            "s3": {
                "endpoint": "https://fra1.digitaloceanspaces.com",
                "bucket": "dumps",
                "secretRef": {"name": "spaces"},
            },
            "image": "postgres:16",
            "restoreFrom": {"name": "taskora-20260301T030000Z"},
        },
    },
}


def spec(name: str = "local", **changes: Any) -> Spec:
    """One of SPECS with top-level fields changed, named as in YAML."""
    return Spec.model_validate({**SPECS[name], **changes})


def facts(**changes: Any) -> Facts:
    usual: dict[str, Any] = {
        "namespace": "tasks",
        "name": "taskora",
        "uid": "6a3b3f4e-8f5c-4b55-9f0e-000000000001",
        "generation": 1,
        "capabilities": Capabilities(kinds=frozenset(), kubernetes=(1, 34), dapr="1.18.0"),
        "secrets": SECRETS,
    }
    return Facts(**{**usual, **changes})


def facts_of(name: str) -> Facts:
    """What is found where the spec of that name is applied: Prometheus' operator beside the one that asks for it."""
    usual = facts()
    monitored = SPECS[name].get("observability", {}).get("metrics")
    return replace(usual, capabilities=replace(usual.capabilities, kinds=MONITORING)) if monitored else usual
