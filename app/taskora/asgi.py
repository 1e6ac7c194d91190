"""What every listening port has in common: probes, problem documents, the sidecar's token, a limit on bodies."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from taskora.domain.problems import Invalid, Problem, TooLarge
from taskora.encoding import to_json

PROBLEM_JSON = "application/problem+json"
PROBES = frozenset({"/healthz", "/readyz", "/healthz/consume"})
BODY_LIMIT = 1 << 20

Check = Callable[[], Awaitable[str | None]]


async def at_once() -> str | None:
    return None


@dataclass
class Health:
    """What the probes answer. A check returns None when all is well, else a sentence about what is missing."""

    ready: Check = at_once
    consume: Check = at_once
    draining: bool = False

    async def readiness(self) -> str | None:
        return "This process is ending." if self.draining else await self.ready()

    async def consuming(self) -> str | None:
        return "This process is ending." if self.draining else await self.consume()


def application(
    health: Health, *, title: str = "Taskora", version: str = "1", openapi_url: str | None = None
) -> FastAPI:
    """A FastAPI application with the probes, and problem documents for every error, the framework's own included."""
    app = FastAPI(
        title=title,
        version=version,
        openapi_url=openapi_url,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # ours is around all of it
    )

    async def healthz() -> Response:
        return PlainTextResponse("ok")

    async def readyz() -> Response:
        return _probe(await health.readiness())

    async def consume() -> Response:
        return _probe(await health.consuming())

    for path, probe in (("/healthz", healthz), ("/readyz", readyz), ("/healthz/consume", consume)):
        app.add_api_route(path, probe, include_in_schema=False)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)
    return app


def problem_response(problem: Problem) -> Response:
    return Response(to_json(problem.document()), problem.status, problem.headers(), PROBLEM_JSON)


def json_response(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`content` as JSON, straight from Rust: models are checked on the way in, not again on the way out."""
    return Response(to_json(content), status, headers, "application/json")


class TokenGuard:
    """Lets through the probes, and what carries the sidecar's token; an empty token guards nothing (`make dev`)."""

    def __init__(self, app: ASGIApp, *, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._token and scope["path"] not in PROBES:
            sent = dict(scope["headers"]).get(b"dapr-api-token", b"")
            if not compare_digest(sent, self._token):
                await problem_response(OnlyTheSidecar())(scope, receive, send)
                return
        await self._app(scope, receive, send)


class OnlyTheSidecar(Problem):
    status = 401
    kind = "only_the_sidecar"
    title = "Only this pod's own Dapr sidecar may call this port"


class BodyLimit:
    """Refuses a body of more than `BODY_LIMIT` bytes, declared or not."""

    def __init__(self, app: ASGIApp, *, limit: int = BODY_LIMIT) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self._limit:
            await problem_response(self._refusal())(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                raise self._refusal()
            return message

        await self._app(scope, counted, send)

    def _refusal(self) -> TooLarge:
        return TooLarge(f"A request may carry at most {self._limit} bytes.")


# What people may meet, in our words; the rest is for who writes programs.
_SAID = {"string_unicode": "This holds half a character (a lone surrogate)."}


def validation_errors(errors: Iterable[Any]) -> list[dict[str, str]]:
    """Pydantic's findings as `errors[]`, without the values: they may be secret, or no text at all."""
    return [
        {
            "field": ".".join(str(part) for part in error["loc"][1:]) or "body",
            "message": _sentence(error),
        }
        for error in errors
    ]


def _sentence(error: Any) -> str:
    said = str(_SAID.get(error["type"]) or error["msg"]).removeprefix("Value error, ")
    return said if said.endswith((".", "!", "?")) else f"{said}."


def _probe(missing: str | None) -> Response:
    return PlainTextResponse(missing or "ok", 503 if missing else 200)


async def _problem(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return problem_response(problem)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem_response(Invalid("See errors.", errors=validation_errors(error.errors())))


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    document: dict[str, Any] = {
        "type": f"urn:taskora:problem:{status.name.lower()}",
        "title": status.phrase,
        "status": status.value,
        "detail": str(error.detail),
        "errors": [],
    }
    return Response(to_json(document), status, dict(error.headers or {}), PROBLEM_JSON)


async def _unexpected(_: Request, __: Exception) -> Response:
    """Starlette raises the error again behind this answer, and the server logs it with its traceback."""
    return problem_response(Problem())
