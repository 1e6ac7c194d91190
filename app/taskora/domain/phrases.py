"""Dates, times, durations and repetitions as English says them, found among the words of a text.

Every finder looks at one place, `words[at:]`, and says what stands there and where it ends, or None. A find is `weak`
when the same words are as often meant otherwise ("sat", "weekly"): callers take it only where nothing else follows.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from taskora.domain.dates import (
    FIRST_YEAR,
    LAST_YEAR,
    MONTHS,
    ONE_DAY,
    SPOKEN,
    WEEK,
    Weekday,
    add_months,
    day_in,
    day_of_month,
    next_weekday,
)
from taskora.domain.recurrence import Frequency

T = TypeVar("T")

WORD = re.compile(r"\S+")
NUMBERS = {
    word: number
    for number, words in enumerate(
        ["", "a an one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
    for word in words.split()
}
WEEKDAYS = {
    **{name.lower(): day for name, day in zip(SPOKEN, WEEK, strict=True)},
    **{day.value: day for day in WEEK},
    "tues": Weekday.TUE, "weds": Weekday.WED, "thur": Weekday.THU, "thurs": Weekday.THU,
}  # fmt: skip
# Also words of their own: "the sun", "they sat", "to wed".
DOUBTFUL_DAYS = frozenset({"sun", "sat", "wed"})
MONTH_NAMES = {
    **{name.lower(): number for number, name in enumerate(MONTHS, start=1)},
    **{name[:3].lower(): number for number, name in enumerate(MONTHS, start=1)},
    "sept": 9,
}
MINUTES = {
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 1),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 60),
    **dict.fromkeys(("d", "day", "days"), 24 * 60),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), 7 * 24 * 60),
}
FREQUENCIES = {
    **dict.fromkeys(("day", "days", "d"), Frequency.DAILY),
    **dict.fromkeys(("week", "weeks", "w"), Frequency.WEEKLY),
    **dict.fromkeys(("month", "months"), Frequency.MONTHLY),
    **dict.fromkeys(("year", "years"), Frequency.YEARLY),
}
PARTS_OF_DAY = {"morning": time(9), "noon": time(12), "afternoon": time(15), "evening": time(18), "night": time(20)}

ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:t(\d{2}):(\d{2}))?")
DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th)")
NUMBER = re.compile(r"\d{1,4}")
YEAR = re.compile(r"(19|20|21)\d\d")
HOUR = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?(am|pm)")
CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
COMPACT = re.compile(r"(\d{1,4})([a-z]+)")


@dataclass(frozen=True, slots=True)
class Word:
    """A word and its place in the text; `key` is how it is compared, empty when it is to be taken literally."""

    text: str
    start: int
    end: int
    key: str


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What stands there; `end` is the index of the first word after it."""

    value: T
    end: int
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Present:
    """Where and when the words are said."""

    now: datetime
    zone: ZoneInfo
    week_start: Weekday = Weekday.MON

    @property
    def today(self) -> date:
        return day_in(self.now, zone=self.zone)


def words_of(text: str) -> list[Word]:
    """The words of `text`. "Quoted words" are literal and keep their quotes, \\word is and loses its backslash."""
    words: list[Word] = []
    quoted_until = -1
    for match in WORD.finditer(text):
        word, start, end = match[0], match.start(), match.end()
        if start > quoted_until and word.startswith('"'):
            closing = re.compile(r'"(?=[,.;:!?]*(?:\s|$))').search(text, start + 1)
            quoted_until = closing.start() if closing else -1
        literal = start <= quoted_until
        if not literal and word.startswith("\\") and len(word) > 1:
            words.append(Word(word[1:], start, end, ""))
        else:
            words.append(Word(word, start, end, "" if literal else word.lower().rstrip(",;.?")))
    return words


def date_at(words: Sequence[Word], at: int, *, present: Present) -> Found[date] | None:
    """A day: "tomorrow", "next fri", "in 3 days", "12 Mar", "on the 31st", "2026-12-24"."""
    key = key_at(words, at)
    if key in ("on", "by", "due", "until", "till", "from", "starting", "this"):
        found = date_at(words, at + 1, present=present) or _day_alone(words, at + 1, present=present)
        if key == "this" and found is None and key_at(words, at + 1) == "weekend":
            return Found(next_weekday(present.today, Weekday.SAT), at + 2)
        return Found(found.value, found.end) if found else None
    today = present.today
    if key == "next":
        return _next(key_at(words, at + 1), at, present=present)
    if key == "in":
        return _days_ahead(words, at, today=today)
    if key in WEEKDAYS:
        return Found(next_weekday(today + ONE_DAY, WEEKDAYS[key]), at + 1, weak=key in DOUBTFUL_DAYS)
    if key == "today":
        return Found(today, at + 1)
    if key in ("tomorrow", "tmr", "tmrw"):
        return Found(today + ONE_DAY, at + 1)
    if key == "end" and key_at(words, at + 1) == "of" and key_at(words, at + 2) in ("month", "week"):
        return Found(_end(key_at(words, at + 2), present=present), at + 3)
    return _calendar_date(words, at, today=today)


