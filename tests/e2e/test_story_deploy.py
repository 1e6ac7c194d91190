"""Story 1 and 5: one apply gives a complete instance, and its status says the truth."""

from __future__ import annotations

import httpx

from tests.e2e.outside import NAME, NAMESPACE, Kubectl

ROLES = ["audit", "backend", "frontend", "insights", "notifier", "scheduler"]


def test_every_role_of_the_specification_runs_with_a_sidecar(kubectl: Kubectl) -> None:
    for role in ROLES:
        pod = kubectl.pod(role)
        containers = pod["spec"]["containers"] + pod["spec"].get("initContainers", [])
        assert "daprd" in [c["name"] for c in containers], role
        ready = next(c for c in pod["status"]["conditions"] if c["type"] == "Ready")
        assert ready["status"] == "True", (role, ready)
    assert kubectl.get("statefulset", f"{NAME}-postgres")["status"]["readyReplicas"] == 1
    assert kubectl.get("statefulset", f"{NAME}-broker")["status"]["readyReplicas"] == 1
    assert kubectl.get("deployment", f"{NAME}-redis")["status"]["readyReplicas"] == 1


def test_every_dapr_object_of_the_specification_exists(kubectl: Kubectl) -> None:
    components = {c["metadata"]["name"] for c in kubectl.get("components.dapr.io")["items"]}
    assert components >= {"pubsub", "statestore", "kubernetes-secrets", "reminder-cron", "recurrence-cron"}
    assert kubectl.get("subscriptions.dapr.io")["items"]


def test_status_names_every_condition_and_the_url(kubectl: Kubectl, url: str) -> None:
    status = kubectl.get("tkd", NAME)["status"]
    conditions = {c["type"]: c["status"] for c in status["conditions"]}
    good = ["PrerequisitesMet", "DataServicesReady", "TopicsReady", "DaprReady", "SchemaMigrated", "WorkloadsAvailable"]
    assert {kind: conditions[kind] for kind in [*good, "IngressReady", "Ready"]} == dict.fromkeys(
        [*good, "IngressReady", "Ready"], "True"
    )
    assert status["url"] == url
    assert status["observedGeneration"] == kubectl.get("tkd", NAME)["metadata"]["generation"]


def test_get_and_describe_read_well(kubectl: Kubectl) -> None:
    header, row = kubectl("get", "tkd").splitlines()
    for column in ["NAME", "PROFILE", "VERSION", "READY", "STATUS", "URL", "AGE"]:
        assert column in header
    assert "Local" in row
    assert "Ready" in kubectl("describe", "tkd", NAME)
    assert f"{NAME}-backend" in kubectl("get", "all", "-l", "app.kubernetes.io/part-of=taskora")


def test_the_namespace_enforces_restricted_pod_security(kubectl: Kubectl) -> None:
    labels = kubectl.get("namespace", NAMESPACE)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_page_answers_at_the_url(http: httpx.Client) -> None:
    page = http.get("/", follow_redirects=True)
    assert page.status_code == 200
    assert "Taskora" in page.text


def test_what_is_internal_is_not_on_the_ingress(http: httpx.Client) -> None:
    for method, path in [("POST", "/api/v1/internal/heads"), ("POST", "/events/task-events"), ("GET", "/metrics")]:
        assert http.request(method, path).status_code in {401, 404}, path
