"""What a language model asks for becomes the chat's own intents, whatever it makes up."""

import json
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora.domain.chat import Ask, Complete, Create, Reschedule, Show
from taskora.domain.chat_tools import ACTS_MOST, Present, instructions, intent_of, intents_of, tools
from taskora.domain.dates import Weekday
from taskora.domain.tasks import Draft, Priority, Status

PRESENT = Present(datetime(2026, 11, 23, 9, tzinfo=UTC), ZoneInfo("Europe/Vienna"), Weekday.MON)
NAMES = [tool["function"]["name"] for tool in tools()]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = ["title", "when", "repeats", "priority", "tags", "task", "to", "status", "words", "tag", "only_count"]


def asked(name: str, **arguments: Any) -> Any:
    return intent_of(name, json.dumps(arguments), PRESENT)


@given(st.sampled_from([*NAMES, "else"]), st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6) | JSON)
def test_whatever_a_model_makes_up_is_an_intent_and_a_task_only_if_it_can_be_one(name: str, arguments: Any) -> None:
    intent = intent_of(name, json.dumps(arguments), PRESENT)
    if isinstance(intent, Create):
        Draft.model_validate(intent.line.draft())


@given(st.text(max_size=60))
def test_arguments_that_are_no_json_are_a_question_back(text: str) -> None:
    try:
        json.loads(text or "{}")
    except ValueError:
        assert isinstance(intent_of("add_task", text, PRESENT), Ask)


def test_a_title_stays_as_it_is_though_it_speaks_of_days() -> None:
    made = asked("add_task", title="Read Friday's paper", when="tomorrow", repeats="every day", tags=["#news"])
    assert (made.line.title, made.line.due, made.line.tags) == ("Read Friday's paper", date(2026, 11, 24), ("news",))
    assert made.line.recurrence is not None


@pytest.mark.parametrize(
    ("arguments", "label"),
    [
        ({"when": "this week", "priority": "urgent"}, "due this week of priority urgent"),
        ({"status": "completed", "when": "today"}, "completed today"),
        ({"tag": "home", "words": "invoice"}, "tagged home with “invoice”"),
        ({}, "open"),
    ],
)
def test_a_question_is_said_back_as_the_grammar_says_it(arguments: dict[str, Any], label: str) -> None:
    shown = asked("list_tasks", **arguments)
    assert isinstance(shown, Show)
    assert shown.label == label


def test_tasks_are_meant_by_words_and_moved_to_words() -> None:
    assert asked("complete_task", task=" pay  rent ") == Complete(asked("complete_task", task="pay rent").which)
    moved = asked("move_task", task="rent", to="friday")
    assert isinstance(moved, Reschedule)
    assert moved.due == date(2026, 11, 27)
    assert isinstance(asked("move_task", task="rent", to="some time"), Ask)
    assert asked("list_tasks", status="completed").status == (Status.DONE,)
    assert asked("list_tasks", priority="high").priority is Priority.HIGH


def test_of_many_calls_only_so_many_count() -> None:
    assert len(intents_of([("add_task", '{"title": "x"}')] * 50, PRESENT)) == ACTS_MOST


def test_a_model_is_told_the_day_where_the_user_is() -> None:
    assert "Monday 2026-11-23, 10:00, in Europe/Vienna" in instructions(PRESENT)
