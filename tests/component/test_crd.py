"""A real API server judges the CRD, what it refuses, and everything the operator would write."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from taskora_operator.api.crd import crd
from taskora_operator.api.quantity import canonical
from taskora_operator.desired import desired, secrets
from taskora_operator.desired.model import Action
from taskora_operator.profiles import resolve
from taskora_operator.reconcile.fields import MANAGER, applied, owned

from tests.cluster.envtest import ApiServer
from tests.cluster.progress import Failure, until
from tests.component.operator.kinds import install_crd, install_dapr_crds, install_surroundings
from tests.component.rules import EXAMPLES, Example
from tests.specs import SAMPLES, SPECS, facts_of, spec

LOCAL = SPECS["local"]
CLOUD = {"profile": "DOKS", "version": "1.0.0", "host": "tasks.example.org"}


@pytest.fixture(scope="module")
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        install_crd(server)
        install_dapr_crds(server)
        install_surroundings(server)
        server.kubectl("create", "namespace", "tasks")
        yield server


def manifest(spec: Mapping[str, Any], name: str = "taskora") -> str:
    return json.dumps(
        {
            "apiVersion": "taskora.dev/v1alpha1",
            "kind": "TaskoraDeployment",
            "metadata": {"name": name, "namespace": "tasks"},
            "spec": spec,
        }
    )


def apply(api: ApiServer, text: str, *more: str) -> str:
    return api.kubectl("apply", "--server-side", "--force-conflicts", *more, "-f", "-", stdin=text)


def refusal(api: ApiServer, text: str) -> str:
    with pytest.raises(Failure) as refused:
        apply(api, text, "--dry-run=server")
    return str(refused.value)


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.yaml")), ids=lambda file: file.name)
def test_a_sample_is_accepted(api: ApiServer, file: Path) -> None:
    apply(api, file.read_text(encoding="utf-8"), "--dry-run=server", "--namespace=tasks")


@pytest.mark.parametrize("name", SPECS)
def test_a_spec_the_models_read_is_accepted(api: ApiServer, name: str) -> None:
    apply(api, manifest(SPECS[name]), "--dry-run=server")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"profile": "Minikube"}, 'supported values: "Local", "DOKS", "GKE", "AKS"'),
        ({"version": "latest"}, "spec.version in body should match"),
        ({"host": "https://tasks.example.org"}, "spec.host in body should match"),
        ({"colour": "blue"}, ".spec.colour: field not declared in schema"),
        ({"frontend": {"replicas": -1}}, "should be greater than or equal to 0"),
        ({"frontend": {"resources": {"limits": {"memory": "1 GB"}}}}, "should match"),
        ({"ingress": {"port": 0}}, "should be greater than or equal to 1"),
        ({"broker": {"topics": [{"name": "gossip"}]}}, 'supported values: "task-events"'),
        ({"dapr": {"cron": {"reminders": "often"}}}, "should match"),
        ({"backup": {"schedule": "at night"}}, "spec.backup.schedule"),
        ({"deletionPolicy": "Forget"}, 'supported values: "Retain", "Delete"'),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else None,
)
def test_a_mistake_is_refused_with_what_to_write(api: ApiServer, change: dict[str, Any], sentence: str) -> None:
    told = refusal(api, manifest({**LOCAL, **change}))
    assert sentence.lower() in told.lower()


def test_a_cloud_may_run_its_own_database_and_cache(api: ApiServer) -> None:
    own = {"mode": "InCluster"}
    parts = {"database": own, "cache": own, "ingress": {"tls": {"mode": "None"}}, "secrets": {"store": "Kubernetes"}}
    for profile in ("DOKS", "GKE", "AKS"):
        apply(api, manifest({**CLOUD, "profile": profile, **parts}), "--dry-run=server")


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_rule_refuses_what_breaks_it_in_its_words_and_nothing_nearby(api: ApiServer, example: Example) -> None:
    if example.before is not None:
        apply(api, manifest(example.before, "ruled"))
    try:
        assert example.rule in refusal(api, manifest(example.bad, "ruled"))
        apply(api, manifest(example.good, "ruled"), "--dry-run=server")
    finally:
        api.kubectl("delete", "tkd", "ruled", "--namespace=tasks", "--ignore-not-found")


def test_every_rule_has_an_example() -> None:
    messages = {rule["message"] for rule in rules_of(crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"])}
    begun = {message: [each.rule for each in EXAMPLES if message.startswith(each.rule)] for message in messages}
    assert [message for message, examples in begun.items() if not examples] == []
    assert {each.rule for each in EXAMPLES} == {rule for rules in begun.values() for rule in rules}, (
        "of rules there are"
    )


def rules_of(node: Any) -> Iterator[dict[str, str]]:
    """Every rule of a schema, at any depth."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if key == "x-kubernetes-validations":
            yield from value
        else:
            yield from rules_of(value)


