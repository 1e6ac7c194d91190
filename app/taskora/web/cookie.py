"""The session cookie: what a browser carries, and how the frontend knows that it wrote it.

The cookie is a signed copy of the session's payload, so that a page can be made without the state store for a while. It
is a cache, never the authority: the backend still checks the session's secret in every request.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from taskora.domain.dates import Weekday
from taskora.domain.people import ClockStyle, Theme
from taskora.web.ledger import zone_of

FRESH = timedelta(minutes=2)
"""So long a cookie is taken as it is; older ones are compared with the state store and issued again."""
GRACE = timedelta(minutes=15)
"""So long a cookie is good while the state store does not answer."""
CLOCK_SKEW = timedelta(minutes=1)

_VERSION = "v1"


class Profile(BaseModel):
    """What pages need to know of the signed-in user; the state store holds the same, as JSON."""

    model_config = ConfigDict(frozen=True)

    user_id: str
    display_name: str
    email: str
    time_zone: str = "UTC"
    week_start: Weekday = Weekday.MON
    clock: ClockStyle = ClockStyle.HOURS_24
    theme: Theme = Theme.SYSTEM

    @property
    def zone(self) -> ZoneInfo:
        return zone_of(self.time_zone, clock=self.clock)


class Session(BaseModel):
    """One signed-in browser. `token` is the secret that the backend knows by its SHA-256."""

    model_config = ConfigDict(frozen=True)

    token: str
    profile: Profile
    issued_at: datetime
    expires_at: datetime = Field(description="When the backend's session ends")

    @property
    def token_hash(self) -> str:
        """SHA-256 of the token in hexadecimal: the session's name in the state store and to the backend."""
        return token_hash(self.token)

    @property
    def csrf(self) -> str:
        """The secret that this session's forms carry. Derived, so that every replica knows it."""
        return _encode(hmac.digest(self.token.encode(), b"taskora csrf", "sha256"))

    def csrf_matches(self, given: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self.csrf.encode(), given.encode())

    def age(self, now: datetime) -> timedelta:
        """How long ago the frontend last confirmed this session."""
        return now - self.issued_at


@dataclass(frozen=True, kw_only=True)
class SigningKeys:
    """Keys for the cookie. `current` signs; both verify, so a rotation signs nobody out."""

    current: bytes
    previous: bytes | None = None

    @classmethod
    def from_base64(cls, current: str, *, previous: str = "") -> "SigningKeys":
        """Keys as the Secret `{name}-session-keys` holds them; raises ValueError when `current` is not 32 bytes."""
        keys = [base64.b64decode(key, validate=True) for key in (current.strip(), previous.strip()) if key]
        if not keys or any(len(key) < 32 for key in keys):
            raise ValueError("A session key must be 32 bytes in base64; look at the Secret with the session keys.")
        return cls(current=keys[0], previous=keys[1] if len(keys) > 1 else None)

    def seal(self, session: Session) -> str:
        """The cookie's value: version, payload and signature, all safe inside a cookie."""
        body = f"{_VERSION}.{_encode(session.model_dump_json().encode())}"
        return f"{body}.{_sign(self.current, body)}"

    def open(self, value: str, *, now: datetime) -> Session | None:
        """The session of a cookie that this frontend wrote and that has not ended; None for anything else."""
        body, dot, signature = value.rpartition(".")
        version, _, payload = body.partition(".")
        if (
            not dot
            or version != _VERSION
            or not any(
                hmac.compare_digest(_sign(key, body).encode(), signature.encode())
                for key in (self.current, self.previous)
                if key is not None
            )
        ):
            return None
        try:
            session = Session.model_validate_json(_decode(payload))
        except (ValidationError, binascii.Error):
            return None
        alive = session.issued_at - CLOCK_SKEW <= now < session.expires_at
        return session if alive else None


def token_hash(token: str) -> str:
    """SHA-256 in hexadecimal: what may be kept and compared in place of a secret."""
    return hashlib.sha256(token.encode()).hexdigest()


def cookie_name(*, secure: bool) -> str:
    """`__Host-` binds the cookie to its origin, and browsers accept that prefix under https alone."""
    return "__Host-taskora" if secure else "taskora_session"


def _sign(key: bytes, body: str) -> str:
    return _encode(hmac.digest(key, body.encode(), "sha256"))


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
