"""A real Prometheus scrapes every role and the operator: dashboards show what is there, and every alert that asks these
processes is made to fire by its cause, and ends with it.
Time is short: ranges are a thirtieth, and an alert's patience a hundredth, of what an instance brings.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from taskora.settings import Role
from taskora_operator.desired import alerts, dashboard

from tests.cluster.envtest import ApiServer
from tests.cluster.services import Prometheus
from tests.component.nodes import KUBELET, STATES
from tests.component.watching import NAME, Operator, Watched, hastened
from tests.whole import Whole

from .conftest import until

OTHERS = {**STATES, **KUBELET}  # what others tell about an instance
QUERIES = {
    **{f"alert {alert.name}": alert.expression for alert in (*alerts.INSTANCE, *alerts.OPERATOR)},
    **{
        f"panel {panel.title}: {legend}": query
        for panel in (*dashboard.INSTANCE, *dashboard.OPERATOR)
        for legend, query in panel.lines.items()
    },
}


@dataclass(frozen=True)
class Asked:
    """One selector of a query: a metric, and the labels that choose its series or are kept of them."""

    metric: str
    labels: frozenset[str]


def selectors(node: Any, kept: frozenset[str] = frozenset()) -> Iterator[Asked]:
    """Of a query as Prometheus parsed it."""
    if isinstance(node, list):
        for each in node:
            yield from selectors(each, kept)
    elif isinstance(node, dict):
        if node.get("type") in {"vectorSelector", "matrixSelector"}:
            matched = {matcher["name"] for matcher in node["matchers"]} - {"__name__"}
            yield Asked(node["name"], kept | matched)
        if node.get("type") == "aggregation":
            kept = frozenset(node["grouping"])
        for name in ("expr", "lhs", "rhs", "args", "param"):
            yield from selectors(node.get(name), kept)


WHERE = 'namespace="tasks"'
CROWD = [f"watched-{number}" for number in range(20)]


@dataclass(frozen=True, kw_only=True)
class Watching(Watched):
    whole: Whole


@pytest.fixture(scope="module")
def watched(envtest: ApiServer) -> Iterator[Watching]:
    """Every program as its pod runs it; labels are those that PodMonitors give."""
    for namespace in CROWD:
        envtest.kubectl("create", "namespace", namespace)
    make_instance(envtest, CROWD[0])
    with ExitStack() as running:
        operator = running.enter_context(Operator(envtest, CROWD))
        whole = running.enter_context(Whole())
        ports = {name.split("-")[0]: pod.metrics for name, pod in whole.pods.items()}
        ports |= {"frontend": whole.door.metrics, "operator": operator.metrics}
        targets = {
            f"127.0.0.1:{port}": {"namespace": "tasks", "role": name, "pod": f"taskora-{name}"}
            for name, port in ports.items()
        }
        prometheus = running.enter_context(Prometheus(targets, rules=hastened(WHERE)))
        yield Watching(where=WHERE, whole=whole, operator=operator, server=envtest, prometheus=prometheus)


@pytest.fixture
async def browser(watched: Watching) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator's, signed in."""
    whole = watched.whole
    async with httpx.AsyncClient(base_url=f"{whole.door.url}/api/v1", timeout=30) as browser:

        async def token() -> str:
            asked = await browser.post("/auth/token", json={"email": whole.email, "password": whole.password})
            return asked.json()["token"] if asked.status_code < 300 else ""

        browser.headers["Authorization"] = f"Bearer {await until(token)}"
        yield browser


def make_instance(server: ApiServer, namespace: str, **spec: Any) -> None:
    spec = {"profile": "Local", "version": "1.0.0", "host": "taskora.localhost", **spec}
    made = {"apiVersion": "taskora.dev/v1alpha1", "kind": "TaskoraDeployment", "metadata": {"name": NAME}}
    server.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps({**made, "spec": spec}))


async def make_task(browser: httpx.AsyncClient, **fields: Any) -> None:
    made = await browser.post("/tasks", json={"title": "t", **fields})
    assert made.status_code == 201, made.text


async def test_every_process_is_scraped(watched: Watching) -> None:
    async def up() -> bool:
        found = watched.ask("query", query="up")["result"]
        return len(found) == len(Role) + 1 and all(each["value"][1] == "1" for each in found)

    await until(up)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
async def test_what_is_asked_for_is_really_told(watched: Watching, query: str) -> None:
    asked = [*selectors(watched.ask("parse_query", query=query.replace("{where}", WHERE)))]
    assert asked
    for each in asked:
        if each.metric in OTHERS:
            assert each.labels <= OTHERS[each.metric]
            continue
        found: list[dict[str, str]] = await until(lambda each=each: watched.ask("series", **{"match[]": each.metric}))
        assert each.labels <= set.union(*map(set, found))


