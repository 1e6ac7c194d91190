"""Due today is the user's today; a window asked of the database is the window asked of a task."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora.domain import dates
from taskora.domain.dates import Weekday
from taskora.domain.due import Due, DueWindow, due_day, due_fields, due_of, is_overdue, window

BERLIN = ZoneInfo("Europe/Berlin")
zones = st.sampled_from([ZoneInfo(name) for name in ("UTC", "Asia/Kolkata", "America/Sao_Paulo", "Pacific/Kiritimati")])
instants = st.datetimes(datetime(2005, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
dues = st.one_of(instants, st.dates(date(2005, 1, 1), date(2035, 1, 1)))


@given(dues, st.timedeltas(timedelta(days=-10), timedelta(days=10)), zones, st.sampled_from(Weekday))
def test_every_window_agrees_with_the_calendar(due: Due, ago: timedelta, zone: ZoneInfo, week_start: Weekday) -> None:
    now = (due if isinstance(due, datetime) else datetime.combine(due, time(12), tzinfo=zone)).astimezone(UTC) + ago
    today, day = dates.day_in(now, zone=zone), due_day(due, zone=zone)

    def held(kind: DueWindow) -> bool:
        return window(kind, now=now, zone=zone, week_start=week_start).holds(due)

    assert held(DueWindow.TODAY) == (day == today)
    assert held(DueWindow.OVERDUE) == is_overdue(due, now=now, zone=zone)
    begun = max(today - timedelta(days=back) for back in range(7) if (today - timedelta(days=back)).weekday()
                == week_start.number)  # fmt: skip
    assert held(DueWindow.WEEK) == (begun <= day < begun + timedelta(days=7))
    assert not held(DueWindow.NONE)


@pytest.mark.parametrize("kind", DueWindow)
def test_a_task_without_a_date_is_in_no_window_but_none(kind: DueWindow) -> None:
    assert window(kind, now=datetime(2026, 11, 25, tzinfo=UTC), zone=BERLIN).holds(None) == (kind is DueWindow.NONE)


@given(dues)
def test_a_due_date_is_one_of_two_fields(due: Due) -> None:
    fields = due_fields(due)
    assert list(fields.values()).count(None) == 1
    assert due_of(**fields) == due


def test_where_midnight_does_not_exist_the_day_begins_when_the_clock_does() -> None:
    """São Paulo's clocks went forward at midnight of 4 November 2018."""
    begun = dates.day_begins(date(2018, 11, 4), zone=ZoneInfo("America/Sao_Paulo"))
    assert begun == datetime(2018, 11, 4, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (21, "21st"),
        (31, "31st"),
    ],
)
def test_ordinals_are_said_in_english(number: int, said: str) -> None:
    assert dates.ordinal(number) == said
