"""People: who they are to each other, what they may call themselves, which passwords are accepted."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, WithJsonSchema

from taskora.domain.dates import Weekday, zone_names
from taskora.domain.text import readable, required
from taskora.domain.wording import TwelveHours

SESSION_LIFE = timedelta(days=30)
TOKEN_LIFE = timedelta(days=90)
PASSWORD_LEAST = 10
PASSWORD_MOST = 200
# One @, no spaces, a dot in the domain: more than this only a letter can find out.
EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f]{1,180}\.[^\s@.\x00-\x1f\x7f]{2,63}")


class SessionKind(StrEnum):
    BROWSER = "browser"
    TOKEN = "token"  # noqa: S105 -- the name of a kind


class ClockStyle(StrEnum):
    HOURS_12 = "12h"
    HOURS_24 = "24h"


class Theme(StrEnum):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


def _minute(moment: time) -> time:
    if moment.tzinfo is not None:
        raise ValueError("This is a time on the wall, without a zone.")
    return moment.replace(second=0, microsecond=0)


# JSON Schema's own "time" has an offset; this one is a clock on the wall.
WallTime = Annotated[
    time,
    AfterValidator(_minute),
    PlainSerializer(lambda moment: f"{moment:%H:%M}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}),
]


class Preferences(BaseModel):
    """How a person likes to see things, and `all_day_at`: the hour at which reminders of a whole day count as due."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    week_start: Weekday = Weekday.MON
    clock: ClockStyle = ClockStyle.HOURS_24
    theme: Theme = Theme.SYSTEM
    all_day_at: WallTime = time(9)


DEFAULTS = Preferences()


@dataclass(frozen=True, slots=True)
class User:
    id: UUID
    email: str
    display_name: str
    time_zone: str
    is_admin: bool
    seq: int
    preferences: Preferences = DEFAULTS
    training_consent_at: datetime | None = None

    @property
    def zone(self) -> ZoneInfo:
        return zone_of(self.time_zone, clock=self.preferences.clock)


def zone_of(name: str, *, clock: ClockStyle) -> ZoneInfo:
    """A zone in which times are said as its user reads clocks."""
    return TwelveHours(name) if clock is ClockStyle.HOURS_12 else ZoneInfo(name)


@dataclass(frozen=True, slots=True)
class Session:
    """`token` is the secret; the database keeps its SHA-256 alone."""

    token: str
    expires_at: datetime


def normal_email(text: str) -> str:
    """The one way an address is written; raises ValueError for what is none."""
    text = readable(text, most=254).lower()
    if not EMAIL.fullmatch(text):
        raise ValueError("This is not an email address.")
    return text


def _zone(text: str) -> str:
    if text not in zone_names():
        raise ValueError("This is not a time zone; one looks like Europe/Berlin.")
    return text


def _name(text: str) -> str:
    return required(readable(text, most=100))


Email = Annotated[str, AfterValidator(normal_email)]
TimeZone = Annotated[str, AfterValidator(_zone)]
DisplayName = Annotated[str, AfterValidator(_name)]


class PreferencesPatch(BaseModel):
    """The preferences to change; one that is not sent stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    week_start: Weekday = DEFAULTS.week_start
    clock: ClockStyle = DEFAULTS.clock
    theme: Theme = DEFAULTS.theme
    all_day_at: WallTime = DEFAULTS.all_day_at


class Profile(BaseModel):
    """What a person may change about themselves; what is not sent stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    display_name: DisplayName = ""
    time_zone: TimeZone = "UTC"
    preferences: PreferencesPatch | None = None
    training_consent: bool = False


def normal_password(password: str) -> str:
    """The form that is hashed: the same characters typed on any keyboard give the same bytes (NFKC, RFC 8265)."""
    return unicodedata.normalize("NFKC", password)


def password_faults(password: str, *, email: str) -> list[str]:
    """Why `password` is not accepted, as sentences; empty when it is. Length counts, not which kinds of characters."""
    if any(0xD800 <= ord(character) <= 0xDFFF or character == "\0" for character in password):
        return ["A password must be text."]
    password = normal_password(password)
    faults: list[str] = []
    if len(password) < PASSWORD_LEAST:
        faults.append(f"A password has at least {PASSWORD_LEAST} characters.")
    if len(password) > PASSWORD_MOST:
        faults.append(f"A password has at most {PASSWORD_MOST} characters.")
    if len(set(password)) < 5:
        faults.append("A password has at least 5 different characters.")
    if password.lower() == email:
        faults.append("A password is not your email address.")
    return faults
