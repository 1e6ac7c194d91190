"""Laws of recurrence: dates that do not exist, clocks that change, what counts as done, what an outage leaves."""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from taskora.domain.dates import Weekday, day_in, moment
from taskora.domain.recurrence import (
    Anchor,
    CatchUp,
    Frequency,
    Mode,
    Occurrence,
    Recurrence,
    Series,
    caught_up,
    first_due,
    following,
    settled,
    upcoming,
)
from taskora.domain.recurrence_words import describe, why_moved

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe")]

weekdays = st.lists(st.sampled_from(Weekday), max_size=4, unique=True)
days = st.dates(date(1950, 1, 1), date(2150, 1, 1))
walls = st.times().map(lambda at: at.replace(second=0, microsecond=0))
zones = st.sampled_from(ZONES)


@st.composite
def recurrences(draw: st.DrawFn, anchor: Anchor | None = None, mode: Mode | None = None) -> Recurrence:
    frequency = draw(st.sampled_from(Frequency))
    fields: dict[str, Any] = {"frequency": frequency, "interval": draw(st.integers(1, 7))}
    if frequency is Frequency.WEEKLY:
        fields["weekdays"] = draw(weekdays)
    elif frequency is not Frequency.DAILY:
        fields |= draw(
            st.one_of(
                st.just({}),
                st.sampled_from([*range(1, 32), -1]).map(lambda day: {"month_day": day}),
                st.builds(
                    lambda nth, weekday: {"nth_weekday": {"nth": nth, "weekday": weekday}},
                    st.sampled_from([1, 2, 3, 4, -1]),
                    st.sampled_from(Weekday),
                ),
            )
        )
    fields["anchor"] = anchor or draw(st.sampled_from(Anchor))
    fields["mode"] = mode or Mode.ON_COMPLETION
    fields["catch_up"] = draw(st.sampled_from(CatchUp))
    fields |= draw(st.one_of(st.just({}), st.integers(1, 12).map(lambda most: {"count": most})))
    fields["time_zone"] = draw(zones).key
    return Recurrence.model_validate(fields)


@st.composite
def series(draw: st.DrawFn, anchor: Anchor | None = None, mode: Mode | None = None) -> Series:
    recurrence, day = draw(recurrences(anchor, mode)), draw(days)
    zone = ZoneInfo(recurrence.time_zone or "UTC")
    start = draw(st.one_of(st.just(day), walls.map(lambda at: moment(day, at, zone=zone))))
    return Series(recurrence, start, draw(zones))


def days_of(recurrence: dict[str, Any], start: date, *, most: int = 5) -> list[str]:
    made = Series(Recurrence.model_validate(recurrence), start, BERLIN)
    return [str(one.due) for one in upcoming(made, most=most)]


def local_times(recurrence: dict[str, Any], start: datetime, *, zone: str, most: int = 3) -> list[str]:
    made = Series(settled(Recurrence.model_validate(recurrence), time_zone=zone), start, ZoneInfo("UTC"))
    return [f"{one.due.astimezone(ZoneInfo(zone)):%d %H:%M %z}" for one in upcoming(made, most=most)]


# Dates that do not exist


def test_the_31st_comes_on_the_last_day_of_shorter_months_and_is_not_forgotten() -> None:
    expected = ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]
    assert days_of({"frequency": "monthly"}, date(2026, 1, 31)) == expected
    assert days_of({"frequency": "monthly", "month_day": 31}, date(2026, 1, 31)) == expected


def test_29_february_comes_every_year_and_on_its_own_day_when_there_is_one() -> None:
    expected = ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]
    assert days_of({"frequency": "yearly"}, date(2024, 2, 29)) == expected


def test_a_month_can_be_told_by_its_last_day_or_by_a_weekday() -> None:
    assert days_of({"frequency": "monthly", "month_day": -1}, date(2026, 4, 30), most=3)[1:] == [
        "2026-05-31",
        "2026-06-30",
    ]
    second_tuesday = {"frequency": "monthly", "nth_weekday": {"nth": 2, "weekday": "tue"}}
    assert days_of(second_tuesday, date(2026, 11, 10), most=3)[1:] == ["2026-12-08", "2027-01-12"]
    last_friday = {"frequency": "monthly", "nth_weekday": {"nth": -1, "weekday": "fri"}}
    assert days_of(last_friday, date(2026, 11, 27), most=3)[1:] == ["2026-12-25", "2027-01-29"]


