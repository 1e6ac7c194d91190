"""A line becomes the task it says, shows what it understood, and any title can be typed."""

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora.domain import quick_add
from taskora.domain.dates import Weekday, moment
from taskora.domain.problems import Invalid
from taskora.domain.quick_add import QuickAdd, TokenKind
from taskora.domain.tasks import TAGS_MOST, Draft, Priority

BERLIN = ZoneInfo("Europe/Berlin")
# A Wednesday.
NOW = datetime(2026, 11, 25, 10, tzinfo=BERLIN)

anything = st.text(st.characters(codec=None), max_size=300)
vocabulary = """
    pay rent tomorrow today tonight next fri sat Sun mon, on the 31st by in 3 days 20 minutes 9am 17:30 at 5 noon 12 Mar
    march 2026-12-24 24.12.2026 every other day week month each every! last friday second tuesday weekly daily until 10
    times for after completion and weekday quarter !urgent !1 #home #1 # ## remind me to 1d before "quoted words" " end
    \\tomorrow \\ \\\\ of this weekend morning 30 feb 29 9999-99-99 0 a 25:00 13pm #a,b !wow 🎉 İ ß ２ ٣ 0001-01-01
    9000-12-31 9999 years months""".split()  # noqa: SIM905
lines = st.lists(st.sampled_from(vocabulary), max_size=14).map(" ".join)
zones = st.sampled_from([ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "Pacific/Apia", "America/St_Johns")])
nows = st.datetimes(datetime(1950, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def parse(text: str, **more: Any) -> QuickAdd:
    return quick_add.parse(text, **{"now": NOW, "zone": BERLIN, **more})


def at(day: str, clock: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=BERLIN)


def test_the_line_of_the_book() -> None:
    text = "Pay rent every 31st 9am !urgent #home remind 1d"
    line = parse(text)
    assert (line.title, line.due, line.priority, line.tags) == (
        "Pay rent",
        at("2026-11-30", "09:00"),
        Priority.URGENT,
        ("home",),
    )
    assert line.recurrence is not None
    assert (line.recurrence.month_day, line.recurrence.time_zone) == (31, "Europe/Berlin")
    assert [reminder.minutes_before for reminder in line.reminders] == [1440]
    assert [(text[token.start : token.end], token.kind, token.meaning) for token in line.tokens] == [
        ("every 31st", TokenKind.RECURRENCE, "every month on the 31st, or the last day"),
        ("9am", TokenKind.TIME, "09:00"),
        ("!urgent", TokenKind.PRIORITY, "Priority urgent"),
        ("#home", TokenKind.TAG, "Tag home"),
        ("remind 1d", TokenKind.REMINDER, "Reminder 1 day before"),
    ]
    assert line.faults == ()


@pytest.mark.parametrize(
    ("words", "due"),
    [
        ("today", "2026-11-25"),
        ("tomorrow", "2026-11-26"),
        ("fri", "2026-11-27"),
        ("Friday,", "2026-11-27"),
        ("on wednesday", "2026-12-02"),
        ("sat", "2026-11-28"),
        ("next fri", "2026-12-04"),
        ("next week", "2026-11-30"),
        ("next month", "2026-12-01"),
        ("this weekend", "2026-11-28"),
        ("end of month", "2026-11-30"),
        ("in 3 days", "2026-11-28"),
        ("in a week", "2026-12-02"),
        ("in two months", "2027-01-25"),
        ("in 1 year", "2027-11-25"),
        ("12 Mar", "2027-03-12"),
        ("Mar 12", "2027-03-12"),
        ("12th of March", "2027-03-12"),
        ("25 nov", "2026-11-25"),
        ("12 March 2029", "2029-03-12"),
        ("29 feb", "2028-02-29"),
        ("2026-12-24", "2026-12-24"),
        ("24.12.2026", "2026-12-24"),
        ("on the 31st", "2026-12-31"),
        ("until friday", "2026-11-27"),
        ("31st", "2026-12-31"),
        ("9am", "2026-11-26T09:00"),
        ("11am", "2026-11-25T11:00"),
        ("12 am", "2026-11-26T00:00"),
        ("12pm", "2026-11-25T12:00"),
        ("fri 17:30", "2026-11-27T17:30"),
        ("17:30 fri", "2026-11-27T17:30"),
        ("tomorrow at 5", "2026-11-26T17:00"),
        ("tomorrow at 9", "2026-11-26T09:00"),
        ("tomorrow morning", "2026-11-26T09:00"),
        ("tomorrow in the evening", "2026-11-26T18:00"),
        ("tonight", "2026-11-25T20:00"),
        ("noon", "2026-11-25T12:00"),
        ("in 20 minutes", "2026-11-25T10:20"),
        ("in an hour", "2026-11-25T11:00"),
        ("in 90m", "2026-11-25T11:30"),
    ],
)
def test_when_it_is_due(words: str, due: str) -> None:
    line = parse(f"Call Bob {words}")
    expected = at(*due.split("T")) if "T" in due else date.fromisoformat(due)
    assert (line.title, line.due, line.faults) == ("Call Bob", expected, ())


@pytest.mark.parametrize(
    ("words", "meaning", "due"),
    [
        ("every day", "every day", "2026-11-25"),
        ("daily", "every day", "2026-11-25"),
        ("every other day", "every 2 days", "2026-11-25"),
        ("every 3 days", "every 3 days", "2026-11-25"),
        ("every! 3 days", "every 3 days, counted from completion", "2026-11-25"),
        ("every 3 days after completion", "every 3 days, counted from completion", "2026-11-25"),
        ("every weekday", "every weekday", "2026-11-25"),
        ("every monday", "every Monday", "2026-11-30"),
        ("every mon, wed and fri", "every Monday, Wednesday and Friday", "2026-11-25"),
        ("mondays", None, None),
        ("every mondays", "every Monday", "2026-11-30"),
        ("every 2 weeks on mon & fri", "every 2 weeks on Monday and Friday", "2026-11-27"),
        ("every month", "every month on the 25th", "2026-11-25"),
        ("every month on the 31st", "every month on the 31st, or the last day", "2026-11-30"),
        ("every 1st", "every month on the 1st", "2026-12-01"),
        ("every last day of the month", "every month on the last day", "2026-11-30"),
        ("every last friday", "every month on the last Friday", "2026-11-27"),
        ("every month on the second tuesday", "every month on the second Tuesday", "2026-12-08"),
        ("every quarter", "every 3 months on the 25th", "2026-11-25"),
        ("every year", "every year on 25 November", "2026-11-25"),
        ("every 12 march", "every year on 12 March", "2027-03-12"),
        ("every 29 feb", "every year on 29 February, or the last day", "2027-02-28"),
        ("every 30 feb", None, None),
        ("every time", None, None),
    ],
)
def test_how_it_comes_again(words: str, meaning: str | None, due: str | None) -> None:
    line = parse(f"Water plants {words}")
    if meaning is None:
        assert line.recurrence is None
        return
    assert line.title == "Water plants"
    assert [token.meaning for token in line.tokens if token.kind is TokenKind.RECURRENCE] == [meaning]
    assert str(line.due) == due


def test_a_repetition_ends_where_the_line_says() -> None:
    line = parse("Standup every weekday at 9:15 until 31 Dec")
    assert line.title == "Standup"
    assert line.due == at("2026-11-26", "09:15")
    assert line.recurrence is not None
    assert line.recurrence.until == date(2026, 12, 31)
    lesson = parse("Lesson every tue 10 times").recurrence
    assert lesson is not None
    assert lesson.count == 10
    assert parse("Knock 3 times").title == "Knock 3 times"
    assert "before it begins" in parse("x every 31st until 27 nov").faults[0]


@pytest.mark.parametrize(
    ("words", "minutes", "instant"),
    [
        ("tomorrow 10am remind 1d", 1440, None),
        ("tomorrow remind me 2 hours before", 120, None),
        ("tomorrow 10am remind 30m", 30, None),
        ("tomorrow remind me", 0, None),
        ("tomorrow 10am remind at 8am", None, "2026-11-26T08:00"),
        ("fri remind tomorrow morning", None, "2026-11-26T09:00"),
        ("remind tomorrow", None, "2026-11-26T09:00"),
        ("remind at 8am", None, "2026-11-26T08:00"),
        ("remind in 20 minutes", None, "2026-11-25T10:20"),
    ],
)
def test_when_it_reminds(words: str, minutes: int | None, instant: str | None) -> None:
    line = parse(f"Call Bob {words}")
    assert line.title == "Call Bob"
    assert [(one.minutes_before, one.at) for one in line.reminders] == [
        (minutes, at(*instant.split("T")) if instant else None)
    ]


def test_a_line_may_be_said_to_somebody() -> None:
    line = parse("Remind me to call mum tomorrow at 5")
    assert (line.title, line.due) == ("call mum", at("2026-11-26", "17:00"))
    assert [one.minutes_before for one in line.reminders] == [0]


def test_a_reminder_before_nothing_is_a_fault_in_a_sentence() -> None:
    line = parse("Call Bob remind 1d")
    assert line.faults == ("This reminder counts from a due date, and there is none: add a day or a time.",)
    with pytest.raises(Invalid, match="counts from a due date"):
        line.draft()


@pytest.mark.parametrize(
    "text",
    [
        "Buy sun cream",
        "The man who sat down",
        "Weekly report draft",
        "Finish 2nd draft of it",
        "Fix bug #123 now",
        "Send 1/2 cup",
        "March of the penguins",
        "Buy 3 days of food",
        "Read !wow",
        "Tell everyone that every cloud matters",
        'Watch "tomorrow never dies"',
        "Pay at 25:00 or 13pm",
        "Mail 30 feb",
        "remind me of it",
    ],
)
def test_words_that_only_look_like_dates_are_left_alone(text: str) -> None:
    line = parse(text)
    assert (line.title, line.tokens, line.due) == (text, (), None)


def test_of_two_dates_the_later_one_counts_and_the_other_stays_in_the_title() -> None:
    line = parse("Prepare Monday meeting tomorrow")
    assert (line.title, line.due) == ("Prepare Monday meeting", date(2026, 11, 26))
    line = parse("!low Paint !high")
    assert (line.title, line.priority) == ("!low Paint", Priority.HIGH)


def test_the_week_begins_where_the_user_says() -> None:
    assert parse("x next week", week_start=Weekday.SUN).due == date(2026, 11, 29)


def test_a_tag_is_there_once_and_there_are_not_too_many() -> None:
    assert parse("x #Home #home, #work").tags == ("Home", "work")
    line = parse("x " + " ".join(f"#tag{number}" for number in range(TAGS_MOST + 1)))
    assert len(line.tags) == TAGS_MOST
    assert line.title == f"x #tag{TAGS_MOST}"


@pytest.mark.parametrize("text", ["tomorrow", "!urgent #home", "every day 9am"])
def test_a_line_of_tokens_alone_asks_what_is_to_be_done(text: str) -> None:
    line = parse(text)
    assert line.title == ""
    assert line.faults[0].startswith("Say what is to be done")


def test_a_doubtful_word_alone_is_the_title() -> None:
    assert parse("sat").title == "sat"
    assert parse("weekly").title == "weekly"


def test_a_line_that_is_too_long_is_refused_at_once() -> None:
    assert "at most 2000" in parse("x" * 2001).faults[0]
    assert "at most 500" in parse("x" * 501).faults[0]


@given(st.one_of(anything, lines), nows, zones, st.sampled_from(Weekday))
def test_any_text_is_understood_or_answered_with_a_sentence(
    text: str, now: datetime, zone: ZoneInfo, week_start: Weekday
) -> None:
    line = quick_add.parse(text, now=now, zone=zone, week_start=week_start)
    assert line == quick_add.parse(text, now=now, zone=zone, week_start=week_start)
    assert all(fault.endswith(".") for fault in line.faults)
    last = 0
    for token in line.tokens:
        assert last <= token.start < token.end <= len(text)
        assert token.meaning
        assert not text[token.start].isspace()
        assert not text[token.end - 1].isspace()
        last = token.end
    assert line.title or line.faults
    if not line.faults:
        fields = {name: value for name, value in line.draft().items() if name in Draft.model_fields}
        assert Draft.model_validate(fields).title == line.title
    # A date of the past is only ever one that names its year.
    if isinstance(line.due, datetime) and not any(token.kind is TokenKind.DATE for token in line.tokens):
        assert line.due >= now or line.recurrence is not None


titles = (
    st.one_of(anything, lines)
    .map(lambda text: " ".join(text.split()))
    .filter(lambda title: bool(title) and len(title) <= 200 and _storable(title))
)


def _storable(title: str) -> bool:
    try:
        return Draft(title=title).title == title
    except ValueError:
        return False


@given(titles)
def test_any_title_at_all_can_be_typed(title: str) -> None:
    line = parse(quick_add.escaped(title))
    assert (line.title, line.tokens, line.faults) == (title, (), ())


@given(titles, st.lists(st.sampled_from(["tomorrow", "#home", "!high", "at 9:30"]), unique=True))
def test_tokens_do_not_change_an_escaped_title(title: str, tokens: list[str]) -> None:
    line = parse(" ".join([quick_add.escaped(title), *tokens]))
    assert line.title == title
    assert len(line.tokens) == len(tokens)


@given(st.text(max_size=20), st.data())
def test_places_are_told_as_browsers_count(text: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text)))
    assert quick_add.utf16(text, place) == len(text[:place].encode("utf-16-le", "surrogatepass")) // 2


@given(st.times().map(lambda clock: clock.replace(second=0, microsecond=0)))
def test_a_time_alone_is_the_next_such_time(clock: time) -> None:
    due = parse(f"Call {clock:%H:%M}").due
    today = moment(date(2026, 11, 25), clock, zone=BERLIN)
    assert due == (today if today >= NOW else moment(date(2026, 11, 26), clock, zone=BERLIN))
