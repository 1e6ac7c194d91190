"""Laws of tasks that come again, of tables and calendars, of sort orders and tags."""

import contextlib
import string
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora.api.rates import Rates
from taskora.domain import audit, calendar, lists, series, tables, tags, tasks
from taskora.domain.events import Event
from taskora.domain.problems import Invalid, TooMany
from taskora.domain.recurrence import Mode, Occurrence, Recurrence
from taskora.domain.series import Scope
from taskora.domain.tasks import Draft, Patch, Task, Verb

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
USER, SERIES = UUID(int=1), UUID(int=2)
BARE = str.maketrans("", "", "\0\r")


def a_task(title: str = "Gym", **fields: Any) -> Task:
    draft = Draft.model_validate({"title": title, **fields})
    made = tasks.create(draft, task_id=UUID(int=3), user_id=USER, now=NOW, position=0)
    return series.placed(made.task, series_id=SERIES)


def daily(**fields: Any) -> Task:
    return a_task(due_date="2026-01-15", recurrence={"frequency": "daily"}, **fields)


def the_next(task: Task) -> Task:
    occurrence = Occurrence(2, date(2026, 1, 16))
    return series.successor(task, occurrence, task_id=UUID(int=4), reminders=(), now=NOW + timedelta(days=1)).task


@given(st.sampled_from([None, Scope.FUTURE, Scope.THIS]))
def test_the_next_task_is_like_this_one_but_for_what_was_changed_for_this_one_alone(scope: Scope | None) -> None:
    task = daily(tags=["body"])
    change = tasks.update(task, Patch(title="Pool", tags=["water"], status=tasks.Status.DONE), now=NOW)
    assert change is not None
    following = the_next(series.scoped(task, change, scope=scope).task)
    alone = scope is Scope.THIS
    assert (following.title, following.tags) == (("Gym", ("body",)) if alone else ("Pool", ("water",)))
    assert (following.due_date, following.version, following.done) == (date(2026, 1, 16), 1, False)
    assert following.place is not None
    assert (following.place.number, following.place.planned) == (2, {})
    assert following.completed_at is None


def test_a_due_date_moved_by_hand_leaves_the_pattern_where_it_was_unless_the_future_is_meant() -> None:
    task = daily()
    change = tasks.update(task, Patch(due_date=date(2026, 2, 1)), now=NOW)
    assert change is not None
    for scope, due in ((None, date(2026, 1, 15)), (Scope.THIS, date(2026, 1, 15)), (Scope.FUTURE, date(2026, 2, 1))):
        place = series.scoped(task, change, scope=scope).task.place
        assert place is not None
        assert (place.start, place.due) == (due, due)


@given(st.integers(1, 6))
def test_only_an_untouched_successor_is_taken_back_and_it_returns_untouched(turns: int) -> None:
    task = the_next(daily())
    for _ in range(turns):
        gone = series.withdraw(task, now=NOW)
        assert gone is not None
        assert (gone.verb, gone.task.withdrawn, gone.fields) == (Verb.DELETED, True, ("deleted_at",))
        assert series.withdraw(gone.task, now=NOW) is None
        back = series.revive(gone.task, now=NOW)
        assert back is not None
        assert (back.verb, back.task.deleted_at) == (Verb.RESTORED, None)
        assert series.revive(back.task, now=NOW) is None
        task = back.task
    touched = tasks.update(task, Patch(title="mine now"), now=NOW)
    assert touched is not None
    assert series.withdraw(touched.task, now=NOW) is None


def test_skipping_under_a_calendar_deletes_because_the_next_one_comes_anyhow() -> None:
    by_calendar = replace(daily(), recurrence=Recurrence.model_validate({"frequency": "daily", "mode": "on_schedule"}))
    assert by_calendar.recurrence is not None
    assert by_calendar.recurrence.mode is Mode.ON_SCHEDULE
    skipped = series.skip(by_calendar, user_zone=ZONE, now=NOW)
    assert skipped is not None
    assert skipped.verb is Verb.DELETED
    assert series.skip(a_task(), user_zone=ZONE, now=NOW) is None


# Tables and calendars

readable = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)