@given(days, st.integers(1, 31), st.integers(1, 5))
def test_a_day_of_the_month_is_that_day_or_the_months_last(start: date, day: int, interval: int) -> None:
    pattern = Recurrence(frequency=Frequency.MONTHLY, interval=interval, month_day=day)
    for one in upcoming(Series(pattern, start, BERLIN), most=14)[1:]:
        due = one.due
        assert due.day == min(day, monthrange(due.year, due.month)[1])
        assert ((due.year - start.year) * 12 + due.month - start.month) % interval == 0


# Clocks that change


def test_a_time_the_clock_skips_moves_forward_that_day_alone() -> None:
    start = datetime(2026, 3, 28, 2, 30, tzinfo=BERLIN)
    assert local_times({"frequency": "daily"}, start, zone="Europe/Berlin") == [
        "28 02:30 +0100",
        "29 03:30 +0200",
        "30 02:30 +0200",
    ]


def test_of_a_time_that_comes_twice_the_first_counts() -> None:
    start = datetime(2026, 10, 24, 2, 30, tzinfo=BERLIN)
    assert local_times({"frequency": "daily"}, start, zone="Europe/Berlin") == [
        "24 02:30 +0200",
        "25 02:30 +0200",
        "26 02:30 +0100",
    ]


def test_a_day_that_a_zone_left_out_is_not_done_twice() -> None:
    """Samoa went from Thursday to Saturday: there was no 30 December 2011."""
    start = datetime(2011, 12, 29, 9, tzinfo=ZoneInfo("Pacific/Apia"))
    assert [one[:2] for one in local_times({"frequency": "daily"}, start, zone="Pacific/Apia", most=4)] == [
        "29",
        "31",
        "01",
        "02",
    ]


@given(series(anchor=Anchor.SCHEDULE))
def test_a_time_keeps_its_place_on_the_wall_or_moves_by_the_gap(made: Series) -> None:
    for one in upcoming(made, most=8)[1:]:
        if not isinstance(one.due, datetime):
            continue
        assert one.due.utcoffset() == timedelta(0)
        assert made.at is not None
        wall = one.due.astimezone(made.zone)
        if wall.time() != made.at:
            assert not _exists(wall.date(), made.at, made.zone) or wall.date() == date(2011, 12, 31)


def _exists(day: date, at: time, zone: ZoneInfo) -> bool:
    wall = datetime.combine(day, at, tzinfo=zone)
    return wall.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None)


# Order and ends


@given(series())
def test_a_series_goes_forward_is_numbered_and_ends_where_it_says(made: Series) -> None:
    found = upcoming(made, most=14)
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert all(later.due > earlier.due for earlier, later in pairwise(found))
    assert {type(one.due) for one in found} == {type(made.start)}
    assert len(found) == min(14, made.recurrence.count or 14)


@given(series(anchor=Anchor.SCHEDULE), st.integers(0, 900))
def test_until_is_the_last_day(made: Series, ahead: int) -> None:
    until = made.first_day + timedelta(days=ahead)
    pattern = made.recurrence.model_copy(update={"count": None})
    endless = upcoming(Series(pattern, made.start, made.user_zone), most=20)
    ended = upcoming(Series(pattern.model_copy(update={"until": until}), made.start, made.user_zone), most=20)
    assert ended == [one for one in endless if day_in_of(made, one) <= until]


def day_in_of(made: Series, one: Occurrence) -> date:
    return day_in(one.due, zone=made.zone) if isinstance(one.due, datetime) else one.due


@given(series(anchor=Anchor.SCHEDULE), st.integers(1, 12))
def test_a_list_is_one_step_after_another(made: Series, steps: int) -> None:
    last: Occurrence | None = made.first
    for one in upcoming(made, most=steps):
        assert one == last
        last = following(made, one)
    assert upcoming(made, after=made.first, most=steps) == upcoming(made, most=steps + 1)[1:]


@given(recurrences(), st.sampled_from([date(1900, 1, 1), date(8999, 12, 31), date(9000, 12, 31)]), zones)
def test_at_the_ends_of_the_calendar_a_series_ends_and_nothing_breaks(
    pattern: Recurrence, start: date, zone: ZoneInfo
) -> None:
    for due in (start, moment(start, time(23, 59), zone=zone)):
        upcoming(Series(pattern, due, zone), most=3)


# What completing brings


