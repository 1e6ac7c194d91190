"""A thousand tasks in a list, a laptop that slept, two tabs at one task: what pages go through in a long life."""

import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from tests.component.app.conftest import by_day

from .browsers import add, create_account, make, sign_in, strangers, up_to_date
from .conftest import Stack

TASKS = 1200
SHIFTS = """() => {
  window.shifted = 0
  new PerformanceObserver(list => list.getEntries().forEach(one => window.shifted += one.value))
    .observe({ type: 'layout-shift' })
}"""
LISTED = "() => [...document.querySelectorAll('#list .row')].map(row => [row.id, Number(row.dataset.at)])"


@pytest.fixture(scope="module")
def busy(stack: Stack, tabs: tuple[Page, Page]) -> Iterator[tuple[Page, Page]]:
    """Two browsers of somebody who has a great deal to do."""
    with strangers(tabs[0], stack.doors) as (here, there):
        sign_in(there, create_account(here))
        table = "title\n" + "".join(f"Task number {number}\n" for number in range(TASKS))
        headers = {"Origin": here.evaluate("location.origin"), "Content-Type": "text/csv"}
        assert here.request.post("/api/v1/me/import", data=table.encode(), headers=headers).status == 200
        yield here, there


def test_every_one_of_many_tasks_is_reached_once_and_in_order(busy: tuple[Page, Page]) -> None:
    here, _ = busy
    here.goto("/")
    seen: list[str] = []
    for _ in range(5):
        rows: list[tuple[str, float]] = here.evaluate(LISTED)
        assert all(upper[1] <= lower[1] for upper, lower in pairwise(rows))
        seen += [row_id for row_id, _ in rows]
        more = here.get_by_role("link", name="Show more")
        if not more.count():
            break
        with here.expect_event("load"):
            more.click()
    assert len(seen) == len(set(seen)) == TASKS


def test_a_change_elsewhere_moves_nothing_under_the_eyes_of_who_reads_far_below(busy: tuple[Page, Page]) -> None:
    here, there = busy
    for page in busy:
        page.goto("/")
        up_to_date(page)
    middle = here.locator(f"#{here.locator('#list .row').nth(500).get_attribute('id')}")
    middle.evaluate("row => row.scrollIntoView({ block: 'center' })")
    top = middle.bounding_box()
    here.evaluate(SHIFTS)
    for row in ("nth(499)", "nth(3)"):
        number = int(row[4:-1])
        there.locator("#list .row").nth(number).get_by_role("button").first.click()
        expect(here.locator("#list .row").nth(number)).to_have_class(re.compile("is-done"))
    add(there, "One more")
    expect(here.get_by_role("button", name="Complete: One more")).to_be_attached()
    assert here.evaluate("new Promise(done => requestAnimationFrame(() => done(window.shifted)))") == 0
    assert middle.bounding_box() == top


@pytest.fixture
def here_and_there(stack: Stack, tabs: tuple[Page, Page]) -> Iterator[tuple[Page, Page]]:
    # Midnight comes when the page's clock says so, and not before.
    with strangers(tabs[0], stack.doors, timezone_id=by_day()) as (here, there):
        # The stream of a page without a shared worker goes by the page's own clock.
        here.add_init_script("delete window.SharedWorker")
        here.clock.install()
        sign_in(there, create_account(here))
        for page in (here, there):
            up_to_date(page)
        yield here, there


def test_after_an_hour_of_sleep_a_page_listens_anew_and_shows_what_it_missed(
    here_and_there: tuple[Page, Page],
) -> None:
    here, there = here_and_there
    streams: list[str] = []
    here.on("request", lambda request: streams.append(request.url) if "/api/v1/events" in request.url else None)
    here.clock.fast_forward("00:01:00")
    assert streams == []
    with here.expect_request("**/api/v1/events*"):
        here.clock.fast_forward("01:00:00")
    here.context.set_offline(True)
    add(there, "While you slept")
    add(here, "In my sleep")
    expect(there.get_by_role("button", name="Complete: While you slept")).to_be_visible()
    here.context.set_offline(False)
    here.clock.resume()
    for page in (here, there):
        for title in ("While you slept", "In my sleep"):
            expect(page.get_by_role("button", name=f"Complete: {title}")).to_have_count(1)
        up_to_date(page)


def test_a_page_left_open_over_midnight_turns_to_the_new_day(here_and_there: tuple[Page, Page]) -> None:
    here, _ = here_and_there
    zone = ZoneInfo(here.evaluate("document.body.dataset.zone"))
    midnight = datetime.combine(datetime.now(zone).date() + timedelta(days=1), time(), zone)
    # So far ahead, the page looks again first of all.
    with here.expect_response("**/"):
        here.clock.pause_at(midnight - timedelta(minutes=1))
    loads: list[str] = []
    here.on("request", lambda request: loads.append(request.url) if request.url.endswith("/") else None)
    here.clock.fast_forward("00:35")
    assert here.evaluate("document.body.dataset.today") == f"{midnight - timedelta(days=1):%Y-%m-%d}"
    assert loads == []
    with here.expect_response("**/"):
        here.clock.fast_forward("00:35")


def test_two_tabs_that_change_different_fields_of_one_task_both_keep_what_was_typed(
    here_and_there: tuple[Page, Page],
) -> None:
    here, there = here_and_there
    task: dict[str, Any] = make(here, title="Book the ferry")
    for page in (here, there):
        page.goto(f"/?open={task['id']}")
        up_to_date(page)
    here.locator("textarea[name=description]").fill("From platform 3")
    there.get_by_label("Title").fill("Book the train")
    there.get_by_label("Title").press("Enter")
    expect(here.get_by_label("Title")).to_have_value("Book the train")
    expect(here.locator("textarea[name=description]")).to_have_value("From platform 3")
    here.locator("textarea[name=description]").press("Control+Enter")
    expect(there.locator("textarea[name=description]")).to_have_value("From platform 3")
    expect(here.get_by_label("Title")).to_have_value("Book the train")
    expect(here.get_by_role("dialog")).to_have_count(0)
