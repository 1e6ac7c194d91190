"""What every port does before a route sees the request."""

import json
import logging

import httpx
import pytest
from fastapi import FastAPI, Request
from prometheus_client import REGISTRY
from taskora import telemetry
from taskora.asgi import BodyLimit, Health, TokenGuard, application
from taskora.domain.problems import ServiceBusy
from taskora.telemetry import JsonLines, Observed


def app() -> FastAPI:
    built = application(Health())

    @built.post("/echo/{name}")
    async def echo(name: str, request: Request) -> int:
        telemetry.bind_user("somebody")
        return len(await request.body())

    @built.get("/busy")
    async def busy() -> None:
        raise ServiceBusy

    @built.get("/broken")
    async def broken() -> None:
        raise RuntimeError("secret detail")

    @built.get("/number")
    async def number(n: int) -> int:
        return n

    return built


def client(asgi: object) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=asgi, raise_app_exceptions=False)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://app")


async def test_only_the_sidecar_passes_but_probes_need_no_token() -> None:
    async with client(TokenGuard(app(), token="t0ken")) as http:
        assert (await http.get("/healthz")).status_code == 200
        refused = await http.get("/busy", headers={"dapr-api-token": "other"})
        assert (refused.status_code, refused.json()["type"]) == (401, "urn:taskora:problem:only_the_sidecar")
        assert (await http.get("/busy", headers={"dapr-api-token": "t0ken"})).status_code == 503


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_that_is_too_large_is_refused_declared_or_not(declared: bool) -> None:
    async def pieces():
        for _ in range(4):
            yield b"x" * 10

    async with client(BodyLimit(app(), limit=30)) as http:
        refused = await http.post("/echo/a", content=b"x" * 40 if declared else pieces())
        assert (refused.status_code, refused.headers["content-type"]) == (413, "application/problem+json")
        assert (await http.post("/echo/a", content=b"x" * 30)).json() == 30


@pytest.mark.parametrize(
    ("path", "status"), [("/busy", 503), ("/broken", 500), ("/number?n=x", 422), ("/nowhere", 404), ("/echo/a", 405)]
)
async def test_every_error_is_a_problem_document(path: str, status: int) -> None:
    async with client(app()) as http:
        answer = await http.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "errors"} <= answer.json().keys()
    assert "secret detail" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_readiness_ends_when_draining_begins_and_liveness_does_not() -> None:
    health = Health()
    async with client(application(health)) as http:
        assert (await http.get("/readyz")).status_code == 200
        health.draining = True
        assert (await http.get("/readyz")).status_code == 503
        assert (await http.get("/healthz/consume")).status_code == 503
        assert (await http.get("/healthz")).status_code == 200


async def test_metrics_name_the_route_and_never_the_path() -> None:
    labels = {"method": "POST", "route": "/echo/{name}", "status": "200"}
    before = REGISTRY.get_sample_value("taskora_http_requests_total", labels) or 0
    async with client(Observed(app())) as http:
        await http.post("/echo/private-name")
        await http.get("/private-nowhere")
    assert REGISTRY.get_sample_value("taskora_http_requests_total", labels) == before + 1
    assert not [s for m in REGISTRY.collect() for s in m.samples if "private" in str(s.labels)]


async def test_a_log_line_says_who_asked_for_what_and_follows_the_trace(caplog: pytest.LogCaptureFixture) -> None:
    lines: list[dict[str, object]] = []
    formatter = JsonLines(role="backend")

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(formatter.format(record)))

    log = logging.getLogger("taskora.http")
    handler = Kept()
    log.addHandler(handler)
    caplog.set_level(logging.INFO, logger="taskora.http")
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    try:
        async with client(Observed(app())) as http:
            answer = await http.post(
                "/echo/a",
                headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01", "x-request-id": 'forged"\n{"level":1}'},
            )
    finally:
        log.removeHandler(handler)
    (line,) = lines
    assert (line["role"], line["trace_id"], line["status"]) == ("backend", trace_id, 200)
    assert line["request_id"] == answer.headers["x-request-id"]
    assert "forged" not in str(line)
    assert "somebody" not in str(line)
    assert len(str(line["user_id"])) == 12


def test_a_log_line_is_one_line_of_json_whatever_is_in_it() -> None:
    record = logging.makeLogRecord({"msg": "two\nlines \ud800 %s", "args": (float("nan"),), "odd": object()})
    line = JsonLines(role="audit").format(record)
    assert "\n" not in line
    assert json.loads(line)["role"] == "audit"
