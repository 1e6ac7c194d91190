"""The wire between operator and API server, with somebody on it."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn

from taskora_operator.cluster.transport import HttpTransport, Request, Response

from tests.component.operator.harness import Crash, Wire

Send = Callable[[], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Call:
    """The `nth` call of its name in one namespace ("" for the whole cluster)."""

    name: str  # "PATCH /apis/apps/v1/deployments/taskora-backend"
    namespace: str
    nth: int = 0

    @property
    def writes(self) -> bool:
        return self.name.split()[0] not in ("GET", "LIST", "WATCH")

    @property
    def about_children(self) -> bool:
        """Not a status or an event: those may fall together, depending on what is seen when."""
        return not self.name.endswith(("/status", "/events"))

    @property
    def plural(self) -> str:
        """What it is about: "deployments"."""
        steps = self.name.split()[1].split("/")
        return steps[3 if steps[1] == "api" else 4]

    def __str__(self) -> str:
        return f"{self.name} #{self.nth}" if self.nth else self.name


def named(request: Request) -> tuple[str, str]:
    """A call's name and namespace."""
    inside = re.search(r"/namespaces/([^/]+)/", request.path)
    namespace = inside.group(1) if inside else ""
    path = request.path.replace(f"/namespaces/{namespace}", "", 1) if inside else request.path
    verb = "WATCH" if "watch" in request.query else "LIST" if "limit" in request.query else request.method
    return f"{verb} {path}", namespace


Meddle = Callable[[Call, Send], Awaitable[Response]]
Parts = AsyncIterator[Response | bytes]
Watching = Callable[[Call, Parts], Parts]
Told = Callable[[Call, Response], None]


async def pass_on(_: Call, send: Send) -> Response:
    return await send()


async def tell(_: Call, parts: Parts) -> Parts:
    async for part in parts:
        yield part


class MeddledWire(Wire):
    """`meddle` decides what becomes of every call, `watching` of what a watch tells; `told` hears every answer."""

    def __init__(self, inner: HttpTransport) -> None:
        super().__init__(inner)
        self.meddle: Meddle = pass_on
        self.watching: Watching = tell
        self.told: list[Told] = []
        self.died = asyncio.Event()
        self._made: Counter[tuple[str, str]] = Counter()

    def arm(self, meddle: Meddle) -> None:
        """From now on, and counting from now."""
        self.meddle = meddle
        self._made.clear()

    def _call(self, request: Request) -> Call:
        name = named(request)
        self._made[name] += 1
        return Call(*name, self._made[name] - 1)

    async def send(self, request: Request, /) -> Response:
        if self.dead:
            raise Crash
        call = self._call(request)

        async def send() -> Response:
            response = await super(MeddledWire, self).send(request)
            for tell in self.told:
                tell(call, response)
            return response

        return await self.meddle(call, send)

    async def stream(self, request: Request, /) -> AsyncIterator[Response | bytes]:
        """The opening of a watch is a call like any other; what it tells then goes through `watching`."""
        parts = super().stream(request)

        async def send() -> Response:
            head = await anext(parts)
            assert isinstance(head, Response)
            return head

        call = self._call(request)
        head = await self.meddle(call, send)
        yield head
        if head.status == 200:
            async for part in self.watching(call, parts):
                yield part

    @property
    def dead(self) -> bool:
        return self.died.is_set()

    def die(self) -> NoReturn:
        """The operator's process ends here: nothing leaves it any more."""
        self.died.set()
        raise Crash


def refusal(code: int, call: Call, *, retry_after: float | None = None) -> Response:
    """As the API server words it."""
    reasons = {403: "Forbidden", 409: "Conflict", 422: "Invalid", 429: "TooManyRequests", 500: "InternalError"}
    body = {
        "kind": "Status",
        "status": "Failure",
        "reason": reasons[code],
        "message": "put there by a test",
        "code": code,
    }
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Response(code, headers, json.dumps(body).encode())
