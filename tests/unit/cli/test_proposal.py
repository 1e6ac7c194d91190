"""`kubectl taskora plan`: the text and the data of a proposal."""

from typing import Any

from kubectl_taskora.differences import Difference
from kubectl_taskora.proposal import Change, Proposal, data, effect, render
from kubectl_taskora.waves import Does
from taskora_operator.desired.model import Gate, Key, Problem, Topic
from taskora_operator.reconcile.topics import TopicPlan

from tests.unit.cli.screens import same_as_reviewed

LABEL = Difference("metadata.labels.app.kubernetes.io/version", "1.0.0", "1.1.0")
IMAGE = Difference("spec.template.spec.containers[app].image", "ghcr.io/taskora/app:1.0.0", "ghcr.io/taskora/app:1.1.0")
ROLL = "pods are replaced one by one, serving on"


def deployment(role: str) -> Key:
    return Key("apps/v1", "Deployment", f"taskora-{role}")


def upgrade() -> Proposal:
    accounts = [
        Change(Does.CHANGE, Key("v1", "ServiceAccount", f"a{n}"), Gate.FOUNDATION, "", [LABEL]) for n in range(6)
    ]
    config = Difference(
        "data.postgresql.conf", "port = 5432\nmax_connections = '100'", "port = 5432\nmax_connections = '200'"
    )
    hash_ = Difference("spec.template.metadata.annotations.taskora.dev/config-hash", "a", "b")
    restart = "PostgreSQL restarts: writes wait for it, for some seconds"
    return Proposal(
        name="taskora",
        namespace="tasks",
        new=False,
        spec=[Difference("spec.version", "1.0.0", "1.1.0"), Difference("spec.backend.replicas", None, "3")],
        changes=[
            *accounts,
            Change(Does.DELETE, Key("networking.k8s.io/v1", "NetworkPolicy", "taskora-old"), Gate.FOUNDATION),
            Change(Does.CHANGE, Key("v1", "ConfigMap", "taskora-postgres"), Gate.DATA, "", [LABEL, config]),
            Change(Does.CHANGE, Key("apps/v1", "StatefulSet", "taskora-postgres"), Gate.DATA, restart, [LABEL, hash_]),
            Change(Does.CREATE, Key("batch/v1", "Job", "taskora-migrate-1-1-0"), Gate.SCHEMA, "migrates the database"),
            Change(
                Does.CHANGE,
                deployment("backend"),
                Gate.BACKEND,
                f"2 pods → 3; {ROLL}",
                [LABEL, Difference("spec.replicas", "2", "3"), IMAGE],
            ),
            Change(Does.CHANGE, deployment("audit"), Gate.BACKEND, ROLL, [LABEL, IMAGE]),
            Change(Does.CHANGE, deployment("notifier"), Gate.BACKEND, ROLL, [LABEL, IMAGE]),
            Change(Does.CHANGE, deployment("frontend"), Gate.FRONTEND, ROLL, [LABEL, IMAGE]),
        ],
        topics=TopicPlan(
            create=[], grow=[Topic("task-events", 6, 1)], alter=[Topic("user-events", 2, 3_600_000 * 48)], problems=[]
        ),
        problems=[Problem("PrerequisitesMet", "SecretMissing", "The Secret managed-database is missing. Make it.")],
        notes=["The instance is paused: none of this happens before `kubectl taskora resume`."],
    )


def test_an_upgrade_reads_from_top_to_bottom_as_it_will_happen() -> None:
    same_as_reviewed("plan-upgrade", render(upgrade()))


def test_brief_leaves_the_fields_out() -> None:
    text = render(upgrade(), fields=False)
    same_as_reviewed("plan-brief", text)
    assert "containers[app]" not in text


def test_pods_that_follow_a_new_configuration_alike_are_told_once() -> None:
    def follows(role: str, digest: str) -> Change:
        hash_ = Difference("spec.template.metadata.annotations.taskora.dev/config-hash", "0", digest)
        return Change(Does.CHANGE, deployment(role), Gate.BACKEND, ROLL, [hash_])

    text = render(Proposal("taskora", "tasks", new=False, changes=[follows("audit", "1"), follows("notifier", "2")]))
    assert "2 Deployments: taskora-audit, taskora-notifier" in text


def test_no_change_is_one_sentence() -> None:
    proposal = Proposal(name="taskora", namespace="tasks", new=False)
    assert proposal.empty
    assert render(proposal) == "taskora in namespace tasks: nothing would change."
    assert data(proposal)["changes"] is False


def test_topics_alone_are_a_change() -> None:
    topics = TopicPlan(create=[Topic("task-events", 3, 1)], grow=[], alter=[], problems=[])
    proposal = Proposal(name="taskora", namespace="tasks", new=False, topics=topics)
    assert not proposal.empty
    assert "+ 1 topic: task-events" in render(proposal)


def test_a_topic_that_cannot_shrink_is_told() -> None:
    problem = Problem("TopicsReady", "TopicShrink", "Topic task-events has 6 partitions and 3 are asked for.")
    topics = TopicPlan(create=[], grow=[], alter=[], problems=[problem])
    assert "✗ TopicShrink: Topic task-events has 6" in render(Proposal("taskora", "tasks", new=False, topics=topics))


def test_programs_get_every_field() -> None:
    told = data(upgrade())
    backend = next(o for o in told["objects"] if o["name"] == "taskora-backend")
    assert backend["action"] == "change"
    assert backend["gate"] == "backend"
    assert {"path": "spec.replicas", "before": "2", "after": "3"} in backend["fields"]
    assert told["topics"] == [
        {"name": "task-events", "change": "to 6 partitions"},
        {"name": "user-events", "change": "events are kept for 48 h"},
    ]


def test_what_people_notice_is_told_by_what_changes() -> None:
    def manifest(replicas: int = 1, image: str = "a") -> dict[str, Any]:
        return {"spec": {"replicas": replicas, "template": {"spec": {"image": image}}}}

    def told(component: str, after: dict[str, Any], kind: str = "Deployment") -> str:
        return effect(Key("apps/v1", kind, "x"), component=component, before=manifest(), after=after)

    assert told("backend", manifest()) == ""
    assert told("backend", manifest(replicas=3)) == "1 pod → 3"
    assert told("backend", manifest(image="b")) == ROLL
    assert told("backend", manifest(replicas=0, image="b")) == "1 pod → 0"
    assert told("postgres", manifest(image="b"), "StatefulSet").startswith("PostgreSQL restarts")
    assert told("postgres", manifest(image="b"), "Service") == ""