@given(
    st.lists(readable.filter(lambda text: text.strip()), min_size=1, max_size=5),
    st.sampled_from([{}, {"due_date": "2026-03-01"}, {"due_at": "2026-03-01T10:30:00Z"}]),
    st.sampled_from(["", "two\nlines", '"quoted", and', "=1+1", "'", "'=x"]),
)
def test_what_goes_out_as_a_table_comes_in_as_it_was(titles: list[str], due: dict[str, str], notes: str) -> None:
    made = [a_task(title, description=notes, priority="high", tags=["a", "b"], **due) for title in titles]
    for task, (draft, done) in zip(made, tables.read(tables.write(made)), strict=True):
        assert (draft.title, draft.description, draft.priority) == (task.title, task.description, task.priority)
        assert (draft.due_at, draft.due_date, tuple(draft.tags), done) == (task.due_at, task.due_date, task.tags, False)


@given(st.text(max_size=200))
def test_any_text_is_a_table_or_refused_in_words(text: str) -> None:
    with contextlib.suppress(Invalid):
        assert tables.read(text)


@given(readable.filter(lambda text: text.strip()), st.text(string.printable, max_size=300))
def test_a_calendars_lines_are_short_whole_and_give_back_what_was_written(title: str, notes: str) -> None:
    task = a_task(
        title, description=notes.translate(BARE).replace("\x0b", "").replace("\x0c", ""), due_date="2026-03-31"
    )
    text = calendar.write([task], now=NOW)
    lines = text.split("\r\n")
    assert lines[-1] == ""
    assert all(len(line.encode()) <= calendar.LINE_MOST for line in lines)
    whole = text.replace("\r\n ", "").split("\r\n")
    said = dict(line.split(":", 1) for line in whole if ":" in line)
    plain = said["SUMMARY"].replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\")
    assert plain == task.title
    assert said["DTEND;VALUE=DATE"] == "20260401"


# Orders, tags, sealed words, rates


@given(
    st.lists(st.tuples(st.sampled_from(list(lists.SortKey)), st.booleans()), max_size=4, unique_by=lambda one: one[0])
)
def test_an_order_is_written_as_it_was_read(terms: list[tuple[lists.SortKey, bool]]) -> None:
    text = ",".join(f"-{key}" if descending else key.value for key, descending in terms)
    assert ",".join(map(str, lists.parse_sort(text))) == text


@given(st.lists(st.sampled_from("abc"), unique=True), st.sampled_from("abc"), st.sampled_from(["A", "d", None]))
def test_a_renamed_tag_stands_once_and_nothing_else_moves(carried: list[str], old: str, new: str | None) -> None:
    after = tags.renamed(carried, old, new)
    wanted = {(new if tag == old else tag) for tag in carried} - {None}
    assert {tag.casefold() for tag in after} == {str(tag).casefold() for tag in wanted}
    assert len({tag.casefold() for tag in after}) == len(after)
    moved = {old, (new or "").lower(), new}
    assert [tag for tag in after if tag not in moved] == [tag for tag in carried if tag not in moved]


def test_what_an_event_said_is_read_with_its_users_key_and_no_other() -> None:
    event = Event.model_validate(
        {
            "specversion": "1.0",
            "id": UUID(int=9),
            "source": "/taskora/backend",
            "type": "dev.taskora.task.created.v1",
            "time": NOW,
            "data": {"user_id": str(USER), "title": "Secret plan"},
        }
    )
    entry = audit.describe(event, key=b"k" * 32)
    assert "Secret" not in entry
    assert audit.disclosed(entry, key=b"k" * 32)["data"] == event.data
    for other in (b"x" * 32, None):
        assert audit.disclosed(entry, key=other)["data"] is None
    assert audit.disclosed(audit.describe(event, key=None), key=b"k" * 32)["data"] is None


def test_a_bucket_refills_and_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    rates = Rates(2, 3)
    for _ in range(3):
        rates.take("a")
    with pytest.raises(TooMany):
        rates.take("a")
    rates.take("b")
    now = 0.5
    rates.take("a")
    with pytest.raises(TooMany):
        rates.take("a")
