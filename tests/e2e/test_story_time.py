"""Stories 3 and 4 on the cluster: what recurs comes again and what is to be remembered arrives, in time and once."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.outside import NAME, Database, Kubectl, Person, wait_until

WITHIN_SECONDS = 60  # the specification's, for both
WEEKLY = {"frequency": "weekly", "weekdays": ["mon"], "time_zone": "Europe/Berlin"}
A_MONDAY = "2031-01-06"


def open_tasks(person: Person) -> list[dict[str, Any]]:
    answer = person.request("GET", "tasks", params={"limit": 100})
    answer.raise_for_status()
    return [task for task in answer.json()["items"] if task["status"] != "done"]


def notifications(person: Person) -> list[dict[str, Any]]:
    answer = person.request("GET", "notifications")
    answer.raise_for_status()
    return answer.json()["items"]


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_a_weekly_task_that_is_completed_comes_again_next_monday_within_a_minute(person: Person) -> None:
    task = person.create("Water the plants", due_date=A_MONDAY, recurrence=WEEKLY, reminders=[{"minutes_before": 60}])
    person.request("POST", f"tasks/{task['id']}/complete").raise_for_status()
    begun = time.monotonic()
    (following,) = wait_until(lambda: open_tasks(person), "the next one", seconds=WITHIN_SECONDS)
    print(f"came again after {time.monotonic() - begun:.1f} s")
    assert (following["title"], following["due_date"]) == ("Water the plants", "2031-01-13")
    assert len(following["reminders"]) == 1


def test_reminders_of_one_minute_each_arrive_once_and_in_time(person: Person, database: Database) -> None:
    at = in_seconds(3)
    tasks = {person.create(f"Call number {number}", reminders=[{"at": at}])["id"] for number in range(5)}
    found = wait_until(
        lambda: notifications(person), "every notification", good=lambda found: len(found) >= 5, seconds=WITHIN_SECONDS
    )
    assert sorted(each["task_id"] for each in found) == sorted(tasks)
    late = max(datetime.fromisoformat(each["created_at"]) for each in found) - datetime.fromisoformat(at)
    print(f"five reminders at once, the last {late.total_seconds():.1f} s after its time")
    assert late < timedelta(seconds=WITHIN_SECONDS)

    def audited() -> list[int]:
        query = f"SELECT count(*) AS n, count(DISTINCT event_id) AS once FROM audit_log WHERE user_id = '{person.id}'"
        (row,) = database.rows(query + " AND action = 'dev.taskora.task.notified.v1'")
        return [row["n"], row["once"]]

    wait_until(audited, "one audit row for every reminder", good=lambda seen: seen == [5, 5])


def test_what_came_due_while_no_scheduler_ran_is_told_on_its_return(person: Person, kubectl: Kubectl) -> None:
    before = kubectl.get("tkd", NAME)["spec"].get("scheduler")
    kubectl("patch", "tkd", NAME, "--type=merge", "-p", '{"spec":{"scheduler":{"replicas":0}}}')
    try:
        wait_until(
            lambda: kubectl.get("pods", "-l", "app.kubernetes.io/component=scheduler")["items"],
            "no scheduler",
            good=lambda pods: not pods,
            seconds=120,
        )
        task = person.create("Missed call", reminders=[{"at": in_seconds(1)}])
        time.sleep(5)  # what shows that nobody reminds: there is nothing to wait for
        assert notifications(person) == []
    finally:
        change = {"scheduler": before} if before else {"scheduler": None}
        kubectl("patch", "tkd", NAME, "--type=merge", "-p", json.dumps({"spec": change}))
    (missed,) = wait_until(lambda: notifications(person), "the notification", seconds=120)
    assert missed["task_id"] == task["id"]
