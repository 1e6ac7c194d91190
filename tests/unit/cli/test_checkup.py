"""`kubectl taskora doctor`: what is found, and what mends it."""

from dataclasses import replace
from typing import Any

import pytest
from kubectl_taskora.checkup import Cluster, Level, Need, checkup, data, render
from taskora_operator.desired.model import Capabilities, Problem
from taskora_operator.profiles import resolve

from tests.specs import spec
from tests.unit.cli.screens import same_as_reviewed

KINDS = frozenset({"taskora.dev/v1alpha1/TaskoraDeployment", "cert-manager.io/v1/Certificate"})


def workload(namespace: str, name: str, replicas: int = 2, kind: str = "Deployment", **env: str) -> dict[str, Any]:
    variables = [{"name": key, "value": value} for key, value in env.items()]
    return {
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "c", "env": variables}]}}},
        "status": {"availableReplicas": replicas, "readyReplicas": replicas},
    }


def storage_class(name: str, *, grows: bool = True, default: bool = False) -> dict[str, Any]:
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return {"metadata": {"name": name, "annotations": annotations}, "allowVolumeExpansion": grows}


def cluster(**changes: Any) -> Cluster:
    usual: dict[str, Any] = {
        "capabilities": Capabilities(
            kinds=KINDS, kubernetes=(1, 34), dapr="1.18.0", ingress_classes=frozenset({"nginx"})
        ),
        "namespace": "tasks",
        "namespace_labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        "operators": [workload("taskora-system", "taskora-operator")],
        "injector": workload("dapr-system", "dapr-sidecar-injector", SIDECAR_DROP_ALL_CAPABILITIES="true"),
        "ingress_controller": "k8s.io/ingress-nginx",
        "controllers": [workload("ingress-nginx", "ingress-nginx-controller")],
        "storage_classes": [storage_class("standard", default=True), storage_class("do-block-storage")],
        "issuer": {"status": {"conditions": [{"type": "Ready", "status": "True"}]}},
        "tls_secret": None,
    }
    return Cluster(**usual | changes)


def need(name: str = "doks", problems: tuple[Problem, ...] = (), **changes: Any) -> Need:
    return Need(resolve(spec(name, **changes)), "taskora", problems)


def wrong(found: Cluster, asked: Need | None) -> list[str]:
    return [finding.about for finding in checkup(found, asked) if finding.level is not Level.GOOD]


def test_a_good_cluster_has_nothing_wrong() -> None:
    findings = checkup(cluster(), need())
    assert {finding.level for finding in findings} == {Level.GOOD}
    same_as_reviewed("doctor-good", render(findings))


def test_a_bad_cluster_gets_a_command_for_each_thing() -> None:
    missing = Problem(
        "PrerequisitesMet", "SecretMissing", "The Secret managed-database is missing. Make it: `kubectl …`."
    )
    dapr = Problem(
        "PrerequisitesMet", "DaprMissing", "Dapr's control plane does not answer. Install it: `dapr init -k`."
    )
    bad = cluster(
        capabilities=Capabilities(kinds=KINDS - {"cert-manager.io/v1/Certificate"}, kubernetes=(1, 27), dapr=None),
        namespace_labels=None,
        operators=[workload("taskora-system", "taskora-operator", replicas=0)],
        controllers=[workload("ingress-nginx", "ingress-nginx-controller", replicas=1)],
        storage_classes=[storage_class("slow", grows=False)],
        operator_lacks=["delete jobs", "patch statefulsets"],
        you_lack=["get secrets"],
    )
    findings = checkup(bad, need(problems=(missing, dapr)))
    same_as_reviewed("doctor-bad", render(findings))
    assert all(f.fix or "`" in f.told or f.told.endswith((".", "1.28 or newer.")) for f in findings)


