"""Requests read by what FastAPI found in the signatures of routes.

FastAPI looks at a signature anew with every request; that was a quarter of what a list costs (docs/decisions/043). Here
it is looked at once, and a test holds both ways of reading to the same. Not read, because no route of ours has them:
forms, cookies, models that allow what they don't name, dependencies that are no coroutines or may refuse their headers.
"""

import json
from collections.abc import Awaitable, Callable, Coroutine
from email.message import Message
from typing import Any, cast, get_origin

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from taskora.api.calls import call, check_session
from taskora.domain.problems import Invalid

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

MISSING: Any = object()


class Route(APIRoute):
    """`APIRouter(route_class=Route)`: each of its endpoints is a coroutine that returns a `Response`."""

    for_administrators = False

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.app = self._answered
        self._handler = self.get_route_handler()

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Without the exit stacks that FastAPI keeps for dependencies that yield: there are none."""
        response = await self._handler(Request(scope, receive, send))
        await response(scope, receive, send)

    def get_route_handler(self) -> Handler:
        endpoint = Needs(self.dependant)

        async def answer(request: Request) -> Response:
            body = await _body(request) if endpoint.body else MISSING
            errors: list[Any] = []
            given = await endpoint.met(request, body, errors)
            if errors:
                raise RequestValidationError(errors)
            return await endpoint.call(**given)

        async def answer_to_somebody(request: Request) -> Response:
            """What is wrong with a request is told to who may make it. Costs nothing where nothing is wrong."""
            try:
                return await answer(request)
            except (RequestValidationError, HTTPException, Invalid):
                await check_session(request, administrator=self.for_administrators)
                raise

        whose = any(one.call is call for one in self.dependant.dependencies)
        return answer_to_somebody if whose else answer


class AdminRoute(Route):
    """One that answers administrators alone."""

    for_administrators = True


class Needs:
    """What a function is called with."""

    def __init__(self, dependant: Dependant) -> None:
        self.call = cast("Callable[..., Awaitable[Any]]", dependant.call)
        self.body = dependant.body_params
        self._dependencies = [(one.name or "", Needs(one)) for one in dependant.dependencies]
        self._request = dependant.request_param_name
        self._path, self._query, self._headers = dependant.path_params, dependant.query_params, dependant.header_params
        # A model takes the whole of the query: its fields by name, each with whether it may be repeated.
        self._fields: dict[str, bool] | None = None
        model = self._query[0].field_info.annotation if self._query else None
        if isinstance(model, type) and issubclass(model, BaseModel):
            self._fields = {
                one.alias or name: get_origin(one.annotation) is list for name, one in model.model_fields.items()
            }

    async def met(self, request: Request, body: Any, errors: list[Any]) -> dict[str, Any]:
        """The arguments by name; what is wrong with the request is added to `errors`."""
        given: dict[str, Any] = {}

        def take(field: Any, value: Any, *where: str) -> None:
            if value is not MISSING:
                given[field.name], faults = field.validate(value, loc=where)
                errors.extend(faults)
            elif field.field_info.is_required():
                errors.append({"type": "missing", "loc": where, "msg": "Field required", "input": None})
            else:
                given[field.name] = field.default

        for name, needs in self._dependencies:
            given[name] = await needs.call(**await needs.met(request, body, errors))
        for field in self._path:
            take(field, request.path_params[field.alias], "path", field.alias)
        if self._fields is not None:
            take(self._query[0], _model(request, self._fields), "query")
        else:
            for field in self._query:
                take(field, request.query_params.get(field.alias, MISSING), "query", field.alias)
        for field in self._headers:
            take(field, request.headers.get(field.alias, MISSING), "header", field.alias)
        for field in self.body:
            take(field, body, "body")
        if self._request:
            given[self._request] = request
        return given


def _model(request: Request, fields: dict[str, bool]) -> dict[str, Any]:
    """The query as a model is given it: of a field that may not be repeated, the last one."""
    given: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        given.setdefault(name, []).append(value)
    return {name: values if fields.get(name, True) else values[-1] for name, values in given.items()}


async def _body(request: Request) -> Any:
    """What JSON says; bytes of any other kind, which no model takes."""
    try:
        body = await request.body()
        if not body:
            return MISSING
        return await request.json() if _is_json(request.headers.get("content-type", "")) else body
    except json.JSONDecodeError as error:
        raise RequestValidationError(
            [{"type": "json_invalid", "loc": ("body", error.pos), "msg": "JSON decode error", "input": {}}]
        ) from error
    except (ClientDisconnect, ValueError, RecursionError) as error:
        raise HTTPException(400, "There was an error parsing the body") from error


def _is_json(content_type: str) -> bool:
    if content_type == "application/json":
        return True
    message = Message()
    message["content-type"] = content_type
    kind = message.get_content_subtype()
    return message.get_content_maintype() == "application" and (kind == "json" or kind.endswith("+json"))
