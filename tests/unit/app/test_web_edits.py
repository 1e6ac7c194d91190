"""What a form asks for against what is there: only what differs is sent, and only the same field can clash."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora.domain.problems import Invalid
from taskora.web.acts import Act
from taskora.web.cookie import Profile
from taskora.web.edits import changed, clashes
from taskora.web.ledger import Task
from taskora.web.panel import fields_of

VIENNA = ZoneInfo("Europe/Vienna")
ADA = Profile(user_id="1", display_name="Ada", email="ada@example.org", time_zone="Europe/Vienna")
ID = "01a20a19-a10a-77d8-8f77-1611b4803f75"
OTHER = "01a20a19-a10a-77d8-8f77-1611b4803f76"
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
tasks = st.builds(
    Task,
    id=st.just(ID),
    title=texts,
    description=texts,
    status=st.sampled_from(["todo", "in_progress", "done"]),
    priority=st.sampled_from(["low", "medium", "high", "urgent"]),
    due_date=st.none() | st.dates(),
    tags=st.lists(st.sampled_from(["home", "work", "family"]), unique=True).map(tuple),
)


def form(was: Task, **typed: str) -> dict[str, str]:
    shown = fields_of(was, zone=VIENNA)
    return {**shown, **{f"was.{name}": value for name, value in shown.items()}, **typed}


@given(tasks)
def test_a_form_as_it_was_made_asks_for_nothing(task: Task) -> None:
    assert changed(form(task), zone=VIENNA) == {}


@given(tasks, tasks)
def test_a_form_asks_for_what_differs_and_gets_it(was: Task, wanted: Task) -> None:
    content = changed(form(was, **fields_of(wanted, zone=VIENNA)), zone=VIENNA)
    got = Task.model_validate({**was.model_dump(), **content})
    assert {name: value.strip() for name, value in fields_of(got, zone=VIENNA).items()} == {
        name: value.strip() for name, value in fields_of(wanted, zone=VIENNA).items()
    }


@given(tasks, tasks)
def test_nothing_clashes_with_what_its_user_saw_or_wants(was: Task, wanted: Task) -> None:
    asked = form(was, **fields_of(wanted, zone=VIENNA))
    content = changed(asked, zone=VIENNA)
    for current in (was, wanted):
        assert clashes(asked, content, fields_of(current, zone=VIENNA)) == []


def test_a_change_elsewhere_clashes_in_the_same_field_alone() -> None:
    was = Task(id=ID, title="Ferry")
    asked = form(was, title="Bridge", due="2026-12-01")
    content = changed(asked, zone=VIENNA)
    theirs = Task(id=ID, title="Train", priority="high")
    (clash,) = clashes(asked, content, fields_of(theirs, zone=VIENNA))
    assert (clash.name, clash.mine, clash.theirs) == ("Title", "Bridge", "Train")


def test_a_time_is_meant_where_its_user_is() -> None:
    content = changed(form(Task(id=ID, title="x"), due="2026-07-01 09:30"), zone=VIENNA)
    assert content == {"due_at": "2026-07-01T09:30:00+02:00"}


@pytest.mark.parametrize("day", ["31 June", "2026-02-30", "2026-13-01"])
def test_a_day_that_is_none_is_refused(day: str) -> None:
    with pytest.raises(Invalid, match="is no date"):
        changed(form(Task(id=ID, title="x"), due=day), zone=VIENNA)


@pytest.mark.parametrize("value", ["", "complete", f"{ID} 3", f"{ID} x complete", "1 2 complete", f"{ID} 3 "])
def test_a_button_that_says_nothing_is_refused(value: str) -> None:
    with pytest.raises(Invalid):
        Act.parse(value)


@pytest.mark.parametrize(
    ("act", "call"),
    [
        (f"{ID} 3 complete", ("POST", f"tasks/{ID}/complete", None)),
        (f"{ID} - due 2031-05-01", ("PATCH", f"tasks/{ID}", {"due_date": "2031-05-01"})),
        (f"{ID} - move 2.5", ("PATCH", f"tasks/{ID}", {"position": 2.5})),
        (f"{ID} - move -1 in_progress", ("PATCH", f"tasks/{ID}", {"position": -1, "status": "in_progress"})),
        (f"{ID} - move 1 none", ("PATCH", f"tasks/{ID}", {"position": 1, "due_date": None, "due_at": None})),
        (f"{ID} - tag home", ("POST", "tasks/bulk", {"ids": (ID,), "act": "update", "add_tags": ["home"]})),
        (f"{ID},{OTHER} - trash", ("POST", "tasks/bulk", {"ids": (ID, OTHER), "act": "delete"})),
        (
            f"{ID},{OTHER} - priority high",
            ("POST", "tasks/bulk", {"ids": (ID, OTHER), "act": "update", "patch": {"priority": "high"}}),
        ),
    ],
)
def test_a_button_is_one_call_of_the_api(act: str, call: tuple[str, str, object]) -> None:
    assert Act.parse(act).call(ADA) == call


@pytest.mark.parametrize(
    "act", ["move", "move up", "explode", "complete now", "status gone", "priority 9", "due someday"]
)
def test_an_act_that_is_none_is_refused(act: str) -> None:
    with pytest.raises(Invalid):
        Act.parse(f"{ID} 3 {act}").call(ADA)
