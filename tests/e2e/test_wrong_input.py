"""Each wrong TaskoraDeployment gets a sentence that says what to do, and harms nothing that runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.outside import NAME, NAMESPACE, Kubectl, wait_until


def instance(name: str = "other", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "taskora.dev/v1alpha1",
        "kind": "TaskoraDeployment",
        "metadata": {"name": name},
        "spec": {"profile": "Local", "version": "1.0.0", "host": "other.localhost"} | spec,
    }


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"profile": "Lokal"}, 'Unsupported value: "Lokal"'),
        ({"version": "latest"}, "spec.version"),
        ({"database": {"mode": "External"}}, "secretRef"),
        ({"backend": {"replicas": -1}}, "spec.backend.replicas"),
    ],
    ids=[
        "an unknown profile",
        "a version that is none",
        "an external database without a secret",
        "replicas below zero",
    ],
)
def test_apply_refuses_with_a_sentence(kubectl: Kubectl, spec: dict[str, Any], sentence: str) -> None:
    answer = kubectl.apply(instance(**spec), check=False)
    assert "invalid" in answer.lower(), answer
    assert sentence in answer, answer


def test_the_profile_cannot_be_changed(kubectl: Kubectl) -> None:
    answer = kubectl("patch", "tkd", NAME, "--type=merge", "-p", '{"spec":{"profile":"DOKS"}}', check=False)
    assert "profile can't be changed" in answer, answer


@pytest.fixture
def namespace(kubectl: Kubectl) -> Iterator[Kubectl]:
    kubectl("create", "namespace", "elsewhere")
    yield kubectl.inside("elsewhere")
    kubectl("delete", "namespace", "elsewhere", "--wait=true", timeout=180)


def test_a_second_instance_in_a_namespace_is_told_so_and_touches_nothing(kubectl: Kubectl) -> None:
    before = {d["metadata"]["name"]: d["metadata"]["uid"] for d in kubectl.get("deployments")["items"]}
    kubectl.apply(instance())
    ready = wait_until(lambda: kubectl.condition("Ready", "other"), "the second one's condition")
    assert (ready["status"], ready["reason"]) == ("False", "NamespaceOccupied")
    assert NAME in ready["message"]
    kubectl("delete", "tkd", "other", "--wait=true")
    assert before == {d["metadata"]["name"]: d["metadata"]["uid"] for d in kubectl.get("deployments")["items"]}
    assert kubectl.condition("Ready")["status"] == "True"


def test_a_missing_external_secret_is_named_and_its_arrival_is_noticed(namespace: Kubectl) -> None:
    external = {"mode": "External", "external": {"secretRef": {"name": "my-postgres"}}}
    namespace.apply(instance(database=external, broker={"engine": "Kafka"}))

    def condition() -> dict[str, Any]:
        status = namespace.get("tkd", "other").get("status", {})
        return next((c for c in status.get("conditions", []) if "my-postgres" in c.get("message", "")), {})

    seen = wait_until(condition, "the sentence")
    assert seen["status"] == "False"
    assert "kubectl" in seen["message"], seen["message"]
    namespace("delete", "tkd", "other", "--wait=true")
    assert namespace.namespace != NAMESPACE
