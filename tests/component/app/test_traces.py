"""One trace from a browser's request to the audit log, through every process and sidecar on its way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

import httpx
import pytest
from taskora.domain.trace import parse
from taskora.tracing import Tracing

from tests.cluster.services import Kafka, Postgres, Redis

from .collector import Collector, Span, collecting, collecting_grpc
from .conftest import PASSWORD, Urls, numbers, until
from .sidecars import Pod, make_topics
from .web.doors import Door

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@dataclass
class Traced:
    urls: Urls
    collector: Collector
    door: Door
    audit: Pod


@pytest.fixture(scope="module")
def traced(postgres: Postgres) -> Iterator[Traced]:
    urls = Urls(postgres, f"traced_{next(numbers)}")
    postgres.sql(f"CREATE DATABASE {urls.name} TEMPLATE template_taskora OWNER taskora_owner")
    with ExitStack() as running, pytest.MonkeyPatch.context() as environment:
        collector = running.enter_context(collecting())
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        environment.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        environment.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
        environment.setenv("OTEL_TRACES_SAMPLER_ARG", "1")
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        kafka, redis = running.enter_context(Kafka()), running.enter_context(Redis())
        asyncio.run(make_topics(kafka))
        backend = running.enter_context(Pod("backend", urls=urls, kafka=kafka))
        audit = running.enter_context(Pod("audit", urls=urls, kafka=kafka))
        door = running.enter_context(Door(backend=backend, kafka=kafka, redis=redis))
        yield Traced(urls, collector, door, audit)


async def test_one_trace_leads_from_the_request_to_the_line_of_the_audit_log(traced: Traced) -> None:
    async with httpx.AsyncClient(base_url=f"{traced.door.url}/api/v1", timeout=30) as browser:
        who = {"email": "ada@example.org", "password": PASSWORD, "display_name": "Ada", "time_zone": "UTC"}
        origin = {"Origin": traced.door.url}

        async def joined() -> bool:
            answer = await browser.post("/auth/register", json=who, headers=origin)
            if answer.status_code == 409:  # made while the frontend was still starting
                answer = await browser.post(
                    "/auth/login", json={"email": who["email"], "password": PASSWORD}, headers=origin
                )
            return answer.status_code < 300

        await until(joined, seconds=60)
        made = await browser.post("/tasks", json={"title": "Seen"}, headers={**origin, "traceparent": PARENT})
        assert made.status_code == 201, made.text
        refused = await browser.get("/tasks/none-such", headers={"traceparent": PARENT})
        assert refused.status_code in {404, 422}
    trace_id = PARENT.split("-")[1]
    wanted = {
        ("frontend", "POST /api/{path:path}"),
        ("frontend", "invoke backend"),
        ("backend", "POST /api/v1/tasks"),
        ("backend", "transaction"),
        ("backend", "publish task-events"),
        ("audit", "take task-events"),
        ("frontend", "POST /events/task-events"),
    }

    def missing() -> set[tuple[str, str]]:
        return wanted - {(span.service, span.name) for span in traced.collector.trace(trace_id)}

    await until(lambda: not missing(), seconds=60)
    spans = traced.collector.trace(trace_id)
    assert not [span for span in spans if span.failed and span.ours]
    assert [span.attributes["taskora.request_id"] for span in named(spans, "POST /api/v1/tasks")] == [
        made.headers["x-request-id"]
    ]
    effect = named(spans, "take task-events")[0]
    assert effect.parent_id in {span.span_id for span in spans if span.service == "backend"}
    assert traced.urls.sql("SELECT count(*) FROM audit_log WHERE action = 'dev.taskora.task.created.v1'") == "1"


def named(spans: list[Span], name: str) -> list[Span]:
    return [span for span in spans if span.name == name]


async def test_log_lines_name_the_trace_and_the_request(traced: Traced) -> None:
    for log in (traced.door.log, traced.audit.log):
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        told = [line for line in lines if line["logger"] == "taskora.http"]
        assert told
        assert all(len(line["trace_id"]) == 32 and line["request_id"] for line in told)


async def test_what_nobody_asked_for_leaves_no_trace(traced: Traced) -> None:
    """The relay looks for work ten times a second, probes come from the kubelet."""
    roots = {span.name for span in traced.collector.spans if span.ours and not span.parent_id}
    assert "POST /api/v1/auth/register" in roots
    assert not roots & {"statements", "transaction", "GET /healthz", "GET /readyz"}


@pytest.mark.parametrize(("protocol", "collects"), [("grpc", collecting_grpc), ("http/protobuf", collecting)])
def test_spans_are_sent_by_either_protocol_with_who_sends_them(
    protocol: str, collects: Callable[[], AbstractContextManager[Collector]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with collects() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
        tracing = Tracing(role="notifier", version="1.0.0", instance="taskora", namespace="tasks", pod="notifier-1")
        tracing.begin("take task-events", kind="consumer", parent=parse(PARENT)).end(failed="ServiceBusy")
        tracing.close(within=30)
        (span,) = collector.spans
    assert (span.service, span.name, span.failed) == ("notifier", "take task-events", True)
    assert f"00-{span.trace_id}-{span.parent_id}-01" == PARENT


def test_what_the_caller_does_not_keep_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
        monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "1")
        tracing = Tracing(role="backend", version="1.0.0", instance="taskora", namespace="tasks", pod="backend-1")
        begun = tracing.begin("GET", kind="server", parent=parse(f"{PARENT[:-2]}00"))
        begun.end()
        tracing.close(within=30)
        assert collector.spans == []
    assert begun.trace.traceparent.endswith("-00")
