"""Real browsers on the stack: a desk and a phone signed in to one new account, each through its own replica."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.component.app.conftest import PASSWORD

from .doors import Door

ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
# Without motion, so that what is taken hold of does not glide away meanwhile.
CALM: dict[str, Any] = {"reduced_motion": "reduce"}
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}, **CALM}
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, **CALM}

# Long enough for a machine that does a great deal beside; how fast things are is for the bench.
expect.set_options(timeout=60_000)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS.split())
        yield browser
        browser.close()


@contextmanager
def two_tabs(doors: Sequence[Door]) -> Iterator[tuple[Page, Page]]:
    """Fails at the end when a script failed or the page's security policy was broken."""
    with chromium() as browser:
        complaints: list[str] = []
        desk, mobile = [
            browser.new_context(base_url=door.url, **shape).new_page()
            for door, shape in zip(doors, (DESK, PHONE), strict=True)
        ]
        for page in (desk, mobile):
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda said: complaints.append(said.text) if "Security Policy" in said.text else None)
        sign_in(mobile, create_account(desk))
        for page in (desk, mobile):
            up_to_date(page)
        yield desk, mobile
        assert not complaints


@contextmanager
def strangers(page: Page, doors: Sequence[Door], **settings: Any) -> Iterator[list[Page]]:
    """Further desks in the same browser program, each through a door, where nobody is signed in."""
    browser = page.context.browser
    assert browser
    contexts = [browser.new_context(base_url=door.url, **DESK, **settings) for door in doors]
    yield [context.new_page() for context in contexts]
    for context in contexts:
        context.close()


def create_account(page: Page) -> str:
    """Ada's, of whom there are many; her address."""
    email = f"ada.{time.time_ns()}@example.org"
    page.goto("/create-account")
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    return email


def sign_in(page: Page, email: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()


def up_to_date(page: Page) -> None:
    expect(page.locator("#live-text")).to_have_text("Up to date")


def add(page: Page, title: str) -> None:
    page.get_by_label("Add a task").fill(title)
    page.get_by_label("Add a task").press("Enter")


def make(page: Page, **task: Any) -> dict[str, Any]:
    """A task by the API, with the page's own session."""
    origin = page.evaluate("location.origin")
    answer = page.request.post("/api/v1/tasks", data=task, headers={"Origin": origin})
    assert answer.status == 201, answer.text()
    return answer.json()


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
