"""How long the page of somebody with a thousand tasks does not answer: scrolled, filtered, a task completed, a change.

On the cluster by `make bench`; on any other Taskora, as `make dev` makes one:

    python -m tests.bench.cluster.test_long_list http://127.0.0.1:8000
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.bench.cluster.test_latency import enter

TASKS = 1000
MOST_MS = 100
IMPORT = """table => fetch('/api/v1/me/import', {method: 'POST', headers: {'Content-Type': 'text/csv'}, body: table})
  .then(answer => answer.ok)"""
# What keeps the page from answering for more than 50 ms, in milliseconds each.
WATCH = """() => {
  window.long = []
  new PerformanceObserver(list => window.long.push(...list.getEntries().map(one => one.duration)))
    .observe({ type: 'longtask' })
}"""
# Entries come with the next idle moment.
TAKE = "() => new Promise(done => setTimeout(() => done(window.long.splice(0)), 300))"


def test_a_thousand_tasks_never_hold_up_who_scrolls_filters_or_completes(browser: Browser, url: str) -> None:
    found = blocked(browser, url)
    print(told(found))
    assert max(found.values()) < MOST_MS


def blocked(browser: Browser, url: str) -> dict[str, float]:
    """By what was done, the longest time in milliseconds for which the page did not answer; up to 50 counts as 0."""
    a, b = (browser.new_context(base_url=url).new_page() for _ in range(2))
    enter(a, b)
    table = "title\n" + "".join(f"Task number {number}\n" for number in range(TASKS))
    assert a.evaluate(IMPORT, table)  # by the page, which finds the cluster's address as the browser is told to
    for page in (a, b):
        page.goto("/")
        expect(page.locator("#list .row")).to_have_count(TASKS)
        expect(page.get_by_text("Up to date")).to_be_visible()
    a.evaluate(WATCH)
    wire = a.context.new_cdp_session(a)
    wire.send("Performance.enable", {"timeDomain": "threadTicks"})
    found: dict[str, float] = {}

    def busy() -> float:
        told = {one["name"]: one["value"] for one in wire.send("Performance.getMetrics")["metrics"]}
        return told["TaskDuration"] * 1000

    def during(name: str, do: Callable[[], object]) -> None:
        a.evaluate(TAKE)
        before = busy()
        do()
        found[name] = max(a.evaluate(TAKE), default=0)
        print(f"{name}: {busy() - before:.0f} ms of the page's own CPU time", flush=True)

    during("scrolled to the end", lambda: _scroll(a))
    during("filtered", lambda: _filter(a))
    during("completed", lambda: _complete(a))
    during("a change elsewhere", lambda: _elsewhere(a, b))
    for page in (a, b):
        page.context.close()
    return found


def told(found: dict[str, float]) -> str:
    return f"{TASKS} tasks, ms without an answer: " + ", ".join(f"{name} {ms:.0f}" for name, ms in found.items())


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


def _complete(page: Page) -> None:
    page.click("[aria-label='Complete: Task number 500']")
    page.wait_for_selector("[aria-label='Reopen: Task number 500']")


def _elsewhere(page: Page, other: Page) -> None:
    other.click("[aria-label='Complete: Task number 501']")
    page.wait_for_selector("[aria-label='Reopen: Task number 501']")


if __name__ == "__main__":
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        print(told(blocked(chromium, sys.argv[1])))
