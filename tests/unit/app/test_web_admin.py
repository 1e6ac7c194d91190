"""What administrators read of events."""

from datetime import UTC, datetime
from typing import Any

import pytest
from taskora.web.admin import SystemEvent, plain


def event(verb: str, **data: Any) -> SystemEvent:
    return SystemEvent(
        id="1",
        role="notifier",
        type=f"dev.taskora.system.{verb}.v1",
        occurred_at=datetime(2026, 11, 29, tzinfo=UTC),
        data=data,
    )


@pytest.mark.parametrize(
    ("told", "said", "why", "glyph"),
    [
        (event("started"), "Notifier started", "", "cloud"),
        (event("health_changed", state="healthy", because=""), "Notifier is healthy", "", "cloud"),
        (
            event("health_changed", state="degraded", because="the broker is away"),
            "Notifier is degraded",
            "The broker is away",
            "warn",
        ),
        (
            event("failed", error="TimeoutError", where="reminders"),
            "Notifier failed",
            "TimeoutError in reminders",
            "warn",
        ),
        (event("failed", error="ValueError"), "Notifier failed", "ValueError", "warn"),
    ],
)
def test_a_system_event_says_what_happened_and_why(told: SystemEvent, said: str, why: str, glyph: str) -> None:
    assert (told.said, told.why, told.glyph) == (said, why, glyph)


def test_an_entry_is_named_by_what_was_done_to_what() -> None:
    assert plain("dev.taskora.task.completed.v1") == "Task completed"
    assert plain("dev.taskora.user.signed_in.v1") == "User signed in"
    assert plain("dev.taskora.task.tags_changed.v1") == "Tags changed"
