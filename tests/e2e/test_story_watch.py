"""Story 7: what failed is found in the logs of all roles by the id its answer bore; a volume that fills is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from taskora_operator.desired import alerts

from tests.cluster.process import Process, answers, free_port
from tests.cluster.services import Prometheus
from tests.component.watching import hastened
from tests.e2e.outside import NAME, NAMESPACE, Kubectl, Person, wait_until

DISK = "/mnt/small"


def test_a_request_that_failed_is_found_within_half_a_minute(kubectl: Kubectl, person: Person) -> None:
    """As docs/watching.md says: one command, with the context of each role that had to do with it."""
    answer = person.request("GET", "tasks/nowhere")
    assert not answer.is_success
    begun = time.monotonic()
    words = ["logs", "--request-id", answer.headers["X-Request-Id"], "--since", "5m", "-n", NAMESPACE, "-o", "json"]
    told = subprocess.run(
        [sys.executable, "-m", "kubectl_taskora", *words],
        env={**os.environ, "KUBECONFIG": kubectl.kubeconfig},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert time.monotonic() - begun < 30
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    assert {line["role"] for line in lines if line.get("status") == answer.status_code} == {"frontend", "backend"}


@pytest.fixture
def disk(kubectl: Kubectl) -> Iterator[str]:
    """The node that has a disk of 32 MB."""
    node = kubectl.get("nodes")["items"][0]["metadata"]["name"]
    on_node = ["docker", "exec", node, "sh", "-ec"]
    subprocess.run([*on_node, f"mkdir {DISK} && mount -t tmpfs -o size=32m none {DISK}"], check=True)
    yield node
    subprocess.run([*on_node, f"umount {DISK} && rmdir {DISK}"], check=True)


@pytest.fixture
def filled(kubectl: Kubectl, disk: str) -> Iterator[Kubectl]:
    """A namespace with a volume of PostgreSQL's on that disk, and a pod that has filled it."""
    namespace, claim = "fills", f"data-{NAME}-postgres-0"
    spec = kubectl.get("statefulset", f"{NAME}-postgres")["spec"]["template"]["spec"]
    image = spec["containers"][0]["image"]
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [disk]}
    size = {"storage": "32Mi"}
    volume = {
        "capacity": size,
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "small",
        "local": {"path": DISK},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
    }
    wanted = {"accessModes": ["ReadWriteOnce"], "storageClassName": "small", "resources": {"requests": size}}
    full = {
        "name": "full",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", "head -c 30M /dev/zero > /data/full; exec sleep infinity"],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    pod = {
        "terminationGracePeriodSeconds": 0,
        "containers": [full],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}],
    }
    kubectl.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "small"}, "spec": volume},
    )
    inside = kubectl.inside(namespace)
    inside.apply(
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": claim}, "spec": wanted},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "full"}, "spec": pod},
    )
    yield inside
    kubectl("delete", "namespace", namespace)
    kubectl("delete", "pv", "small")


@pytest.fixture
def prometheus(filled: Kubectl, disk: str, tmp_path: Path) -> Iterator[Prometheus]:
    """It has the rules of an instance in that namespace, and asks that node's kubelet."""
    words = ["--kubeconfig", filled.kubeconfig, "proxy", f"--port={(port := free_port())}"]
    proxy = Process("kubectl", *words, log=tmp_path / "proxy.log")
    proxy.start(lambda: answers(port))
    kubelet = {f"127.0.0.1:{port}": {"__metrics_path__": f"/api/v1/nodes/{disk}/proxy/metrics"}}
    with Prometheus(kubelet, rules=hastened(f'namespace="{filled.namespace}"')) as running:
        yield running
    proxy.stop()


def test_a_volume_that_fills_is_told_until_there_is_room(filled: Kubectl, prometheus: Prometheus) -> None:
    """The kubelet looks once a minute."""
    (name,) = (alert.name for alert in alerts.INSTANCE if "kubelet_volume" in alert.expression)
    wait_until(prometheus.firing, "the alert", good=lambda names: name in names, seconds=240)
    filled("exec", "full", "--", "rm", "/data/full")
    wait_until(prometheus.firing, "no alert", good=lambda names: name not in names, seconds=240)
