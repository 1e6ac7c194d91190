"""Story 2: a change made in one tab shows in the other, and its event goes everywhere it must, once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.outside import Database, Person, wait_until

SHOTS = Path(__file__).parents[2] / "build" / "screenshots"


def sign_in(page: Page, url: str, person: Person) -> None:
    page.goto(url)
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password", exact=True).fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()


def test_a_task_made_in_one_tab_shows_in_the_other_within_two_seconds(
    browser: Browser, url: str, person: Person
) -> None:
    a, b = browser.new_context().new_page(), browser.new_context().new_page()
    for page in (a, b):
        sign_in(page, url, person)
        expect(page.get_by_text("Up to date")).to_be_visible()
    delays: list[float] = []
    for n in range(5):
        a.get_by_label("Add a task").fill(f"Water the fig {n}")
        began = time.monotonic()
        a.get_by_label("Add a task").press("Enter")
        expect(b.get_by_text(f"Water the fig {n}", exact=True)).to_be_visible()
        delays.append(time.monotonic() - began)
    print("made on A, seen on B, seconds:", [round(d, 3) for d in delays])
    assert median(delays) < 2

    b.get_by_role("button", name="Complete: Water the fig 0").click()
    expect(a.get_by_role("button", name="Reopen: Water the fig 0")).to_be_visible()
    SHOTS.mkdir(parents=True, exist_ok=True)
    a.screenshot(path=str(SHOTS / "two-tabs-a.png"))
    for page in (a, b):
        page.context.close()


def test_a_page_without_javascript_signs_in_adds_and_completes(browser: Browser, url: str, person: Person) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    sign_in(page, url, person)
    page.get_by_label("Add a task").fill("Post the letter")
    page.get_by_label("Add a task").press("Enter")
    page.get_by_role("button", name="Complete: Post the letter").click()
    wait_until(
        lambda: person.request("GET", "tasks").json()["items"],
        "the completed task",
        good=lambda items: [t["status"] for t in items if t["title"] == "Post the letter"] in (["done"], []),
    )
    page.context.close()


def test_a_person_can_sign_up_and_out(browser: Browser, url: str) -> None:
    page = browser.new_context().new_page()
    page.goto(url)
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Email").fill(f"new.{time.time_ns()}@example.org")
    page.get_by_label("Name").fill("Noor")
    page.get_by_label("Password", exact=True).fill("correct horse battery staple")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.context.close()


def test_the_event_is_on_its_topic_and_in_the_audit_log(
    person: Person, database: Database, topic: Callable[[str], list[dict[str, Any]]]
) -> None:
    task = person.create("Return the library books")

    def published() -> list[dict[str, Any]]:
        events = [json.loads(record["value"]) | {"key": record["key"]} for record in topic("task-events")]
        return [e for e in events if e.get("data", {}).get("user_id") == person.id]

    (event,) = wait_until(published, "the CloudEvent on task-events", seconds=30)
    assert event["specversion"] == "1.0"
    assert event["type"] == "dev.taskora.task.created.v1"
    assert event["source"] == "/taskora/backend"
    assert event["key"] == person.id
    assert event["data"]["seq"] == 1
    assert event["data"]["task"]["id"] == task["id"]

    rows = wait_until(
        lambda: database.rows(f"SELECT * FROM audit_log WHERE event_id = '{event['id']}'"), "the audit row", seconds=30
    )
    assert len(rows) == 1
    users = [json.loads(r["value"]) for r in topic("user-events")]
    assert any(e["data"].get("user_id") == person.id for e in users), "the registration is on user-events"


@pytest.mark.parametrize("kind", ["no token", "a wrong token"])
def test_somebody_else_reads_nothing(person: Person, kind: str) -> None:
    task = person.create("Secret")
    headers = {"Authorization": "" if kind == "no token" else "Bearer wrong"}
    assert person.request("GET", f"tasks/{task['id']}", headers=headers).status_code == 401
