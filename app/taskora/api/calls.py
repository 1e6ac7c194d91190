"""One request, as the routes see it: who asks, in which transaction, and what was answered when it came before."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends, Header, Request, Response

from taskora.api.rates import Rates
from taskora.cache import Cache
from taskora.converse import Model
from taskora.domain.people import User
from taskora.domain.problems import Forbidden, Invalid
from taskora.domain.tasks import Task, shown
from taskora.domain.versions import etag
from taskora.encoding import to_json
from taskora.services import accounts, attempts, doors
from taskora.services.passwords import Passwords
from taskora.settings import Registration
from taskora.store.database import Database, Reading, Writing
from taskora.store.idempotency import Answer

T = TypeVar("T")

KEY_MOST = 200


@dataclass(frozen=True)
class Backend:
    """What the routes work with. `wake` is called after each commit that may have left an event in the outbox.

    `model` reads what is said in the chat; None: the built-in grammar does.
    """

    database: Database
    passwords: Passwords
    registration: Registration
    wake: Callable[[], None]
    rates: Rates = field(default_factory=Rates)
    model: Model | None = None
    cache: Cache = field(default_factory=Cache)


@dataclass(frozen=True)
class Call:
    """`token`: the session's secret. `key`: the Idempotency-Key. `fingerprint`: SHA-256 of what was asked under it."""

    backend: Backend
    token: str | None
    key: str | None
    if_match: str | None
    fingerprint: bytes

    async def read(self, action: Callable[[Reading, User], Awaitable[T]]) -> T:
        """Answer from the present state."""
        async with self.backend.database.read() as uow:
            return await action(uow, await accounts.signed_in(uow, self.token))

    async def read_as_admin(self, action: Callable[[Reading], Awaitable[T]]) -> T:
        """Answer an administrator. Raises `Forbidden` for anybody else."""
        async with self.backend.database.read() as uow:
            accounts.check_administrator(await accounts.signed_in(uow, self.token))
            return await action(uow)

    async def act_as_admin(self, action: Callable[[Writing], Awaitable[T]]) -> T:
        """Do it for an administrator, whose row is not held: other users' may be. No answer is kept."""
        async with self.backend.database.write() as uow:
            accounts.check_administrator(await accounts.signed_in(uow, self.token))
            done = await action(uow)
        self.backend.wake()
        return done

    async def act(self, action: Callable[[Writing, User], Awaitable[T]]) -> T:
        """Do it in one transaction, and keep no answer: it is secret, or there will be nobody to repeat it for."""
        async with self.backend.database.write() as uow:
            done = await action(uow, await accounts.signed_in_to_write(uow, self.token))
        self.backend.wake()
        return done

    async def confirmed(self, password: str) -> User:
        """The caller, who has just shown their password too. Raises `Forbidden`, or `TooMany` for guessing."""

        async def known(uow: Reading, user: User) -> tuple[User, str | None]:
            await doors.count_try(uow, user.email)
            return user, await doors.password_hash(uow, user)

        user, stored = await self.read(known)
        if not await self.backend.passwords.matches(password, stored):
            raise Forbidden("This is not your password.", errors=[{"field": "password", "message": "It is wrong."}])
        async with self.backend.database.read() as uow:
            await doors.forget_tries(uow, user.email)
        return user

    async def write(self, action: Callable[[Writing, User], Awaitable[Task]], *, status: int = 200) -> Response:
        """Change a task, and answer with it and its ETag."""

        async def act(uow: Writing, user: User) -> Answer:
            task = await action(uow, user)
            return self._answer(status, shown(task), etag(task.version))

        return await self._once(act)

    async def answer(self, action: Callable[[Writing, User], Awaitable[object]], *, status: int = 200) -> Response:
        """Change anything else; what `action` returns is the answer as JSON, None is an empty one (204)."""

        async def act(uow: Writing, user: User) -> Answer:
            content = await action(uow, user)
            return self._answer(status if content is not None else 204, content)

        return await self._once(act)

    def _answer(self, status: int, content: object, tag: str | None = None) -> Answer:
        return Answer(self.fingerprint, status, tag, "" if content is None else to_json(content).decode())

    async def _once(self, act: Callable[[Writing, User], Awaitable[Answer]]) -> Response:
        """Do it, and keep the answer, in one transaction; or give the answer this key has had."""
        async with self.backend.database.write() as uow:
            user = await accounts.signed_in_to_write(uow, self.token)
            if self.key is not None:
                earlier = await attempts.earlier(uow, user, key=self.key, fingerprint=self.fingerprint)
                if earlier is not None:
                    return _response(earlier, replayed=True)
            answer = await act(uow, user)
            if self.key is not None:
                await attempts.keep(uow, user, key=self.key, answer=answer)
        self.backend.wake()
        return _response(answer)


