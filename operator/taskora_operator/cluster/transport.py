"""The one place where bytes leave for the API server, and where tests put faults between it and us."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp

from taskora_operator.cluster.credentials import Credentials

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
SILENCE_SECONDS = 150.0  # bookmarks arrive about once a minute: a watch that is silent for longer is dead
MAX_EVENT_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None
    content_type: str = "application/json"
    accept: str = "application/json"
    kind: str = "Discovery"  # of what is read or written, for the count of both


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """`send` and `stream` raise `OSError`, `asyncio.TimeoutError` or `aiohttp.ClientError` when nothing answers."""

    async def send(self, request: Request, /) -> Response: ...

    def stream(self, request: Request, /) -> AsyncIterator[Response | bytes]:
        """First the response's head (with the body when it isn't 200), then one line after the other."""
        ...


class HttpTransport:
    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=credentials.ssl_context(), limit=0),
            headers={"User-Agent": "taskora-operator"},
            read_bufsize=MAX_EVENT_BYTES,
        )

    async def send(self, request: Request, /) -> Response:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=CONNECT_SECONDS)
        for fresh in (False, True):
            async with self._call(request, timeout, fresh=fresh) as answer:
                if answer.status != 401 or fresh:
                    return Response(answer.status, answer.headers, await answer.read())
        raise AssertionError("unreachable")

    async def stream(self, request: Request, /) -> AsyncIterator[Response | bytes]:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
        async with self._call(request, timeout, fresh=False) as answer:
            if answer.status != 200:
                if answer.status == 401:
                    self._credentials.token(fresh=True)
                yield Response(answer.status, answer.headers, await answer.read())
                return
            yield Response(answer.status, answer.headers, b"")
            async for line in answer.content:
                yield line

    def _call(
        self, request: Request, timeout: aiohttp.ClientTimeout, *, fresh: bool
    ) -> aiohttp.client._RequestContextManager:  # pyright: ignore[reportPrivateUsage]
        headers = {"Accept": request.accept}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        token = self._credentials.token(fresh=fresh)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return self._session.request(
            request.method,
            self._credentials.server + request.path,
            params=request.query,
            data=request.body,
            headers=headers,
            timeout=timeout,
        )

    async def close(self) -> None:
        await self._session.close()
