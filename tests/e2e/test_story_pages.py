"""What came after the first stories, as people meet it in their browsers: toasts, the next one, the chat, views."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.outside import Person
from tests.e2e.test_story_sync import sign_in
from tests.e2e.test_story_time import A_MONDAY, WEEKLY, WITHIN_SECONDS, in_seconds


@pytest.fixture
def browsers(browser: Browser, url: str, person: Person) -> Iterator[tuple[Page, Page]]:
    """Two browsers of one person, at the inbox, with live updates."""
    pages = browser.new_context().new_page(), browser.new_context().new_page()
    for page in pages:
        sign_in(page, url, person)
        expect(page.get_by_text("Up to date")).to_be_visible()
    yield pages
    for page in pages:
        page.context.close()


def test_a_reminder_rings_in_both_browsers_until_it_is_put_off_in_one(
    browsers: tuple[Page, Page], person: Person
) -> None:
    a, b = browsers
    person.create("Call Mum", reminders=[{"at": in_seconds(3)}])
    for page in browsers:
        expect(page.get_by_role("alert")).to_contain_text("Call Mum", timeout=WITHIN_SECONDS * 1000)
        expect(page).to_have_title(re.compile(r"^\(1\) "))
    a.get_by_role("alert").get_by_role("button", name="In an hour").click()
    for page in browsers:
        expect(page.get_by_role("alert")).to_have_count(0)
        expect(page).to_have_title(re.compile(r"^Inbox"))
    b.get_by_role("link", name="Notifications").first.click()
    expect(b.locator(".note", has_text="Call Mum")).to_contain_text("Snoozed until")


def test_a_repeating_task_completed_in_one_browser_stands_on_its_next_day_in_the_other(
    browsers: tuple[Page, Page], person: Person
) -> None:
    a, b = browsers
    person.create("Water the plants", due_date=A_MONDAY, recurrence=WEEKLY)
    a.get_by_role("button", name="Complete: Water the plants").click()
    expect(b.locator("#d-2031-01-13")).to_contain_text("Water the plants", timeout=WITHIN_SECONDS * 1000)


def test_a_sentence_to_the_chat_becomes_a_task_in_the_other_browser(browsers: tuple[Page, Page]) -> None:
    a, b = browsers
    a.get_by_role("link", name="Chat").first.click()
    a.get_by_label("Message", exact=True).fill("add Call the plumber tomorrow 9:00 #home")
    a.get_by_label("Message", exact=True).press("Enter")
    row = b.locator(".row", has_text="Call the plumber")
    expect(row).to_contain_text("09:00")
    expect(row).to_contain_text("home")
    expect(a.locator(".theirs")).to_contain_text("Added “Call the plumber”")


def test_a_search_is_kept_as_a_view_that_the_other_browser_counts_and_opens(
    browsers: tuple[Page, Page], person: Person
) -> None:
    a, b = browsers
    for title, priority in (("Renew the passport", "urgent"), ("Pay for the passport", "urgent"), ("Passport", "low")):
        person.create(title, priority=priority)
    a.goto(a.url.rstrip("/") + "/search")
    a.get_by_label("Words", exact=True).fill("passport")
    for kind, choice in (("Any priority", "Urgent"), ("Any status", "To do")):
        a.get_by_text(kind).click()
        a.get_by_label(choice, exact=True).check()
    a.get_by_role("button", name="Search", exact=True).click()
    expect(a.locator(".found .row")).to_have_count(2)
    a.get_by_text("Save as a view").click()
    a.get_by_label("Name of the view").fill("Before the trip")
    a.get_by_role("button", name="Save", exact=True).click()
    expect(a.get_by_role("heading", name="Before the trip")).to_be_visible()

    kept = b.locator("#side").get_by_role("link", name="Before the trip")
    expect(kept).to_contain_text("2")
    kept.click()
    expect(b.locator(".found .row")).to_have_count(2)
    a.get_by_role("button", name="Complete: Pay for the passport").click()
    expect(kept).to_contain_text("1")
