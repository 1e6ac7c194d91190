"""The chat's answers, line by line."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from taskora.web.chat import Line, Message, told

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def lines(text: str, *tasks: str) -> tuple[Line, ...]:
    message = Message(no=2, role="assistant", text=text, created_at=NOON, tasks=tasks)
    [said] = told([message], zone=ZoneInfo("Europe/Vienna"))
    return said.lines


def test_a_numbered_line_leads_to_the_task_of_its_number() -> None:
    assert lines("Two tasks:\n1. Rent\n2. Fig", "a", "b") == (
        Line(text="Two tasks:"),
        Line(text="Rent", no="1.", task_id="a"),
        Line(text="Fig", no="2.", task_id="b"),
    )


def test_an_answer_about_one_task_leads_to_it() -> None:
    assert lines("Added “Rent”.", "a") == (Line(text="Added “Rent”.", task_id="a"),)


def test_a_number_without_a_task_leads_nowhere() -> None:
    assert lines("3. Rent", "a") == (Line(text="Rent", no="3."),)
    assert lines("Hello") == (Line(text="Hello"),)
