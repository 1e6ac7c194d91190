"""Who types faster than a page comes: keys go where they were meant, and act on nothing meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, Route, expect

from .browsers import make, up_to_date


@pytest.fixture(scope="module", autouse=True)
def tasks(tabs: tuple[Page, Page]) -> None:
    for title in ("Peel the pears", "the jars", "Board the train"):
        make(tabs[0], title=title)


@pytest.fixture
def page(tabs: tuple[Page, Page]) -> Iterator[Page]:
    page = tabs[0].context.new_page()
    yield page
    page.close()


@contextmanager
def late(page: Page, what: str) -> Iterator[None]:
    """The first of these that is asked for within comes afterwards."""
    held: list[Route] = []
    page.route(what, lambda route: held.append(route), times=1)  # noqa: PLW0108 - else it is given the request, too
    with page.expect_request(what):
        yield
    # A request is told of before it is held.
    while not held:
        page.evaluate("0")
    held[0].continue_()


def at(page: Page, title: str) -> None:
    page.goto("/")
    up_to_date(page)
    page.get_by_role("link", name=title).focus()


def test_keys_before_there_are_scripts_do_what_they_ask_for(page: Page) -> None:
    with late(page, "**/main.js"):
        page.goto("/", wait_until="commit")
        expect(page.get_by_role("link", name="Peel the pears")).to_be_visible()
        page.keyboard.press("q")
        page.keyboard.type("Rinse the jugss")
        page.keyboard.press("Backspace")
        page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Complete: Rinse the jugs", exact=True)).to_be_visible()
    with late(page, "**/main.js"):
        page.goto("/board", wait_until="commit")
        expect(page.get_by_role("link", name="Peel the pears")).to_be_visible()
        page.keyboard.press("Control+k")
        page.keyboard.type("jugs")
        page.keyboard.press("Enter")
    expect(page.get_by_label("Title")).to_have_value("Rinse the jugs")


def test_what_is_typed_into_a_field_before_there_are_scripts_stays_there(page: Page) -> None:
    with late(page, "**/main.js"):
        page.goto("/", wait_until="commit")
        page.get_by_label("Add a task").press_sequentially("quick jam")
    up_to_date(page)
    expect(page.get_by_label("Add a task")).to_have_value("quick jam")
    page.get_by_label("Add a task").fill("")


def test_what_is_typed_before_the_palette_is_there_is_in_its_line(page: Page) -> None:
    with late(page, "**/palette.js"):
        at(page, "Peel the pears")
        page.keyboard.press("Control+k")
        page.keyboard.type("cxz1 the")
    line = page.get_by_role("combobox", name="Search or jump")
    expect(line).to_have_value("cxz1 the")
    expect(line).to_be_focused()
    page.keyboard.type("n")
    expect(page.get_by_role("option", name="Add “cxz1 then” as a task")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Peel the pears")).to_be_focused()
    expect(page.get_by_role("button", name="Complete: Peel the pears")).to_be_visible()
    expect(page.get_by_role("toolbar", name="Selected tasks")).to_be_hidden()


def test_a_task_is_entered_before_it_is_found(page: Page) -> None:
    at(page, "Peel the pears")
    page.keyboard.press("Control+k")
    with late(page, "**/api/v1/tasks?*"):
        page.keyboard.type("pears")
        page.keyboard.press("Enter")
    expect(page.get_by_label("Title")).to_have_value("Peel the pears")


def test_what_was_gone_to_by_arrows_stays_chosen_when_tasks_are_found(page: Page) -> None:
    at(page, "Board the train")
    page.keyboard.press("Control+k")
    chosen = page.get_by_role("option", selected=True)
    with late(page, "**/api/v1/tasks?*"):
        page.get_by_role("combobox", name="Search or jump").fill("board")
        page.keyboard.press("ArrowDown")
        expect(chosen).to_contain_text("Add “board”")
    expect(page.get_by_role("option", name="Board the train")).to_be_visible()
    expect(chosen).to_contain_text("Add “board”")


def test_a_palette_that_was_called_off_before_it_is_there_does_not_come(page: Page) -> None:
    with late(page, "**/palette.js"):
        at(page, "Peel the pears")
        page.keyboard.press("/")
        page.keyboard.type("pears")
        page.keyboard.press("Escape")
        expect(page.get_by_role("link", name="Peel the pears")).to_be_focused()
        page.keyboard.press("Control+k")
        page.keyboard.type("c")
    expect(page.get_by_role("combobox", name="Search or jump")).to_have_value("c")


def test_a_sheet_of_keys_that_is_on_its_way_keeps_them_from_acting(page: Page) -> None:
    with late(page, "**/sheet.js"):
        at(page, "Peel the pears")
        page.keyboard.press("?")
        page.keyboard.type("c#")
    expect(page.get_by_role("dialog")).to_contain_text("This sheet")
    expect(page.get_by_role("button", name="Complete: Peel the pears")).to_be_attached()


def test_a_date_is_typed_and_entered_before_its_sheet_is_there(page: Page) -> None:
    with late(page, "**/date.js"):
        at(page, "Peel the pears")
        page.keyboard.press("t")
        page.keyboard.type("5 may 2031 9:30")
        page.keyboard.press("Enter")
    expect(page.locator("#d-2031-05-05")).to_contain_text("09:30")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_title_is_typed_while_its_task_is_on_its_way(page: Page) -> None:
    at(page, "the jars")
    with late(page, "**/?open=*"):
        page.keyboard.press("e")
        page.keyboard.type("Boil ")
    expect(page.get_by_label("Title")).to_have_value("Boil the jars")
    expect(page.get_by_label("Title")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Boil the jars")).to_be_visible()


def test_a_new_task_is_begun_on_the_way_to_where_tasks_are_added(page: Page) -> None:
    page.goto("/completed")
    up_to_date(page)
    with late(page, "**/"):
        page.keyboard.press("q")
        page.keyboard.type("Buy sugar")
    line = page.get_by_label("Add a task")
    expect(line).to_have_value("Buy sugar")
    expect(line).to_be_focused()
    page.keyboard.type(" tomorrow")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Complete: Buy sugar")).to_be_visible()


def test_who_is_on_the_way_to_another_list_does_nothing_to_this_one(page: Page) -> None:
    at(page, "Peel the pears")
    with late(page, "**/board"):
        page.keyboard.press("g")
        page.keyboard.press("b")
        page.keyboard.type("c#")
    expect(page.get_by_role("heading", name="Board")).to_be_visible()
    expect(page.get_by_role("button", name="Complete: Peel the pears")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("button", name="Complete: Peel the pears")).to_be_visible()
    page.get_by_role("link", name="Peel the pears").focus()
    page.keyboard.press("x")
    expect(page.get_by_role("toolbar", name="Selected tasks")).to_contain_text("1 selected")
