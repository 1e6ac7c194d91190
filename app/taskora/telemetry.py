"""What a running process says about itself: JSON logs, RED metrics per route, the trace it is part of.

One `Observed` middleware around an application gives every request its id, its place in a trace, a log line and its
metrics. It is plain ASGI: Starlette's BaseHTTPMiddleware costs two thirds of the throughput.
"""

import contextlib
import json
import logging
import os
import re
import sys
import time
from collections.abc import Generator
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2s
from typing import TYPE_CHECKING, Any

from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from taskora.clock import new_id
from taskora.domain.problems import Problem
from taskora.domain.trace import Trace, follow, parse

if TYPE_CHECKING:
    from taskora.tracing import Tracing

REQUESTS = Counter("taskora_http_requests", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "taskora_http_request_seconds",
    "Time from the first byte of a request to the last of its answer",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
INFO = Gauge("taskora_info", "Which role and release this process is", ["role", "version", "instance"])

# What a caller may name its request; anything else is replaced, so that a log line can't be forged.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
QUIET = frozenset({"/healthz", "/readyz", "/healthz/consume", "/metrics"})
_JSON = json.JSONEncoder(default=str)
RECORD_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "color_message"}


@dataclass
class Context:
    """What every log line of one request, event or background turn carries."""

    request_id: str
    trace: Trace
    user: str | None = None


_context: ContextVar[Context | None] = ContextVar("taskora_context", default=None)
# Where in the trace a step of the present unit is.
_step: ContextVar[Trace | None] = ContextVar("taskora_step", default=None)
# Set where traces are collected; without it a trace is ids in logs, headers and events.
_tracing: "Tracing | None" = None


class unit:  # noqa: N801 -- used as a function: `with unit("POST", kind="server") as begun:`
    """What comes in and is dealt with as a whole: a request, an event, a user's turn. It opens a `context`.

    It follows `traceparent` where that is well formed, and keeps `request_id` where a log can.
    """

    def __init__(self, name: str, *, kind: str, traceparent: str | None = None, request_id: str | None = None) -> None:
        parent = parse(traceparent)
        self._span = _tracing.begin(name, kind=kind, parent=parent) if _tracing else None
        trace = self._span.trace if self._span else follow(parent, entropy=os.urandom(24))
        if not (request_id and REQUEST_ID.fullmatch(request_id)):
            request_id = new_id().hex
        self.context = Context(request_id, trace)

    def tell(self, name: str, **attributes: str | int) -> None:
        """Its name and attributes in the trace (`__` for dots), where they are known at its end alone."""
        if self._span:
            self._span.tell(name, taskora__request_id=self.context.request_id, **attributes)

    def __enter__(self) -> "unit":
        self._outer, self._outer_step = _context.set(self.context), _step.set(None)
        return self

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        _context.reset(self._outer)
        _step.reset(self._outer_step)
        if self._span:
            self._span.end(failed=failure(error))


@contextlib.contextmanager
def step(name: str, *, kind: str = "internal", traceparent: str = "") -> Generator[str]:
    """A call within a unit, or on behalf of one that is over and left its `traceparent`; gives what to send along.

    What nobody asked for, as a look whether there is work, leaves no trace.
    """
    parent = parse(traceparent) or _place()
    if _tracing is None or parent is None:
        yield traceparent or (parent.traceparent if parent else "")
        return
    span = _tracing.begin(name, kind=kind, parent=parent)
    token = _step.set(span.trace)
    failed = ""
    try:
        yield span.trace.traceparent
    except Exception as error:
        failed = failure(error)
        raise
    finally:
        _step.reset(token)
        span.end(failed=failed)


def failure(error: BaseException | None) -> str:
    """An answer that says no is no failure."""
    expected = error is None or (isinstance(error, Problem) and error.status < 500)
    return "" if expected else type(error).__name__


def _place() -> Trace | None:
    if (trace := _step.get()) is not None:
        return trace
    context = _context.get()
    return context.trace if context else None


def collect(tracing: "Tracing") -> None:
    """Spans go there from now on."""
    global _tracing  # noqa: PLW0603 -- one process, one collector
    _tracing = tracing


def close() -> None:
    """Send what is left. Blocks."""
    if _tracing:
        _tracing.close()


def bind_user(user_id: object) -> None:
    """Name the user of this request in its log lines, as a hash: logs travel further than the database."""
    if (context := _context.get()) is not None:
        context.user = blake2s(str(user_id).encode(), digest_size=6).hexdigest()


def request_id() -> str:
    context = _context.get()
    return context.request_id if context else ""


def trace_id() -> str:
    trace = _place()
    return trace.trace_id if trace else ""


def traceparent() -> str:
    """What to send along with a call or an event; empty outside of any context."""
    trace = _place()
    return trace.traceparent if trace else ""


class JsonLines(logging.Formatter):
    """One JSON object a line: what happened, who says so, the request and trace it belongs to, the record's extras."""

    def __init__(self, *, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        context = _context.get()
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "role": self._role,
        }
        if context is not None:
            line |= {"request_id": context.request_id, "trace_id": context.trace.trace_id}
            if context.user is not None:
                line["user_id"] = context.user
        line |= {name: value for name, value in record.__dict__.items() if name not in RECORD_FIELDS}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _JSON.encode(line)


def configure(*, role: str, version: str, instance: str, level: str) -> None:
    """Send every logger of the process to standard output as JSON, and tell Prometheus who this is."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines(role=role))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("uvicorn.error", "alembic", "asyncio"):
        logging.getLogger(noisy).setLevel(max(root.level, logging.WARNING))
    INFO.labels(role, version, instance).set(1)


class Observed:
    """The outermost middleware: context, log line, metrics, and the request's id in its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._log = logging.getLogger("taskora.http")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if scope["path"] in QUIET:  # nobody's request: a pod that is not ready would look like users who are refused
            await self._app(scope, receive, send)
            return
        with unit(
            scope["method"],
            kind="server",
            traceparent=headers.get(b"traceparent", b"").decode("latin-1"),
            request_id=headers.get(b"x-request-id", b"").decode("latin-1"),
        ) as begun:
            await self._answer(begun, scope, receive, send)

    async def _answer(self, begun: unit, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                named = (b"x-request-id", begun.context.request_id.encode())
                message["headers"] = [*message.get("headers", ()), named]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - began
            route, method = route_of(scope), scope["method"]
            REQUESTS.labels(method, route, status).inc()
            SECONDS.labels(method, route).observe(seconds)
            begun.tell(
                f"{method} {route}", http__request__method=method, http__route=route, http__response__status_code=status
            )
            self._log.log(
                logging.ERROR if status >= 500 else logging.INFO,
                "%s %s",
                method,
                route,
                extra={"status": status, "ms": round(seconds * 1000, 2)},
            )


def route_of(scope: Scope) -> str:
    """The template of the route that answered (`/api/v1/tasks/{task_id}`), one word for all that matched none.

    Never the path itself: labels must stay few, and paths may carry what users typed.
    """
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "unmatched"
