"""Laws of reminders: once per generation, at once when late, on the user's own morning for whole days."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from taskora.domain import reminders
from taskora.domain.due import Due
from taskora.domain.reminders import Clock, ReminderAsked, ReminderState, Timing

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
CLOCK = Clock(zone=BERLIN)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = date(2026, 11, 26)

instants = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
days = st.dates(date(2020, 1, 1), date(2040, 1, 1))
dues = st.one_of(instants, days)
clocks = st.builds(
    lambda zone, hour: Clock(zone=zone, all_day_at=time(hour)), st.sampled_from([BERLIN, NEW_YORK]), st.integers(0, 23)
)
asked = st.one_of(
    instants.map(lambda at: ReminderAsked(at=at)),
    st.integers(0, 100_000).map(lambda minutes: ReminderAsked(minutes_before=minutes)),
)


def before(minutes: int, due: Due | None) -> Timing:
    return reminders.set_up(ReminderAsked(minutes_before=minutes), due=due, clock=CLOCK)


@pytest.mark.parametrize("wrong", [{}, {"at": "2026-11-25T10:00:00Z", "minutes_before": 5}, {"minutes_before": -1}])
def test_a_reminder_is_at_a_time_or_before_the_due_date(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ReminderAsked.model_validate(wrong)


def test_before_needs_something_to_be_before() -> None:
    assert ReminderAsked(minutes_before=10).fault(None).endswith(".")
    assert ReminderAsked(minutes_before=10).fault(DAY) == ""
    assert ReminderAsked(at=NOW).fault(None) == ""


@given(instants, st.integers(0, 100_000))
def test_before_a_time_is_before_that_instant(due: datetime, minutes: int) -> None:
    assert before(minutes, due).fire_at == due - timedelta(minutes=minutes)


def test_a_whole_day_counts_from_the_users_morning() -> None:
    assert before(0, DAY).fire_at == datetime(2026, 11, 26, 9, tzinfo=BERLIN)
    assert before(1440, DAY).fire_at == datetime(2026, 11, 25, 9, tzinfo=BERLIN)


@given(asked, dues, clocks, instants)
def test_a_time_that_has_passed_fires_at_once_and_once(
    wanted: ReminderAsked, due: Due, clock: Clock, now: datetime
) -> None:
    timing = reminders.set_up(wanted, due=due, clock=clock)
    assert timing.fire_at is not None
    assert reminders.is_due(timing, now=now) == (timing.fire_at <= now)
    fired = reminders.fired(timing)
    assert not reminders.is_due(fired, now=now + timedelta(days=9999))
    assert reminders.delivered(fired, generation=fired.generation).state is ReminderState.DELIVERED


steps = st.lists(
    st.one_of(
        st.tuples(st.just("moved"), st.one_of(dues, st.none())),
        st.tuples(st.just("clock"), clocks),
        st.tuples(st.just("snoozed"), instants),
        st.tuples(st.just("looked"), instants),
        st.tuples(st.sampled_from(["cancelled", "revived", "delivered"]), st.none()),
    ),
    max_size=12,
)


@given(asked, dues, steps)
def test_whatever_happens_to_a_reminder_it_fires_at_most_once_in_a_generation(
    wanted: ReminderAsked, due: Due | None, happened: list[tuple[str, Any]]
) -> None:
    clock, now = CLOCK, NOW
    timing = reminders.set_up(wanted, due=due, clock=clock)
    fired: list[int] = []
    for what, with_what in happened:
        earlier = timing
        match what:
            case "moved":
                due = with_what
                timing = reminders.due_moved(timing, due=due, clock=clock)
            case "clock":
                clock = with_what
                timing = reminders.clock_changed(timing, due=due, clock=clock)
            case "snoozed":
                timing = reminders.snoozed(timing, until=with_what)
                assert timing.generation == earlier.generation + 1
            case "looked":
                now = with_what
                if reminders.is_due(timing, now=now):
                    fired.append(timing.generation)
                    timing = reminders.fired(timing)
            case "cancelled":
                timing = reminders.cancelled(timing)
                assert not reminders.is_due(timing, now=NOW + timedelta(days=9999))
            case "revived":
                timing = reminders.revived(timing, now=now)
            case _:
                timing = reminders.delivered(timing, generation=timing.generation)
        assert timing.generation >= earlier.generation
        assert timing.state is not ReminderState.WAITING or timing.fire_at is not None
    assert len(fired) == len(set(fired))


def test_moving_the_due_date_wakes_a_reminder_that_had_fired() -> None:
    moved = reminders.due_moved(reminders.fired(before(60, NOW)), due=NOW + timedelta(days=1), clock=CLOCK)
    assert (moved.generation, moved.state) == (2, ReminderState.WAITING)
    assert moved.fire_at == NOW + timedelta(hours=23)


def test_moving_the_due_date_leaves_a_reminder_at_a_fixed_time_alone() -> None:
    fixed = reminders.set_up(ReminderAsked(at=NOW), due=DAY, clock=CLOCK)
    assert reminders.due_moved(fixed, due=None, clock=CLOCK) == fixed


def test_without_a_due_date_nothing_fires_and_a_new_one_brings_it_back() -> None:
    gone = reminders.due_moved(before(60, DAY), due=None, clock=CLOCK)
    assert (gone.state, gone.fire_at) == (ReminderState.CANCELLED, None)
    assert reminders.due_moved(gone, due=DAY, clock=CLOCK).state is ReminderState.WAITING


def test_news_of_an_older_generation_delivers_nothing() -> None:
    again = reminders.fired(reminders.snoozed(reminders.fired(before(0, DAY)), until=NOW))
    assert reminders.delivered(again, generation=1) == again
    assert reminders.delivered(again, generation=2).state is ReminderState.DELIVERED


def test_when_the_user_travels_the_morning_travels_along_and_nothing_fires_again() -> None:
    there = Clock(zone=NEW_YORK)
    waiting = before(0, DAY)
    moved = reminders.clock_changed(waiting, due=DAY, clock=there)
    assert moved == replace(waiting, fire_at=datetime(2026, 11, 26, 9, tzinfo=NEW_YORK))
    fired = reminders.fired(waiting)
    assert reminders.clock_changed(fired, due=DAY, clock=there) == fired
    timed = before(0, NOW)
    assert reminders.clock_changed(timed, due=NOW, clock=there) == timed


def test_a_snooze_is_not_undone_by_a_journey_but_by_a_new_due_date() -> None:
    asleep = reminders.snoozed(before(0, DAY), until=NOW)
    assert reminders.clock_changed(asleep, due=DAY, clock=Clock(zone=NEW_YORK)) == asleep
    assert reminders.due_moved(asleep, due=DAY + timedelta(days=1), clock=CLOCK).fire_at == datetime(
        2026, 11, 27, 9, tzinfo=BERLIN
    )


def test_reopening_brings_back_what_is_still_to_come_only() -> None:
    done = reminders.cancelled(before(0, DAY))
    assert done.state is ReminderState.CANCELLED
    assert reminders.revived(done, now=NOW) == before(0, DAY)
    assert reminders.revived(done, now=NOW + timedelta(days=2)) == done


def test_the_next_task_of_a_series_takes_the_reminders_that_count_from_its_date() -> None:
    fired = reminders.fired(before(60, DAY))
    carried = reminders.carried_over(fired, due=date(2026, 12, 3), clock=CLOCK)
    assert carried == before(60, date(2026, 12, 3))
    fixed = reminders.set_up(ReminderAsked(at=NOW), due=DAY, clock=CLOCK)
    assert reminders.carried_over(fixed, due=DAY, clock=CLOCK) is None