def time_at(words: Sequence[Word], at: int) -> Found[time] | None:
    """A time of day: "9am", "9:30 pm", "17:30", "at 5", "noon", "in the morning"."""
    key = key_at(words, at)
    if key == "at":
        return time_at(words, at + 1) or _bare_hour(words, at + 1)
    if key == "in" and key_at(words, at + 1) == "the" and key_at(words, at + 2) in PARTS_OF_DAY:
        return Found(PARTS_OF_DAY[key_at(words, at + 2)], at + 3)
    if key in ("noon", "tonight"):
        return Found(PARTS_OF_DAY[key.removeprefix("to")], at + 1)
    if match := HOUR.fullmatch(key):
        return _found_time(int(match[1]) % 12 + (12 if match[3] == "pm" else 0), match, at + 1, least=1, most=12)
    if (match := HOUR.fullmatch(key + key_at(words, at + 1))) and key_at(words, at + 1) in ("am", "pm"):
        return _found_time(int(match[1]) % 12 + (12 if match[3] == "pm" else 0), match, at + 2, least=1, most=12)
    if match := CLOCK.fullmatch(key):
        return _found_time(int(match[1]), match, at + 1, least=0, most=23)
    return None


def wall_time(text: str) -> time | None:
    """The time of day that words on their own tell: "17:30", "5:30 pm", "9", "noon"; else None."""
    words = words_of(f"at {text}")
    found = time_at(words, 0)
    return found.value if found and found.end == len(words) else None


def part_of_day_at(words: Sequence[Word], at: int) -> Found[time] | None:
    """Right after a day: "morning", "evening"."""
    key = key_at(words, at)
    return Found(PARTS_OF_DAY[key], at + 1) if key in PARTS_OF_DAY else None


def instant_at(words: Sequence[Word], at: int, *, present: Present) -> Found[datetime] | None:
    """ "in 20 minutes", "in an hour": an instant, to the minute."""
    if key_at(words, at) != "in":
        return None
    found = minutes_at(words, at + 1)
    if found is None or found.value % (24 * 60) == 0:
        return None
    return Found(present.now.replace(second=0, microsecond=0) + timedelta(minutes=found.value), found.end)


def minutes_at(words: Sequence[Word], at: int) -> Found[int] | None:
    """A duration in minutes: "1d", "30 min", "two hours", "a week"."""
    number, unit, end = amount_at(words, at)
    return Found(number * MINUTES[unit], end) if number and unit in MINUTES else None


def key_at(words: Sequence[Word], at: int) -> str:
    return words[at].key if at < len(words) else ""


def number_of(key: str) -> int | None:
    if key in NUMBERS:
        return NUMBERS[key]
    return int(key) if NUMBER.fullmatch(key) and key.isascii() else None


def amount_at(words: Sequence[Word], at: int) -> tuple[int, str, int]:
    """ "3 days", "3d", "a week": number (0 when there is none), unit, end."""
    key = key_at(words, at)
    if (match := COMPACT.fullmatch(key)) and key.isascii():
        return int(match[1]), match[2], at + 1
    return number_of(key) or 0, key_at(words, at + 1), at + 2


def real_day(year: int, month: int, day: int) -> date | None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _next(key: str, at: int, *, present: Present) -> Found[date] | None:
    """ " "next fri" is the Friday of the week after this one; "next week" that week's first day."""
    today = present.today
    next_week = next_weekday(today + ONE_DAY, present.week_start)
    if key in WEEKDAYS:
        return Found(next_weekday(next_week, WEEKDAYS[key]), at + 2)
    if key == "week":
        return Found(next_week, at + 2)
    if key == "weekend":
        return Found(next_weekday(next_week, Weekday.SAT), at + 2)
    if key == "month":
        return Found(add_months(today.replace(day=1), 1), at + 2)
    return None


