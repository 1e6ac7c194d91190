"""The one family of errors: each carries its HTTP status and a sentence a person can act on (RFC 9457)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class Problem(Exception):
    """What went wrong, for the client. `extra` becomes further members of the problem document; `retry_after` in s."""

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong on our side"
    retry_after: int | None = None

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[Mapping[str, str]] = (),
        extra: Mapping[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        if retry_after is not None:
            self.retry_after = retry_after
        self.errors = errors
        self.extra = extra or {}

    def document(self) -> dict[str, Any]:
        """The problem+json body: `type`, `title`, `status`, `detail`, `errors[]`."""
        return {
            "type": f"urn:taskora:problem:{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "errors": [dict(error) for error in self.errors],
            **self.extra,
        }

    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after)} if self.retry_after is not None else {}


class NotSignedIn(Problem):
    status = 401
    kind = "not_signed_in"
    title = "Sign in first"

    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": 'Bearer realm="taskora"'}


class WrongCredentials(NotSignedIn):
    kind = "wrong_credentials"
    title = "Email or password is wrong"


class Forbidden(Problem):
    status = 403
    kind = "forbidden"
    title = "You may not do this"


class RegistrationClosed(Forbidden):
    kind = "registration_closed"
    title = "New accounts are made by the administrator"


class NotFound(Problem):
    """Also for what belongs to another user: nobody learns that it exists."""

    status = 404
    kind = "not_found"
    title = "There is nothing here"


class Conflict(Problem):
    status = 409
    kind = "conflict"
    title = "This clashes with what is already there"


class Gone(Problem):
    status = 410
    kind = "gone"
    title = "This is no longer kept"


class Changed(Problem):
    """If-Match named another version; `extra` carries the present state."""

    status = 412
    kind = "changed_meanwhile"
    title = "It was changed meanwhile"


class TooLarge(Problem):
    status = 413
    kind = "too_large"
    title = "The request is too large"


class Invalid(Problem):
    """`errors`: `{"field", "message"}` each."""

    status = 422
    kind = "invalid"
    title = "Some of this can't be accepted"


class KeyReused(Invalid):
    kind = "idempotency_key_reused"
    title = "This Idempotency-Key was used for another request"


class TooMany(Problem):
    status = 429
    kind = "too_many_requests"
    title = "Too many attempts, wait a little"
    retry_after = 2


class Unavailable(Problem):
    status = 503
    kind = "unavailable"
    title = "Taskora can't answer just now"
    retry_after = 2


class ServiceBusy(Unavailable):
    kind = "service_busy"
    title = "Taskora is busy, try again in a moment"
    retry_after = 1


class DatabaseUnavailable(Unavailable):
    kind = "database_unavailable"
    title = "The database can't be reached; this retries by itself"
