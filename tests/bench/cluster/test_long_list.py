"""How long a page does not answer: at a first load, and with a thousand tasks when it is scrolled, filtered, used.

In milliseconds of the page's own CPU time, so that the figures hold on a machine that does other things as well.
On the cluster by `make bench`; on any other Taskora, as `make dev` makes one; with no address on one of its own:

    python -m tests.bench.cluster.test_long_list http://127.0.0.1:8000
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.bench.cluster.test_latency import enter
from tests.whole import Whole

TASKS, AT_ONCE, FEW = 1000, 100, 50
# A task that takes longer than the second is what browsers call a long one.
MOST_MS, LONG_MS = 100, 50
IMPORT = """table => fetch('/api/v1/me/import', {method: 'POST', headers: {'Content-Type': 'text/csv'}, body: table})
  .then(answer => answer.ok)"""
TASK = ("RunTask", "ThreadControllerImpl::RunTask")
MARK = "the page that is watched"
CATEGORIES = ["toplevel", "devtools.timeline", "blink.user_timing"]
# A frame that shows what was done, and the work that comes after it.
SHOWN = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 300)))"


def test_a_thousand_tasks_never_hold_up_who_scrolls_filters_opens_or_completes(browser: Browser, url: str) -> None:
    found = blocked(browser, url)
    print(told(found))
    assert max(found.values()) < MOST_MS


def test_a_first_load_has_no_long_task(browser: Browser, url: str) -> None:
    found = first_load(browser, url)
    print(told_first(found))
    assert max(found) < LONG_MS


def first_load(browser: Browser, url: str) -> list[float]:
    """What the page's thread does, in milliseconds of its CPU time, for somebody with `FEW` tasks and no cache."""
    a, b = (browser.new_context(base_url=url).new_page() for _ in range(2))
    enter(a, b)
    bring_in(a, range(FEW))
    fresh = browser.new_context(base_url=url, storage_state=a.context.storage_state())
    page = fresh.new_page()
    browser.start_tracing(page=page, categories=CATEGORIES)
    page.goto("/")
    expect(page.locator("#list .row")).to_have_count(FEW)
    expect(page.get_by_text("Up to date")).to_be_visible()
    page.evaluate(SHOWN)
    page.evaluate("name => performance.mark(name)", MARK)
    found = busy(browser.stop_tracing())
    for context in (a.context, b.context, fresh):
        context.close()
    return found


def told_first(found: list[float]) -> str:
    long = sum(ms > LONG_MS for ms in found)
    return f"first load: {long} long tasks, {sum(found):.0f} ms in all, {max(found):.0f} at most"


def bring_in(page: Page, numbers: range) -> None:
    """By the page, which finds the cluster's address as the browser is told to."""
    assert page.evaluate(IMPORT, "title\n" + "".join(f"Task number {number}\n" for number in numbers))


def blocked(browser: Browser, url: str) -> dict[str, float]:
    """By what was done, the longest the page's thread was busy without a pause, in milliseconds of its CPU time."""
    a, b = (browser.new_context(base_url=url).new_page() for _ in range(2))
    enter(a, b)
    for first in range(0, TASKS, AT_ONCE):
        bring_in(a, range(first, first + AT_ONCE))
    for page in (a, b):
        page.goto("/")
        expect(page.locator("#list .row")).to_have_count(TASKS)
        expect(page.get_by_text("Up to date")).to_be_visible()
    found: dict[str, float] = {}

    def during(name: str, do: Callable[[Page], object]) -> None:
        a.evaluate(SHOWN)
        browser.start_tracing(page=a, categories=CATEGORIES)
        do(a)
        a.evaluate(SHOWN)
        a.evaluate("name => performance.mark(name)", MARK)
        times = busy(browser.stop_tracing())
        found[name] = max(times)
        print(f"{name}: {sum(times):.0f} ms in all, {max(times):.0f} at most", flush=True)

    during("loaded", lambda page: page.reload())
    during("scrolled to the end", _scroll)
    during("filtered", _filter)
    during("opened", _open)
    during("closed", _close)
    during("completed", _complete)
    during("a change elsewhere", lambda page: _elsewhere(page, b))
    for page in (a, b):
        page.context.close()
    return found


def busy(trace: bytes) -> list[float]:
    """The tasks of the page's thread, in milliseconds of CPU time."""
    events = json.loads(trace)["traceEvents"]
    page = next((one["pid"], one["tid"]) for one in events if one["name"] == MARK)
    tasks = (one for one in events if one["name"] in TASK and (one["pid"], one["tid"]) == page)
    return [one["tdur"] / 1000 for one in tasks if "tdur" in one]


def told(found: dict[str, float]) -> str:
    return f"{TASKS} tasks, ms without a pause: " + ", ".join(f"{name} {ms:.0f}" for name, ms in found.items())


def _scroll(page: Page) -> None:
    page.mouse.move(600, 400)
    for _ in range(60):
        page.mouse.wheel(0, 1000)
    page.wait_for_function("scrollY + innerHeight > document.body.scrollHeight - 50")


# Found by plain selectors: to look for roles and names in such a page would hold it up itself.
def _filter(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.keyboard.type("number 77", delay=30)
    page.wait_for_selector("[role=option]:has-text('Task number 77')")
    page.keyboard.press("Escape")


def _open(page: Page) -> None:
    page.click("#list .row:nth-child(400) .row-t")
    page.wait_for_selector(".panel .t-title")


def _close(page: Page) -> None:
    page.keyboard.press("Escape")
    page.wait_for_selector(".panel", state="detached")


def _complete(page: Page) -> None:
    page.click("[aria-label='Complete: Task number 500']")
    page.wait_for_selector("[aria-label='Reopen: Task number 500']")


def _elsewhere(page: Page, other: Page) -> None:
    other.click("[aria-label='Complete: Task number 501']")
    page.wait_for_selector("[aria-label='Reopen: Task number 501']")


@contextmanager
def taskora(addresses: list[str]) -> Iterator[str]:
    if addresses:
        yield addresses[0]
    else:
        with Whole() as whole:
            yield whole.door.url


if __name__ == "__main__":
    with taskora(sys.argv[1:]) as there, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        print(told_first(first_load(chromium, there)))
        print(told(blocked(chromium, there)))
