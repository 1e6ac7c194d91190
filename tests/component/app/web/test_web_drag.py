"""A row that is carried stays in the hand, whatever arrives meanwhile, and where it was let go of."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from .browsers import make, up_to_date

TITLES = ["Gather wood", "Split wood", "Stack wood"]


@pytest.fixture
def order(tabs: tuple[Page, Page]) -> Iterator[list[str]]:
    """What stands there from now on, with nothing else."""
    desk, _ = tabs
    for title in reversed(TITLES):
        make(desk, title=title)
    desk.goto("/")
    up_to_date(desk)
    order = titles(desk)
    assert sorted(order) == sorted(TITLES)
    yield order
    for row in desk.request.get("/api/v1/tasks").json()["items"]:
        desk.request.delete(f"/api/v1/tasks/{row['id']}", headers={"Origin": desk.evaluate("location.origin")})


def titles(page: Page) -> list[str]:
    return page.locator("#list .row-t").all_inner_texts()


def carry(page: Page, title: str, *, below: str) -> None:
    """The row is in the hand now, and below the other."""
    page.locator(".row", has_text=title).hover()
    page.locator(".grip").hover()
    box = page.locator(".row", has_text=below).bounding_box()
    assert box
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + box["height"] - 4, steps=4)
    expect(page.locator(".row.drag")).to_have_count(1)


def test_what_arrives_while_a_row_is_carried_waits_until_it_is_let_go_of(
    tabs: tuple[Page, Page], order: list[str]
) -> None:
    desk, mobile = tabs
    first, second, third = order
    carry(desk, first, below=third)
    assert titles(desk) == [second, third, first]
    with desk.expect_response(lambda answer: answer.url == f"{desk.evaluate('location.origin')}/") as arrived:
        make(mobile, title="From elsewhere")
    arrived.value.finished()
    desk.evaluate("new Promise(done => setTimeout(() => requestAnimationFrame(done)))")
    assert titles(desk) == [second, third, first]
    with desk.expect_response("**/acts"):
        desk.mouse.up()
    expect(desk.locator("#list .row-t", has_text="From elsewhere")).to_be_visible()
    there = [title for title in titles(desk) if title != "From elsewhere"]
    assert there == [second, third, first]
    desk.reload()
    assert [title for title in titles(desk) if title != "From elsewhere"] == there


def test_a_row_stays_where_it_was_let_go_of_while_that_is_being_saved(
    tabs: tuple[Page, Page], order: list[str]
) -> None:
    desk, _ = tabs
    first, second, third = order
    kept: list[Route] = []
    desk.route("**/acts", lambda route: kept.append(route))  # noqa: PLW0108 - else it is given the request, too
    carry(desk, first, below=third)
    with desk.expect_request("**/acts"):
        desk.mouse.up()
    desk.get_by_role("link", name=second).click()
    expect(desk.get_by_label("Title")).to_have_value(second)
    assert titles(desk) == [second, third, first]
    kept[0].continue_()
    desk.unroute_all(behavior="wait")
    expect(desk.locator("#live-text")).to_have_text("Up to date")
    desk.reload()
    assert titles(desk)[:3] == [second, third, first]
