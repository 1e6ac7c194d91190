"""A broker, sidecars with the components of docs/environment.md, and roles as the processes they are."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from taskora.deliveries import MOST
from taskora.domain.events import Topic

from tests.cluster.process import Process, Service, answers, free_port
from tests.cluster.services import Daprd, Kafka, Redis

from .urls import Urls

PARTITIONS = {Topic.TASK: 3, Topic.REMINDER: 2, Topic.USER: 2, Topic.CHAT: 2, Topic.SYSTEM: 1, Topic.DEAD: 1}
SUBSCRIBED = {
    "audit": (Topic.TASK, Topic.USER, Topic.DEAD),
    "notifier": (Topic.TASK, Topic.REMINDER),
    "insights": (Topic.USER, Topic.CHAT, Topic.SYSTEM),
}
CRON = ("reminder-cron", "recurrence-cron")
PROGRAM = (sys.executable, "-m", "taskora")
TOKENS = {"APP_API_TOKEN": "for-the-application", "DAPR_API_TOKEN": "for-the-sidecar"}


async def make_topics(kafka: Kafka) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic.value, count, 1) for topic, count in PARTITIONS.items()])
    await admin.close()


def manifests(folder: Path, *, kafka: Kafka, urls: Urls, role: str, redis: Redis | None = None) -> Path:
    """The role's components and subscriptions, with the Secret in a file where the cluster has its own."""
    folder.mkdir()
    secrets = folder / "secrets.json"
    secrets.write_text(f'{{"taskora-database": {{"url": "{urls.app}"}}}}')
    pubsub = {
        "brokers": kafka.bootstrap,
        "authType": "none",
        "consumerGroup": f"{urls.name}-{role}",
        "initialOffset": "oldest",
    }
    objects: list[dict[str, Any]] = [
        _component("pubsub", "pubsub.kafka", pubsub),
        _component(
            "kubernetes-secrets", "secretstores.local.file", {"secretsFile": str(secrets), "multiValued": "true"}
        ),
    ]
    if redis is not None:
        objects.append(statestore(redis))
    if role == "scheduler":
        every_minute = {"schedule": "@every 1m", "direction": "input"}
        objects += [_component(name, "bindings.cron", every_minute) for name in CRON]
    objects += [subscription("pubsub", topic, role) for topic in SUBSCRIBED.get(role, ())]
    objects.append(offered_until_taken("pubsub"))
    for number, manifest in enumerate(objects):
        (folder / f"{number}.yaml").write_text(yaml.safe_dump(manifest))
    return folder


def statestore(redis: Redis) -> dict[str, Any]:
    return _component("statestore", "state.redis", {"redisHost": redis.host, "keyPrefix": "taskora"})


def subscription(component: str, topic: Topic, role: str) -> dict[str, Any]:
    """As the operator makes it."""
    return {
        "apiVersion": "dapr.io/v2alpha1",
        "kind": "Subscription",
        "metadata": {"name": f"taskora-{role}-{topic.value}"},
        "spec": {
            "pubsubname": component,
            "topic": topic.value,
            "routes": {"default": f"/events/{topic.value}"},
            "metadata": {"rawPayload": "true"},
            "bulkSubscribe": {"enabled": True, "maxMessagesCount": MOST, "maxAwaitDurationMs": 50},
        },
    }


def offered_until_taken(component: str) -> dict[str, Any]:
    """As the operator makes it, but sooner."""
    retries = {"delivery": {"policy": "constant", "duration": "500ms", "maxRetries": -1}}
    return {
        "apiVersion": "dapr.io/v1alpha1",
        "kind": "Resiliency",
        "metadata": {"name": "taskora-resiliency"},
        "spec": {
            "policies": {"retries": retries},
            "targets": {"components": {component: {"inbound": {"retry": "delivery"}}}},
        },
    }


def _component(name: str, kind: str, metadata: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "dapr.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": name},
        "spec": {
            "type": kind,
            "version": "v1",
            "metadata": [{"name": key, "value": value} for key, value in metadata.items()],
        },
    }


class Pod(Service):
    """One role with its sidecar, as on the cluster: it listens first, then its sidecar comes, then its secrets.

    `program` is what is told `serve ROLE`. With `redis` it has a state store.
    """

    name = "pod"

    def __init__(
        self,
        role: str,
        *,
        urls: Urls,
        kafka: Kafka,
        redis: Redis | None = None,
        program: Sequence[str] = PROGRAM,
        **environment: str,
    ) -> None:
        super().__init__()
        self.port, self.metrics, self.log = free_port(), free_port(), self.folder / "role.log"
        where = manifests(self.folder / "components", kafka=kafka, urls=urls, role=role, redis=redis)
        self.sidecar = Daprd(
            app_id=role,
            app_port=self.port,
            components=where,
            env=TOKENS,
            # As the operator sets it: docs/decisions/019.
            **({"app_max_concurrency": "1"} if role in SUBSCRIBED else {}),
        )
        environment = {
            "DAPR_HTTP_ENDPOINT": self.sidecar.url,
            "TASKORA_APP_PORT": str(self.port),
            "TASKORA_METRICS_PORT": str(self.metrics),
            "TASKORA_HOST": "127.0.0.1",
            "TASKORA_DRAIN_SECONDS": "0",
            "POD_NAME": f"{role}-{self.port}",
            **TOKENS,
            **environment,
        }
        self.process = Process(*program, "serve", role, log=self.log, env={**os.environ, **environment})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process.start(lambda: answers(self.port))
        self.sidecar.__enter__()

    def stop(self) -> None:
        self.sidecar.close()
        self.process.stop(kill=True)


def offered_again(sidecar: Daprd) -> int:
    """How many deliveries it has begun to offer again; it tells of each once."""
    return sidecar.log.read_text().count("Retrying in 500ms")
