"""The editor of when a task comes again says the pattern it was made from, and the dates it comes to."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError
from taskora.domain.dates import WEEK
from taskora.domain.problems import Invalid
from taskora.domain.recurrence import Anchor, Frequency, Mode, NthWeekday, Recurrence
from taskora.web.repeat import complete, controls_of, pattern_of, repeat_of, written
from taskora.web.shapes import Planned

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
days = st.dates(date(2026, 1, 1), date(2030, 1, 1))


@st.composite
def patterns(draw: st.DrawFn) -> Recurrence:
    ends = draw(st.sampled_from([{}, {"until": date(2031, 1, 1)}, {"count": 7}]))
    try:
        return Recurrence(
            frequency=draw(st.sampled_from(Frequency)),
            interval=draw(st.integers(1, 9)),
            weekdays=tuple(draw(st.lists(st.sampled_from(WEEK), max_size=3))),
            month_day=draw(st.none() | st.sampled_from([1, 28, 31, -1])),
            nth_weekday=draw(
                st.none() | st.builds(NthWeekday, nth=st.sampled_from([1, -1]), weekday=st.sampled_from(WEEK))
            ),
            anchor=draw(st.sampled_from(Anchor)),
            mode=draw(st.sampled_from(Mode)),
            time_zone="Europe/Vienna",
            **ends,
        )
    except ValidationError:
        assume(False)
        raise


@given(patterns(), days)
def test_what_the_controls_show_is_the_pattern_they_were_made_from(pattern: Recurrence, day: date) -> None:
    whole = complete(pattern, begins=day)
    assert pattern_of(controls_of(whole, day=day), begins=day, now=NOW, zone=VIENNA) == whole
    assert written(whole) == written(complete(whole, begins=date(2029, 5, 17)))


@given(days)
def test_a_task_that_does_not_come_again_stays_so(day: date) -> None:
    assert pattern_of(controls_of(None, day=day), begins=day, now=NOW, zone=VIENNA) is None


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"rec_unit": "weekly", "rec_words": "every 3 days"}, '{"frequency":"daily","interval":3'),
        ({"rec_unit": "", "rec_words": "weekly"}, '"weekdays":["mon"]'),
        ({"rec_unit": "monthly", "rec_on": "-1 fri"}, '"nth_weekday":{"nth":-1,"weekday":"fri"}'),
        ({"rec_unit": "weekly", "rec_on": "31"}, '{"frequency":"weekly","weekdays":["mon"]}'),
        ({"rec_unit": "daily", "rec_end": "until", "rec_until": ""}, '{"frequency":"daily"}'),
    ],
)
def test_words_count_before_controls_and_what_is_not_in_use_is_left_out(form: dict[str, str], said: str) -> None:
    assert said in written(pattern_of(form, begins=date(2026, 11, 30), now=NOW, zone=VIENNA))


@pytest.mark.parametrize(
    "form",
    [
        {"rec_unit": "", "rec_words": "whenever"},
        {"rec_unit": "hourly"},
        {"rec_unit": "daily", "rec_every": "many"},
        {"rec_unit": "daily", "rec_every": "0"},
        {"rec_unit": "monthly", "rec_on": "9 fri"},
        {"rec_unit": "daily", "rec_end": "until", "rec_until": "31 June"},
    ],
)
def test_what_is_no_repetition_is_refused_in_a_sentence(form: dict[str, str]) -> None:
    with pytest.raises(Invalid, match=r"[.]"):
        pattern_of(form, begins=None, now=NOW, zone=VIENNA)


def test_a_date_that_moved_says_why() -> None:
    planned = Planned.model_validate(
        {
            "text": "every month on the 31st, or the last day",
            "recurrence": {"frequency": "monthly"},
            "start": {"due_date": "2026-12-31"},
            "items": [{"due_date": "2026-12-31"}, {"due_date": "2027-02-28", "note": "February 2027 has no 31st."}],
        }
    )
    shown = repeat_of(planned, due=date(2027, 2, 28), today=date(2026, 11, 25), zone=VIENNA)
    assert shown.notes == ["February 2027 has no 31st."]
    assert [(one.weekday, one.numeral, one.month) for one in shown.next] == [("Thu", "31", "Dec"), ("Sun", "28", "Feb")]
    assert shown.controls["rec_on"] == "31"
