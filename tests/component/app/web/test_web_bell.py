"""Reminders as people meet them: from the scheduler's clock to the corner, the bell and the title of every tab."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from .browsers import in_seconds, make, up_to_date

DUE = re.compile("Due (at|tomorrow)")
"""What is due in an hour is due tomorrow in the last one of the day."""
# Notes what the system was asked to show, and says that its user looks elsewhere.
ELSEWHERE = """
Object.defineProperty(document, 'hidden', { get: () => true })
window.shown = []
window.Notification = class extends Notification {
  constructor(title, how) { super(title, how); window.shown.push(`${title}: ${how.body}`) }
}
"""


pytestmark = pytest.mark.usefixtures("clockwork")


@contextmanager
def another_tab(context: BrowserContext, path: str) -> Iterator[Page]:
    page = context.new_page()
    page.goto(path)
    up_to_date(page)
    yield page
    page.close()


def remind(page: Page, title: str) -> None:
    make(page, title=title, due_at=in_seconds(3600), reminders=[{"at": in_seconds(1)}])


def rung(page: Page, title: str) -> Locator:
    return page.get_by_role("alert").filter(has_text=title)


def counts(page: Page, number: int) -> None:
    """The bell and the title say so many, at once."""
    expect(page).to_have_title(re.compile(rf"^\({number}\) " if number else r"^[^(]"))
    name = f"Notifications, {number} new" if number else "Notifications"
    expect(page.locator(".bell:visible")).to_have_accessible_name(name)


def test_a_reminder_rings_in_every_tab_until_it_is_put_off_in_one(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    with another_tab(desk.context, "/board") as second:
        remind(desk, "Call Mum")
        for page in (desk, second, mobile):
            expect(rung(page, "Call Mum")).to_contain_text(DUE)
            counts(page, 1)
        rung(second, "Call Mum").get_by_role("button", name="In an hour").press("Enter")
        for page in (second, desk, mobile):
            expect(rung(page, "Call Mum")).to_have_count(0)
            counts(page, 0)


def test_what_is_read_in_one_tab_is_read_in_all_at_once(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    with another_tab(desk.context, "/notifications") as centre:
        for title in ("Pay rent", "Feed the cat"):
            remind(desk, title)
            expect(centre.locator(".note.is-new", has_text=title)).to_be_visible()
        for page in (centre, desk, mobile):
            counts(page, 2)
        expect(centre.get_by_role("alert")).to_have_count(0)
        centre.get_by_role("button", name="Mark as read: Pay rent").click()
        for page in (centre, desk, mobile):
            counts(page, 1)
        expect(rung(mobile, "Pay rent")).to_have_count(0)
        expect(rung(mobile, "Feed the cat")).to_be_visible()
        centre.get_by_role("button", name="Mark all as read").click()
        for page in (centre, desk, mobile):
            counts(page, 0)
        expect(mobile.get_by_role("alert")).to_have_count(0)


def test_of_several_reminders_a_phone_shows_one_and_how_many_more_wait(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    shown = mobile.locator(".toast.rem:visible")
    for number, title in enumerate(("Pay rent", "Feed the cat", "Beat the carpet")):
        remind(desk, title)
        expect(desk.locator(".toast.rem:visible")).to_have_count(number + 1)
    expect(mobile.get_by_role("link", name="And 2 more")).to_be_visible()
    expect(shown).to_have_count(1)
    expect(desk.get_by_role("link", name="more")).to_have_count(0)
    for left in ("And 1 more", ""):
        shown.get_by_role("button", name="Dismiss").click()
        expect(shown).to_have_count(1)
        expect(mobile.locator(".more-rem:visible")).to_have_text([left] if left else [])
    desk.goto("/notifications")
    desk.get_by_role("button", name="Mark all as read").click()
    counts(desk, 0)
    desk.goto("/")


def test_a_reminder_of_a_subtask_says_what_that_is_a_part_of(tabs: tuple[Page, Page]) -> None:
    desk, _ = tabs
    party = make(desk, title="Party")
    make(desk, title="Buy tea", parent_id=party["id"], reminders=[{"at": in_seconds(1)}])
    expect(rung(desk, "Buy tea")).to_contain_text("Part of Party")
    desk.goto("/notifications")
    expect(desk.locator(".note", has_text="Buy tea")).to_contain_text("Part of Party")
    desk.get_by_role("button", name="Mark all as read").click()
    counts(desk, 0)
    desk.goto("/")


def test_a_task_completed_from_its_toast_is_done_and_rings_nowhere(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    remind(desk, "Take the bread out")
    expect(rung(desk, "Take the bread out")).to_be_visible()
    rung(mobile, "Take the bread out").get_by_role("button", name="Complete").click()
    expect(desk.get_by_role("button", name="Reopen: Take the bread out")).to_be_visible()
    for page in tabs:
        expect(rung(page, "Take the bread out")).to_have_count(0)
        counts(page, 0)
    desk.goto("/notifications")
    expect(desk.locator("#list")).not_to_contain_text("Take the bread out")
    desk.goto("/")


def test_a_toast_that_was_sent_away_stays_away_and_waits_at_the_bell(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    remind(desk, "Air the room")
    rung(desk, "Air the room").get_by_role("button", name="Dismiss").click()
    expect(rung(mobile, "Air the room")).to_be_visible()
    desk.reload()
    up_to_date(desk)
    counts(desk, 1)
    expect(desk.get_by_role("alert")).to_have_count(0)
    desk.goto("/notifications")
    note = desk.locator(".note", has_text="Air the room")
    note.locator("summary").click()
    note.get_by_role("button", name="In an hour").click()
    expect(note).to_contain_text("Snoozed until")
    for page in tabs:
        counts(page, 0)
    desk.goto("/")


def test_a_tab_nobody_looks_at_rings_by_the_system_once_that_is_allowed(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    desk.goto("/notifications")
    allow = desk.get_by_role("button", name="Allow desktop notifications")
    desk.context.grant_permissions(["notifications"])
    allow.click()
    expect(allow).to_be_hidden()
    hidden = desk.context.new_page()
    hidden.add_init_script(ELSEWHERE)
    hidden.goto("/today")
    up_to_date(hidden)
    remind(mobile, "Look up")
    expect(rung(hidden, "Look up")).to_be_visible()
    hidden.wait_for_function("window.shown.length")
    (said,) = hidden.evaluate("window.shown")
    assert re.match(rf"Look up: {DUE.pattern}", said)
    hidden.close()
    mobile.goto("/notifications")
    mobile.get_by_role("button", name="Mark all as read").click()
    for page in tabs:
        page.goto("/")
        counts(page, 0)