async def test_outcomes_that_alerts_wait_for_are_counted_from_zero(watched: Watching) -> None:
    """A rate does not see the first one of a counter that begins with it."""

    async def counted() -> list[Any]:
        return watched.ask("query", query='taskora_events_consumed_total{outcome="buried"} == 0')["result"]

    told = await until(counted)
    assert {"dead-letters", "task-events", "user-events"} <= {each["metric"]["topic"] for each in told}


async def test_a_settled_instance_fires_nothing(watched: Watching) -> None:
    await until(lambda: watched.series("taskora_operator_leader == 1"))
    await until(lambda: watched.firing() <= {"TaskoraInstanceStalled"})


async def test_a_database_that_was_killed_is_told_by_the_requests_that_fail(
    watched: Watching, browser: httpx.AsyncClient
) -> None:
    postgres = watched.whole.postgres
    postgres.process.stop(kill=True)
    try:

        async def told() -> bool:
            assert (await browser.get("/tasks")).status_code >= 500
            return watched.tells("TaskoraRequestsFail", "TaskoraRequestsFailSlowly")

        await until(told)
    finally:
        await asyncio.to_thread(postgres.process.start, postgres.ready)


async def test_a_lock_in_the_database_is_told_by_the_requests_that_wait(
    watched: Watching, browser: httpx.AsyncClient
) -> None:
    await watched.silent("TaskoraRequestsSlow")

    async def told() -> bool:
        lock = "BEGIN; LOCK TABLE tasks; SELECT pg_sleep(1); COMMIT"
        locked = asyncio.create_task(asyncio.to_thread(watched.whole.urls.sql, lock))
        while not locked.done():
            await browser.get("/tasks")
        await locked
        return watched.tells("TaskoraRequestsSlow")

    await until(told)


async def test_a_broker_that_was_killed_is_told_by_what_it_refuses_and_what_waits_for_it(
    watched: Watching, browser: httpx.AsyncClient
) -> None:
    await watched.silent("TaskoraEventsRefused", "TaskoraEventsLate")
    whole = watched.whole
    whole.kafka.process.stop(kill=True)
    try:
        await make_task(browser)
        await until(lambda: watched.tells("TaskoraEventsRefused"))
        # As if it had been away for longer than anybody waits for a test.
        whole.urls.sql("UPDATE outbox SET created_at = created_at - interval '1 minute' WHERE published_at IS NULL")
        await until(lambda: watched.tells("TaskoraEventsLate"))
    finally:
        await asyncio.to_thread(whole.kafka.process.start, whole.kafka.ready)


async def test_a_consumer_that_takes_nothing_is_told_by_the_event_that_waits_for_it(
    watched: Watching, browser: httpx.AsyncClient
) -> None:
    """Its sidecar stops handing over: nothing fails, and the outbox is empty."""
    await watched.silent("TaskoraConsumerBehind")
    late = 'taskora_consumer_lag_seconds{consumer="audit", topic="task-events"}'
    sidecar = watched.whole.pods["audit-0"].sidecar.process
    sidecar.freeze()
    try:
        await make_task(browser)
        newest = "outbox WHERE id = (SELECT max(id) FROM outbox WHERE topic = 'task-events')"
        await until(lambda: watched.whole.urls.sql(f"SELECT 1 FROM {newest} AND published_at IS NOT NULL"))
        # As if it had waited for longer than anybody waits for a test.
        minute_ago = newest.replace("outbox", "outbox SET published_at = published_at - interval '1 minute'", 1)
        watched.whole.urls.sql(f"UPDATE {minute_ago}")
        await until(lambda: watched.tells("TaskoraConsumerBehind"))
        assert watched.series("sum(taskora_outbox_lag_seconds) == 0")
        assert not watched.series(f"{late.replace('audit', 'notifier')} > 60")
    finally:
        sidecar.thaw()
    await until(lambda: watched.series(f"{late} == 0"), seconds=120)


async def test_a_broker_that_stalls_is_told_by_what_reaches_the_pages_late(
    watched: Watching, browser: httpx.AsyncClient
) -> None:
    await watched.silent("TaskoraSyncSlow", "TaskoraEventsLate")
    whole = watched.whole
    waiting = "SELECT 1 FROM outbox WHERE published_at IS NULL AND created_at < now() - interval '3 seconds' LIMIT 1"

    async def told() -> bool:
        whole.kafka.process.freeze()
        try:
            await make_task(browser)
            await until(lambda: whole.urls.sql(waiting))
        finally:
            whole.kafka.process.thaw()
        await until(lambda: not whole.urls.sql(waiting))
        return watched.tells("TaskoraSyncSlow")

    await until(told, seconds=90)


async def test_what_no_sidecar_can_read_is_told_as_a_dead_letter(watched: Watching) -> None:
    await watched.silent("TaskoraDeadLetters")
    await until(lambda: watched.series('taskora_events_consumed_total{topic="task-events", outcome="buried"}'))
    async with AIOKafkaProducer(bootstrap_servers=watched.whole.kafka.bootstrap) as somebody:
        await somebody.send_and_wait("task-events", b"\x00 anything")
    await until(lambda: watched.tells("TaskoraDeadLetters"))