def _days_ahead(words: Sequence[Word], at: int, *, today: date) -> Found[date] | None:
    number, unit, end = amount_at(words, at + 1)
    frequency = FREQUENCIES.get(unit)
    if not number or frequency is None:
        return None
    try:
        match frequency:
            case Frequency.DAILY:
                day = today + timedelta(days=number)
            case Frequency.WEEKLY:
                day = today + timedelta(weeks=number)
            case Frequency.MONTHLY:
                day = add_months(today, number)
            case Frequency.YEARLY:
                day = add_months(today, 12 * number)
    except OverflowError:
        return None
    return Found(day, end) if day.year <= LAST_YEAR else None


def _end(of: str, *, present: Present) -> date:
    if of == "month":
        return day_of_month(present.today.year, present.today.month, -1)
    return next_weekday(present.today + ONE_DAY, present.week_start) - ONE_DAY


def _day_alone(words: Sequence[Word], at: int, *, present: Present) -> Found[date] | None:
    """ "31st", "the 31st": the next day of that number."""
    start = at + 1 if key_at(words, at) == "the" else at
    match = ORDINAL.fullmatch(key_at(words, start))
    if match is None or not 1 <= int(match[1]) <= 31:
        return None
    month = present.today.replace(day=1)
    while (day := real_day(month.year, month.month, int(match[1]))) is None or day < present.today:
        month = add_months(month, 1)
    return Found(day, start + 1, weak=True)


def weak_date_at(words: Sequence[Word], at: int, *, present: Present) -> Found[date] | None:
    """A day that counts only at the end of a text: also "31st" on its own."""
    return date_at(words, at, present=present) or _day_alone(words, at, present=present)


def _calendar_date(words: Sequence[Word], at: int, *, today: date) -> Found[date] | None:
    key = key_at(words, at)
    if match := ISO.fullmatch(key):
        day = real_day(int(match[1]), int(match[2]), int(match[3]))
        return Found(day, at + 1) if day and match[4] is None else None
    if match := DOTTED.fullmatch(key):
        day = real_day(int(match[3]), int(match[2]), int(match[1]))
        return Found(day, at + 1) if day else None
    named = month_and_day_at(words, at)
    if named is None:
        return None
    month, number, end = named
    year = key_at(words, end)
    if YEAR.fullmatch(year):
        day = real_day(int(year), month, number)
        return Found(day, end + 1) if day else None
    for ahead in range(9):
        day = real_day(today.year + ahead, month, number)
        if day is not None and day >= today:
            return Found(day, end)
    return None


def month_and_day_at(words: Sequence[Word], at: int) -> tuple[int, int, int] | None:
    """ "12 Mar", "12th of March", "March 12": month, day, end."""
    number = _day_number(key_at(words, at))
    if number is not None:
        of = at + 2 if key_at(words, at + 1) == "of" else at + 1
        month = MONTH_NAMES.get(key_at(words, of))
        return (month, number, of + 1) if month else None
    month = MONTH_NAMES.get(key_at(words, at))
    number = _day_number(key_at(words, at + 1))
    return (month, number, at + 2) if month and number is not None else None


def month_at(words: Sequence[Word], at: int, *, today: date, past: bool = False) -> Found[date] | None:
    """A whole month, as its first day: "in january", "during jan 2031", "january 2031". Where no year is said it is the
    present one or the next to come; in the past, the latest that has begun."""
    led = key_at(words, at) in ("in", "during")
    at += led
    month = MONTH_NAMES.get(key_at(words, at))
    if month is None or month_and_day_at(words, at):
        return None
    year = key_at(words, at + 1)
    if YEAR.fullmatch(year):
        return Found(date(int(year), month, 1), at + 2)
    ahead = (not past and month < today.month) - (past and month > today.month)
    return Found(date(today.year + ahead, month, 1), at + 1) if led else None


def _day_number(key: str) -> int | None:
    match = ORDINAL.fullmatch(key)
    text = match[1] if match else key
    return int(text) if re.fullmatch(r"[0-9]{1,2}", text) and 1 <= int(text) <= 31 else None


def _found_time(hour: int, match: re.Match[str], end: int, *, least: int, most: int) -> Found[time] | None:
    minute = int(match[2] or 0)
    return Found(time(hour, minute), end) if least <= int(match[1]) <= most and minute < 60 else None


def _bare_hour(words: Sequence[Word], at: int) -> Found[time] | None:
    """ "at 5" is five in the afternoon, "at 9" nine in the morning, "at 17" what it says."""
    key = key_at(words, at)
    if not re.fullmatch(r"[0-9]{1,2}", key) or not 1 <= int(key) <= 23:
        return None
    hour = int(key)
    return Found(time(hour + 12 if hour < 7 else hour), at + 1)
