"""axe-core finds nothing to complain of on any page, in the light and in the dark, and no page scrolls sideways."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.cluster import npm

from .browsers import add, chromium, create_account
from .conftest import Stack

PAGES = [
    "/",
    "/today",
    "/upcoming",
    "/board",
    "/completed",
    "/trash",
    "/tags",
    "/search?q=fig",
    "/browse",
    "/design",
    "/settings",
    "/notifications",
    "/chat",
    "/admin/alerts?all",
    "/admin/events",
    "/admin/audit?check=1",
    "/admin/letters?state=all",
    "/admin/users",
    "/admin/training",
]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SHAPES = {"desk": (1280, 860), "phone": (360, 740), "at 200 %": (640, 430)}
SHEETS = {"the palette": "Control+k f i g", "the keys": "?", "the date picker": "t", "several selected": "x j x"}
FIRST_LOAD_MOST, REQUESTS_MOST = 60_000, 25
MENUS_CUT_OFF = """() => [...document.querySelectorAll('details.pop')].filter((pop) => {
    pop.open = true
    const menu = pop.querySelector('.menu').getBoundingClientRect()
    pop.open = false
    return menu.left < 0 || menu.right > innerWidth
}).map((pop) => pop.textContent.slice(0, 40))"""
# Fetched when there is nothing else to do; on a slow machine that begins before the page is up to date.
LATER = ("/palette.js", "/date.js")


@pytest.fixture(scope="module")
def page(stack: Stack) -> Iterator[Page]:
    """Signed in, with tasks of every kind. The page's policy is off: it would refuse axe."""
    with chromium() as browser:
        context = browser.new_context(base_url=stack.doors[0].url, bypass_csp=True, reduced_motion="reduce")
        page = context.new_page()
        email = create_account(page)
        for title in ("Water the fig", "<b>bold</b> & “quoted”", "\u202etfel ot thgir", "🜁 " * 30, "x" * 400):
            add(page, title)
        add(page, f"Long-winded #{'t' * 50} #home remind tomorrow")
        expect(page.locator("#list .row.is-wait")).to_have_count(0)
        page.get_by_role("button", name="Complete: Water the fig").click()
        expect(page.get_by_role("button", name="Reopen: Water the fig")).to_be_visible()
        furnish(stack, email)
        page.add_init_script(path=npm.modules() / "axe-core" / "axe.min.js")
        yield page


def furnish(stack: Stack, email: str) -> None:
    """Somebody who administers, with something on each of those pages, and whom something rang."""
    now = "now(), now()"
    stack.urls.sql(
        f"UPDATE users SET is_admin = true WHERE email = '{email}';"
        "INSERT INTO alerts (id, rule, subject, severity, message, count, first_at, last_at) "
        f"SELECT gen_random_uuid(), 'errors', id::text, 'critical', 'It fails.', 2, {now} FROM users "
        f"WHERE email = '{email}';"
        "INSERT INTO system_events (id, role, type, occurred_at, data) VALUES "
        "(gen_random_uuid(), 'backend', 'dev.taskora.system.started.v1', now(), '{}');"
        "INSERT INTO dead_letters (id, consumer, topic, reason, body, state, created_at) VALUES "
        "(gen_random_uuid(), 'audit', 'task-events', 'It is no event.', '{}', 'open', now());"
        "INSERT INTO notifications (id, user_id, task_id, reminder_id, generation, title, created_at) "
        "SELECT gen_random_uuid(), user_id, id, gen_random_uuid(), 1, title, now() FROM tasks "
        f"WHERE user_id = (SELECT id FROM users WHERE email = '{email}')"
    )


def faults(page: Page) -> list[str]:
    found = page.evaluate("rules => axe.run(document, { runOnly: rules })", RULES)
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_page_shuts_anybody_out(page: Page, shape: str, scheme: str) -> None:
    width, height = SHAPES[shape]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    found: dict[str, list[str]] = {}
    for path in PAGES:
        page.goto(path)
        wrong = faults(page)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong.append("scrolls sideways")
        wrong += [f"off the screen: {menu}" for menu in page.evaluate(MENUS_CUT_OFF)]
        found |= {path: wrong} if wrong else {}
    page.goto("/")
    page.locator("a.row-t").first.click()
    expect(page.get_by_label("Title")).to_be_visible()
    if wrong := faults(page):
        found["an open task"] = wrong
    for name, keys in SHEETS.items():
        page.goto("/")
        page.locator("a.row-t").first.focus()
        for key in keys.split():
            page.keyboard.press(key)
        expect(page.locator("dialog[open], .bulk:not([hidden])")).to_be_visible()
        if wrong := faults(page):
            found[name] = wrong
    assert found == {}


def test_a_first_load_weighs_less_than_60_kb_in_so_many_requests(stack: Stack, page: Page) -> None:
    fresh = page.context.browser.new_context(base_url=stack.doors[0].url, storage_state=page.context.storage_state())  # pyright: ignore[reportOptionalMemberAccess]
    first = fresh.new_page()
    sizes: dict[str, int] = {}
    wire = fresh.new_cdp_session(first)
    wire.send("Network.enable")
    names: dict[str, str] = {}
    wire.on("Network.responseReceived", lambda event: names.update({event["requestId"]: event["response"]["url"]}))
    wire.on(
        "Network.loadingFinished", lambda event: sizes.update({names[event["requestId"]]: event["encodedDataLength"]})
    )
    first.goto("/")
    expect(first.locator("#live-text")).to_have_text("Up to date")
    fresh.close()
    first_load = {url: size for url, size in sizes.items() if not url.endswith(LATER)}
    assert 5 < len(first_load) <= REQUESTS_MOST, sizes
    assert sum(first_load.values()) < FIRST_LOAD_MOST, first_load
