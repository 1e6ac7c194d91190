"""Laws of what is wanted, for any spec."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora_operator.api.quantity import canonical
from taskora_operator.api.spec import Spec
from taskora_operator.desired import desired, secrets
from taskora_operator.desired.model import Action, Capabilities, Desired, Gate, Object
from taskora_operator.profiles import PROFILES, RoleName, resolve

from tests.specs import SAMPLES, SECRETS, SPECS, facts, facts_of, spec

ROOT = SAMPLES.parents[1]

sizes = st.sampled_from(["512Mi", "1024Mi", "1.5Gi", "2000000000", "1e9", "10G"])
amounts = st.fixed_dictionaries({}, optional={"cpu": st.sampled_from(["1000m", "0.5", "2", 1]), "memory": sizes})
roles = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.integers(0, 5),
        "resources": st.fixed_dictionaries({}, optional={"requests": amounts, "limits": amounts}),
        "env": st.just([{"name": "COLOUR", "value": "blue"}, {"name": "EMPTY", "value": ""}]),
        "podLabels": st.just({"team": "a"}),
        "podAnnotations": st.just({"example.org/x": "y"}),
        "nodeSelector": st.just({"disk": "fast"}),
        "tolerations": st.just([{"key": "gpu", "operator": "Exists"}]),
        "serviceAccount": st.just({"annotations": {"cloud": "identity"}}),
        "priorityClassName": st.just("high"),
    },
)
changes = st.fixed_dictionaries(
    {},
    optional={
        **{str(role): roles for role in RoleName},
        "suspended": st.booleans(),
        "deletionPolicy": st.sampled_from(["Retain", "Delete"]),
        "imageRegistry": st.just("mirror.example.org"),
        "registration": st.sampled_from(["Open", "Closed"]),
        "networkPolicy": st.fixed_dictionaries({"enabled": st.booleans()}),
        "dapr": st.fixed_dictionaries({}, optional={"sidecarResources": st.builds(lambda a: {"limits": a}, amounts)}),
    },
)
specs = st.builds(lambda name, more: spec(name, **more), st.sampled_from(sorted(SPECS)), changes)


def wanted(written: Spec | None = None, **more: Any) -> Desired:
    return desired(resolve(written or spec()), facts(**more))


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    match node:
        case dict():
            for key, value in node.items():
                yield from leaves(value, (*path, key))
        case list():
            for value in node:
                yield from leaves(value, (*path, "[]"))
        case _:
            yield path, node


def pods(made: Desired) -> Iterator[tuple[Object, Mapping[str, Any]]]:
    for each in made.objects:
        if each.key.kind in ("Deployment", "StatefulSet", "Job"):
            yield each, each.manifest["spec"]["template"]


def one(made: Desired, kind: str, name: str) -> Mapping[str, Any]:
    return next(o.manifest for o in made.objects if o.key.kind == kind and o.key.name == name)


def values(component: Mapping[str, Any]) -> dict[str, str]:
    return {item["name"]: item.get("value", "") for item in component["spec"]["metadata"]}


@given(specs)
def test_what_is_wanted_obeys_the_laws(written: Spec) -> None:
    made = wanted(written)
    again = wanted(Spec.model_validate(json.loads(written.model_dump_json(by_alias=True, exclude_none=True))))
    assert made == again, "the same spec wants the same"
    keys = [each.key for each in made.objects]
    assert len(set(keys)) == len(keys), "no two objects share a name"
    for each in made.objects:
        labels = each.manifest["metadata"]["labels"]
        assert len(each.key.name) <= 63
        assert labels["app.kubernetes.io/instance"] == "taskora"
        assert labels["app.kubernetes.io/managed-by"] == "taskora-operator"
        assert labels["app.kubernetes.io/component"]
        assert each.retained == (
            str(written.deletion_policy) == "Retain" and each.key.kind in ("Secret", "PersistentVolumeClaim")
        )
        assert (each.action is Action.CREATE_ONCE) == (each.key.kind == "Secret")
        for path, leaf in leaves(each.manifest):
            assert leaf is not None, (each.key, path)
            if {"requests", "limits"} & set(path[-2:-1]):
                assert canonical(leaf) == leaf, (each.key, path)
    json.dumps([each.manifest for each in made.objects])  # plain data


@given(specs)
def test_every_pod_passes_pod_security_restricted(written: Spec) -> None:
    for _, template in pods(wanted(written)):
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}


@given(specs)
def test_a_selector_never_follows_the_release(written: Spec) -> None:
    later = written.model_copy(update={"version": "9.9.9"})
    for before, after in zip(wanted(written).objects, wanted(later).objects, strict=True):
        if before.key.kind in ("Deployment", "StatefulSet", "Service", "PodDisruptionBudget"):
            assert before.manifest["spec"].get("selector") == after.manifest["spec"].get("selector")
        if before.component in ("postgres", "redis", "broker") and "template" in before.manifest.get("spec", {}):
            assert before.manifest["spec"] == after.manifest["spec"], "a release does not restart data services"


def test_a_suspended_instance_runs_nothing_and_keeps_its_data() -> None:
    made = wanted(spec(suspended=True))
    replicas = {o.key.name: o.manifest["spec"]["replicas"] for o, _ in pods(made)}
    assert len(replicas) == 9
    assert set(replicas.values()) == {0}
    assert {o.key.name for o in made.objects if o.key.kind == "PersistentVolumeClaim"} == {
        "taskora-postgres",
        "taskora-redis",
        "taskora-broker",
    }
    assert not made.topics


@pytest.mark.parametrize(
    ("running", "still_wanted"),
    [
        ("frontend backend audit postgres", "backend audit postgres"),
        ("backend audit postgres redis", "postgres redis"),
        ("backend", ""),
        ("postgres redis broker", ""),
        ("", ""),
    ],
)
def test_a_suspended_instance_ends_from_the_top_down(running: str, still_wanted: str) -> None:
    made = wanted(spec(suspended=True), running=frozenset(running.split()))
    left = {o.component for o, _ in pods(made) if o.manifest["spec"]["replicas"]}
    assert left == set(still_wanted.split())


def test_only_the_database_and_what_talks_to_it_waits_for_nothing_above_it() -> None:
    gates = {o.key.kind: set[Gate]() for o in wanted().objects}
    for each in wanted().objects:
        gates[each.key.kind].add(each.gate)
    assert gates["Secret"] == {Gate.FOUNDATION}
    assert gates["StatefulSet"] == {Gate.DATA}
    assert gates["Component"] == {Gate.MESSAGING}
    assert gates["Job"] == {Gate.SCHEMA}
    assert gates["Ingress"] == {Gate.INGRESS}


@pytest.mark.parametrize("role", RoleName)
def test_a_changed_secret_rolls_the_roles_that_read_it_and_no_others(role: RoleName) -> None:
    changed = {**SECRETS, "taskora-session-keys": {"current": "new"}}
    before, after = (one(made, "Deployment", f"taskora-{role}") for made in (wanted(), wanted(secrets=changed)))
    assert (before != after) == (role is RoleName.FRONTEND)


def test_a_changed_password_of_redis_rolls_who_uses_it_and_not_redis() -> None:
    changed = {**SECRETS, "taskora-cache": {**SECRETS["taskora-cache"], "password": "new"}}
    before, after = wanted(), wanted(secrets=changed)
    rolled = {o.key.name for o in before.objects if o not in after.objects}
    assert rolled == {"taskora-frontend", "taskora-backend"}


def test_an_annotation_says_nothing_about_a_secret() -> None:
    text = json.dumps([o.manifest for o in wanted(secrets={"taskora-cache": {"password": "swordfish"}}).objects])
    assert "swordfish" not in text


def test_sidecars_are_native_where_cluster_and_dapr_have_them() -> None:
    def annotations(kubernetes: tuple[int, int], dapr: str | None) -> Mapping[str, str]:
        made = wanted(capabilities=Capabilities(kinds=frozenset(), kubernetes=kubernetes, dapr=dapr))
        return one(made, "Deployment", "taskora-backend")["spec"]["template"]["metadata"]["annotations"]

    assert "dapr.io/enable-native-sidecar" in annotations((1, 29), "1.18.0")
    for kubernetes, dapr in (((1, 28), "1.18.0"), ((1, 34), "1.17.3"), ((1, 34), None), ((1, 34), "edge")):
        assert "dapr.io/enable-native-sidecar" not in annotations(kubernetes, dapr)
        assert annotations(kubernetes, dapr)["dapr.io/block-shutdown-duration"] == "45s"  # past the drain


def test_consumer_groups_and_keys_carry_the_namespace_in_letters() -> None:
    made = wanted()
    assert values(one(made, "Component", "pubsub"))["consumerGroup"] == "tasks-{appID}"
    assert values(one(made, "Component", "pubsub-sync"))["consumerGroup"] == "{podName}"
    assert values(one(made, "Component", "statestore"))["keyPrefix"] == "taskora-tasks"
    assert "{namespace}" not in json.dumps([o.manifest for o in made.objects if o.key.kind == "Component"])


def test_a_role_publishes_and_reads_the_topics_of_the_table_and_no_others() -> None:
    scopes = values(one(wanted(), "Component", "pubsub"))
    assert scopes["publishingScopes"].split(";") == [
        "frontend=system-events",
        "backend=task-events,user-events,chat-events,system-events",
        "scheduler=reminder-events,system-events",
        "audit=system-events",
        "notifier=system-events",
        "insights=system-events",
    ]
    assert scopes["subscriptionScopes"].split(";") == [
        "audit=task-events,user-events,dead-letters",
        "notifier=task-events,reminder-events",
        "insights=user-events,chat-events,system-events",
    ]
    assert set(scopes["protectedTopics"].split(",")) == {topic.name for topic in wanted().topics}


def test_only_the_frontend_may_invoke_and_only_the_backend_is_invoked() -> None:
    made = wanted()
    for role in RoleName:
        access = one(made, "Configuration", f"taskora-{role}")["spec"]["accessControl"]
        assert access["defaultAction"] == "deny"
        callers = [policy["appId"] for policy in access.get("policies", [])]
        assert callers == (["frontend"] if role is RoleName.BACKEND else [])


def test_a_role_may_read_what_its_sidecar_needs_or_hands_it_and_nothing_else() -> None:
    made = wanted()
    state = one(made, "Component", "statestore")
    [password] = [each["secretKeyRef"]["name"] for each in state["spec"]["metadata"] if "secretKeyRef" in each]
    assert state["auth"] == {"secretStore": one(made, "Component", "kubernetes-secrets")["metadata"]["name"]}
    for role in RoleName:
        rule = one(made, "Role", f"taskora-{role}")["rules"][0]
        store = one(made, "Configuration", f"taskora-{role}")["spec"]["secrets"]["scopes"][0]
        own = [password] if str(role) in state["scopes"] else []
        assert rule["resourceNames"] == [*store["allowedSecrets"], *own]
        assert password not in store["allowedSecrets"], "no application is handed it"
        assert rule["verbs"] == ["get"]


def test_topics_are_the_specification_unless_written_otherwise() -> None:
    day = 24 * 60 * 60 * 1000
    assert {(t.name, t.partitions, t.retention_ms) for t in wanted().topics} == {
        ("task-events", 3, 7 * day),
        ("reminder-events", 2, day),
        ("user-events", 2, 30 * day),
        ("chat-events", 2, 7 * day),
        ("system-events", 1, day),
        ("dead-letters", 1, 30 * day),
    }
    larger = spec(broker={"topics": [{"name": "task-events", "partitions": 12, "retentionHours": 1}]})
    topic = next(t for t in wanted(larger).topics if t.name == "task-events")
    assert (topic.partitions, topic.retention_ms) == (12, day // 24)


@pytest.mark.parametrize(
    ("ingress", "url"),
    [
        ({}, "http://taskora.localhost"),
        ({"port": 8080}, "http://taskora.localhost:8080"),
        ({"port": 80}, "http://taskora.localhost"),
        ({"tls": {"mode": "Secret", "secretName": "c"}}, "https://taskora.localhost"),
        ({"tls": {"mode": "Secret", "secretName": "c"}, "port": 8443}, "https://taskora.localhost:8443"),
    ],
)
def test_the_url_is_the_one_browsers_use(ingress: dict[str, Any], url: str) -> None:
    made = wanted(spec(ingress=ingress))
    container = one(made, "Deployment", "taskora-frontend")["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "TASKORA_EXTERNAL_URL", "value": url} in container["env"]
    assert made.url == url


def test_every_image_comes_from_the_mirror() -> None:
    made = wanted(spec("local-kafka", imageRegistry="mirror.example.org/hub"))
    images = {c["image"] for _, template in pods(made) for c in template["spec"]["containers"]}
    assert images == {
        "mirror.example.org/hub/taskora/app:1.0.0",
        "mirror.example.org/hub/postgres:15",
        "mirror.example.org/hub/redis:7",
        "mirror.example.org/hub/apache/kafka:4.1.1",
    }


def test_a_missing_secret_of_the_users_is_a_problem_with_its_command() -> None:
    problems = wanted(spec("doks"), secrets={"managed-database": {"url": "postgresql://a:b@c/d"}}).problems
    assert [p.reason for p in problems] == ["SecretMissing"]
    assert "lacks owner-url" in problems[0].message
    assert "kubectl -n tasks create secret generic managed-database --from-literal=owner-url" in problems[0].message
    assert not wanted(spec("doks")).problems


def test_generated_credentials_are_fresh_each_time_and_agree_where_they_must() -> None:
    made = next(o.manifest for o in wanted().objects if o.key.name == "taskora-database")
    counter = iter(range(1, 9))
    data = secrets.filled(made, entropy=lambda size: bytes([next(counter)]) * size)["stringData"]
    assert data == {
        "url": f"postgresql://taskora_a:{'01' * 32}@taskora-postgres.tasks.svc:5432/taskora",
        "standby-url": f"postgresql://taskora_b:{'02' * 32}@taskora-postgres.tasks.svc:5432/taskora",
        "owner-url": f"postgresql://taskora_owner:{'03' * 32}@taskora-postgres.tasks.svc:5432/taskora",
    }
    assert "<random:" in made["stringData"]["url"], "what is wanted stays as it was"


def test_no_mark_is_left_in_a_generated_secret() -> None:
    for each in wanted().objects:
        if each.action is Action.CREATE_ONCE:
            assert "<random" not in json.dumps(secrets.filled(each.manifest, entropy=bytes))


def test_a_config_file_that_changes_restarts_its_server() -> None:
    tuned = spec(database={"inCluster": {"parameters": {"max_connections": "200", "search_path": "it's"}}})
    before, after = wanted(), wanted(tuned)
    config = one(after, "ConfigMap", "taskora-postgres")["data"]["postgresql.conf"]
    assert "max_connections = '200'\nsearch_path = 'it''s'\n" in config
    assert one(before, "StatefulSet", "taskora-postgres") != one(after, "StatefulSet", "taskora-postgres")


def test_facts_that_do_not_matter_change_nothing() -> None:
    usual = facts()
    made = desired(resolve(spec()), usual)
    assert made == desired(resolve(spec()), replace(usual, generation=7))


def test_the_profile_table_is_written_in_canonical_quantities() -> None:
    for defaults in PROFILES.values():
        sizes = defaults.sizes
        for size in (sizes.postgres_volume, sizes.redis_volume, sizes.broker_volume):
            assert canonical(size) == size


def test_names_of_components_are_the_specifications() -> None:
    names = {o.key.name for o in wanted().objects if o.key.kind == "Component"}
    assert names == {"pubsub", "pubsub-sync", "statestore", "kubernetes-secrets", "reminder-cron", "recurrence-cron"}


def test_no_script_has_a_template_left_in_it() -> None:
    for each in wanted().objects:
        if each.key.kind == "ConfigMap" and each.component != "monitoring":
            assert not re.search(r"{[{%]", json.dumps(each.manifest["data"])), each.key


def test_subscriptions_hand_over_as_the_document_says() -> None:
    document = (SAMPLES.parents[1] / "docs" / "environment.md").read_text(encoding="utf-8")
    made = [o.manifest["spec"] for o in wanted().objects if o.key.kind == "Subscription"]
    assert len(made) == 9
    for each in made:
        bulk = each["bulkSubscribe"]
        assert (
            f"up to {bulk['maxMessagesCount']} records or what came within {bulk['maxAwaitDurationMs']} ms" in document
        )
        assert (bulk["enabled"], each["metadata"]) == (True, {"rawPayload": "true"})
        assert "deadLetterTopic" not in each  # docs/decisions/034


def test_every_variable_the_operator_sets_is_in_the_document() -> None:
    document = (SAMPLES.parents[1] / "docs" / "environment.md").read_text(encoding="utf-8")
    for name in SPECS:
        for _, template in pods(desired(resolve(spec(name)), facts_of(name))):
            for container in template["spec"]["containers"]:
                for variable in container.get("env", ()):
                    if container["name"] in ("app", "migrate"):
                        assert f"`{variable['name']}`" in document, variable["name"]


@pytest.mark.parametrize(
    ("observed", "by_others", "replicas"),
    [
        ({}, (), 2),
        ({"taskora-frontend": 0}, (), 2),  # waking
        ({"taskora-frontend": 4}, (), 4),
        ({"taskora-frontend": 9}, (), 6),
        ({"taskora-frontend": 4}, ("taskora-frontend",), None),
        ({"taskora-frontend": 0}, ("taskora-frontend",), 2),
    ],
)
def test_the_observed_replicas_are_kept_until_the_autoscaler_owns_them(
    observed: dict[str, int], by_others: tuple[str, ...], replicas: int | None
) -> None:
    made = wanted(spec("local-full"), observed_replicas=observed, scaled_by_others=frozenset(by_others))
    assert one(made, "Deployment", "taskora-frontend")["spec"].get("replicas") == replicas


def test_a_clouds_store_is_asked_by_the_names_it_has() -> None:
    made = wanted(spec("gke"))
    store = one(made, "Configuration", "taskora-frontend")["spec"]["secrets"]["scopes"][0]
    assert store["allowedSecrets"] == ["taskora-session-keys-current", "taskora-session-keys-previous"]
    assert not [o for o in made.objects if o.key.kind == "Role"], "the cloud decides who may read"
    assert values(one(made, "Component", "kubernetes-secrets")) == {"project_id": "taskora-production"}


def test_the_caches_authority_is_mounted_into_the_sidecar() -> None:
    template = one(wanted(spec("gke")), "Deployment", "taskora-backend")["spec"]["template"]
    assert template["metadata"]["annotations"]["dapr.io/env"] == "SSL_CERT_DIR=/etc/ssl/certs:/etc/taskora/cache-ca"
    volume = next(v for v in template["spec"]["volumes"] if v["name"] == "cache-ca")
    assert volume["secret"] == {"secretName": "memorystore", "items": [{"key": "ca", "path": "ca.crt"}]}


def test_pods_of_azure_sign_in_without_a_key() -> None:
    made = wanted(spec("aks"))
    assert values(one(made, "Component", "statestore"))["useEntraID"] == "true"
    assert "redisPassword" not in values(one(made, "Component", "statestore"))
    account = one(made, "ServiceAccount", "taskora-backend")["metadata"]["annotations"]
    assert account["azure.workload.identity/client-id"] == spec("aks").cloud.azure.client_id
    labels = one(made, "Deployment", "taskora-backend")["spec"]["template"]["metadata"]["labels"]
    assert labels["azure.workload.identity/use"] == "true"


def test_event_hubs_is_a_kafka_that_asks_for_its_connection_string() -> None:
    made = wanted(spec("aks-eventhubs"))
    told = values(one(made, "Component", "pubsub"))
    assert told["brokers"] == made.bootstrap == "taskora-events.servicebus.windows.net:9093"
    assert (told["saslUsername"], told["saslMechanism"]) == ("$ConnectionString", "PLAINTEXT")
    assert made.access.tls
    assert (made.access.mechanism, made.access.username) == ("PLAIN", "$ConnectionString")
    assert "SharedAccessKey" not in repr(made.access)


def test_topics_of_cloud_pubsub_are_not_ours_to_make() -> None:
    made = wanted(spec("gke-pubsub"))
    assert (made.bootstrap, made.topics) == ("", [])
    assert values(one(made, "Component", "pubsub"))["enableMessageOrdering"] == "true"


def test_a_chat_that_dapr_can_not_carry_is_a_problem_before_sidecars_crash() -> None:
    old = Capabilities(kinds=frozenset(), kubernetes=(1, 34), dapr="1.14.4")
    reasons = [p.reason for p in wanted(spec("local-full"), capabilities=old).problems]
    assert reasons == ["ConversationUnsupported", "MonitoringMissing"]
