"""Repetitions as English says them: "every 2 weeks on mon and fri", "every last friday", "until 31 Dec"."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from taskora.domain.dates import WEEK, Weekday, day_of_month
from taskora.domain.phrases import (
    FREQUENCIES,
    ORDINAL,
    PARTS_OF_DAY,
    WEEKDAYS,
    Found,
    Present,
    Word,
    amount_at,
    date_at,
    key_at,
    month_and_day_at,
    number_of,
    real_day,
)
from taskora.domain.recurrence import COUNT_MOST, INTERVAL_MOST, Anchor, Frequency, NthWeekday, Recurrence

NTHS = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "last": -1}
ADVERBS = {
    "daily": Frequency.DAILY,
    "weekly": Frequency.WEEKLY,
    "monthly": Frequency.MONTHLY,
    "yearly": Frequency.YEARLY,
    "annually": Frequency.YEARLY,
}


@dataclass(frozen=True, slots=True)
class Repeats:
    """A repetition, and the day it begins on when the words say it."""

    recurrence: Recurrence
    begins: date | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """When a repetition ends."""

    until: date | None = None
    count: int | None = None


def recurrence_at(words: Sequence[Word], at: int, *, present: Present) -> Found[Repeats] | None:
    """ "every 2 weeks", "every mon, wed and fri", "every last friday", "every 31st"; weak: "weekly"."""
    key = key_at(words, at)
    if key in ADVERBS:
        return Found(_repeats(ADVERBS[key]), at + 1, weak=True)
    if key not in ("every", "each", "every!"):
        return None
    found = _pattern(words, at + 1, present=present)
    if found is None:
        return None
    counted = _counted_from_completion(words, found.end)
    if counted or key == "every!":
        pattern = found.value.recurrence.model_copy(update={"anchor": Anchor.COMPLETION})
        found = Found(Repeats(pattern, found.value.begins), counted or found.end)
    return found


def ending_at(words: Sequence[Word], at: int, *, present: Present) -> Found[Ending] | None:
    """ "until 31 Dec", "10 times"."""
    key = key_at(words, at)
    if key in ("until", "till"):
        last = date_at(words, at + 1, present=present)
        return Found(Ending(until=last.value), last.end) if last else None
    start = at + 1 if key == "for" else at
    number = number_of(key_at(words, start))
    if number and number <= COUNT_MOST and key_at(words, start + 1) in ("times", "time"):
        return Found(Ending(count=number), start + 2)
    return None


def _repeats(frequency: Frequency, *, begins: date | None = None, **more: Any) -> Repeats:
    return Repeats(Recurrence(frequency=frequency, **more), begins)


def _pattern(words: Sequence[Word], at: int, *, present: Present) -> Found[Repeats] | None:
    key = key_at(words, at)
    if key == "other":
        unit = FREQUENCIES.get(key_at(words, at + 1))
        if unit is not None:
            return _on_day(words, Found(_repeats(unit, interval=2), at + 2))
    if key in ("weekday", "workday"):
        return Found(_repeats(Frequency.WEEKLY, weekdays=WEEK[:5]), at + 1)
    if key == "weekend":
        return Found(_repeats(Frequency.WEEKLY, weekdays=WEEK[5:]), at + 1)
    if key == "quarter":
        return Found(_repeats(Frequency.MONTHLY, interval=3), at + 1)
    if key in PARTS_OF_DAY and key != "noon":
        return Found(_repeats(Frequency.DAILY), at)
    if key in FREQUENCIES:
        return _on_day(words, Found(_repeats(FREQUENCIES[key]), at + 1))
    if (days := _weekdays(words, at)) is not None:
        return days
    if (nth := _nth(words, at)) is not None:
        return nth
    if (named := month_and_day_at(words, at)) is not None:
        return _yearly(*named, today=present.today)
    number, unit, end = amount_at(words, at)
    if 1 <= number <= INTERVAL_MOST and unit in FREQUENCIES:
        return _on_day(words, Found(_repeats(FREQUENCIES[unit], interval=number), end))
    start = at + 1 if key == "the" else at
    match = ORDINAL.fullmatch(key_at(words, start))
    if match and 1 <= int(match[1]) <= 31:
        end = _skip(words, start + 1, "of", ("the", "each", "every"), "month")
        return Found(_repeats(Frequency.MONTHLY, month_day=int(match[1])), end)
    return None


def _yearly(month: int, day: int, end: int, *, today: date) -> Found[Repeats] | None:
    """ "every 29 Feb": in years without it, on the month's last day; 30 February is no day at all."""
    if real_day(2024, month, day) is None:
        return None
    begins = day_of_month(today.year, month, day)
    if begins < today:
        begins = day_of_month(today.year + 1, month, day)
    return Found(_repeats(Frequency.YEARLY, month_day=day, begins=begins), end)