def _response(answer: Answer, *, replayed: bool = False) -> Response:
    headers = {"ETag": answer.etag} if answer.etag else {}
    if replayed:
        headers["Idempotent-Replay"] = "true"
    return Response(answer.body or None, answer.status, headers, "application/json" if answer.body else None)


# Dependencies are coroutines though they wait for nothing: FastAPI would run a plain function in a thread.


async def backend(request: Request) -> Backend:
    return cast("Backend", request.app.state.backend)


async def session_token(
    taskora_session: Annotated[str | None, Header()] = None, authorization: Annotated[str | None, Header()] = None
) -> str | None:
    """From `Taskora-Session` (the frontend, for a browser) or `Authorization: Bearer` (a program)."""
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None
    return taskora_session


async def check_session(request: Request, *, administrator: bool) -> None:
    """Raises `NotSignedIn`; for anybody but an administrator, where it has to be one, `Forbidden`."""
    headers = request.headers
    token = await session_token(headers.get("taskora-session"), headers.get("authorization"))
    async with (await backend(request)).database.read() as uow:
        user = await accounts.signed_in(uow, token)
    if administrator:
        accounts.check_administrator(user)


async def call(
    request: Request,
    taskora_session: Annotated[str | None, Header()] = None,
    authorization: Annotated[str | None, Header()] = None,
    idempotency_key: Annotated[str | None, Header()] = None,
    if_match: Annotated[str | None, Header()] = None,
) -> Call:
    """Asked for by nearly every route; dependencies of its own would cost each of them."""
    serving, token = await backend(request), await session_token(taskora_session, authorization)
    if token is not None:
        serving.rates.take(token)
    if idempotency_key is not None and not (
        0 < len(idempotency_key) <= KEY_MOST and idempotency_key.isascii() and idempotency_key.isprintable()
    ):
        raise Invalid(f"An Idempotency-Key is 1 to {KEY_MOST} visible ASCII characters.")
    fingerprint = b"" if idempotency_key is None else await _fingerprint(request)
    return Call(serving, token, idempotency_key, if_match, fingerprint)


async def _fingerprint(request: Request) -> bytes:
    asked = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + await request.body()
    return hashlib.sha256(asked).digest()


Calling = Annotated[Call, Depends(call)]
Serving = Annotated[Backend, Depends(backend)]
Token = Annotated[str | None, Depends(session_token)]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries of these errors; a body that may be too large may also be none at all."""
    schema = {"$ref": "#/components/schemas/Problem"}
    if 413 in statuses:
        statuses = (400, *statuses)
    return {
        status: {
            "description": PROBLEMS[status],
            "content": {"application/problem+json": {"schema": schema}},
            **({"headers": RETRY_AFTER} if status in (429, 503) else {}),
        }
        for status in statuses
    }


RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
PROBLEMS = {
    400: "The body could not be read",
    401: "Not signed in, or the session has ended",
    403: "Not allowed",
    404: "Not there, or another user's",
    409: "Clashes with what is there",
    410: "No longer kept",
    412: "Changed meanwhile; `current` is the present state",
    413: "Larger than a request may be",
    422: "Not acceptable; see `errors`",
    429: "Too many at once",
    503: "Busy (`service_busy`) or without its database (`database_unavailable`)",
}
