"""Dates and durations in words, as lists, tokens and the chat say them."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from taskora.domain.dates import MONTHS, ONE_DAY, SPOKEN
from taskora.domain.due import Due, due_day


class TwelveHours(ZoneInfo):
    """A zone whose user reads clocks by twelve hours: moments in it are said so."""


def at(local: datetime) -> str:
    """The time on the clock: "15:30"; "3:30 pm" in a zone of `TwelveHours`."""
    if isinstance(local.tzinfo, TwelveHours):
        return f"{local.hour % 12 or 12}:{local:%M} {'am' if local.hour < 12 else 'pm'}"
    return f"{local:%H:%M}"


def said(due: Due, *, today: date, zone: ZoneInfo) -> str:
    """ "Mon 30 Nov", "Mon 30 Nov 09:00"; with the year when it is another one."""
    day = due_day(due, zone=zone)
    words = f"{SPOKEN[day.weekday()][:3]} {day.day} {MONTHS[day.month - 1][:3]}"
    words += f" {day.year}" if day.year != today.year else ""
    return words + (f" {at(due.astimezone(zone))}" if isinstance(due, datetime) else "")


def before(minutes: int) -> str:
    """ "1 day before", "90 minutes before", "when it is due"."""
    if minutes == 0:
        return "when it is due"
    for name, length in (("week", timedelta(weeks=1)), ("day", ONE_DAY), ("hour", timedelta(hours=1))):
        number, rest = divmod(timedelta(minutes=minutes), length)
        if not rest:
            return f"{number} {name}{'' if number == 1 else 's'} before"
    return f"{minutes} minute{'' if minutes == 1 else 's'} before"
