"""Load makes more backends, its end takes them away again, and the operator leaves their number to who decides it."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest

from tests.bench.cluster.changing import become_ready, change
from tests.cluster.cache import CHECKOUT
from tests.e2e.load import Load
from tests.e2e.outside import NAME, Kubectl, wait_until

MOST = 3
UP_SECONDS = 180
DOWN_SECONDS = 480  # a HorizontalPodAutoscaler waits five minutes before it takes pods away


@pytest.fixture
def measured(kubectl: Kubectl) -> None:
    """The cluster measures its pods; metrics-server stays, whose being there harms nobody."""
    subprocess.run([sys.executable, "tests/cluster", "metrics"], cwd=CHECKOUT, check=True, timeout=900)
    wait_until(lambda: kubectl("top", "pods"), "the first measurement", seconds=120)


def backend(kubectl: Kubectl) -> dict[str, Any]:
    return kubectl.get("deployment", f"{NAME}-backend", "--show-managed-fields")


def replicas(kubectl: Kubectl) -> int:
    return int(backend(kubectl)["spec"]["replicas"])


def who_sets_replicas(kubectl: Kubectl) -> set[str]:
    fields = backend(kubectl)["metadata"]["managedFields"]
    return {e["manager"] for e in fields if "f:replicas" in e.get("fieldsV1", {}).get("f:spec", {})}


@pytest.mark.usefixtures("measured")
def test_load_makes_more_backends_and_its_end_takes_them_away(kubectl: Kubectl, url: str, spec: dict[str, Any]) -> None:
    wanted = {"minReplicas": 1, "maxReplicas": MOST, "targetCPU": 60}
    # What a backend at rest takes is far below its share of this.
    asked = {"requests": {"cpu": "100m"}}
    backends = {**spec.get("backend", {}), "replicas": None, "resources": asked, "autoscaling": wanted}
    change(kubectl, {"backend": backends})
    wait_until(lambda: kubectl.get("hpa", f"{NAME}-backend")["status"].get("currentMetrics"), "a decision", seconds=180)
    become_ready(kubectl)
    begun = time.monotonic()
    with Load(url, rate=30).running() as load:
        wait_until(lambda: replicas(kubectl), "more backends", good=lambda seen: seen > 1, seconds=UP_SECONDS)
        up = time.monotonic() - begun
        become_ready(kubectl)
        assert "taskora-operator" not in who_sets_replicas(kubectl), "the operator has left the number to the HPA"
    print(f"more backends after {up:.0f} s; {load}")
    assert not load.failed, load
    begun = time.monotonic()
    wait_until(lambda: replicas(kubectl), "one backend", good=lambda seen: seen == 1, seconds=DOWN_SECONDS, every=2)
    print(f"one again after {time.monotonic() - begun:.0f} s")
    change(kubectl, {"backend": {**spec.get("backend", {}), "autoscaling": None, "resources": None, "replicas": 2}})
    become_ready(kubectl)
    assert replicas(kubectl) == 2
    assert "taskora-operator" in who_sets_replicas(kubectl)
