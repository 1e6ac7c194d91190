"""A recurrence as people say it, and why one of its dates is not where they would look for it."""

from calendar import monthrange
from datetime import date, datetime, time

from taskora.domain.dates import MONTHS, Weekday, moment, ordinal
from taskora.domain.due import due_day
from taskora.domain.recurrence import Anchor, Frequency, Occurrence, Recurrence, Series

UNITS = {Frequency.DAILY: "day", Frequency.WEEKLY: "week", Frequency.MONTHLY: "month", Frequency.YEARLY: "year"}
NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"}
WORKDAYS = (Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI)


def describe(recurrence: Recurrence, *, start: date | None = None) -> str:
    """ "every month on the 31st, or the last day", "every 2 weeks on Monday and Friday, until 31 Dec 2026".

    `start`: the first due day, where the pattern takes its day or month from it.
    """
    said = _pattern(recurrence, start)
    if recurrence.anchor is Anchor.COMPLETION:
        said += ", counted from completion"
    if recurrence.until is not None:
        said += f", until {_short(recurrence.until)}"
    if recurrence.count is not None:
        said += ", once" if recurrence.count == 1 else f", {recurrence.count} times"
    return said


def why_moved(series: Series, occurrence: Occurrence) -> str:
    """Why this one is not on the day or at the time of the others, as a sentence; empty when it is."""
    day = due_day(occurrence.due, zone=series.zone)
    if series.recurrence.anchor is Anchor.SCHEDULE and occurrence.number > 1:
        wanted = _day_wanted(series.recurrence, series.first_day)
        last = monthrange(day.year, day.month)[1]
        if wanted is not None and wanted > last == day.day:
            return f"{MONTHS[day.month - 1]} {day.year} has no {ordinal(wanted)}."
    if series.at is None or not isinstance(occurrence.due, datetime):
        return ""
    return _clock(series, occurrence.due, series.at)


def _clock(series: Series, due: datetime, at: time) -> str:
    local = due.astimezone(series.zone)
    if local.time() != at:
        return f"Clocks go forward: there is no {at:%H:%M} that day."
    if moment(local.date(), at, zone=series.zone) == due and local.replace(fold=1).utcoffset() != local.utcoffset():
        return f"Clocks go back: {at:%H:%M} comes twice that day, and the first one counts."
    return ""


def _pattern(recurrence: Recurrence, start: date | None) -> str:
    every = "every " + _units(recurrence)
    match recurrence.frequency:
        case Frequency.DAILY:
            return every
        case Frequency.WEEKLY:
            days = recurrence.weekdays
            if not days and start is not None and recurrence.anchor is Anchor.SCHEDULE:
                days = (tuple(Weekday)[start.weekday()],)
            if not days:
                return every
            if recurrence.interval == 1:
                if days == WORKDAYS:
                    return "every weekday"
                if len(days) == len(Weekday):
                    return "every day"
                return "every " + _and([day.spoken for day in days])
            return f"{every} on {_and([day.spoken for day in days])}"
        case Frequency.MONTHLY | Frequency.YEARLY:
            return every + _day(recurrence, start)


def _units(recurrence: Recurrence) -> str:
    unit = UNITS[recurrence.frequency]
    return unit if recurrence.interval == 1 else f"{recurrence.interval} {unit}s"


def _day(recurrence: Recurrence, start: date | None) -> str:
    yearly = recurrence.frequency is Frequency.YEARLY
    month = MONTHS[start.month - 1] if yearly and start is not None else ""
    of_month = f" of {month}" if month else ""
    if recurrence.nth_weekday is not None:
        return f" on the {NTH[recurrence.nth_weekday.nth]} {recurrence.nth_weekday.weekday.spoken}{of_month}"
    if recurrence.month_day == -1:
        return f" on the last day{of_month}"
    day = _day_wanted(recurrence, start)
    if day is None:
        return ""
    said = f" on {day} {month}" if month else f" on the {ordinal(day)}"
    fits = day <= (monthrange(2025, start.month)[1] if yearly and start is not None else 28)
    return said if fits else said + ", or the last day"


def _day_wanted(recurrence: Recurrence, start: date | None) -> int | None:
    """The day of the month the pattern asks for."""
    if recurrence.frequency not in (Frequency.MONTHLY, Frequency.YEARLY) or recurrence.nth_weekday is not None:
        return None
    if recurrence.month_day is not None:
        return recurrence.month_day
    return start.day if start is not None and recurrence.anchor is Anchor.SCHEDULE else None


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _short(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1][:3]} {day.year}"
