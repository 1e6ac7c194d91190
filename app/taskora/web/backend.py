"""The backend as the frontend sees it: invoked through the sidecar, its refusals raised as problems.

Every write carries an Idempotency-Key, because the sidecar repeats invocations by itself.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import from_json

from taskora import telemetry
from taskora.dapr import Answer, Dapr, DaprError
from taskora.domain.people import DEFAULTS, Preferences
from taskora.domain.problems import (
    Changed,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    NotSignedIn,
    Problem,
    TooLarge,
    TooMany,
    Unavailable,
)
from taskora.encoding import to_json
from taskora.web.ledger import Task
from taskora.web.sync import Change

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})

CATCH_UP_MOST = 2000
"""Further behind than this, loading the list again is quicker than hearing what happened to it."""

_PROBLEMS = (NotSignedIn, Forbidden, NotFound, Conflict, Gone, Changed, TooLarge, Invalid, TooMany, Unavailable)
_BY_STATUS: Mapping[int, type[Problem]] = {problem.status: problem for problem in _PROBLEMS}


class BackendAway(Unavailable):
    """The sidecar, or the backend behind it, did not answer."""

    kind = "backend_unavailable"
    title = "A part of Taskora isn’t answering"
    retry_after = 5


class User(BaseModel):
    """The account as the backend tells it."""

    model_config = ConfigDict(frozen=True)

    id: str
    email: str
    display_name: str
    time_zone: str = "UTC"
    is_admin: bool = False
    preferences: Preferences = DEFAULTS
    training_consent: bool = False


class Grant(BaseModel):
    """The secret of a new session and when it ends."""

    model_config = ConfigDict(frozen=True)

    token: str
    expires_at: datetime


class SignedIn(BaseModel):
    """What `auth/login` and `auth/register` answer."""

    model_config = ConfigDict(frozen=True)

    user: User
    session: Grant


class TaskPage(BaseModel):
    """A page of tasks, and the user's seq at that moment."""

    model_config = ConfigDict(frozen=True)

    items: tuple[Task, ...]
    next_cursor: str | None = None
    seq: int

    @model_validator(mode="before")
    @classmethod
    def _with_families(cls, page: dict[str, Any]) -> dict[str, Any]:
        # Beside the tasks the API tells of their families, a row has it at hand.
        if "parents" not in page:
            return page
        parents, parts = page["parents"], page["parts"]
        family = [{"parent": parents.get(one["parent_id"], ""), "parts": parts.get(one["id"])} for one in page["items"]]
        return {**page, "items": [{**one, **of} for one, of in zip(page["items"], family, strict=True)]}


class Feed(BaseModel):
    """Changes after a seq, as many as the backend gives at once."""

    model_config = ConfigDict(frozen=True)

    items: list[Change]


class Heads(BaseModel):
    """Where the connected users stand."""

    model_config = ConfigDict(frozen=True)

    heads: dict[str, int]
    revoked: frozenset[str]
    relay_lag_seconds: float


class Refusal(BaseModel):
    """What is used of a problem document."""

    model_config = ConfigDict(frozen=True)

    type: str = "about:blank"
    title: str = ""
    detail: str = ""
    errors: list[dict[str, str]] = []
    current: dict[str, Any] | None = None
    seq: int | None = None


class Backend:
    """Calls to `/api/v1/…` of the backend. `token` is a session's secret, `authorization` a Bearer header."""

    def __init__(self, dapr: Dapr) -> None:
        self._dapr = dapr

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: float = 10,
    ) -> Answer:
        """Call `path` (`api/…`, encoded) and return the backend's answer as it is; raises `BackendAway`."""
        sent = {"X-Request-Id": telemetry.request_id(), "Accept-Encoding": "identity", **(headers or {})}
        if method in WRITES:
            sent.setdefault("Idempotency-Key", str(uuid4()))
        try:
            answer = await self._dapr.invoke(
                "backend", path, method=method, query=query, headers=sent, body=body, limit=limit
            )
        except DaprError as error:
            raise BackendAway("Nothing you saved is lost.") from error
        # The backend names the request in every answer. Without that it is the sidecar speaking, whatever its status:
        # under load it may answer 200 for a backend it could not reach (docs/decisions/019).
        if "X-Request-Id" not in answer.headers:
            raise BackendAway("Nothing you saved is lost.")
        return answer

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        authorization: str | None = None,
        query: str = "",
        content: Any = None,
        key: str | None = None,
        version: int | None = None,
        limit: float = 10,
    ) -> Any:
        """Call `/api/v1/{path}` with JSON (CSV as bytes) and return the JSON; a refusal is raised as its problem."""
        raw = isinstance(content, bytes)
        headers = {
            name: value
            for name, value in {
                "Taskora-Session": token,
                "Authorization": authorization,
                "Idempotency-Key": key,
                "If-Match": None if version is None else f'"{version}"',
                "Content-Type": None if content is None else "text/csv" if raw else "application/json",
            }.items()
            if value is not None
        }
        body = None if content is None else content if raw else to_json(content)
        answer = await self.send(method, f"api/v1/{path}", query=query, headers=headers, body=body, limit=limit)
        if answer.status >= 400:
            raise problem_of(answer)
        return from_json(answer.body) if answer.body else None

    async def heads(self, sessions: Sequence[str]) -> Heads:
        """Where the users of `sessions` (token hashes) stand, and which sessions are gone."""
        answer = await self.ask("POST", "internal/heads", content={"sessions": list(sessions)}, limit=3)
        return Heads.model_validate(answer)

    async def changes(
        self, since: int, *, token: str | None = None, authorization: str | None = None
    ) -> list[Change] | None:
        """Every change after `since`, oldest first; None when there are too many. Raises `Gone` for no such place."""
        found: list[Change] = []
        while len(found) < CATCH_UP_MOST:
            answer = await self.ask("GET", "changes", query=f"since={since}", token=token, authorization=authorization)
            items = Feed.model_validate(answer).items
            if not items:
                return found
            found += items
            since = items[-1].seq
        return None


def problem_of(answer: Answer) -> Problem:
    """The backend's refusal as one of ours, with its words; 5xx without a name becomes 503."""
    try:
        said = Refusal.model_validate_json(answer.body)
    except ValidationError:
        said = Refusal()
    kind = _BY_STATUS.get(answer.status, Unavailable if answer.status >= 500 else Invalid)
    extra: dict[str, Any] = {"title": said.title or kind.title, "type": said.type}
    extra |= said.model_dump(include={"current", "seq"}, exclude_none=True)
    wait = answer.headers.get("Retry-After", "")
    if wait.isdecimal():
        extra["retry_after"] = int(wait)
    return kind(said.detail, errors=said.errors, extra=extra)


def signed_in(body: bytes) -> SignedIn:
    """What a successful sign-in says; raises `BackendAway` when it is not understood."""
    try:
        return SignedIn.model_validate_json(body)
    except ValidationError as error:
        raise BackendAway("Signing in isn't possible just now.") from error
