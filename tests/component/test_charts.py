"""What the charts make, judged by helm and by a real API server; and what they refuse before that."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from taskora_operator.api.resource import TaskoraDeployment
from taskora_operator.desired import alerts

from tests.cluster.binaries import go_programs
from tests.cluster.envtest import ApiServer
from tests.cluster.versions import KUBERNETES
from tests.component.operator.kinds import install_crd

ROOT = Path(__file__).parent.parent.parent
INSTANCE, OPERATOR = ROOT / "manifests" / "instance", ROOT / "manifests" / "operator"
ENVIRONMENTS = sorted((INSTANCE / "environments").glob("*.yaml"))


@pytest.fixture(scope="module")
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        install_crd(server)
        for namespace in ("tasks", "taskora-system"):
            server.kubectl("create", "namespace", namespace)
        yield server


def helm(*words: object) -> subprocess.CompletedProcess[str]:
    program = go_programs("helm")["helm"]
    return subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False, timeout=60)


def template(*words: object) -> str:
    done = helm("template", f"--kube-version={KUBERNETES}", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("chart", [INSTANCE, OPERATOR], ids=lambda path: path.name)
def test_helm_finds_nothing_to_say_about_a_chart(chart: Path) -> None:
    done = helm("lint", "--strict", f"--kube-version={KUBERNETES}", chart)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_is_one_instance_that_the_api_server_takes(api: ApiServer, environment: Path) -> None:
    text = template("taskora", INSTANCE, "-n", "tasks", "-f", environment)
    made = TaskoraDeployment.model_validate(yaml.safe_load(text))
    assert made.spec.version == yaml.safe_load((INSTANCE / "Chart.yaml").read_text(encoding="utf-8"))["appVersion"]
    api.kubectl("apply", "--dry-run=server", "-n", "tasks", "-f", "-", stdin=text)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("spec.hosts=a.example", "hosts"),
        ("spec.profile=Minikube", "profile"),
        ("spec.version=latest", "version"),
        ("spec.backend.replicas=many", "replicas"),
        ("nam=x", "nam"),
    ],
)
def test_helm_refuses_what_the_resource_does_not_know(setting: str, sentence: str) -> None:
    done = helm("template", f"--kube-version={KUBERNETES}", "taskora", INSTANCE, "--set", setting)
    assert done.returncode != 0
    assert sentence in done.stderr


def test_the_operators_chart_is_taken_by_the_api_server(api: ApiServer) -> None:
    text = template("taskora-operator", OPERATOR, "-n", "taskora-system", "--set", "watchNamespaces={tasks}")
    api.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-", stdin=text)


def test_where_prometheus_operator_is_the_chart_brings_alerts_about_its_own_namespace() -> None:
    kinds = [f"--api-versions=monitoring.coreos.com/v1/{kind}" for kind in ("PodMonitor", "PrometheusRule")]
    made = {
        each["kind"]: each for each in yaml.safe_load_all(template("it", OPERATOR, "-n", "elsewhere", *kinds)) if each
    }
    rules = made["PrometheusRule"]["spec"]["groups"][0]["rules"]
    assert [rule["alert"] for rule in rules] == [alert.name for alert in alerts.OPERATOR]
    assert all('namespace="elsewhere"' in rule["expr"] for rule in rules)
    assert 'namespace=\\"elsewhere\\"' in made["ConfigMap"]["data"]["taskora-operator.json"]
    assert (
        made["PodMonitor"]["spec"]["selector"]["matchLabels"].items()
        <= made["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    )


def test_install_yaml_is_the_charts_output() -> None:
    """The namespace comes with it, and nothing of helm's."""
    wanted = list(yaml.safe_load_all(template("taskora-operator", OPERATOR, "-n", "taskora-system")))
    text = (ROOT / "manifests" / "install.yaml").read_text(encoding="utf-8")
    namespace, *there = yaml.safe_load_all(text)
    assert namespace["metadata"]["name"] == "taskora-system"
    assert json.dumps(there) == json.dumps([each for each in wanted if each]), "run `make generated`"
