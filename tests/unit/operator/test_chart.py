"""The operator's chart agrees with the operator."""

from __future__ import annotations

from pathlib import Path

import yaml
from taskora_operator import watching
from taskora_operator.__main__ import Settings
from taskora_operator.api import values
from taskora_operator.api.crd import crd
from taskora_operator.cluster.permissions import CHILDREN, FILE, render
from taskora_operator.desired import desired
from taskora_operator.profiles import resolve
from taskora_operator.reconcile import revisions

from tests.specs import SPECS, facts_of, spec

ROOT = Path(__file__).parent.parent.parent.parent
CHART = ROOT / "manifests" / "operator"


def test_the_charts_rules_are_fresh() -> None:
    text = (ROOT / FILE).read_text(encoding="utf-8")
    assert text == render(), "run `python -m taskora_operator.cluster.permissions`"


def test_the_charts_alerts_and_dashboard_are_fresh() -> None:
    found = {name: (CHART / "files" / name).read_text(encoding="utf-8") for name in watching.render()}
    assert found == watching.render(), "run `make generated`"


def test_the_charts_crd_is_the_generated_one() -> None:
    assert yaml.safe_load((CHART / "files" / "crd.yaml").read_text(encoding="utf-8")) == crd()


def test_the_instances_values_are_described_by_the_custom_resource() -> None:
    assert (ROOT / values.FILE).read_text(encoding="utf-8") == values.render(), "run `make generated`"


def test_install_yaml_has_this_resource_and_these_rules() -> None:
    objects = list(yaml.safe_load_all((ROOT / "manifests" / "install.yaml").read_text(encoding="utf-8")))
    named = {(each["kind"], each["metadata"]["name"]): each for each in objects if each}
    assert named["CustomResourceDefinition", crd()["metadata"]["name"]]["spec"] == crd()["spec"], "run `make generated`"
    assert named["ClusterRole", "taskora-operator"]["rules"] == yaml.safe_load(render())["instances"]


def test_every_setting_in_the_chart_exists() -> None:
    template = (CHART / "templates" / "deployment.yaml").read_text(encoding="utf-8")
    prefix = "TASKORA_OPERATOR_"
    named = {line.split(prefix)[1].strip().lower() for line in template.splitlines() if f"name: {prefix}" in line}
    assert named
    assert named <= Settings.model_fields.keys()


def test_the_operator_may_make_everything_that_is_wanted_and_nothing_else() -> None:
    kinds = {
        (made.manifest["apiVersion"], made.manifest["kind"])
        for name in SPECS
        for made in desired(resolve(spec(name)), facts_of(name)).objects
    }
    kinds.add((revisions.API, revisions.KIND))
    assert kinds == {(child.api_version, child.kind) for child in CHILDREN}


def test_namespaces_are_read_from_a_list_with_commas() -> None:
    assert Settings(watch_namespaces=" a,b ,").watch_namespaces == ("a", "b")  # type: ignore[arg-type]
    assert Settings(watch_namespaces="").watch_namespaces == ()  # type: ignore[arg-type]
