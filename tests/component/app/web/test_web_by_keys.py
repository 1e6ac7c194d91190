"""From a new account to the way out, by the keyboard alone: it always is somewhere, and to be seen there."""

import pytest
from playwright.sync_api import Page, expect

from tests.component.app.conftest import PASSWORD

from .browsers import in_seconds, make, strangers, up_to_date
from .conftest import Stack
from .test_web_keys import held, press, row, tab_to


def typed(page: Page, text: str) -> None:
    """Instead of what stands in the field."""
    press(page, "Control+a")
    page.keyboard.type(text)
    press(page, "Enter")


@pytest.mark.usefixtures("clockwork")
def test_whoever_has_no_mouse_misses_nothing(tabs: tuple[Page, Page], stack: Stack) -> None:
    with strangers(tabs[0], stack.doors[:1]) as [page]:
        page.goto("/sign-in")
        tab_to(page, page.get_by_role("link", name="Create an account"))
        press(page, "Enter")
        create_account(page)
        add_tasks(page)
        change_a_task(page)
        act_on_two_at_once(page)
        answer_a_reminder(page)
        ask_the_chat(page)
        choose_a_theme(page)
        sign_out(page)


def create_account(page: Page) -> None:
    for label, text in {"Name": "Bo", "Email": f"bo.{id(page)}@example.org", "Password": PASSWORD}.items():
        tab_to(page, page.get_by_label(label, exact=True))
        page.keyboard.type(text)
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1, name="Inbox")).to_be_visible()
    up_to_date(page)


def add_tasks(page: Page) -> None:
    press(page, "n")
    for title in ("Water the fig", "Pay rent tomorrow 9am #home !urgent"):
        page.keyboard.type(title)
        press(page, "Enter")
    expect(row(page, "Water the fig").get_by_role("button", name="Complete:")).to_be_visible()
    expect(row(page, "Pay rent").get_by_role("button", name="Complete:")).to_be_visible()
    held(page)


def change_a_task(page: Page) -> None:
    tab_to(page, row(page, "Pay rent").locator("a.row-t"))
    press(page, "Enter")
    tab_to(page, page.get_by_label("Due", exact=True))
    typed(page, "31 jan 2031 10:00")
    expect(page.locator("#d-2031-01-31")).to_contain_text("Pay rent")
    held(page)
    tab_to(page, page.locator("#repeats > summary"))
    press(page, "Enter")
    tab_to(page, page.get_by_label("Or in words"))
    page.keyboard.type("every month")
    press(page, "Enter")
    expect(page.locator("#rec-next")).to_contain_text("Next five")
    expect(row(page, "Pay rent").locator("[href$='#i-repeat']")).to_have_count(1)
    leave(page)
    expect(row(page, "Pay rent").locator("a.row-t")).to_be_focused()
    press(page, "Enter")
    tab_to(page, page.get_by_text("Add a reminder"))
    press(page, "Enter")
    tab_to(page, page.get_by_role("button", name="1 day", exact=True))
    press(page, "Enter")
    expect(page.locator(".rem-l")).to_contain_text("1 day before")
    held(page)
    tab_to(page, page.get_by_label("Add a subtask"))
    page.keyboard.type("Find the receipt")
    press(page, "Enter")
    expect(page.locator("#subs").get_by_role("link", name="Find the receipt")).to_be_visible()
    leave(page)


def leave(page: Page) -> None:
    """A field of the open task, then the task."""
    held(page)
    press(page, "Escape")
    held(page)
    press(page, "Escape")
    expect(page.locator(".panel")).to_have_count(0)
    held(page)


def act_on_two_at_once(page: Page) -> None:
    tab_to(page, row(page, "Water the fig").locator("a.row-t"))
    press(page, "x", "k", "x")
    bar = page.get_by_role("toolbar", name="Selected tasks")
    expect(bar).to_contain_text("2 selected")
    tab_to(page, bar.get_by_label("Tag them"))
    page.keyboard.type("orchard")
    press(page, "Enter")
    for title in ("Water the fig", "Pay rent"):
        expect(row(page, title)).to_contain_text("orchard")
    held(page)


def answer_a_reminder(page: Page) -> None:
    make(page, title="Ring the bell", reminders=[{"at": in_seconds(1)}])
    toast = page.locator(".toast.rem")
    expect(toast).to_contain_text("Ring the bell")
    tab_to(page, toast.get_by_role("button", name="Dismiss"))
    press(page, "Enter")
    expect(toast).to_have_count(0)
    held(page)
    press(page, "g", "n")
    expect(page.get_by_role("heading", level=1, name="Notifications")).to_be_visible()
    up_to_date(page)
    note = page.locator(".note", has_text="Ring the bell")
    tab_to(page, note.locator("summary"))
    press(page, "Enter")
    tab_to(page, note.locator(".menu button").first)
    press(page, "Enter")
    expect(note.get_by_role("button", name="Mark as read")).to_have_count(0)
    held(page)


def ask_the_chat(page: Page) -> None:
    press(page, "g", "h")
    expect(page.get_by_role("heading", level=1, name="Chat")).to_be_visible()
    up_to_date(page)
    expect(page.locator("#message")).to_be_focused()
    page.keyboard.type("add sweep the yard tomorrow")
    press(page, "Enter")
    expect(page.locator("#list")).to_contain_text("Added “sweep the yard”")
    held(page)


def choose_a_theme(page: Page) -> None:
    tab_to(page, page.locator("[data-go=s]"))
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1, name="Settings")).to_be_visible()
    up_to_date(page)
    tab_to(page, page.get_by_role("radio", name="As the system"))
    press(page, "ArrowRight", "ArrowRight")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def sign_out(page: Page) -> None:
    tab_to(page, page.locator("#side").get_by_role("button", name="Sign out"))
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Good to see you again")