async def test_a_scheduler_that_stalls_is_told_by_what_it_does_late(
    watched: Watching, browser: httpx.AsyncClient
) -> None:
    await watched.silent("TaskoraRemindersLate")
    scheduler = watched.whole.pods["scheduler-0"].process
    scheduler.freeze()
    try:
        await make_task(browser, due_date="2031-05-06", reminders=[{"at": "2031-05-06T07:00:00Z"}])
        five_minutes_ago = "now() - interval '5 minutes'"
        watched.whole.urls.sql(
            f"UPDATE reminders SET fire_at = {five_minutes_ago}; UPDATE tasks SET updated_at = {five_minutes_ago}"
        )
    finally:
        scheduler.thaw()
    await until(lambda: watched.tells("TaskoraRemindersLate"))


async def test_two_masters_of_one_object_are_told_by_the_writes_without_end(watched: Watching) -> None:
    await watched.silent("TaskoraOperatorRunaway")
    service = ["service", "taskora-postgres", "-n", CROWD[0]]
    ours = watched.server.kubectl("get", *service, "-o", "jsonpath={.spec.selector}")
    theirs = json.dumps({"spec": {"selector": {"app.kubernetes.io/component": "theirs"}}})

    async def told() -> bool:
        await asyncio.to_thread(watched.server.kubectl, "patch", *service, "--type=merge", f"--patch={theirs}")
        await until(lambda: watched.server.kubectl("get", *service, "-o", "jsonpath={.spec.selector}") == ours)
        return watched.tells("TaskoraOperatorRunaway")

    await until(told, seconds=90)


@contextmanager
def nobody_answers(server: ApiServer) -> Iterator[None]:
    """Whoever writes the status of an instance waits for a webhook that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as deaf:
        webhook = {
            "name": "deaf.taskora.dev",
            "clientConfig": {"url": f"https://127.0.0.1:{deaf.getsockname()[1]}/"},
            "rules": [
                {
                    "apiGroups": ["taskora.dev"],
                    "apiVersions": ["*"],
                    "resources": ["taskoradeployments/status"],
                    "operations": ["UPDATE"],
                }
            ],
            "namespaceSelector": {
                "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": CROWD}]
            },
            "failurePolicy": "Fail",
            "timeoutSeconds": 3,
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
        kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
        made = {**kind, "metadata": {"name": "deaf"}, "webhooks": [webhook]}
        server.kubectl("create", "-f", "-", stdin=json.dumps(made))
        try:
            yield
        finally:
            server.kubectl("delete", "validatingwebhookconfiguration", "deaf")


async def test_a_webhook_that_does_not_answer_is_told_by_what_fails_and_by_who_waits(watched: Watching) -> None:
    await watched.silent("TaskoraOperatorFails", "TaskoraOperatorBehind")
    with nobody_answers(watched.server):
        for namespace in CROWD[1:]:
            make_instance(watched.server, namespace, paused=True)
        await until(lambda: watched.tells("TaskoraOperatorFails", "TaskoraOperatorBehind"), seconds=120)


async def test_an_operator_that_was_killed_is_told_until_it_is_back(watched: Watching) -> None:
    await watched.silent("TaskoraOperatorLeaderless")
    watched.operator.stop()
    await until(lambda: watched.tells("TaskoraOperatorLeaderless"))
    await asyncio.to_thread(watched.operator.start)
    await watched.silent("TaskoraOperatorLeaderless")


PANELS = {
    f"{panel.title}: {legend}": query
    for panel in (*dashboard.INSTANCE, *dashboard.OPERATOR)
    for legend, query in panel.lines.items()
    if not any(metric in query for metric in OTHERS)
}


@pytest.mark.parametrize("query", PANELS.values(), ids=PANELS)
async def test_a_panel_shows_what_happened(watched: Watching, query: str) -> None:
    """After all of the above; what the kubelet and kube-state-metrics tell is not here."""
    await until(lambda: [each for each in watched.series(query) if each["value"][1] != "NaN"])


async def test_an_instance_that_waits_for_somebody_is_told_until_it_is_gone(watched: Watching) -> None:
    """From the beginning: this cluster has no Dapr."""
    await until(lambda: watched.tells("TaskoraInstanceStalled"))
    watched.server.kubectl("delete", "-n", CROWD[0], "tkd/taskora")
    await watched.silent("TaskoraInstanceStalled")


async def test_every_alert_that_asks_these_processes_has_fired_and_ends(watched: Watching) -> None:
    asking = {
        alert.name
        for alert in (*alerts.INSTANCE, *alerts.OPERATOR)
        if not any(metric in alert.expression for metric in OTHERS)
    }
    assert watched.fired == asking
    await until(lambda: not watched.firing(), seconds=120)
