"""What other devices change moves nothing under the eyes, the pointer, the keyboard or what is being typed."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from .browsers import make, up_to_date

SHIFTS = """() => {
    window.shifts = []
    new PerformanceObserver((seen) => {
        const of = (node) => node instanceof Element ? node : node?.parentElement
        for (const { value, hadRecentInput, sources } of seen.getEntries()) if (!hadRecentInput)
            window.shifts.push([value, ...sources.map(({ node }) => of(node)?.closest('li[id]')?.id ?? node?.nodeName)])
    }).observe({ type: 'layout-shift' })
}"""
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
GLIDED = "() => Promise.all(document.getAnimations().map(one => one.finished.catch(() => 0)))"
TASKS = 12


@pytest.fixture(scope="module")
def tasks(tabs: tuple[Page, Page]) -> list[dict[str, Any]]:
    """From the top of the list down; the window is so low that it scrolls."""
    desk, _ = tabs
    desk.emulate_media(reduced_motion="no-preference")
    desk.set_viewport_size({"width": 1280, "height": 420})
    return [make(desk, title=f"Step number {number}") for number in range(TASKS)][::-1]


@pytest.fixture
def desk(tabs: tuple[Page, Page], tasks: list[dict[str, Any]]) -> Iterator[Page]:
    """Fails when something moved that was not changed itself."""
    desk = tabs[0]
    desk.mouse.move(0, 0)
    desk.goto("/")
    up_to_date(desk)
    desk.evaluate(SHIFTS)
    yield desk
    settled(desk)
    assert desk.evaluate("window.shifts") == []


def settled(page: Page) -> None:
    page.evaluate(DRAWN)
    page.evaluate(GLIDED)
    page.evaluate(DRAWN)


def elsewhere(other: Page, how: str, task: dict[str, Any], **change: Any) -> None:
    path, headers = f"/api/v1/tasks/{task['id']}", {"Origin": other.evaluate("location.origin")}
    match how:
        case "change":
            answer = other.request.patch(path, data=change, headers=headers)
        case "delete":
            answer = other.request.delete(path, headers=headers)
        case _:
            answer = other.request.post(f"{path}/{how}", headers=headers)
    assert answer.ok, answer.text()


def test_nothing_jumps_while_another_device_adds_changes_completes_and_deletes(
    tabs: tuple[Page, Page], desk: Page, tasks: list[dict[str, Any]]
) -> None:
    _, other = tabs
    added = make(other, title="Step from elsewhere")
    row = desk.locator(f"#task-{added['id']}")
    expect(row).to_be_visible()
    settled(desk)
    elsewhere(other, "change", added, title="Step that is called otherwise")
    expect(row).to_contain_text("called otherwise")
    settled(desk)
    elsewhere(other, "complete", added)
    expect(row.get_by_role("button", name="Reopen:")).to_be_attached()
    settled(desk)
    elsewhere(other, "delete", added)
    expect(row).to_have_count(0)


@pytest.mark.parametrize("by", ["pointer", "keyboard"])
def test_what_is_pointed_at_stays_there_when_a_row_comes_above_it(tabs: tuple[Page, Page], desk: Page, by: str) -> None:
    row = desk.locator("#list .row").nth(2)
    if by == "pointer":
        row.hover()
    else:
        row.get_by_role("link").focus()
    held, top = row.get_attribute("id"), row.bounding_box()
    added = make(tabs[1], title="Step above")
    expect(desk.locator(f"#task-{added['id']}")).to_be_attached()
    desk.evaluate(DRAWN)
    assert desk.locator(f"#{held}").bounding_box() == top
    elsewhere(tabs[1], "delete", added)
    expect(desk.locator(f"#task-{added['id']}")).to_have_count(0)
    desk.evaluate(DRAWN)
    assert desk.locator(f"#{held}").bounding_box() == top


def test_a_page_that_is_scrolled_shows_what_it_showed(tabs: tuple[Page, Page], desk: Page) -> None:
    desk.evaluate("scrollTo({ top: 180, behavior: 'instant' })")
    shown = desk.locator("#list .row").nth(6)
    held, top = shown.get_attribute("id"), shown.bounding_box()
    added = make(tabs[1], title="Step out of sight")
    expect(desk.locator(f"#task-{added['id']}")).to_be_attached()
    settled(desk)
    assert desk.locator(f"#{held}").bounding_box() == top
    elsewhere(tabs[1], "delete", added)
    expect(desk.locator(f"#task-{added['id']}")).to_have_count(0)
    settled(desk)
    assert desk.locator(f"#{held}").bounding_box() == top


def test_a_menu_that_is_open_and_what_is_typed_in_it_stay(
    tabs: tuple[Page, Page], desk: Page, tasks: list[dict[str, Any]]
) -> None:
    _, other = tabs
    desk.goto(f"/?open={tasks[3]['id']}")
    up_to_date(desk)
    desk.get_by_text("Add a reminder").click()
    line = desk.get_by_label("When, in words")
    line.press_sequentially("tomorow 9am")
    line.evaluate("line => line.setSelectionRange(5, 5)")
    desk.evaluate(SHIFTS)
    before = line.bounding_box()
    elsewhere(other, "change", tasks[3], priority="high")
    added = make(other, title="Step beside a menu")
    expect(desk.locator(f"#task-{added['id']}")).to_be_attached()
    expect(desk.get_by_label("Priority", exact=True)).to_have_value("high")
    settled(desk)
    expect(line).to_be_focused()
    assert line.evaluate("line => [line.value, line.selectionStart]") == ["tomorow 9am", 5]
    after = line.bounding_box()
    assert before
    assert after == pytest.approx(before, abs=1)
    elsewhere(other, "delete", added)
    expect(desk.locator(f"#task-{added['id']}")).to_have_count(0)


def test_the_keyboard_goes_on_from_a_row_that_another_device_moved_or_took_away(
    tabs: tuple[Page, Page], desk: Page, tasks: list[dict[str, Any]]
) -> None:
    _, other = tabs
    moved, gone, after = tasks[5:8]
    desk.locator(f"#task-{moved['id']} a.row-t").focus()
    elsewhere(other, "change", moved, due_date="2031-05-05")
    expect(desk.locator("#d-2031-05-05 a.row-t")).to_be_focused()
    desk.locator(f"#task-{gone['id']} a.row-t").focus()
    elsewhere(other, "delete", gone)
    expect(desk.locator(f"#task-{after['id']} a.row-t")).to_be_focused()
