"""What browsers come through: the frontend with its sidecar, its subscription and its state store."""

import base64
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from taskora.domain.events import Topic

from tests.cluster.process import Process, Service, answers, free_port
from tests.cluster.services import Daprd, Kafka, Redis
from tests.component.app.sidecars import TOKENS, Pod, offered_until_taken, statestore, subscription
from tests.component.app.urls import Urls

SESSION_KEY = base64.b64encode(bytes(range(32))).decode()


class Door(Service):
    """One pod of the frontend; browsers come by `url`."""

    name = "door"

    def __init__(self, *, backend: Pod, kafka: Kafka, redis: Redis, port: int | None = None) -> None:
        super().__init__()
        self.port, self.app_port, self.log = port or free_port(), free_port(), self.folder / "frontend.log"
        self.url, self.metrics = f"http://127.0.0.1:{self.port}", free_port()
        pod = f"frontend-{self.port}"
        where = manifests(self.folder / "components", backend=backend, kafka=kafka, redis=redis)
        self.sidecar = Daprd(
            app_id="frontend", app_port=self.app_port, components=where, env={**TOKENS, "POD_NAME": pod}
        )
        environment = {
            "DAPR_HTTP_ENDPOINT": self.sidecar.url,
            "TASKORA_HOST": "127.0.0.1",
            "TASKORA_APP_PORT": str(self.app_port),
            "TASKORA_WEB_PORT": str(self.port),
            "TASKORA_METRICS_PORT": str(self.metrics),
            "TASKORA_DRAIN_SECONDS": "0",
            "TASKORA_EXTERNAL_URL": self.url,
            "POD_NAME": pod,
            **TOKENS,
        }
        self.process = Process(
            sys.executable, "-m", "taskora", "serve", "frontend", log=self.log, env={**os.environ, **environment}
        )

    def start(self) -> None:
        self.process.start(lambda: answers(self.app_port) and answers(self.port))
        self.sidecar.__enter__()

    def stop(self) -> None:
        self.sidecar.close()
        self.process.stop(kill=True)


def manifests(folder: Path, *, backend: Pod, kafka: Kafka, redis: Redis) -> Path:
    """The frontend's components. The backend is found by address: multicast depends on the machine's networks."""
    folder.mkdir()
    secrets = folder / "secrets.json"
    secrets.write_text(f'{{"taskora-session-keys": {{"current": "{SESSION_KEY}", "previous": ""}}}}')
    broker = {"brokers": kafka.bootstrap, "authType": "none", "maxMessageBytes": "1048576"}
    objects: list[dict[str, Any]] = [
        _component("pubsub", "pubsub.kafka", broker),
        _component("pubsub-sync", "pubsub.kafka", broker | {"consumerGroup": "{podName}", "initialOffset": "newest"}),
        statestore(redis),
        _component(
            "kubernetes-secrets", "secretstores.local.file", {"secretsFile": str(secrets), "multiValued": "true"}
        ),
        subscription("pubsub-sync", Topic.TASK, "frontend"),
        offered_until_taken("pubsub-sync"),
        {
            "apiVersion": "dapr.io/v1alpha1",
            "kind": "HTTPEndpoint",
            "metadata": {"name": "backend"},
            "spec": {
                "baseUrl": f"{backend.sidecar.url}/v1.0/invoke/backend/method",
                "headers": [{"name": "dapr-api-token", "value": TOKENS["DAPR_API_TOKEN"]}],
            },
        },
    ]
    for number, manifest in enumerate(objects):
        (folder / f"{number}.yaml").write_text(yaml.safe_dump(manifest))
    return folder


def _component(name: str, kind: str, metadata: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "dapr.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": name},
        "spec": {"type": kind, "version": "v1", "metadata": [{"name": k, "value": v} for k, v in metadata.items()]},
    }


@dataclass
class Stack:
    urls: Urls
    kafka: Kafka
    redis: Redis
    backend: Pod
    doors: list[Door]
