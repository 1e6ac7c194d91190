"""What the notification centre says of a task, and until when a reminder may rest."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from taskora.domain.problems import Invalid
from taskora.web.notices import centre, due_said, rests, snoozing
from taskora.web.shapes import Note

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2026, 11, 23, 14, 15, tzinfo=UTC)  # 15:15 in Vienna, a Monday


@pytest.mark.parametrize(
    ("due", "said"),
    [
        (datetime(2026, 11, 23, 14, 30, tzinfo=UTC), "Due at 15:30, in 15 minutes"),
        (datetime(2026, 11, 23, 14, 15, 20, tzinfo=UTC), "Due at 15:15, in 1 minute"),
        (datetime(2026, 11, 23, 22, 30, tzinfo=UTC), "Due at 23:30, in 8 hours"),
        (datetime(2026, 11, 23, 10, 0, tzinfo=UTC), "Was due at 11:00"),
        (datetime(2026, 11, 24, 17, 30, tzinfo=UTC), "Due tomorrow, 18:30"),
        (datetime(2026, 11, 22, 17, 30, tzinfo=UTC), "Was due yesterday, 18:30"),
        (datetime(2026, 11, 30, 8, 0, tzinfo=UTC), "Due Mon 30 Nov, 09:00, in 7 days"),
        (date(2026, 11, 23), "Due today"),
        (date(2026, 11, 20), "Was due Fri 20 Nov, 3 days ago"),
        (None, ""),
    ],
)
def test_a_due_time_is_said_as_people_say_it(due: datetime | date | None, said: str) -> None:
    at, day = (due, None) if isinstance(due, datetime) else (None, due)
    assert due_said(at, day, now=NOW, zone=VIENNA) == said


def test_notifications_stand_under_the_day_they_came_on_their_readers_calendar() -> None:
    times = [datetime(2026, 11, 23, 14, 0, tzinfo=UTC), datetime(2026, 11, 22, 23, 30, tzinfo=UTC)]
    notes = [Note(id=str(n), task_id="t", title="Call", created_at=at) for n, at in enumerate(times)]
    found = centre(
        [*notes, notes[0].model_copy(update={"created_at": times[1].replace(hour=22)})], now=NOW, zone=VIENNA
    )
    assert [(day.name, [ring.when for ring in rings]) for day, rings in found] == [
        ("Today", ["15:00", "00:30"]),
        ("Yesterday", ["23:30"]),
    ]


def test_a_reminder_may_rest_until_tonight_only_while_that_is_ahead() -> None:
    assert [(rest.name, rest.when) for rest in rests(now=NOW, zone=VIENNA)] == [
        ("In 10 minutes", "15:25"),
        ("In an hour", "16:15"),
        ("Tonight", "18:00"),
        ("Tomorrow", "Tue 09:00"),
    ]
    assert "Tonight" not in [rest.name for rest in rests(now=NOW.replace(hour=16, minute=30), zone=VIENNA)]


def test_every_rest_that_is_offered_is_one_the_api_takes() -> None:
    for rest in rests(now=NOW, zone=VIENNA):
        told = snoozing(rest.value, now=NOW, zone=VIENNA)
        assert told.get("minutes") or datetime.fromisoformat(str(told["until"])) > NOW


@pytest.mark.parametrize(
    ("said", "until"),
    [
        ("2026-11-30 09:00", "2026-11-30T09:00"),
        ("5:30 pm", "2026-11-23T17:30"),
        ("17:30", "2026-11-23T17:30"),
        ("9am", "2026-11-24T09:00"),
        ("tomorrow", "2026-11-24T09:00"),
        ("next thu 9:30", "2026-12-03T09:30"),
        ("in 20 minutes", "2026-11-23T15:35"),
        ("2 hours", "2026-11-23T17:15"),
    ],
)
def test_a_reminder_rests_until_what_words_say(said: str, until: str) -> None:
    told = snoozing(said, now=NOW, zone=VIENNA)
    assert datetime.fromisoformat(str(told["until"])) == datetime.fromisoformat(f"{until}+01:00")


@pytest.mark.parametrize("said", ["soon", "", "call mum tomorrow", "every friday", "25:00"])
def test_words_that_are_no_time_are_refused_with_what_would_be(said: str) -> None:
    with pytest.raises(Invalid, match="Try"):
        snoozing(said, now=NOW, zone=VIENNA)
