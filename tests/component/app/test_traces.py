"""One trace from a browser's request to the audit log, through every process and sidecar on its way, read in Jaeger."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from uuid import uuid4

import httpx
import pytest
from taskora.domain.trace import parse
from taskora.tracing import Tracing

from tests.cluster.services import Jaeger, Kafka, Postgres, Redis

from .conftest import PASSWORD, Urls, numbers, until
from .sidecars import Pod, make_topics
from .web.doors import Door

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    failed: bool
    ours: bool  # else a sidecar's
    attributes: Mapping[str, Any]


def found(jaeger: Jaeger, path: str, **parameters: str) -> list[Span]:
    """The spans that Jaeger gives out, as they came; none where it has none."""
    try:
        told = jaeger.ask(path, **parameters)["result"]["resourceSpans"]
    except HTTPError as error:
        if error.code != 404:
            raise
        return []
    return [
        Span(
            attributes(resource["resource"])["service.name"],
            span["name"],
            span["traceId"],
            span["spanId"],
            span.get("parentSpanId", ""),
            span["status"].get("code") == 2,
            scope["scope"].get("name") == "taskora",
            attributes(span),
        )
        for resource in told
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def attributes(told: Mapping[str, Any]) -> dict[str, Any]:
    return {each["key"]: next(iter(each["value"].values())) for each in told.get("attributes", ())}


def trace(jaeger: Jaeger, trace_id: str) -> list[Span]:
    return found(jaeger, f"traces/{trace_id}", raw_traces="true")


def traces(jaeger: Jaeger, service: str) -> list[Span]:
    """All that begins or passes at the service."""
    since, now = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC)
    when = {"query.start_time_min": since.isoformat(), "query.start_time_max": now.isoformat()}
    return found(jaeger, "traces", **when, **{"query.service_name": service, "query.num_traces": "10000"})


@pytest.fixture(scope="module")
def jaeger() -> Iterator[Jaeger]:
    with Jaeger() as running:
        yield running


@dataclass
class Traced:
    urls: Urls
    jaeger: Jaeger
    door: Door
    audit: Pod


@pytest.fixture(scope="module")
def traced(postgres: Postgres, jaeger: Jaeger) -> Iterator[Traced]:
    urls = Urls(postgres, f"traced_{next(numbers)}")
    postgres.sql(f"CREATE DATABASE {urls.name} TEMPLATE template_taskora OWNER taskora_owner")
    with ExitStack() as running, pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", jaeger.url)
        environment.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        environment.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
        environment.setenv("OTEL_TRACES_SAMPLER_ARG", "1")
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        kafka, redis = running.enter_context(Kafka()), running.enter_context(Redis())
        asyncio.run(make_topics(kafka))
        backend = running.enter_context(Pod("backend", urls=urls, kafka=kafka))
        audit = running.enter_context(Pod("audit", urls=urls, kafka=kafka))
        door = running.enter_context(Door(backend=backend, kafka=kafka, redis=redis))
        yield Traced(urls, jaeger, door, audit)


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
        ("audit", "transaction"),
        ("frontend", "pass on task-events"),
    }

    def whole() -> bool:
        """Every process tells its spans when it likes, so one may be there before those above it."""
        spans = trace(traced.jaeger, trace_id)
        above = {span.parent_id for span in spans} - {span.span_id for span in spans}
        return wanted <= {(span.service, span.name) for span in spans} and above == {PARENT.split("-")[2]}

    await until(whole, seconds=60)
    spans = trace(traced.jaeger, trace_id)
    assert not [span for span in spans if span.failed and span.ours]
    assert [span.attributes["taskora.request_id"] for span in named(spans, "POST /api/v1/tasks")] == [
        made.headers["x-request-id"]
    ]
    (kept,) = [span for span in named(spans, "transaction") if span.service == "audit"]
    (published,) = named(spans, "publish task-events")
    committed = [
        ("frontend", "POST /api/{path:path}"),
        ("frontend", "invoke backend"),
        ("backend", "POST /api/v1/tasks"),
        ("backend", "transaction"),
    ]
    assert way(spans, published) == [*committed, ("backend", "publish task-events")]
    assert way(spans, kept) == [*committed, ("audit", "take task-events"), ("audit", "transaction")]
    assert traced.urls.sql("SELECT count(*) FROM audit_log WHERE action = 'dev.taskora.task.created.v1'") == "1"


def way(spans: list[Span], last: Span) -> list[tuple[str, str]]:
    """From the browser to this one, each below the one before: roles and names, sidecars left out."""
    known = {span.span_id: span for span in spans}
    steps = [last]
    while (above := known.get(steps[0].parent_id)) is not None:
        steps.insert(0, above)
    assert steps[0].parent_id == PARENT.split("-")[2]
    return [(span.service, span.name) for span in steps if span.ours]


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

    def roots() -> set[str]:
        told = [span for service in ("frontend", "backend", "audit") for span in traces(traced.jaeger, service)]
        return {span.name for span in told if span.ours and not span.parent_id}

    await until(lambda: "POST /api/v1/auth/register" in roots())
    assert not roots() & {"statements", "transaction", "GET /healthz", "GET /readyz"}


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
async def test_spans_are_sent_by_either_protocol_with_who_sends_them(
    protocol: str, jaeger: Jaeger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", jaeger.grpc if protocol == "grpc" else jaeger.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    tracing = Tracing(role="notifier", version="1.0.0", instance="taskora", namespace="tasks", pod="notifier-1")
    parent = f"00-{uuid4().hex}-00f067aa0ba902b7-01"
    tracing.begin("take task-events", kind="consumer", parent=parse(parent)).end(failed="ServiceBusy")
    tracing.close(within=30)
    (span,) = await until(lambda: trace(jaeger, parent.split("-")[1]))
    assert (span.service, span.name, span.failed) == ("notifier", "take task-events", True)
    assert f"00-{span.trace_id}-{span.parent_id}-01" == parent


async def test_what_the_caller_does_not_keep_is_not_sent(jaeger: Jaeger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", jaeger.url)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    tracing = Tracing(role="insights", version="1.0.0", instance="taskora", namespace="tasks", pod="insights-1")
    kept, dropped = (f"00-{uuid4().hex}-00f067aa0ba902b7-0{flag}" for flag in (1, 0))
    for parent in (kept, dropped):
        begun = tracing.begin("GET", kind="server", parent=parse(parent))
        begun.end()
    tracing.close(within=30)
    sent = await until(lambda: {span.trace_id for span in traces(jaeger, "insights")})
    assert sent == {kept.split("-")[1]}
    assert begun.trace.traceparent.endswith("-00")
