"""When a task is due: at an instant (`due_at`), or on a day that floats with its user (`due_date`)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime

from taskora.domain.dates import FIRST_YEAR, LAST_YEAR, ONE_DAY, Weekday, day_begins, day_in, moment

# An aware datetime is a due_at; a plain date is a due_date. (A datetime is also a date: ask for it first.)
Due = datetime | date


def _storable(moment: datetime) -> datetime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"A due time lies between the years {FIRST_YEAR} and {LAST_YEAR}.")
    return moment.astimezone(UTC)


def _storable_day(day: date) -> date:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"A due date lies between the years {FIRST_YEAR} and {LAST_YEAR}.")
    return day


Moment = Annotated[AwareDatetime, AfterValidator(_storable)]
Day = Annotated[date, AfterValidator(_storable_day)]


class DueWindow(StrEnum):
    OVERDUE = "overdue"
    TODAY = "today"
    WEEK = "week"
    NONE = "none"


def due_of(due_at: datetime | None, due_date: date | None) -> Due | None:
    """The one of a task's two fields that is set."""
    return due_at if due_at is not None else due_date


def due_fields(due: Due | None) -> dict[str, Due | None]:
    """`due` as a task's two fields."""
    timed = isinstance(due, datetime)
    return {"due_at": due if timed else None, "due_date": None if timed else due}


def due_day(due: Due, *, zone: ZoneInfo) -> date:
    """The day on which the user has to do it."""
    return day_in(due, zone=zone) if isinstance(due, datetime) else due


def due_moment(due: Due, *, at: time = time.min, zone: ZoneInfo) -> datetime:
    """The instant it is due; a day counts from `at` (its reminders from `preferences.all_day_at`)."""
    return due if isinstance(due, datetime) else moment(due, at, zone=zone)


def is_overdue(due: Due, *, now: datetime, zone: ZoneInfo) -> bool:
    """A time is over when it is past; a day when it is over where the user is."""
    return due < now if isinstance(due, datetime) else due < day_in(now, zone=zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which due dates are asked for, ready for a query: `from_day <= due_date < to_day`, `from_at <= due_at < to_at`.

    None is an open end. `undated`: those without any due date, and the bounds don't matter.
    """

    from_day: date | None = None
    to_day: date | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None
    undated: bool = False

    def holds(self, due: Due | None) -> bool:
        """The same decision in Python."""
        if due is None or self.undated:
            return self.undated and due is None
        if isinstance(due, datetime):
            return (self.from_at is None or self.from_at <= due) and (self.to_at is None or due < self.to_at)
        return (self.from_day is None or self.from_day <= due) and (self.to_day is None or due < self.to_day)


def days(first: date | None, last: date | None, *, zone: ZoneInfo) -> Span:
    """What is due from the `first` to the `last` day, both included, on the user's calendar."""
    end = last + ONE_DAY if last else None
    return Span(
        from_day=first,
        to_day=end,
        from_at=day_begins(first, zone=zone) if first else None,
        to_at=day_begins(end, zone=zone) if end else None,
    )


def window(kind: DueWindow, *, now: datetime, zone: ZoneInfo, week_start: Weekday = Weekday.MON) -> Span:
    """What a due filter means just now: `week` is the whole week around today, as the user's week begins."""
    today = day_in(now, zone=zone)
    match kind:
        case DueWindow.NONE:
            return Span(undated=True)
        case DueWindow.OVERDUE:
            return Span(to_day=today, to_at=now)
        case DueWindow.TODAY:
            return days(today, today, zone=zone)
        case DueWindow.WEEK:
            first = today - timedelta(days=(today.weekday() - week_start.number) % 7)
            return days(first, first + timedelta(days=6), zone=zone)
