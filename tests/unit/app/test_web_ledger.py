"""The list as a ledger: every task once, under the day it is due where the user is."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora.web.ledger import Task, done_ledger, done_on, due_day, ledger, zone_of

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
zones = st.sampled_from(["UTC", "Europe/Vienna", "Pacific/Kiritimati", "Pacific/Niue", "Asia/Kathmandu"]).map(ZoneInfo)
moments = st.timedeltas(timedelta(0), timedelta(days=4700)).map(
    lambda passed: datetime(2020, 1, 1, tzinfo=UTC) + passed
)
dues = st.one_of(
    st.just({}),
    moments.map(lambda due: {"due_at": due}),
    st.dates(date(2020, 1, 1), date(2033, 1, 1)).map(lambda due: {"due_date": due}),
)


@st.composite
def lists(draw: st.DrawFn) -> list[Task]:
    return [Task(id=str(n), title=f"Task {n}", **draw(dues)) for n in range(draw(st.integers(0, 12)))]


@given(lists(), moments, zones)
def test_every_task_stands_in_the_ledger_once(tasks: list[Task], now: datetime, zone: ZoneInfo) -> None:
    shown = [row.task for day in ledger(tasks, now=now, zone=zone) for row in day.rows]
    assert sorted(shown, key=lambda task: task.id) == sorted(tasks, key=lambda task: task.id)


@given(lists(), moments, zones)
def test_days_follow_each_other_from_overdue_to_no_date(tasks: list[Task], now: datetime, zone: ZoneInfo) -> None:
    today = now.astimezone(zone).date()
    keys = [day.key for day in ledger(tasks, now=now, zone=zone)]
    dated = [date.fromisoformat(key) for key in keys if key not in ("overdue", "none")]
    assert keys == [*(["overdue"] * ("overdue" in keys)), *map(str, dated), *(["none"] * ("none" in keys))]
    assert dated == sorted(set(dated))
    assert all(day >= today for day in dated)


@given(lists(), moments, zones)
def test_a_task_stands_under_its_own_day(tasks: list[Task], now: datetime, zone: ZoneInfo) -> None:
    today = now.astimezone(zone).date()
    for day in ledger(tasks, now=now, zone=zone):
        for row in day.rows:
            due = due_day(row.task, zone=zone)
            wanted = "none" if due is None else "overdue" if due < today else due.isoformat()
            assert day.key == wanted
            assert row.late == ((row.task.due_at is not None and row.task.due_at < now) or wanted == "overdue")


@given(lists(), moments, zones)
def test_within_a_day_time_runs_forward(tasks: list[Task], now: datetime, zone: ZoneInfo) -> None:
    for day in ledger(tasks, now=now, zone=zone):
        times = [row.task.due_at for row in day.rows if row.task.due_at is not None]
        if day.key not in ("overdue", "none"):
            assert times == sorted(times)


@pytest.mark.parametrize(
    ("zone", "key"), [("Pacific/Kiritimati", "2026-11-24"), ("Europe/Vienna", "2026-11-23"), ("Pacific/Niue", "none")]
)
def test_today_is_where_the_user_is(zone: str, key: str) -> None:
    task = Task(id="1", title="Call", due_at=None if key == "none" else NOW)
    (day,) = ledger([task], now=NOW, zone=ZoneInfo(zone))
    assert day.key == key
    assert day.name == ("No date" if key == "none" else "Today")


def test_a_day_says_its_month_only_when_the_numeral_would_mislead() -> None:
    days = [Task(id=str(n), title="x", due_date=due) for n, due in enumerate(_days("2026-11-30 2026-12-01 2027-12-01"))]
    named = [(day.numeral, day.weekday, day.name) for day in ledger(days, now=NOW, zone=VIENNA)]
    assert named == [("30", "Mon", ""), ("1", "Tue", "December"), ("1", "Wed", "Dec 2027")]


def test_what_is_late_is_dated_as_people_say_it() -> None:
    days = [Task(id=str(n), title="x", due_date=due) for n, due in enumerate(_days("2026-11-20 2026-10-20 2025-10-20"))]
    (overdue,) = ledger(days, now=NOW, zone=VIENNA)
    assert [row.when for row in overdue.rows] == ["Oct 2025", "20 Oct", "Fri 20"]


def test_what_was_done_late_is_no_longer_red() -> None:
    done = Task(id="1", title="x", status="done", due_date=NOW.date() - timedelta(days=3), completed_at=NOW)
    assert [row.late for day in ledger([done], now=NOW, zone=VIENNA) for row in day.rows] == [False]


def test_done_today_is_the_users_today() -> None:
    late = Task(id="1", title="x", status="done", completed_at=datetime(2026, 11, 23, 23, 30, tzinfo=UTC))
    assert done_on(late, date(2026, 11, 24), zone=VIENNA)
    assert not done_on(late, date(2026, 11, 23), zone=VIENNA)


def test_what_is_done_reads_backwards_from_the_last() -> None:
    hours = [NOW - timedelta(hours=h) for h in (30, 1, 80, 2)]
    tasks = [Task(id=str(n), title="x", status="done", completed_at=at) for n, at in enumerate(hours)]
    days = done_ledger(tasks, now=NOW, zone=VIENNA)
    assert [day.name for day in days] == ["Today", "Yesterday", ""]
    assert [row.task.id for day in days for row in day.rows] == ["1", "3", "0", "2"]


@pytest.mark.parametrize("name", ["", "Nowhere/City", "../etc/passwd", "Europe"])
def test_an_unknown_zone_is_utc(name: str) -> None:
    assert zone_of(name) == ZoneInfo("UTC")


def _days(text: str) -> list[date]:
    return [date.fromisoformat(day) for day in text.split()]