def test_what_an_instance_began_with_may_be_taken_out(api: ApiServer) -> None:
    apply(api, manifest({**LOCAL, "backup": {"restoreFrom": {"name": "a"}}}, "begun"))
    apply(api, manifest({**LOCAL, "backup": {"keep": 3}}, "begun"))
    api.kubectl("delete", "tkd", "begun", "--namespace=tasks", "--wait=false")


def test_a_name_that_would_not_fit_into_others_is_refused(api: ApiServer) -> None:
    for name in ("t" * 31, "1task", "a.b"):
        assert "metadata.name" in refusal(api, manifest(LOCAL, name))


def test_the_table_tells_how_an_instance_is(api: ApiServer) -> None:
    apply(api, manifest(LOCAL, "shown"))
    status = {
        "status": {
            "url": "http://taskora.localhost",
            "ready": "9/9",
            "broker": "Redpanda",
            "database": "InCluster",
            "version": {"current": "1.0.0"},
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": "AllServe",
                    "message": "Everything serves.",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }
            ],
        }
    }
    where = ("tkd", "shown", "--namespace=tasks")
    api.kubectl("patch", *where, "--subresource=status", "--type=merge", "-p", json.dumps(status))
    for words, told in (
        ((), ["shown", "Local", "1.0.0", "9/9", "AllServe", "http://taskora.localhost"]),
        (("-o", "wide"), ["Redpanda", "InCluster", "Everything serves."]),
    ):
        line = api.kubectl("get", *where, "--no-headers", *words)
        for word in told:
            assert word in line
    api.kubectl("delete", *where, "--wait=false")


def sent_and_kept(sent: Any, kept: Any, path: str) -> Iterator[str]:
    """Where what was kept differs from what was sent, in what was sent."""
    if isinstance(sent, dict):
        for key, value in sent.items():
            if not isinstance(kept, dict) or key not in kept:
                yield f"{path}.{key} is gone"
            else:
                yield from sent_and_kept(value, kept[key], f"{path}.{key}")
    elif isinstance(sent, list):
        if not isinstance(kept, list) or len(kept) != len(sent):
            yield f"{path} has another length"
        else:
            for index, (one, other) in enumerate(zip(sent, kept, strict=True)):
                yield from sent_and_kept(one, other, f"{path}[{index}]")
    elif sent != kept:
        yield f"{path}: {sent!r} became {kept!r}"


@pytest.mark.parametrize("name", SPECS)
def test_the_api_server_takes_everything_and_gives_it_back_as_written(api: ApiServer, name: str) -> None:
    sized = {"frontend": {"resources": {"limits": {"cpu": "1000m", "memory": "1.5Gi"}}, "env": [{"name": "E"}]}}
    sized["frontend"]["env"][0]["value"] = ""
    wanted = desired(resolve(spec(name, **sized)), facts_of(name))
    assert len(wanted.objects) > 50
    manifests = [
        secrets.filled(made.manifest, entropy=bytes) if made.action is Action.CREATE_ONCE else made.manifest
        for made in wanted.objects
    ]
    as_operator = (f"--field-manager={MANAGER}", "--show-managed-fields")
    told = apply(
        api, yaml.safe_dump_all(manifests), "--dry-run=server", "--namespace=tasks", "-o", "json", *as_operator
    )
    kept = {(item["kind"], item["metadata"]["name"]): item for item in json.loads(told)["items"]}
    for made in wanted.objects:
        answer = kept[made.key.kind, made.key.name]
        if made.action is not Action.CREATE_ONCE:
            assert list(sent_and_kept(made.manifest, answer, str(made.key))) == []
            # A list that is owned whole comes back with its defaults: what is wanted has them, or a restarted operator
            # would take them for drift.
            assert list(sent_and_kept(owned(answer), applied(made.manifest), str(made.key))) == []


@pytest.mark.parametrize(
    "text", ["1000m", "0.5", "1.5", "1024Mi", "1.5Gi", "0.5Ki", "1000", "1500", "1e3", "10e2", "100.0m", "2560Mi", "1E"]
)
def test_quantities_are_canonical_as_the_api_server_sees_it(api: ApiServer, text: str) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "sized", "namespace": "tasks"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": text}}},
    }
    kept = json.loads(apply(api, json.dumps(claim), "--dry-run=server", "-o", "json"))
    assert kept["spec"]["resources"]["requests"]["storage"] == canonical(text)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("spec.update.migrationDeadlineSeconds", "How long a migration that runs may take"),
        ("spec.broker.external.tls.caSecretRef.key", "in PEM"),
        ("status.history.outcome", "What became of it"),
    ],
)
def test_kubectl_explains_a_field(api: ApiServer, field: str, words: str) -> None:
    """What a server knows of a kind is published a moment after it takes objects of it."""

    def explained() -> bool:
        with suppress(Failure):
            told.append(api.kubectl("explain", f"tkd.{field}"))
        return bool(told)

    told: list[str] = []
    until(explained, "kubectl explains it", seconds=60)
    assert words in " ".join(told[0].split())
