"""A real Prometheus scrapes every role and the operator: alerts and dashboards ask for what is really there."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from taskora.settings import Role
from taskora_operator.desired import alerts, dashboard

from tests.cluster.envtest import ApiServer
from tests.cluster.process import Process, answers, free_port
from tests.cluster.services import Postgres, Prometheus

from .conftest import Urls, join, numbers, until

SAMPLES = Path(__file__).parents[3] / "manifests" / "samples"
ROLE = {
    "TASKORA_SESSION_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "TASKORA_HOST": "127.0.0.1",
    "TASKORA_DRAIN_SECONDS": "0",
    "DAPR_HTTP_ENDPOINT": "http://127.0.0.1:9",
}
# What others tell about an instance: kube-state-metrics and the kubelet, with labels that their documents promise.
OTHERS = {
    "kube_deployment_spec_replicas": {"namespace", "deployment"},
    "kube_deployment_status_replicas_available": {"namespace", "deployment"},
    "kube_job_failed": {"namespace", "job_name", "condition"},
    "kube_pod_container_status_restarts_total": {"namespace", "pod", "container"},
    "kubelet_volume_stats_available_bytes": {"namespace", "persistentvolumeclaim"},
    "kubelet_volume_stats_capacity_bytes": {"namespace", "persistentvolumeclaim"},
    "container_cpu_usage_seconds_total": {"namespace", "pod", "container"},
    "container_memory_working_set_bytes": {"namespace", "pod", "container"},
}
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


class Program:
    """One of ours as its pod runs it, on ports of its own."""

    def __init__(self, name: str, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self.name, self.metrics, self._words = name, free_port(), words
        self._app = free_port()
        self.url = f"http://127.0.0.1:{self._app}"
        self._environment = {
            **environment,
            "TASKORA_APP_PORT": str(self._app),
            "TASKORA_WEB_PORT": str(free_port()),
            "TASKORA_METRICS_PORT": str(self.metrics),
            "TASKORA_OPERATOR_PROBE_PORT": str(free_port()),
            "TASKORA_OPERATOR_METRICS_PORT": str(self.metrics),
        }

    def process(self, folder: Path) -> Process:
        log = folder / f"{self.name}.log"
        self.it = Process(sys.executable, "-m", *self._words, log=log, env={**os.environ, **self._environment})
        return self.it

    def start(self) -> None:
        """Until it tells its metrics; a role has then answered a request."""
        self.it.start(lambda: answers(self.metrics), seconds=180)
        if self.name in {role.value for role in Role}:
            httpx.get(self.url, timeout=30)


@dataclass(frozen=True)
class Watched:
    prometheus: Prometheus
    programs: Mapping[str, Program]

    def ask(self, path: str, **parameters: str) -> Any:
        return self.prometheus.ask(path, **parameters)

    def firing(self) -> set[str]:
        return {each["labels"]["alertname"] for each in self.ask("alerts")["alerts"] if each["state"] == "firing"}


@pytest.fixture(scope="module")
def watched(postgres: Postgres, envtest: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Every program as its pod runs it, but without sidecars: labels are those that PodMonitors give."""
    folder = tmp_path_factory.mktemp("watched")
    urls = Urls(postgres, f"watched_{next(numbers)}")
    postgres.sql(f"CREATE DATABASE {urls.name} TEMPLATE template_taskora OWNER taskora_owner")
    namespace = urls.name.replace("_", "-")
    envtest.kubectl("create", "namespace", namespace)
    envtest.kubectl("apply", "-n", namespace, "-f", "-", stdin=(SAMPLES / "local.yaml").read_text())
    programs = [
        Program(role.value, ("taskora", "serve", role.value), {**ROLE, "TASKORA_DATABASE_URL": urls.app})
        for role in Role
    ]
    operator = {
        "KUBECONFIG": str(envtest.kubeconfig),
        "TASKORA_OPERATOR_NAMESPACE": namespace,
        "TASKORA_OPERATOR_WATCH_NAMESPACES": namespace,
        "TASKORA_OPERATOR_IDENTITY": "watched",
    }
    programs.append(Program("operator", ("taskora_operator",), operator))
    with ExitStack() as running, ThreadPoolExecutor(len(programs)) as side_by_side:
        for program in programs:
            running.callback(program.process(folder).stop, kill=True)
        list(side_by_side.map(Program.start, programs))
        targets = {
            f"127.0.0.1:{each.metrics}": {"namespace": "tasks", "role": each.name, "pod": f"taskora-{each.name}"}
            for each in programs
        }
        told = alerts.rules((*alerts.INSTANCE, *alerts.OPERATOR), where='namespace="tasks"', name="taskora")
        at_once = [{name: value for name, value in rule.items() if name != "for"} for rule in told]
        prometheus = running.enter_context(Prometheus(targets, rules=at_once))
        yield Watched(prometheus, {each.name: each for each in programs})