@given(st.integers(0, 20), st.times())
def test_mondays_done_on_any_day_come_again_on_the_monday_after(late: int, at: time) -> None:
    monday = date(2026, 11, 23)
    made = Series(Recurrence(frequency=Frequency.WEEKLY, weekdays=(Weekday.MON,)), monday, BERLIN)
    done = datetime.combine(monday + timedelta(days=late), at, tzinfo=BERLIN)
    next_one = following(made, made.first, completed_at=done)
    assert next_one is not None
    assert next_one.due == monday + timedelta(days=7 * (late // 7 + 1))


@given(series(), st.timedeltas(timedelta(0), timedelta(days=2000)))
def test_what_comes_after_completing_is_still_to_come(made: Series, late: timedelta) -> None:
    begun = made.start if isinstance(made.start, datetime) else moment(made.start, time.min, zone=made.zone)
    done = begun + late
    next_one = following(made, made.first, completed_at=done)
    if next_one is None:
        assert made.recurrence.count == 1
        return
    assert next_one.number == 2
    if isinstance(next_one.due, datetime):
        assert next_one.due > done or made.recurrence.anchor is Anchor.COMPLETION
        assert day_in(next_one.due, zone=made.zone) >= day_in(done, zone=made.zone)
    else:
        assert next_one.due > day_in(done, zone=made.zone)


def test_yesterdays_nine_oclock_done_at_eight_leaves_todays_standing() -> None:
    made = Series(Recurrence(frequency=Frequency.DAILY), datetime(2026, 11, 24, 9, tzinfo=BERLIN), BERLIN)
    next_one = following(made, made.first, completed_at=datetime(2026, 11, 25, 8, tzinfo=BERLIN))
    assert next_one is not None
    assert next_one.due == datetime(2026, 11, 25, 9, tzinfo=BERLIN)


def test_done_ahead_of_time_it_does_not_come_on_the_day_it_was_done_for() -> None:
    made = Series(Recurrence(frequency=Frequency.WEEKLY), date(2026, 11, 30), BERLIN)
    next_one = following(made, made.first, completed_at=datetime(2026, 11, 25, 8, tzinfo=BERLIN))
    assert next_one is not None
    assert next_one.due == date(2026, 12, 7)


@pytest.mark.parametrize(
    ("pattern", "done", "expected"),
    [
        ({"frequency": "daily", "interval": 3}, "2026-11-25", "2026-11-28"),
        ({"frequency": "weekly"}, "2026-11-25", "2026-12-02"),
        ({"frequency": "weekly", "weekdays": ["mon"]}, "2026-11-25", "2026-11-30"),
        ({"frequency": "weekly", "weekdays": ["mon"], "interval": 2}, "2026-11-25", "2026-12-07"),
        ({"frequency": "monthly"}, "2026-01-31", "2026-02-28"),
        ({"frequency": "monthly", "month_day": 31}, "2026-11-25", "2026-11-30"),
        ({"frequency": "yearly"}, "2024-02-29", "2025-02-28"),
    ],
)
def test_counted_from_completion(pattern: dict[str, Any], done: str, expected: str) -> None:
    made = Series(Recurrence.model_validate(pattern | {"anchor": "completion"}), date(2024, 1, 1), BERLIN)
    at = datetime.fromisoformat(done).replace(hour=22, tzinfo=BERLIN)
    next_one = following(made, made.first, completed_at=at)
    assert next_one is not None
    assert str(next_one.due) == expected


def test_counted_from_completion_a_day_done_ahead_of_time_is_not_done_twice() -> None:
    pattern = Recurrence(frequency=Frequency.WEEKLY, weekdays=(Weekday.MON,), anchor=Anchor.COMPLETION)
    made = Series(pattern, date(2026, 11, 30), BERLIN)
    next_one = following(made, made.first, completed_at=datetime(2026, 11, 25, 8, tzinfo=BERLIN))
    assert next_one is not None
    assert next_one.due == date(2026, 12, 7)


def test_the_day_of_completion_is_the_users_not_greenwichs() -> None:
    made = Series(Recurrence(frequency=Frequency.DAILY, anchor=Anchor.COMPLETION), date(2026, 11, 1), BERLIN)
    next_one = following(made, made.first, completed_at=datetime(2026, 11, 25, 23, 30, tzinfo=UTC))
    assert next_one is not None
    assert next_one.due == date(2026, 11, 27)


# What an outage leaves


@pytest.mark.parametrize(
    ("catch_up", "made"),
    [
        ("all", [(2, "2026-11-21"), (3, "2026-11-22"), (4, "2026-11-23"), (5, "2026-11-24")]),
        ("latest", [(4, "2026-11-23"), (5, "2026-11-24")]),
        ("none", [(5, "2026-11-24")]),
    ],
)
def test_after_an_outage_the_series_makes_what_it_was_told_to(catch_up: str, made: list[tuple[int, str]]) -> None:
    pattern = Recurrence.model_validate({"frequency": "daily", "mode": "on_schedule", "catch_up": catch_up})
    daily = Series(pattern, date(2026, 11, 20), BERLIN)
    found = caught_up(daily, daily.first, now=datetime(2026, 11, 23, 7, tzinfo=BERLIN))
    assert [(one.number, str(one.due)) for one in found] == made


@given(series(anchor=Anchor.SCHEDULE, mode=Mode.ON_SCHEDULE), st.timedeltas(timedelta(-1), timedelta(days=400)))
def test_catching_up_leaves_exactly_one_ahead_and_does_it_once(made: Series, away: timedelta) -> None:
    begun = made.start if isinstance(made.start, datetime) else moment(made.start, time.min, zone=made.zone)
    now = begun + away
    found = caught_up(made, made.first, now=now)
    if away < timedelta(0):
        assert found == []
        return
    instants = [
        one.due if isinstance(one.due, datetime) else moment(one.due, time.min, zone=made.zone) for one in found
    ]
    assert [at > now for at in instants[:-1]] == [False] * len(instants[:-1])
    if len(found) < 100 and not (found and instants[-1] > now):
        assert following(made, found[-1]) is None if found else made.recurrence.count is not None
    most = {CatchUp.ALL: 100, CatchUp.LATEST: 2, CatchUp.NONE: 1}[made.recurrence.catch_up]
    assert len(found) <= most
    if found and instants[-1] > now:
        assert caught_up(made, found[-1], now=now) == []


@given(series(anchor=Anchor.SCHEDULE, mode=Mode.ON_SCHEDULE), st.integers(1, 90), st.integers(1, 9))
def test_caught_up_in_small_bites_is_caught_up_the_same(made: Series, away: int, bite: int) -> None:
    pattern = made.recurrence.model_copy(update={"catch_up": CatchUp.ALL})
    every = Series(pattern, made.start, made.user_zone)
    begun = made.start if isinstance(made.start, datetime) else moment(made.start, time.min, zone=made.zone)
    now = begun + timedelta(days=away)
    bitten: list[Occurrence] = []
    while step := caught_up(every, bitten[-1] if bitten else every.first, now=now, most=bite):
        bitten += step
    assert bitten == caught_up(every, every.first, now=now, most=1000)


# Where a series begins


@given(recurrences(), st.datetimes(datetime(1950, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC)), zones, walls)  # noqa: DTZ001
def test_a_series_nobody_dated_begins_on_its_own_pattern_and_not_in_the_past(
    pattern: Recurrence, now: datetime, zone: ZoneInfo, at: time
) -> None:
    day = first_due(pattern, now=now, zone=zone)
    assert day >= day_in(now, zone=zone)
    if pattern.weekdays:
        assert Weekday(list(Weekday)[day.weekday()]) in pattern.weekdays
    timed = first_due(pattern, now=now, at=at, zone=zone)
    assert isinstance(timed, datetime)
    assert timed >= now


# What makes no sense is refused in a sentence


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"frequency": "daily", "weekdays": ["mon"]}, "weekdays belong to a weekly"),
        ({"frequency": "monthly", "weekdays": ["mon"]}, "takes nth_weekday"),
        ({"frequency": "weekly", "month_day": 3}, "month_day belongs to a monthly or yearly"),
        ({"frequency": "daily", "nth_weekday": {"nth": 1, "weekday": "mon"}}, "nth_weekday belongs to"),
        ({"frequency": "monthly", "month_day": 3, "nth_weekday": {"nth": 1, "weekday": "mon"}}, "not by both"),
        ({"frequency": "monthly", "nth_weekday": {"nth": 5, "weekday": "mon"}}, "nth is 1, 2, 3, 4 or -1"),
        ({"frequency": "monthly", "month_day": 0}, "from 1 to 31"),
        ({"frequency": "monthly", "month_day": 32}, "from 1 to 31"),
        ({"frequency": "daily", "mode": "on_schedule", "anchor": "completion"}, "set anchor to schedule"),
        ({"frequency": "daily", "until": "2026-12-31", "count": 3}, "not both"),
        ({"frequency": "daily", "interval": 0}, "greater than or equal to 1"),
        ({"frequency": "daily", "count": 0}, "greater than or equal to 1"),
        ({"frequency": "hourly"}, "'daily', 'weekly', 'monthly' or 'yearly'"),
        ({"frequency": "daily", "time_zone": "Mars/Olympus"}, "not a time zone"),
        ({"frequency": "daily", "every": 3}, "Extra inputs"),
        ({}, "Field required"),
    ],
)
def test_a_pattern_that_makes_no_sense_is_refused_in_a_sentence(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Recurrence.model_validate(wrong)


def test_weekdays_are_kept_once_and_in_order() -> None:
    assert Recurrence.model_validate({"frequency": "weekly", "weekdays": ["fri", "mon", "fri"]}).weekdays == (
        Weekday.MON,
        Weekday.FRI,
    )


@given(recurrences())
def test_a_pattern_survives_being_stored(pattern: Recurrence) -> None:
    assert Recurrence.model_validate_json(pattern.model_dump_json()) == pattern


# In words


@pytest.mark.parametrize(
    ("pattern", "start", "words"),
    [
        ({"frequency": "daily"}, None, "every day"),
        ({"frequency": "daily", "interval": 3, "count": 4}, None, "every 3 days, 4 times"),
        ({"frequency": "daily", "interval": 3, "anchor": "completion"}, None, "every 3 days, counted from completion"),
        ({"frequency": "weekly"}, "2026-11-25", "every Wednesday"),
        ({"frequency": "weekly"}, None, "every week"),
        ({"frequency": "weekly", "weekdays": ["mon", "tue", "wed", "thu", "fri"]}, None, "every weekday"),
        ({"frequency": "weekly", "weekdays": list(Weekday)}, None, "every day"),
        (
            {"frequency": "weekly", "interval": 2, "weekdays": ["mon", "wed", "fri"], "until": "2026-12-31"},
            None,
            "every 2 weeks on Monday, Wednesday and Friday, until 31 Dec 2026",
        ),
        ({"frequency": "monthly", "month_day": 31}, None, "every month on the 31st, or the last day"),
        ({"frequency": "monthly"}, "2026-01-22", "every month on the 22nd"),
        ({"frequency": "monthly"}, None, "every month"),
        ({"frequency": "monthly", "month_day": -1, "interval": 2}, None, "every 2 months on the last day"),
        (
            {"frequency": "monthly", "nth_weekday": {"nth": 2, "weekday": "tue"}},
            None,
            "every month on the second Tuesday",
        ),
        ({"frequency": "yearly"}, "2026-03-31", "every year on 31 March"),
        ({"frequency": "yearly"}, "2024-02-29", "every year on 29 February, or the last day"),
        (
            {"frequency": "yearly", "nth_weekday": {"nth": 4, "weekday": "thu"}},
            "2026-11-26",
            "every year on the fourth Thursday of November",
        ),
    ],
)
def test_a_pattern_is_said_as_people_say_it(pattern: dict[str, Any], start: str | None, words: str) -> None:
    first = date.fromisoformat(start) if start else None
    assert describe(Recurrence.model_validate(pattern), start=first) == words


def test_a_date_that_moved_says_why() -> None:
    monthly = Series(Recurrence(frequency=Frequency.MONTHLY), date(2026, 1, 31), BERLIN)
    assert [why_moved(monthly, one) for one in upcoming(monthly, most=3)] == ["", "February 2026 has no 31st.", ""]
    spring = Series(Recurrence(frequency=Frequency.DAILY), datetime(2026, 3, 28, 2, 30, tzinfo=BERLIN), BERLIN)
    assert "no 02:30" in why_moved(spring, upcoming(spring)[1])
    autumn = Series(Recurrence(frequency=Frequency.DAILY), datetime(2026, 10, 24, 2, 30, tzinfo=BERLIN), BERLIN)
    assert "comes twice" in why_moved(autumn, upcoming(autumn)[1])


@given(series())
def test_everything_can_be_said(made: Series) -> None:
    assert describe(made.recurrence, start=made.first_day).startswith("every ")
    for one in upcoming(made, most=4):
        assert why_moved(made, one) == "" or why_moved(made, one).endswith(".")


# The document

DOCUMENT = (Path(__file__).parents[3] / "docs" / "recurrence.md").read_text()
EXAMPLES = re.findall(r"^\| `(\{.+\})` \| (\S+) \| (.+) \|$", DOCUMENT, re.MULTILINE)


@pytest.mark.parametrize(("pattern", "first", "then"), EXAMPLES)
def test_the_document_says_what_happens(pattern: str, first: str, then: str) -> None:
    def due(text: str) -> date:
        return datetime.fromisoformat(text).astimezone(UTC) if "T" in text else date.fromisoformat(text)

    expected = [due(text) for text in then.split(", ")]
    made = Series(Recurrence.model_validate_json(pattern), due(first), BERLIN)
    assert [one.due for one in upcoming(made, most=len(expected) + 1)[1:]] == expected


def test_the_document_has_examples() -> None:
    assert len(EXAMPLES) == 10