def _on_day(words: Sequence[Word], found: Found[Repeats]) -> Found[Repeats]:
    """ "every 2 weeks on mon and fri", "every month on the 31st", "every month on the last friday"."""
    recurrence = found.value.recurrence
    if key_at(words, found.end) != "on":
        return found
    at = found.end + 1
    if recurrence.frequency is Frequency.WEEKLY:
        days = _weekdays(words, at)
        more = {"weekdays": days.value.recurrence.weekdays} if days else None
        end = days.end if days else at
    elif recurrence.frequency is Frequency.MONTHLY:
        nth, start = _nth(words, at), at + 1 if key_at(words, at) == "the" else at
        match = ORDINAL.fullmatch(key_at(words, start))
        if nth is not None:
            said = nth.value.recurrence
            more, end = {"month_day": said.month_day, "nth_weekday": said.nth_weekday}, nth.end
        elif match and 1 <= int(match[1]) <= 31:
            more, end = {"month_day": int(match[1])}, start + 1
        else:
            return found
    else:
        return found
    if more is None:
        return found
    return Found(Repeats(recurrence.model_copy(update=more)), end)


def _weekdays(words: Sequence[Word], at: int) -> Found[Repeats] | None:
    days: list[Weekday] = []
    end = at
    while True:
        after = end + 1 if days and key_at(words, end) in ("and", "&") else end
        key = key_at(words, after)
        key = key if key in WEEKDAYS else key.removesuffix("s")
        if key not in WEEKDAYS:
            break
        days.append(WEEKDAYS[key])
        end = after + 1
    if not days:
        return None
    return Found(_repeats(Frequency.WEEKLY, weekdays=tuple(day for day in WEEK if day in days)), end)


def _nth(words: Sequence[Word], at: int) -> Found[Repeats] | None:
    """ "last day", "second tuesday", "the 3rd friday of the month"."""
    start = at + 1 if key_at(words, at) == "the" else at
    nth = NTHS.get(key_at(words, start))
    what = key_at(words, start + 1)
    if nth is None:
        return None
    end = _skip(words, start + 2, "of", ("the", "each", "every"), "month")
    if what == "day" and nth == -1:
        return Found(_repeats(Frequency.MONTHLY, month_day=-1), end)
    if what not in WEEKDAYS:
        return None
    return Found(_repeats(Frequency.MONTHLY, nth_weekday=NthWeekday(nth=nth, weekday=WEEKDAYS[what])), end)


def _skip(words: Sequence[Word], at: int, *expected: str | tuple[str, ...]) -> int:
    """The end of the words expected from `at` on, of which those in a tuple may be missing; `at` when others stand
    there."""
    end = at
    for one in expected:
        key = key_at(words, end)
        if isinstance(one, tuple):
            end += key in one
        elif key == one:
            end += 1
        else:
            return at
    return end


def _counted_from_completion(words: Sequence[Word], at: int) -> int | None:
    end = _skip(words, at, "after", ("completion", "done", "completing"))
    return end if end >= at + 2 else None
