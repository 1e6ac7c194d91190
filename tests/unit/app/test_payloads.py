"""What events carry: the schemas are those of the code, and an old consumer goes on reading a new producer."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import AwareDatetime, ValidationError
from pydantic_core import to_json
from taskora.domain import payloads, tasks
from taskora.domain.events import SUBJECT_OF, BadEvent, NewEvent, Topic, event_type, parse
from taskora.domain.ids import uuid7
from taskora.domain.payloads import BY_TYPE, FOLDER, Payload, catalogue, render, schema
from taskora.domain.tasks import Draft, Patch, Verb

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
USER = uuid7(1, entropy=b"u" * 10)

kinds = st.sampled_from(sorted(BY_TYPE))
words = st.text("abcdefgh", min_size=1, max_size=8)
st.register_type_strategy(AwareDatetime, st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(dict, st.dictionaries(words, words))


@st.composite
def said(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """An event type and data of it, as JSON gives it."""
    kind = draw(kinds)
    return kind, json.loads(draw(st.from_type(BY_TYPE[kind])).model_dump_json())


@cache
def validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(schema(kind), format_checker=FormatChecker())


def fits(kind: str, data: object) -> list[str]:
    return [error.message for error in validator(kind).iter_errors(data)]


@pytest.mark.parametrize("kind", sorted(BY_TYPE))
def test_the_schema_in_docs_is_fresh(kind: str) -> None:
    assert (FOLDER / f"{kind}.json").read_text() == render(kind), "run: make generated"
    Draft202012Validator.check_schema(schema(kind))


def test_the_catalogue_in_docs_is_fresh() -> None:
    assert (FOLDER / "index.md").read_text(encoding="utf-8") == catalogue(), "run: make generated"


def test_docs_hold_no_schema_of_an_event_that_is_not_there() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(BY_TYPE)


def test_every_topic_and_everything_that_happens_to_a_task_has_its_event() -> None:
    assert {kind.split(".")[2] for kind in BY_TYPE} == set(SUBJECT_OF.values())
    assert {event_type(Topic.TASK, verb) for verb in Verb} <= set(BY_TYPE)


def grown(data: Any, more: dict[str, Any]) -> Any:
    """The same with unknown members everywhere, as a newer producer may send."""
    if isinstance(data, dict):
        return {**more, **{name: grown(value, more) for name, value in data.items()}}
    return [grown(one, more) for one in data] if isinstance(data, list) else data


@given(said(), st.dictionaries(words.map(lambda word: f"new_{word}"), st.one_of(words, st.none(), st.integers())))
def test_an_old_consumer_reads_what_a_new_producer_adds(
    event: tuple[str, dict[str, Any]], more: dict[str, Any]
) -> None:
    kind, data = event
    model = BY_TYPE[kind]
    assert fits(kind, data) == []
    later = grown(data, more)
    assert fits(kind, later) == []
    read = model.model_validate_json(json.dumps(later))
    assert without_maps(read) == without_maps(model.model_validate_json(json.dumps(data)))


def without_maps(payload: Payload) -> str:
    """Free-form members keep what is added to them, and are not compared."""
    return payload.model_dump_json(exclude={"task": {"recurrence"}, "views": {"__all__": {"query"}}})


@pytest.mark.parametrize("kind", sorted(BY_TYPE))
def test_no_schema_closes_a_list_of_words_or_of_members(kind: str) -> None:
    for closed in ('"enum"', '"const"', '"additionalProperties": false'):
        assert closed not in render(kind)


@given(said(), st.data())
def test_the_schema_and_the_model_refuse_the_same_gaps(event: tuple[str, dict[str, Any]], draw: st.DataObject) -> None:
    kind, data = event
    gap = draw.draw(st.sampled_from(sorted(data)))
    rest = {name: value for name, value in data.items() if name != gap}
    try:
        BY_TYPE[kind].model_validate_json(json.dumps(rest))
        refused = False
    except ValidationError:
        refused = True
    assert bool(fits(kind, rest)) == refused


@pytest.mark.parametrize("act", [tasks.complete, tasks.delete])
def test_what_happens_to_a_task_is_an_event_of_its_schema(act: Any) -> None:
    made = tasks.create(Draft(title="Pay rent"), task_id=uuid7(2, entropy=b"t" * 10), user_id=USER, now=NOW, position=0)
    done = act(made.task, now=NOW)
    renamed = tasks.update(made.task, Patch(title="Pay it"), now=NOW)
    assert renamed is not None
    for change in (made, renamed, done):
        event = NewEvent(
            UUID(int=7), Topic.TASK, change.verb, "task/1", USER, NOW, tasks.changed_data(change) | {"seq": 7}
        )
        read = parse(to_json(event.envelope(source="/taskora/backend", traceparent="")))
        assert fits(read.type, read.data) == []
        payload = payloads.read(read)
        assert isinstance(payload, payloads.TaskChanged)
        assert (payload.task.title, payload.seq) == (change.task.title, 7)


def test_data_that_does_not_fit_is_a_bad_event_and_an_unknown_type_is_none_of_ours() -> None:
    event = NewEvent(UUID(int=7), Topic.REMINDER, "fired", "reminder/1", USER, NOW, {"generation": 0})
    read = parse(to_json(event.envelope(source="/taskora/scheduler", traceparent="")))
    with pytest.raises(BadEvent, match=r"reminder\.fired"):
        payloads.read(read)
    other = replace(event, verb="imagined")
    assert payloads.read(parse(to_json(other.envelope(source="/taskora/scheduler", traceparent="")))) is None
