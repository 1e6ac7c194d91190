"""What quick add shows of a line is the line, and what it says it means."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora.domain.dates import Weekday
from taskora.domain.quick_add import dated, parse
from taskora.domain.wording import said
from taskora.web.edits import understood, written_due
from taskora.web.line import meanings, pieces

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2026, 11, 25, 14, tzinfo=UTC)
typed = st.lists(
    st.sampled_from(
        ["Pay", "rent", "every", "31st", "9am", "!urgent", "#home", "remind", "1d", "tomorrow", "🍎", "  "]
    ),
    max_size=10,
).map(" ".join)


@given(typed)
def test_the_pieces_of_a_line_are_the_line(line: str) -> None:
    assert "".join(piece.text for piece in pieces(line, parse(line, now=NOW, zone=VIENNA))) == line


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "Pay rent every 31st 9am !urgent #home remind 1d",
            ["Mon 30 Nov 09:00, then 31 Dec, 31 Jan, 28 Feb", "1 day before", "Urgent"],
        ),
        ("Call Mum tomorrow 18:00", ["Thu 26 Nov 18:00, tomorrow"]),
        ("Water the fig every 3 days once", ["Wed 25 Nov, then 28 Nov, 1 Dec, 4 Dec"]),
        ("Send it !low", ["Low"]),
        ("Just a title", []),
    ],
)
def test_what_was_understood_is_told_in_words(line: str, told: list[str]) -> None:
    found = meanings(parse(line, now=NOW, zone=VIENNA), now=NOW, zone=VIENNA)
    assert [", ".join(filter(None, (one.text, one.more))) for one in found] == told


@given(st.dates(date(2026, 11, 25), date(2040, 1, 1)), st.none() | st.times())
def test_a_due_date_said_in_words_is_understood_as_itself(day: date, at: object) -> None:
    written = f"{day} 09:30" if at else str(day)
    due = dated(written, now=NOW, zone=VIENNA)
    assert due is not None
    assert written_due(due, zone=VIENNA) == written
    assert dated(said(due, today=date(2026, 11, 25), zone=VIENNA), now=NOW, zone=VIENNA) == due


@pytest.mark.parametrize("text", ["", "soon", "tomorrow !urgent", "every day", "call Mum tomorrow", "31 June"])
def test_what_is_more_or_less_than_a_date_is_none(text: str) -> None:
    assert dated(text, now=NOW, zone=VIENNA) is None


def test_next_week_begins_when_the_week_of_its_user_does() -> None:
    form = {"due": "next week", "rec_unit": ""}
    for week_start, due in ((Weekday.MON, "2026-11-30"), (Weekday.SUN, "2026-11-29"), (Weekday.SAT, "2026-11-28")):
        assert str(dated("next week", now=NOW, zone=VIENNA, week_start=week_start)) == due
        assert understood(form, now=NOW, zone=VIENNA, week_start=week_start)["due"] == due


def test_a_due_date_that_was_left_as_it_was_shown_stays_also_when_it_lacks_its_year() -> None:
    past = NOW - timedelta(days=5)
    form = {"due": "Fri 20 Nov", "due_shown": "Fri 20 Nov", "was.due": str(past.date())}
    assert understood(form, now=NOW, zone=VIENNA)["due"] == str(past.date())
