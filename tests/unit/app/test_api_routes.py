"""Requests are read as FastAPI itself would read them, whatever is sent."""

import asyncio
import copy
import json
from contextlib import AsyncExitStack
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import Request
from taskora.api import routes
from taskora.api.app import ROUTERS
from taskora.api.calls import Backend
from taskora.api.routes import Route
from taskora.asgi import validation_errors
from taskora.domain.problems import Problem
from taskora.services.passwords import Passwords
from taskora.settings import Registration
from taskora.store.database import Database

ROUTES: list[Route] = [route for router in ROUTERS for route in router.routes]  # pyright: ignore[reportAssignmentType]
BACKEND = Backend(Database(role="backend"), Passwords(), Registration.OPEN, lambda: None)


@pytest.fixture(autouse=True)
def signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with a request is told only to who may make it, which needs a database."""

    async def at_once(request: Request, *, administrator: bool) -> None:
        pass

    monkeypatch.setattr(routes, "check_session", at_once)


WORDS = st.sampled_from(
    [
        "",
        "x",
        "0",
        "7",
        "50",
        "todo",
        "high",
        "today",
        "true",
        "-title",
        "2026-01-31",
        "0197c5a0-0000-7000-8000-00000000000a",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 300) | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)
KINDS = [
    "application/json",
    "application/json; charset=utf-8",
    "Application/JSON",
    "application/x+json",
    "text/json",
    "",
]
BYTES = [b"", b"{", b"null", b"[]", b'"x"', b"\xff", b"\xff\xfe{\0}\0", b"[" * 100_000, b'{"a": 1, "a": 2}', b"NaN"]


def names(fields: list[Any]) -> list[str]:
    """What a request may say: the fields of models, the names of others, and a strange one."""
    said = ["strange"]
    for field in fields:
        model = field.field_info.annotation
        modelled = isinstance(model, type) and issubclass(model, BaseModel)
        said += model.model_fields if modelled else [field.alias]
    return said


def requests(route: Route) -> st.SearchStrategy[tuple[dict[str, Any], bytes]]:
    asked = route.dependant
    headers = ["Taskora-Session", "Authorization", "Idempotency-Key", "If-Match", "Content-Type"]
    scope = st.fixed_dictionaries(
        {
            "type": st.just("http"),
            "method": st.just(min(route.methods)),
            "path": st.just("/x"),
            "path_params": st.fixed_dictionaries({field.alias: WORDS for field in asked.path_params}),
            "query": st.lists(st.tuples(st.sampled_from(names(asked.query_params)), WORDS), max_size=4),
            "headers": st.lists(
                st.tuples(st.sampled_from(headers), WORDS | st.sampled_from(["Bearer x", "ä", *KINDS])), max_size=4
            ),
        }
    )
    objects = st.dictionaries(st.sampled_from(names(asked.body_params)), VALUES, max_size=4)
    body = st.sampled_from(BYTES) | (objects | VALUES).map(lambda value: json.dumps(value).encode())
    return st.tuples(scope, body)


async def read(route: Route, kind: type[APIRoute], asked: dict[str, Any], body: bytes) -> object:
    """What the endpoint is called with, or how the request is refused."""
    called: dict[str, Any] = {}

    async def endpoint(**given: Any) -> Response:
        called.update(given)
        return Response()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    twin = copy.copy(route)
    twin.dependant = replace(route.dependant, call=endpoint)
    scope = {
        **asked,
        "app": SimpleNamespace(state=State({"backend": BACKEND}), dependency_overrides={}),
        "query_string": "&".join(f"{name}={value}" for name, value in asked["query"]).encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in asked["headers"]],
    }
    async with AsyncExitStack() as stack:
        for name in ("middleware", "inner", "function"):
            scope[f"fastapi_{name}_astack"] = stack
        try:
            await kind.get_route_handler(twin)(Request(scope, receive))
        except RequestValidationError as error:
            return validation_errors(error.errors())
        except HTTPException as error:
            return error.status_code, error.detail
        except Problem as problem:
            return problem.document()
    return {name: "itself" if isinstance(value, Request) else value for name, value in called.items()}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{min(route.methods)} {route.path}")
def test_a_route_reads_what_fastapi_would_read(route: Route) -> None:
    assert isinstance(route, Route), "make its router with route_class=Route"

    @settings(max_examples=12)
    @given(requests(route))
    def check(request: tuple[dict[str, Any], bytes]) -> None:
        async def both() -> tuple[object, object]:
            return await read(route, Route, *request), await read(route, APIRoute, *request)

        ours, theirs = asyncio.run(both())
        assert repr(ours) == repr(theirs)

    check()
