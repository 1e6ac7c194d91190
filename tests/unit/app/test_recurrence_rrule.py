"""Where the rules agree, the dates are those of python-dateutil's RFC 5545; docs/recurrence.md lists where they differ.

The cases are drawn from a fixed seed: every run compares the same ones.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import islice
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil import rrule, tz
from taskora.domain.dates import WEEK, zone_names
from taskora.domain.recurrence import Recurrence, Series, upcoming

FREQUENCIES = {"daily": rrule.DAILY, "weekly": rrule.WEEKLY, "monthly": rrule.MONTHLY, "yearly": rrule.YEARLY}
RRULE_DAYS = dict(zip(WEEK, (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU), strict=True))
COMPARED = 5


def a_pattern(random: Random, start: date) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same pattern twice: ours, and as arguments of rrule. Days are those that every month has."""
    frequency = random.choice(list(FREQUENCIES))
    ours: dict[str, Any] = {"frequency": frequency, "interval": random.randint(1, 6)}
    theirs: dict[str, Any] = {"interval": ours["interval"], "freq": FREQUENCIES[frequency]}
    if frequency in ("monthly", "yearly"):
        month = {"bymonth": start.month} if frequency == "yearly" else {}
        how = random.randrange(3)
        if how == 0:
            ours["month_day"] = random.choice([*range(1, 29), -1])
            theirs |= {"bymonthday": ours["month_day"], **month}
        elif how == 1:
            nth, weekday = random.choice([1, 2, 3, 4, -1]), random.choice(WEEK)
            ours["nth_weekday"] = {"nth": nth, "weekday": weekday}
            theirs |= {"byweekday": RRULE_DAYS[weekday](nth), **month}
    elif frequency == "weekly":
        days = random.sample(WEEK, random.randint(0, 4))
        ours["weekdays"] = days
        theirs |= {"byweekday": [RRULE_DAYS[day] for day in days]} if days else {}
    return ours, theirs


def theirs_after(start: datetime, rule: dict[str, Any]) -> Iterator[datetime]:
    """The dates after the first one: dateutil leaves the first out where it is not on the pattern, we never do."""
    return (found for found in rrule.rrule(dtstart=start, **rule) if found > start)


def test_ten_thousand_patterns_of_whole_days_are_rfc_5545s() -> None:
    random = Random(5545)
    for number in range(10_000):
        start = date(1970, 1, 1) + timedelta(days=random.randrange(365 * 100))
        if start.day > 28:
            start = start.replace(day=28)
        ours, theirs = a_pattern(random, start)
        expected = [day.date() for day in islice(theirs_after(datetime.combine(start, time.min), theirs), COMPARED)]
        found = upcoming(Series(Recurrence.model_validate(ours), start, ZoneInfo("UTC")), most=COMPARED + 1)[1:]
        assert [one.due for one in found] == expected, (number, ours, start)


def test_a_thousand_patterns_end_where_rfc_5545s_end() -> None:
    random = Random(2445)
    for number in range(1_000):
        start = date(2000, 1, 1) + timedelta(days=random.randrange(365 * 40))
        start = start.replace(day=min(start.day, 28))
        ours, theirs = a_pattern(random, start)
        # The last day of one of the next dates, or the day before it.
        some = list(islice(theirs_after(datetime.combine(start, time.min), theirs), 4))
        until = some[random.randrange(4)].date() - timedelta(days=random.randrange(2))
        ended = theirs_after(datetime.combine(start, time.min), {**theirs, "until": datetime.combine(until, time.max)})
        series = Series(Recurrence.model_validate({**ours, "until": until}), start, ZoneInfo("UTC"))
        assert [one.due for one in upcoming(series, most=10)[1:]] == [day.date() for day in ended], (
            number,
            ours,
            start,
        )


# Clock changes


@cache
def changes(name: str) -> tuple[datetime, ...]:
    """The instants from 1901 to 2037 at which the zone's clocks change, to the minute; looked for every three weeks."""
    zone = ZoneInfo(name)

    def offset(minute: int) -> timedelta | None:
        return datetime.fromtimestamp(minute * 60, zone).utcoffset()

    step, found = 21 * 24 * 60, list[datetime]()
    last = -69 * 365 * 24 * 60
    before = offset(last)
    for minute in range(last + step, 68 * 365 * 24 * 60, step):
        after = offset(minute)
        if after != before:
            low, high = last, minute
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == before else (low, middle)
            found.append(datetime.fromtimestamp(high * 60, UTC))
        last, before = minute, after
    return tuple(found)


def every_change() -> Iterator[tuple[ZoneInfo, datetime]]:
    """Each change of each zone; of zones that always agreed, one."""
    seen: set[tuple[tuple[datetime, str], ...]] = set()
    for name in sorted(zone_names()):
        zone = ZoneInfo(name)
        history = tuple((change, change.astimezone(zone).isoformat()) for change in changes(name))
        if history not in seen:
            seen.add(history)
            yield from ((zone, change) for change in changes(name))


def test_across_every_change_of_every_zone_a_daily_time_is_where_dateutil_puts_it() -> None:
    """dateutil says which wall times there are; its `resolve_imaginary` moves forward those that a change skips."""
    random, compared, forward, back = Random(1883), 0, 0, 0
    for zone, change in every_change():
        # Seen from the clock before the change: within an hour and a half of it.
        before = (change - timedelta(minutes=1)).astimezone(zone).replace(tzinfo=None)
        wall = (before + timedelta(minutes=random.randrange(-90, 90))).replace(second=0)
        first = wall - timedelta(days=1)
        start = first.replace(tzinfo=zone).astimezone(UTC)
        if start.astimezone(zone).replace(tzinfo=None) != first:
            continue
        pattern = Recurrence.model_validate({"frequency": "daily", "time_zone": zone.key})
        found = [one.due for one in upcoming(Series(pattern, start, zone), most=4)]
        walls = [day.replace(tzinfo=zone) for day in rrule.rrule(rrule.DAILY, dtstart=first, count=5)]
        # A day that a zone left out moves onto the next one: that is one date, not two.
        expected = list(dict.fromkeys(tz.resolve_imaginary(day).astimezone(UTC) for day in walls))
        assert found == expected[:4], (zone.key, change, wall)
        compared += 1
        forward += not tz.datetime_exists(walls[1])
        back += tz.datetime_ambiguous(walls[1])
    assert compared > 20_000
    assert forward > 2_000
    assert back > 2_000


@pytest.mark.parametrize("name", ["Africa/Casablanca", "Asia/Gaza", "Australia/Lord_Howe", "Antarctica/Troll"])
def test_the_changes_of_a_zone_are_found(name: str) -> None:
    """The search above sees what it is to see: also half hours, and two changes within five weeks."""
    assert len(changes(name)) > 60
