"""SC-007: people are answered while pods die and a node is emptied: 20 requests a second, none tried again."""

from __future__ import annotations

import itertools
import os
import random
import time
from typing import Any

import pytest

from tests.bench.cluster.changing import become_ready, change
from tests.e2e.load import Load
from tests.e2e.outside import NAME, Kubectl, wait_until

ROLES = ("frontend", "backend", "scheduler", "audit", "notifier", "insights")
BACK_SECONDS = 30
# How long pods are killed, one a minute.
MINUTES = float(os.environ.get("TASKORA_BENCH_MINUTES", "30"))


@pytest.fixture
def several(kubectl: Kubectl, spec: dict[str, Any]) -> None:
    """Two pods of the frontend and three of the backend, as in production."""
    change(kubectl, {"frontend": {"replicas": 2}, "backend": {"replicas": 3}})
    become_ready(kubectl)


@pytest.mark.usefixtures("several")
def test_a_random_pod_is_killed_every_minute(kubectl: Kubectl, url: str) -> None:
    back: list[float] = []
    end = time.monotonic() + 60 * MINUTES
    with Load(url).running() as load:
        for minute in itertools.count(1):
            pods = kubectl.get("pods", "-l", f"app.kubernetes.io/component in ({','.join(ROLES)})")["items"]
            victim = random.choice([p for p in pods if "deletionTimestamp" not in p["metadata"]])["metadata"]
            role = victim["labels"]["app.kubernetes.io/component"]
            kubectl("delete", "pod", victim["name"], "--force", "--grace-period=0")
            begun = time.monotonic()
            wait_until(lambda role=role: _whole(kubectl, role), f"{role} as before", seconds=120)
            back.append(time.monotonic() - begun)
            print(f"{minute}: {role} back after {back[-1]:.0f} s; {load}", flush=True)
            if time.monotonic() >= end:
                break
            time.sleep(max(0.0, 60 - back[-1]))
    answered = 1 - load.failed.total() / len(load.seconds)
    print(f"{len(back)} pods killed in {MINUTES:.0f} min: {answered:.3%} answered; {load}; back {sorted(back)}")
    assert answered >= 0.999, load
    assert max(back) < BACK_SECONDS


@pytest.mark.usefixtures("several")
def test_a_node_is_emptied_without_a_failed_request(kubectl: Kubectl, url: str) -> None:
    """Data services stay: a volume of this cluster's storage belongs to its node."""
    workers = kubectl.get("nodes", "-l", "!node-role.kubernetes.io/control-plane")["items"]
    assert len(workers) >= 2, "needs two nodes to move between: make down, then TASKORA_WORKERS=2 make up"
    pods = kubectl.get("pods", "-l", "app.kubernetes.io/component=backend")["items"]
    node = pods[0]["spec"]["nodeName"]
    which = f"--pod-selector=app.kubernetes.io/component in ({','.join(ROLES)})"
    try:
        with Load(url).running() as load:
            drain = ["drain", node, "--ignore-daemonsets", "--delete-emptydir-data", which, "--timeout=400s"]
            kubectl(*drain, timeout=420)
            become_ready(kubectl)
    finally:
        kubectl("uncordon", node)
    left = kubectl.get("pods", "-l", "app.kubernetes.io/component=backend")["items"]
    assert node not in {p["spec"]["nodeName"] for p in left if "deletionTimestamp" not in p["metadata"]}
    print(f"a node emptied: {load}")
    assert not load.failed, load


def _whole(kubectl: Kubectl, role: str) -> bool:
    found = kubectl.get("deployment", f"{NAME}-{role}")
    return found["status"].get("readyReplicas", 0) == found["spec"]["replicas"]
