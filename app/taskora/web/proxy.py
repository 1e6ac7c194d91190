"""`/api` for browsers and scripts: passed to the backend, the cookie turned into the session's secret on the way."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from taskora import telemetry
from taskora.dapr import Answer
from taskora.domain.problems import NotFound
from taskora.encoding import to_json
from taskora.web.backend import WRITES, Backend, signed_in
from taskora.web.sessions import Sessions

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

# The API's own paths are plain words and ids. Anything that a hop in between might read differently (dots, encoded
# slashes, empty parts) could lead around the check below, so it does not pass.
_SEGMENT = re.compile(r"(?!\.+\Z)[\w.~@=-]{1,200}", re.ASCII)
_ASKED = ("Authorization", "If-Match", "Idempotency-Key", "Content-Type", "Accept")
_TOLD = ("Content-Type", "Content-Disposition", "ETag", "Retry-After", "Location", "WWW-Authenticate", "Cache-Control")


class Proxy:
    def __init__(self, backend: Backend, sessions: Sessions) -> None:
        self._backend = backend
        self._sessions = sessions

    async def forward(self, request: Request) -> Response:
        """Any call of the API that the frontend does not answer itself."""
        path = api_path(request.path_params["path"])
        headers = await self.credentials(request)
        return _passed_on(await self._send(request, path, headers))

    async def enter(self, request: Request) -> Response:
        """`auth/register` and `auth/login`: the session stays here, the caller gets the user and a cookie."""
        self._sessions.check_origin(request, cookie=False)
        answer = await self._send(request, request.url.path.lstrip("/"), {})
        if answer.status >= 300:
            return _passed_on(answer)
        entered = signed_in(answer.body)
        await self._sessions.begin(request, entered)
        document: dict[str, Any] = from_json(answer.body)
        return Response(to_json({"user": document["user"]}), answer.status, media_type="application/json")

    async def leave(self, request: Request) -> Response:
        """`auth/logout`: the backend revokes, the frontend forgets."""
        headers = await self.credentials(request)
        answer = await self._send(request, "api/v1/auth/logout", headers)
        if "Taskora-Session" in headers and (answer.status < 300 or answer.status == 401):
            await self._sessions.end(request)
        return _passed_on(answer)

    async def credentials(self, request: Request) -> dict[str, str]:
        """The headers that say who asks: Bearer as it came, else the cookie's session, of a same-origin request."""
        if (bearer := request.headers.get("authorization")) is not None:
            return {"Authorization": bearer}
        session = await self._sessions.of(request)
        if session is None:
            return {}
        if request.method in WRITES:
            self._sessions.check_origin(request, cookie=True)
        telemetry.bind_user(session.profile.user_id)
        return {"Taskora-Session": session.token}

    async def _send(self, request: Request, path: str, headers: Mapping[str, str]) -> Answer:
        asked = {name: value for name in _ASKED if (value := request.headers.get(name)) is not None}
        body = await request.body()
        return await self._backend.send(
            request.method, path, query=request.url.query, headers={**asked, **headers}, body=body or None
        )


def api_path(path: str) -> str:
    """The backend's path for `/api/{path}`; raises `NotFound` for what is not served outside, or is oddly spelled."""
    parts = path.split("/")
    if not all(_SEGMENT.fullmatch(part) for part in parts) or parts[:2] == ["v1", "internal"]:
        raise NotFound("There is no such address in the API; see /api/openapi.json.")
    return "api/" + path


def _passed_on(answer: Answer) -> Response:
    headers = {name: value for name in _TOLD if (value := answer.headers.get(name)) is not None}
    return Response(answer.body, answer.status, headers)
