"""When a task comes again. docs/recurrence.md says the rules in words, and where they differ from RFC 5545.

A series is a pattern and the due date it began with: from the first one every later one is worked out, never from the
one before, so that neither the 31st nor half past two is lost on the way through February or a clock change.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import count, dropwhile, takewhile
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from taskora.domain.dates import (
    LAST_YEAR,
    ONE_DAY,
    WEEK,
    Weekday,
    add_months,
    day_in,
    day_of_month,
    days_from,
    moment,
    nth_of_month,
)
from taskora.domain.due import Due, due_day, due_moment
from taskora.domain.people import TimeZone

INTERVAL_MOST = 1000
COUNT_MOST = 10_000


class Frequency(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"


class Anchor(StrEnum):
    """What the next date is counted from."""

    SCHEDULE = "schedule"
    COMPLETION = "completion"


class Mode(StrEnum):
    """What brings the next task: completing this one, or the calendar."""

    ON_COMPLETION = "on_completion"
    ON_SCHEDULE = "on_schedule"


class CatchUp(StrEnum):
    """Which of the dates that passed while nobody looked become tasks (on_schedule only)."""

    LATEST = "latest"
    ALL = "all"
    NONE = "none"


class NthWeekday(BaseModel):
    """The second Tuesday: `{"nth": 2, "weekday": "tue"}`; the last Friday: `{"nth": -1, "weekday": "fri"}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nth: int
    weekday: Weekday

    @field_validator("nth")
    @classmethod
    def in_every_month(cls, nth: int) -> int:
        if nth not in (1, 2, 3, 4, -1):
            raise ValueError("Every month has a first to fourth weekday and a last one: nth is 1, 2, 3, 4 or -1.")
        return nth


class Recurrence(BaseModel):
    """The pattern, as clients send it and as it is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frequency: Frequency
    interval: Annotated[int, Field(ge=1, le=INTERVAL_MOST)] = 1
    weekdays: Annotated[tuple[Weekday, ...], Field(description="Weekly: on these days; else on the first one's")] = ()
    month_day: Annotated[int | None, Field(description="1 to 31, or -1 for the last day of the month")] = None
    nth_weekday: NthWeekday | None = None
    anchor: Anchor = Anchor.SCHEDULE
    mode: Mode = Mode.ON_COMPLETION
    catch_up: CatchUp = CatchUp.LATEST
    until: Annotated[date | None, Field(description="The last day on which it may be due")] = None
    count: Annotated[int | None, Field(ge=1, le=COUNT_MOST, description="How many times, the first included")] = None
    time_zone: Annotated[TimeZone | None, Field(description="Whose wall clock; left out, the user's own")] = None

    @field_validator("weekdays")
    @classmethod
    def once_each_in_order(cls, days: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
        return tuple(day for day in WEEK if day in days)

    @field_validator("month_day")
    @classmethod
    def a_day_some_month_has(cls, day: int | None) -> int | None:
        if day is not None and day != -1 and not 1 <= day <= 31:
            raise ValueError("month_day is a day from 1 to 31, or -1 for the last day of the month.")
        return day

    @model_validator(mode="after")
    def makes_sense(self) -> "Recurrence":
        if self.weekdays and self.frequency is not Frequency.WEEKLY:
            raise ValueError(
                f"weekdays belong to a weekly recurrence; a {self.frequency} one takes "
                + ("nth_weekday." if self.frequency in (Frequency.MONTHLY, Frequency.YEARLY) else "none.")
            )
        if self.frequency in (Frequency.DAILY, Frequency.WEEKLY):
            for name in ("month_day", "nth_weekday"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name} belongs to a monthly or yearly recurrence, this one is {self.frequency}.")
        if self.month_day is not None and self.nth_weekday is not None:
            raise ValueError("A month is told by month_day or by nth_weekday, not by both.")
        if self.mode is Mode.ON_SCHEDULE and self.anchor is Anchor.COMPLETION:
            raise ValueError(
                "What is counted from completion can't also come on schedule: "
                "set anchor to schedule, or mode to on_completion."
            )
        if self.until is not None and self.count is not None:
            raise ValueError("A recurrence ends on a day (until) or after so many times (count), not both.")
        return self

    @property
    def names_its_days(self) -> bool:
        """Whether the pattern itself says on which days, rather than the date it is counted from."""
        return bool(self.weekdays) or self.month_day is not None or self.nth_weekday is not None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One date of a series. `due` is its place in the pattern, also when the user moved that one task elsewhere.

    Under on_schedule `number` is its place in the calendar, made or skipped; else it counts the tasks made.
    """

    number: int
    due: Due


@dataclass(frozen=True)
class Series:
    """A pattern and where it began. `start` is the due date of the first task, on the pattern or not.

    `user_zone` is where the user is now: days float with it. Times keep the wall clock of the recurrence's own zone.
    """

    recurrence: Recurrence
    start: Due
    user_zone: ZoneInfo

    @cached_property
    def zone(self) -> ZoneInfo:
        named = self.recurrence.time_zone if isinstance(self.start, datetime) else None
        return ZoneInfo(named) if named else self.user_zone

    @cached_property
    def first(self) -> Occurrence:
        return Occurrence(1, self.start)

    @cached_property
    def first_day(self) -> date:
        return due_day(self.start, zone=self.zone)

    @cached_property
    def at(self) -> time | None:
        """The time on the wall, or None for whole days."""
        return self.start.astimezone(self.zone).time() if isinstance(self.start, datetime) else None


def settled(recurrence: Recurrence, *, time_zone: str) -> Recurrence:
    """The recurrence as it is kept: with the zone it was meant in."""
    return recurrence if recurrence.time_zone else recurrence.model_copy(update={"time_zone": time_zone})


def first_due(recurrence: Recurrence, *, now: datetime, at: time | None = None, zone: ZoneInfo) -> Due:
    """Where a series begins when nobody said: the pattern's first day from today on whose time is still to come."""
    today = day_in(now, zone=zone)
    if recurrence.names_its_days:
        every = Series(recurrence.model_copy(update={"interval": 1}), today, zone)
        days = (day for day in _days_of_pattern(every, since=today) if day >= today)
    else:
        days = days_from(today)
    if at is None:
        return next(days)
    return next(due for due in (moment(day, at, zone=zone) for day in days) if due >= now)


def following(series: Series, last: Occurrence, *, completed_at: datetime | None = None) -> Occurrence | None:
    """The occurrence after `last`, or None when the series ends with it.

    `completed_at`: when `last` was done. It is never due before then: what was missed on the way is left out, and a
    Monday's task done on any day comes again on the Monday after. None: it is skipped, or only looked ahead of.
    """
    if series.recurrence.anchor is Anchor.COMPLETION:
        done = completed_at or due_moment(last.due, zone=series.zone)
        return _within(series, last.number + 1, _after_completion(series, last, day_in(done, zone=series.zone)))
    later = (
        due for due in _dues(series, since=_day_before(series, last, completed_at)) if _later(series, due, last.due)
    )
    if completed_at is not None:
        later = (due for due in later if _to_come(series, due, completed_at))
    return _within(series, last.number + 1, next(later, None))


def upcoming(series: Series, *, after: Occurrence | None = None, most: int = 5) -> list[Occurrence]:
    """The next `most` occurrences (fewer when it ends), each taken as done when due. Without `after` from the first."""
    found = [] if after else [series.first]
    last = after or series.first
    while len(found) < most and (following_one := following(series, last)):
        found.append(following_one)
        last = following_one
    return found[:most]


def next_at(series: Series, last: Occurrence) -> datetime:
    """Under on_schedule, when the task after `last` is made: as `last` falls due, so that one is always ahead."""
    return due_moment(last.due, zone=series.zone)


def caught_up(series: Series, last: Occurrence, *, now: datetime, most: int = 100) -> list[Occurrence]:
    """What on_schedule makes at `now`, when `last` was the latest made: nothing, or what passed meanwhile and the next.

    Of what passed (due at or before `now`) catch_up takes all, the latest or none. At most `most` at once: ask again
    with the last of them. Empty when nothing is to be made now.
    """
    if next_at(series, last) > now:
        return []
    passed: list[Occurrence] = []
    ahead = following(series, last)
    all_of_them = series.recurrence.catch_up is CatchUp.ALL
    while ahead is not None and next_at(series, ahead) <= now:
        passed = [*passed, ahead] if all_of_them else [ahead]
        if all_of_them and len(passed) == most:
            return passed
        ahead = following(series, ahead)
    if series.recurrence.catch_up is CatchUp.NONE:
        passed = []
    return [*passed, ahead] if ahead else passed


def _within(series: Series, number: int, due: Due | None) -> Occurrence | None:
    recurrence = series.recurrence
    if due is None or (recurrence.count is not None and number > recurrence.count):
        return None
    if recurrence.until is not None and due_day(due, zone=series.zone) > recurrence.until:
        return None
    return Occurrence(number, due)


def _later(series: Series, due: Due, than: Due) -> bool:
    if isinstance(due, datetime) and isinstance(than, datetime):
        return due > than
    return due_day(due, zone=series.zone) > due_day(than, zone=series.zone)


def _to_come(series: Series, due: Due, completed_at: datetime) -> bool:
    return due > completed_at if isinstance(due, datetime) else due > day_in(completed_at, zone=series.zone)


def _day_before(series: Series, last: Occurrence, completed_at: datetime | None) -> date:
    """A day from which on the search misses nothing: clock changes move a time by less than two days."""
    day = due_day(last.due, zone=series.zone)
    if completed_at is not None:
        day = max(day, day_in(completed_at, zone=series.zone))
    return day - timedelta(days=2)


def _dues(series: Series, *, since: date) -> Iterator[Due]:
    """Every due date of the pattern after the first one, from about `since` on, in order."""
    days = dropwhile(lambda day: day <= series.first_day, _days_of_pattern(series, since=since))
    at = series.at
    return days if at is None else (moment(day, at, zone=series.zone) for day in days)


def _days_of_pattern(series: Series, *, since: date) -> Iterator[date]:
    """The days of the pattern in order; those of the period `since` falls in may lie before it."""
    recurrence, first = series.recurrence, series.first_day
    since, step = max(since, first), recurrence.interval
    match recurrence.frequency:
        case Frequency.DAILY:
            whole = (since - first).days // step * step
            return days_from(first + timedelta(days=whole), step=step)
        case Frequency.WEEKLY:
            monday = first - timedelta(days=first.weekday())
            whole = (since - monday).days // (7 * step) * 7 * step
            weekdays = [day.number for day in recurrence.weekdays] or [first.weekday()]
            return (
                week + timedelta(days=weekday)
                for week in takewhile(
                    lambda week: week.year < LAST_YEAR, days_from(monday + timedelta(days=whole), step=7 * step)
                )
                for weekday in weekdays
            )
        case Frequency.MONTHLY | Frequency.YEARLY:
            if recurrence.frequency is Frequency.YEARLY:
                step *= 12
            begun = first.year * 12 + first.month - 1
            whole = (since.year * 12 + since.month - 1 - begun) // step * step
            months = takewhile(lambda index: index < (LAST_YEAR + 1) * 12, count(begun + whole, step))
            return (_day_in_month(recurrence, index // 12, index % 12 + 1, otherwise=first.day) for index in months)


def _day_in_month(recurrence: Recurrence, year: int, month: int, *, otherwise: int) -> date:
    if recurrence.nth_weekday is not None:
        return nth_of_month(year, month, recurrence.nth_weekday.nth, recurrence.nth_weekday.weekday)
    return day_of_month(year, month, recurrence.month_day or otherwise)


def _after_completion(series: Series, last: Occurrence, done: date) -> Due | None:
    """`interval` periods after the day it was done; where the pattern names its days, the first such day after all but
    the last of those periods, and never the day that was just done ahead of time."""
    recurrence = series.recurrence
    periods = recurrence.interval - 1 if recurrence.names_its_days else recurrence.interval
    try:
        day = _periods_on(done, recurrence.frequency, periods)
    except OverflowError:
        return None
    if recurrence.names_its_days:
        floor = max(day, due_day(last.due, zone=series.zone))
        every = Series(recurrence.model_copy(update={"interval": 1}), series.first_day, series.zone)
        found = next((one for one in _days_of_pattern(every, since=floor) if one > floor), None)
        if found is None:
            return None
        day = found
    return day if series.at is None else moment(day, series.at, zone=series.zone)


def _periods_on(day: date, frequency: Frequency, periods: int) -> date:
    match frequency:
        case Frequency.DAILY:
            return day + ONE_DAY * periods
        case Frequency.WEEKLY:
            return day + ONE_DAY * 7 * periods
        case Frequency.MONTHLY:
            return add_months(day, periods)
        case Frequency.YEARLY:
            return add_months(day, 12 * periods)
