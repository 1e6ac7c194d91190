"""What a process says about the requests it answers."""

import os
import subprocess
import sys

import httpx
from prometheus_client import REGISTRY
from taskora import telemetry
from taskora.asgi import Health, application
from taskora.domain.problems import NotFound, ServiceBusy
from taskora.telemetry import Observed

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def answered(route: str, status: int) -> float:
    labels = {"method": "GET", "route": route, "status": str(status)}
    return REGISTRY.get_sample_value("taskora_http_requests_total", labels) or 0


async def test_a_probe_that_says_no_is_no_request_that_failed() -> None:
    async def missing() -> str:
        return "The database is away."

    transport = httpx.ASGITransport(app=Observed(application(Health(ready=missing))))
    async with httpx.AsyncClient(transport=transport, base_url="http://pod") as client:
        before = answered("unmatched", 404)
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/nowhere")).status_code == 404
    assert answered("/readyz", 503) == 0
    assert answered("unmatched", 404) == before + 1


def test_without_a_collector_a_step_is_where_its_unit_is() -> None:
    with telemetry.unit("GET", kind="server", traceparent=PARENT) as begun:
        assert begun.context.trace.trace_id == PARENT.split("-")[1]
        with telemetry.step("invoke backend") as parent:
            assert parent == telemetry.traceparent() == begun.context.trace.traceparent
        with telemetry.step("publish task-events", traceparent=PARENT) as parent:
            assert parent == PARENT
    assert (telemetry.traceparent(), telemetry.request_id()) == ("", "")


def test_what_was_bound_in_a_step_is_known_to_the_whole_request() -> None:
    with telemetry.unit("GET", kind="server") as begun:
        with telemetry.step("statements"):
            telemetry.bind_user("somebody")
        assert begun.context.user


def test_an_answer_that_says_no_is_no_failure_of_the_step() -> None:
    assert telemetry.failure(None) == telemetry.failure(NotFound("There is no such task.")) == ""
    assert telemetry.failure(ServiceBusy("No connection came free.")) == "ServiceBusy"
    assert telemetry.failure(RuntimeError("?")) == "RuntimeError"


def test_a_collector_that_is_away_does_not_hold_up_the_end() -> None:
    """In a process of its own: the thread that tries again goes on, and draws from the `random` of everyone."""
    end = (
        "import time; from taskora.tracing import Tracing\n"
        "tracing = Tracing(role='backend', version='1.0.0', instance='taskora', namespace='tasks', pod='backend-1')\n"
        "tracing.begin('GET', kind='server', parent=None).end()\n"
        "begun = time.monotonic(); tracing.close(within=0.1); print(time.monotonic() - begun)"
    )
    environment = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-c", end], capture_output=True, text=True, check=True, env=environment, timeout=30
    )
    assert float(done.stdout) < 5


def test_where_no_traces_are_wanted_nothing_is_loaded_that_sends_them() -> None:
    look = "import sys, taskora.roles.backend, taskora.roles.serve; print('opentelemetry.sdk' in sys.modules)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "False\n"
