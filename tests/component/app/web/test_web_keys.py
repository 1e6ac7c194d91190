"""Every key of the sheet does what it says, and the keyboard is always somewhere, and shown there."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from .browsers import make, up_to_date

FAULT = """() => {
    const here = document.activeElement
    if (!here || here === document.body) return 'The keyboard is nowhere.'
    const box = here.getBoundingClientRect()
    const ink = (part, pseudo) => {
        const { outlineStyle, outlineColor, boxShadow } = getComputedStyle(part, pseudo)
        return `${outlineStyle === 'none' ? '' : outlineColor} ${boxShadow}`
    }
    const probe = document.body.appendChild(document.createElement('i'))
    probe.style.color = 'var(--focus)'
    const { color } = getComputedStyle(probe)
    probe.remove()
    const around = [here, here.nextElementSibling, here.parentElement, here.parentElement?.parentElement,
        here.closest('form, .qa, .speak-l')].filter(Boolean)
    const drawn = around.some((part) => [null, '::before', '::after'].some((one) => ink(part, one).includes(color)))
    const what = here.outerHTML.slice(0, 120)
    if (!drawn) return `Not to be seen where the keyboard is: ${what}`
    const inside = box.bottom >= 0 && box.top <= innerHeight && box.right >= 0 && box.left <= innerWidth
    if (!inside) return `Off the screen: ${what}`
    return ''
}"""
STOPS_MOST = 150


def held(page: Page) -> None:
    assert page.evaluate(FAULT) == ""


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def tab_to(page: Page, what: Locator) -> None:
    """By Tab alone; wherever it comes by, the keyboard is seen."""
    what.wait_for()
    for _ in range(STOPS_MOST):
        if what.evaluate("what => what === document.activeElement"):
            return
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement !== document.body"):
            held(page)
    raise AssertionError(f"Tab doesn’t lead to {what}.")


@pytest.fixture(scope="module")
def desk(tabs: tuple[Page, Page]) -> Page:
    for title in ("Burn the leaves", "Clean the gutters", "Air the cellar"):
        make(tabs[0], title=title)
    return tabs[0]


def row(page: Page, title: str = "Air the cellar") -> Locator:
    return page.locator("#list .row", has_text=title)


def at_task(page: Page) -> Locator:
    link = row(page).locator("a.row-t")
    link.focus()
    return link


def titles(page: Page) -> list[str]:
    return page.locator("#list .row-t").all_inner_texts()


def new_task(page: Page) -> None:
    press(page, "n")
    expect(page.get_by_label("Add a task")).to_be_focused()


def palette(page: Page) -> None:
    link = at_task(page)
    press(page, "Control+k")
    expect(page.get_by_role("combobox", name="Search or jump")).to_be_focused()
    held(page)
    press(page, "Escape")
    expect(link).to_be_focused()


def undo(page: Page) -> None:
    at_task(page)
    press(page, "Delete")
    expect(row(page)).to_have_count(0)
    expect(page.locator("[data-undo]")).to_be_visible()
    held(page)
    press(page, "z")
    expect(row(page).get_by_role("button", name="Complete:")).to_be_visible()
    held(page)


def leave_select_nothing_close(page: Page) -> None:
    link = at_task(page)
    line = page.get_by_label("Add a task")
    press(page, "n")
    page.keyboard.type("Sweep the yard")
    press(page, "Escape")
    expect(link).to_be_focused()
    held(page)
    expect(line).to_have_value("Sweep the yard")
    line.fill("")
    press(page, "Escape", "x")
    tag = page.get_by_label("Tag them")
    tag.focus()
    press(page, "Escape")
    expect(link).to_be_focused()
    expect(page.get_by_role("toolbar", name="Selected tasks")).to_contain_text("1 selected")
    press(page, "Escape")
    expect(page.get_by_role("toolbar", name="Selected tasks")).to_be_hidden()
    press(page, "x", "Escape")
    expect(page.get_by_role("toolbar", name="Selected tasks")).to_be_hidden()
    expect(link).to_be_focused()
    press(page, "Enter")
    expect(page.locator(".panel-b")).to_be_focused()
    press(page, "Escape")
    expect(page.locator(".panel")).to_have_count(0)
    expect(link).to_be_focused()


def sheet(page: Page) -> None:
    link = at_task(page)
    press(page, "?")
    expect(page.get_by_role("dialog")).to_contain_text("This sheet")
    held(page)
    press(page, "Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(link).to_be_focused()


def next_previous(page: Page) -> None:
    links = page.locator("#list a.row-t")
    press(page, "j")
    expect(links.nth(0)).to_be_focused()
    for key, number in (("j", 1), ("ArrowDown", 2), ("k", 1), ("ArrowUp", 0)):
        press(page, key)
        expect(links.nth(number)).to_be_focused()
        held(page)


def open_task(page: Page) -> None:
    at_task(page)
    press(page, "Enter")
    expect(page.get_by_label("Title")).to_have_value("Air the cellar")
    expect(page.locator(".panel-b")).to_be_focused()
    held(page)


def select(page: Page) -> None:
    page.locator("#list a.row-t").first.focus()
    press(page, "x")
    bar = page.get_by_role("toolbar", name="Selected tasks")
    expect(bar).to_contain_text("1 selected")
    press(page, "j", "j", "Shift+X")
    expect(bar).to_contain_text("3 selected")
    press(page, "Escape")


def move(page: Page) -> None:
    link = page.locator("#list a.row-t").first
    before = titles(page)
    link.focus()
    for key, after in (("Alt+ArrowDown", [before[1], before[0], *before[2:]]), ("Alt+ArrowUp", before)):
        with page.expect_response("**/acts"):
            press(page, key)
        expect(page.locator("#list .row-t")).to_have_text(after)
        up_to_date(page)
        expect(page.get_by_role("link", name=before[0])).to_be_focused()
    page.goto("/board")
    up_to_date(page)
    card = page.get_by_role("link", name=before[0])
    card.focus()
    for key, column in (("Alt+ArrowRight", "in_progress"), ("Alt+ArrowLeft", "todo")):
        with page.expect_response("**/acts"):
            press(page, key)
        expect(page.locator(f"#col-{column}")).to_contain_text(before[0])
        expect(card).to_be_focused()


def complete(page: Page) -> None:
    at_task(page)
    for name in ("Reopen:", "Complete:"):
        row(page).locator("a.row-t").focus()
        press(page, "c")
        expect(row(page).get_by_role("button", name=name)).to_be_visible()
        held(page)


def schedule(page: Page) -> None:
    at_task(page)
    press(page, "t")
    expect(page.get_by_label("Due, in words")).to_be_focused()
    held(page)
    page.keyboard.type("5 may 2031")
    press(page, "Enter")
    expect(page.locator("#d-2031-05-05")).to_contain_text("Air the cellar")
    expect(row(page).locator("a.row-t")).to_be_focused()
    press(page, "t")
    tab_to(page, page.get_by_role("dialog").get_by_role("button", name="No date"))
    press(page, "Enter")
    expect(page.locator("#d-none")).to_contain_text("Air the cellar")
    expect(row(page).locator("a.row-t")).to_be_focused()


def edit_title(page: Page) -> None:
    at_task(page)
    press(page, "e")
    expect(page.get_by_label("Title")).to_be_focused()
    held(page)
    press(page, "Enter")
    held(page)


def part(page: Page) -> None:
    at_task(page)
    press(page, "p")
    expect(page.get_by_role("combobox", name="Part of which task?")).to_be_focused()
    page.keyboard.type("burn")
    expect(page.get_by_role("option", selected=True)).to_have_text("Burn the leaves")
    press(page, "Enter")
    expect(page.locator("[data-undo]")).to_be_visible()
    expect(row(page, "Burn the leaves")).to_contain_text("0/1")
    held(page)
    press(page, "z")
    expect(row(page, "Burn the leaves")).not_to_contain_text("0/1")
    expect(row(page).get_by_role("button", name="Complete:")).to_be_visible()


def priorities(page: Page) -> None:
    at_task(page)
    for key, name in {"1": "Urgent", "2": "High", "4": "Low"}.items():
        press(page, key)
        row(page).locator("a.row-t").focus()
        expect(row(page).get_by_role("img", name=f"{name} priority")).to_be_visible()
    press(page, "3")
    expect(row(page).get_by_role("img")).to_have_count(0)
    held(page)


def trash(page: Page) -> None:
    last = page.locator("#list .row").last
    name = last.locator(".row-t").inner_text()
    last.locator("a.row-t").focus()
    press(page, "Delete")
    expect(row(page, name)).to_have_count(0)
    expect(page.locator("[data-undo]")).to_be_visible()
    held(page)
    press(page, "z")
    expect(row(page, name)).to_be_visible()


def go(page: Page) -> None:
    press(page, "?")
    said = (
        page.get_by_role("dialog").locator("div", has=page.locator("kbd:text-is('G')")).locator("dd").last.inner_text()
    )
    places = re.findall(r"([A-Z]) (\w+)", said)
    linked = page.locator("[data-go]").evaluate_all("links => links.map(link => link.dataset.go)")
    assert set(linked) == {letter.lower() for letter, _ in places}
    press(page, "Escape")
    for letter, name in places:
        if page.locator("input:focus").count():
            # Where a message is typed, letters are text.
            press(page, "Tab")
        press(page, "g", letter.lower())
        expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
        up_to_date(page)


DOES: dict[str, Callable[[Page], None]] = {
    "N": new_task,
    "Ctrl K": palette,
    "G": go,
    "Z": undo,
    "Esc": leave_select_nothing_close,
    "?": sheet,
    "J K": next_previous,
    "Enter": open_task,
    "X": select,
    "Alt ↑ ↓": move,
    "C": complete,
    "T": schedule,
    "E": edit_title,
    "P": part,
    "1 2 3 4": priorities,
    "Del": trash,
}


def test_the_sheet_has_these_keys(desk: Page) -> None:
    desk.goto("/")
    up_to_date(desk)
    press(desk, "?")
    told = desk.get_by_role("dialog").locator("dt")
    expect(told.first).to_be_visible()
    keys = told.evaluate_all("all => all.map(one => [...one.children].map(key => key.textContent).join(' '))")
    assert keys == list(DOES)


@pytest.mark.parametrize("key", DOES)
def test_a_key_does_what_the_sheet_says(desk: Page, key: str) -> None:
    desk.goto("/")
    up_to_date(desk)
    DOES[key](desk)