@pytest.mark.parametrize(
    ("changes", "about"),
    [
        ({"operators": []}, "Operator"),
        ({"operators": None}, "Operator"),
        ({"capabilities": Capabilities(kinds=KINDS, kubernetes=(1, 27), dapr="1.18.0")}, "Kubernetes"),
        ({"injector": workload("dapr-system", "dapr-sidecar-injector")}, "Dapr's sidecars"),
        ({"namespace_labels": None}, "Namespace"),
        ({"controllers": []}, "Ingress"),
        ({"controllers": [workload("i", "c", replicas=1)]}, "Ingress"),
        ({"controllers": [workload("i", "c", replicas=0)]}, "Ingress"),
        ({"issuer": None}, "TLS"),
        (
            {"issuer": {"status": {"conditions": [{"type": "Ready", "status": "False", "message": "no account"}]}}},
            "TLS",
        ),
        ({"storage_classes": []}, "Storage"),
        ({"storage_classes": [storage_class("do-block-storage", grows=False)]}, "Storage"),
        ({"operator_lacks": ["delete jobs"]}, "Operator's permissions"),
        ({"you_lack": ["get secrets"]}, "You"),
    ],
)
def test_one_thing_wrong_is_the_one_thing_told(changes: dict[str, Any], about: str) -> None:
    assert wrong(cluster(**changes), need()) == [about]


def test_a_daemon_set_needs_no_second_pod() -> None:
    assert (
        wrong(
            cluster(controllers=[workload("i", "c", replicas=1, kind="DaemonSet") | {"status": {"numberReady": 1}}]),
            need(),
        )
        == []
    )


def test_a_certificate_of_your_own_must_be_there_whole() -> None:
    asked = need(ingress={"tls": {"mode": "Secret", "secretName": "cert"}})
    assert wrong(cluster(), asked) == ["TLS"]
    assert wrong(cluster(tls_secret={"tls.crt": "c"}), asked) == ["TLS"]
    assert wrong(cluster(tls_secret={"tls.crt": "c", "tls.key": "k"}), asked) == []


def test_without_an_instance_only_the_cluster_is_looked_at() -> None:
    findings = checkup(cluster(controllers=[], storage_classes=[]), None)
    assert [finding.about for finding in findings] == ["Kubernetes", "Operator", "Dapr"]
    assert data(findings)[0] == {"level": "good", "about": "Kubernetes", "told": "1.34", "fix": []}


def test_the_clouds_own_ingress_is_not_searched_for() -> None:
    assert "Ingress" not in wrong(replace(cluster(), ingress_controller=None, controllers=[]), need("gke"))


def test_topics_of_cloud_pubsub_are_named_with_the_command_that_makes_each() -> None:
    (finding,) = [f for f in checkup(cluster(), need("gke-pubsub")) if f.about == "Cloud topics"]
    assert len(finding.fix) == 6
    assert finding.fix[0].startswith("gcloud pubsub topics create task-events --project ")
    assert finding.fix[0].endswith("--message-retention-duration=7d")
    assert not [f for f in checkup(cluster(), need("gke")) if f.about == "Cloud topics"]


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("gke", "gcloud secrets create managed-database-url --project"),
        ("aks", "az keyvault secret set --vault-name"),
    ],
)
def test_secrets_of_a_clouds_store_are_named_with_the_command_that_makes_each(name: str, command: str) -> None:
    asked = replace(need(name), cloud_secrets=[("managed-database", "url"), ("taskora-session-keys", "current")])
    (finding,) = [f for f in checkup(cluster(), asked) if f.about == "Cloud secrets"]
    assert "managed-database-url, taskora-session-keys-current" in finding.told
    assert len(finding.fix) == 2
    assert command in finding.fix[0]


def test_a_clouds_store_is_given_a_blank_for_the_session_key_that_there_never_was() -> None:
    fixes = {
        name: finding.fix[0]
        for name in ("gke", "aks")
        for finding in checkup(cluster(), replace(need(name), cloud_secrets=[("taskora-session-keys", "previous")]))
        if finding.about == "Cloud secrets"
    }
    assert fixes["gke"].startswith("echo | gcloud secrets create taskora-session-keys-previous ")
    assert fixes["aks"].endswith("--name taskora-session-keys-previous --value ' '")


def test_a_certificate_of_the_cloud_is_not_missed() -> None:
    assert "TLS" not in wrong(cluster(), need("gke"))
