"""The operator's chart goes to an older release and back, and away and back, while an instance serves."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.images import made_from
from tests.e2e.load import Load
from tests.e2e.outside import NAME, OPERATOR_NAMESPACE, Kubectl, wait_until

CHART = Path(__file__).parents[2] / "manifests" / "operator"
RELEASE = "taskora-operator"


@dataclass(frozen=True)
class Helm:
    kubectl: Kubectl
    values: Path  # of the release that runs

    def __call__(self, *words: str) -> str:
        command = ["helm", "--kubeconfig", self.kubectl.kubeconfig, "-n", OPERATOR_NAMESPACE, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def upgrade(self, chart: Path, *settings: str) -> None:
        self("upgrade", "--install", RELEASE, str(chart), "-f", str(self.values), *settings, "--wait", "--timeout=3m")


@pytest.fixture
def helm(kubectl: Kubectl, tmp_path: Path) -> Iterator[Helm]:
    helm = Helm(kubectl, tmp_path / "values.json")
    helm.values.write_text(helm("get", "values", RELEASE, "-o", "json"))
    yield helm
    helm.upgrade(CHART)


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The chart as a release before this one: it says so, and its CRD does not know `spec.chat`."""
    chart = tmp_path / "older"
    shutil.copytree(CHART, chart)
    about = chart / "Chart.yaml"
    about.write_text(about.read_text().replace("1.0.0", "0.9.0"))
    crd = chart / "files" / "crd.yaml"
    crd.write_text(crd.read_text().replace("\n              chat:\n", "\n              chatOfOld:\n"))
    assert crd.read_text() != (CHART / "files" / "crd.yaml").read_text()
    return chart


def children(kubectl: Kubectl) -> dict[str, Any]:
    """What would change if a pod were to roll or an object be made anew: identities and generations."""
    found = kubectl.get("deployments,statefulsets,services,configmaps,secrets,ingresses,pvc,components.dapr.io")
    return {
        f"{each['kind']}/{each['metadata']['name']}": (each["metadata"]["uid"], each["metadata"].get("generation"))
        for each in found["items"]
        if each["metadata"].get("labels", {}).get("app.kubernetes.io/managed-by") == RELEASE
    }


def image_of_operator(kubectl: Kubectl) -> str:
    found = kubectl.inside(OPERATOR_NAMESPACE).get("deployment", RELEASE)
    return found["spec"]["template"]["spec"]["containers"][0]["image"]


def field_is_known(kubectl: Kubectl) -> bool:
    return "FIELD: chat" in kubectl("explain", "tkd.spec.chat", check=False)


def acts(kubectl: Kubectl) -> None:
    """The operator that runs does its work: what is deleted comes back."""
    kubectl("delete", "service", f"{NAME}-frontend")
    wait_until(lambda: kubectl.get("service", f"{NAME}-frontend"), "the service put back", seconds=60)


def test_the_chart_goes_to_the_release_before_and_back_while_an_instance_serves(
    kubectl: Kubectl, helm: Helm, older: Path, url: str
) -> None:
    before = children(kubectl)
    assert len(before) > 20
    image = image_of_operator(kubectl)
    with made_from(image, tag="older") as other, Load(url, rate=5, people=2).running() as load:
        helm.upgrade(older, "--set-string=image.tag=older")
        assert image_of_operator(kubectl) == other
        assert "0.9.0" in helm("list", "-o", "json")
        wait_until(lambda: not field_is_known(kubectl), "the older CRD")
        kubectl("wait", "--for=condition=Ready", f"tkd/{NAME}", "--timeout=60s")
        assert children(kubectl) == before
        helm.upgrade(CHART)
        wait_until(lambda: field_is_known(kubectl), "the newer CRD")
        assert image_of_operator(kubectl) == image
        assert children(kubectl) == before
        helm("rollback", RELEASE, "--wait", "--timeout=3m")
        assert image_of_operator(kubectl) == other
        helm.upgrade(CHART)
        kubectl("wait", "--for=condition=Ready", f"tkd/{NAME}", "--timeout=60s")
        assert children(kubectl) == before
    print(f"chart to the release before and back, twice: {load}")
    assert not load.failed, load
    acts(kubectl)


def test_without_the_chart_instances_run_on_and_are_adopted_when_it_is_back(
    kubectl: Kubectl, helm: Helm, url: str
) -> None:
    before = children(kubectl)
    with Load(url, rate=5, people=2).running() as load:
        helm("uninstall", RELEASE, "--wait", "--timeout=2m")
        left = json.loads(kubectl("get", "clusterroles,clusterrolebindings,deployments", "-A", "-o", "json"))
        names = {each["metadata"]["name"] for each in left["items"]}
        assert not {name for name in names if name.startswith(RELEASE)}
        assert kubectl.get("tkd", NAME), "the CRD is kept, and so is every instance"
        assert children(kubectl) == before
        helm.upgrade(CHART)
        kubectl("wait", "--for=condition=Ready", f"tkd/{NAME}", "--timeout=60s")
    assert children(kubectl) == before
    assert not load.failed, load
    acts(kubectl)
