"""How late what happens by the clock is, when much of it happens."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from tests.cluster.progress import say
from tests.component.app.conftest import until
from tests.whole import Whole

from .conftest import COUNT, Person, each, quantiles, told

# What the specification allows.
LATE = 60.0
DAILY = {"frequency": "daily", "time_zone": "Europe/Berlin"}
FAR = {"at": "2031-01-01T00:00:00Z"}


async def test_reminders_due_within_a_minute_with_three_schedulers_one_killed(
    whole: Whole, people: list[Person]
) -> None:
    task = {"title": "t", "reminders": [FAR]}
    await each([partial(people[n % len(people)].ask, "POST", "/tasks", task) for n in range(COUNT)])
    await until(lambda: whole.urls.sql("SELECT count(*) FROM outbox WHERE published_at IS NULL") == "0", seconds=300)
    began = time.monotonic()
    whole.urls.sql(
        "UPDATE reminders SET at = due, fire_at = due FROM (SELECT id, now() + random() * interval '1 minute'"
        " + interval '3 seconds' AS due FROM reminders) AS given WHERE given.id = reminders.id"
    )
    await asyncio.to_thread(_wait_for, whole, COUNT // 3)
    whole.pods["scheduler-1"].process.stop(kill=True)
    await until(lambda: _notified(whole) >= COUNT, seconds=600)
    took = time.monotonic() - began
    fired = quantiles(whole, "extract(epoch FROM fired_at - fire_at)", "reminders")
    kept = quantiles(
        whole,
        "extract(epoch FROM notifications.created_at - fire_at)",
        "notifications JOIN reminders ON reminders.id = reminder_id",
    )
    say(f"{COUNT} reminders due within 60 s, all notified after {took:.0f} s; one of three schedulers killed")
    say(f"  from due to fired: {told(fired)}")
    say(f"  from due to notified: {told(kept)}")
    assert (
        whole.urls.sql("SELECT count(DISTINCT (reminder_id, generation)), count(*) FROM notifications")
        == f"{COUNT}|{COUNT}"
    )
    events = (
        "SELECT count(*), count(DISTINCT event->'data'->>'reminder_id') FROM outbox WHERE topic = 'reminder-events'"
    )
    assert whole.urls.sql(events) == f"{COUNT}|{COUNT}"
    assert fired[1] < LATE


def _notified(whole: Whole) -> int:
    return int(whole.urls.sql("SELECT count(*) FROM notifications"))


def _wait_for(whole: Whole, count: int) -> None:
    while _notified(whole) < count:
        time.sleep(0.2)


async def test_completions_of_tasks_that_come_again(whole: Whole, people: list[Person]) -> None:
    task = {"title": "t", "due_at": "2031-01-01T09:00:00Z", "recurrence": DAILY}
    made = await each([partial(people[n % len(people)].ask, "POST", "/tasks", task) for n in range(COUNT)])
    began = time.monotonic()
    await each(
        [partial(people[n % len(people)].ask, "POST", f"/tasks/{one['id']}/complete") for n, one in enumerate(made)]
    )
    completed = time.monotonic() - began
    await until(lambda: whole.urls.sql("SELECT count(*) FROM tasks WHERE occurrence_no = 2") == str(COUNT), seconds=600)
    took = time.monotonic() - began
    late = quantiles(
        whole,
        "extract(epoch FROM next.created_at - done.completed_at)",
        "tasks AS done JOIN tasks AS next ON next.series_id = done.series_id AND next.occurrence_no = 2"
        " WHERE done.occurrence_no = 1",
    )
    say(f"{COUNT} completions in {completed:.0f} s ({COUNT / completed:.0f}/s), the last successor after {took:.0f} s")
    say(f"  from done to the next: {told(late)}")
    assert (
        whole.urls.sql("SELECT count(*), count(DISTINCT series_id) FROM tasks WHERE occurrence_no = 2")
        == f"{COUNT}|{COUNT}"
    )
    assert late[1] < LATE