async def test_every_process_is_scraped(watched: Watched) -> None:
    async def up() -> bool:
        found = watched.ask("query", query="up")["result"]
        return len(found) == len(Role) + 1 and all(each["value"][1] == "1" for each in found)

    await until(up)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
async def test_what_is_asked_for_is_really_told(watched: Watched, query: str) -> None:
    asked = [*selectors(watched.ask("parse_query", query=query.replace("{where}", 'namespace="tasks"')))]
    assert asked
    for each in asked:
        if each.metric in OTHERS:
            assert each.labels <= OTHERS[each.metric]
            continue
        found: list[dict[str, str]] = await until(lambda each=each: watched.ask("series", **{"match[]": each.metric}))
        assert each.labels <= set.union(*map(set, found))


async def test_outcomes_that_alerts_wait_for_are_counted_from_zero(watched: Watched) -> None:
    """A rate does not see the first one of a counter that begins with it."""

    async def counted() -> list[Any]:
        return watched.ask("query", query='taskora_events_consumed_total{outcome="buried"} == 0')["result"]

    told = await until(counted)
    assert {"dead-letters", "task-events", "user-events"} <= {each["metric"]["topic"] for each in told}


# What is wrong is told, by the alerts that an instance brings, here without their patience.


async def test_a_settled_instance_fires_nothing(watched: Watched) -> None:
    await until(lambda: watched.ask("query", query="taskora_operator_leader == 1")["result"])
    await until(lambda: not watched.firing())


async def test_a_sidecar_that_is_away_is_told(watched: Watched, postgres: Postgres) -> None:
    """No role here has one: events wait in the outbox."""
    async with httpx.AsyncClient(base_url=f"{watched.programs['backend'].url}/api/v1", timeout=30) as api:
        await join(api)
    await until(lambda: "TaskoraEventsRefused" in watched.firing(), seconds=60)


async def test_the_first_dead_letter_is_told(watched: Watched) -> None:
    async with httpx.AsyncClient(base_url=watched.programs["audit"].url, timeout=30) as sidecar:
        assert (await sidecar.post("/events/dead-letters", content=b"\x00 anything")).json() == {"status": "SUCCESS"}
    await until(lambda: "TaskoraDeadLetters" in watched.firing(), seconds=60)


async def test_an_operator_that_was_killed_is_told_until_it_is_back(watched: Watched) -> None:
    operator = watched.programs["operator"]
    operator.it.stop(kill=True)
    await until(lambda: "TaskoraOperatorLeaderless" in watched.firing(), seconds=60)
    await asyncio.to_thread(operator.start)
    await until(lambda: "TaskoraOperatorLeaderless" not in watched.firing(), seconds=120)


async def test_a_database_that_was_killed_is_told_by_the_requests_that_fail(
    watched: Watched, postgres: Postgres
) -> None:
    postgres.process.stop(kill=True)
    try:
        async with httpx.AsyncClient(base_url=f"{watched.programs['backend'].url}/api/v1", timeout=30) as api:

            async def told() -> bool:
                asked = await api.get("/me", headers={"Taskora-Session": "somebody's"})
                assert asked.status_code == 503
                return "TaskoraRequestsFail" in watched.firing()

            await until(told, seconds=60)
    finally:
        await asyncio.to_thread(postgres.process.start, postgres.ready)
