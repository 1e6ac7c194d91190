"""The history of a task reads as sentences."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from taskora.web.history import history
from taskora.web.shapes import Happening

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def told(verb: str, **values: Any) -> list[tuple[str, str]]:
    kind, time = f"dev.taskora.task.{verb}.v1", "2026-11-25T08:14:00Z"
    one = Happening.model_validate({"type": kind, "time": time, "fields": list(values), "values": values})
    lines = history([one], now=NOW, zone=VIENNA)
    assert all(line.when == "Today 09:14" for line in lines)
    return [(line.text, line.value) for line in lines]


@pytest.mark.parametrize(
    ("verb", "values", "line"),
    [
        ("created", {}, ("Added", "")),
        ("completed", {"status": "done"}, ("Completed", "")),
        ("deleted", {}, ("Moved to the trash", "")),
        ("updated", {"title": "Pay the rent"}, ("Changed the title", "Pay the rent")),
        ("updated", {"due_at": "2026-11-30T08:00:00Z", "due_date": None}, ("Changed the due date", "Mon 30 Nov 09:00")),
        ("updated", {"due_at": None}, ("Changed the due date", "no date")),
        ("updated", {"status": "in_progress"}, ("Changed the status", "In progress")),
        ("updated", {"tags": []}, ("Changed the tags", "none")),
        ("updated", {"recurrence": {"frequency": "daily", "interval": 3}}, ("Changed when it repeats", "every 3 days")),
        ("updated", {"recurrence": None}, ("Changed when it repeats", "never")),
        ("updated", {"description": "x", "tags": ["home"]}, ("Changed the notes and the tags", "")),
    ],
)
def test_what_happened_is_a_sentence(verb: str, values: dict[str, Any], line: tuple[str, str]) -> None:
    assert told(verb, **values) == [line]


def test_a_place_in_the_list_is_not_told() -> None:
    assert told("updated", position=3.5) == []
