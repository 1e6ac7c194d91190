"""`make pictures`: the pictures of the README, taken of a whole Taskora that somebody seems to live with.

Its user's clock shows the middle of a morning, whenever this runs. The font is Inter, because README pictures should
not change with the machine that took them.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.cluster import machine
from tests.cluster.progress import output, until
from tests.whole import Whole

FOLDER = Path(__file__).parent.parent / "docs/images"
LENA = {"email": "lena@example.org", "password": "correct horse battery"}
LINE = "Pay rent every 31st 9am !urgent #home remind 1d"
NOTES = """Standing order is **off** until the deposit question is settled. Pay by hand from the joint account.

- Reference: `4B-2026-11`
- Ask Mr. Varga for the [yearly statement](https://example.org)
"""
FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>/usr/share/fonts</dir>
<alias binding="strong"><family>system-ui</family><prefer><family>Inter</family></prefer></alias></fontconfig>"""
WIDE, TALL = {"width": 1280, "height": 860}, {"width": 360, "height": 740}


def main() -> int:
    machine.packages("fonts-inter", "pngquant")
    with Whole() as whole, tempfile.TemporaryDirectory() as folder:
        fonts = Path(folder) / "fonts.conf"
        fonts.write_text(FONTS)
        life = Life(whole.door.url)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
                env={**os.environ, "FONTCONFIG_FILE": str(fonts)},
            )
            take(browser, whole.door.url, rent=life.rent)
            browser.close()
    pictures = [str(FOLDER / f"{name}.png") for name in ("inbox", "task", "palette", "phone")]
    output("pngquant", "--force", "--ext", ".png", "--strip", "--quality", "85-100", *pictures)
    return 0


def take(browser: Browser, url: str, *, rent: str) -> None:
    with picture(browser, url, "inbox", viewport=WIDE) as page:
        page.get_by_label("Add a task").press_sequentially(LINE)
        expect(page.locator("#qa-echo")).to_contain_text("1 day before")
    with picture(browser, url, "task", viewport=WIDE) as page:
        page.goto(f"/?open={rent}")
        expect(page.locator(".hist time").first).to_be_visible()
    with picture(browser, url, "palette", viewport=WIDE, color_scheme="dark") as page:
        page.keyboard.press("Control+k")
        page.keyboard.type("re")
        expect(page.get_by_role("option").first).to_be_visible()
    phone = {"is_mobile": True, "has_touch": True, "device_scale_factor": 2}
    with picture(browser, url, "phone", viewport=TALL, **phone) as page:
        page.goto("/today")


@contextmanager
def picture(browser: Browser, url: str, name: str, **shape: Any) -> Generator[Page]:
    """A signed-in page, and a picture of it as it was left."""
    context = browser.new_context(base_url=url, reduced_motion="reduce", **shape)
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("Email").fill(LENA["email"])
    page.get_by_label("Password", exact=True).fill(LENA["password"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".toast.rem").first).to_be_visible()
    page.reload()  # what rang is told once
    yield page
    expect(page.locator("#live-text")).to_have_text("Up to date")
    page.screenshot(path=FOLDER / f"{name}.png", caret="initial")
    context.close()


class Life:
    """What somebody has to do, from ten days ago to next year; `rent` is the task that is shown open."""

    def __init__(self, url: str) -> None:
        self._api = httpx.Client(base_url=f"{url}/api/v1", headers={"Origin": url}, timeout=30)
        self._zone = morning(datetime.now(UTC))
        self._ask("POST", "auth/register", display_name="Lena Hoffmann", time_zone=str(self._zone), **LENA)
        for name, color in {
            "home": "moss",
            "work": "sky",
            "family": "rose",
            "lisbon": "amber",
            "money": "slate",
        }.items():
            self._ask("POST", "tags", name=name, color=color, pinned=name != "money")
        self._ask("POST", "views", name="Waiting for a reply", query={"tag": ["work"], "status": ["in_progress"]})
        self._ask("POST", "views", name="High, this week", query={"priority": ["high", "urgent"]})
        self._later()
        self._today()
        self.rent = self._add(
            "Pay rent",
            at=self._at(1, 9),
            tags=["home", "money"],
            priority="urgent",
            recurrence={"frequency": "monthly", "month_day": 31},
            reminders=[{"minutes_before": 1440}],
            description=NOTES,
        )
        self._parts(self.rent, "Check the amount", "Transfer it", "File the receipt", done=1)
        until(lambda: len(self._ask("GET", "notifications")["items"]) >= 2, "Two reminders rang", seconds=60)

    def _today(self) -> None:
        now = datetime.now(self._zone)
        self._add("Return the library books", on=-9, tags=["home"])
        self._done(self._add("Pick up the parcel from the corner shop", at=self._at(0, 8, 40), tags=["home"]))
        after = {"frequency": "daily", "interval": 3, "anchor": "completion"}
        self._add("Water the fig and the ferns", on=0, tags=["home"], recurrence=after)
        rang = [{"at": (now - timedelta(minutes=1)).isoformat()}]
        plan: dict[str, Any] = {"tags": ["work"], "priority": "high", "reminders": rang}
        self._add("Send Ingrid the revised floor plan", at=self._at(0, 11, 30), **plan)
        self._add("Call Dr. Okafor about the blood test", at=self._at(0, 15, 30), priority="urgent", reminders=rang)

    def _later(self) -> None:
        self._add("Look into the night train to Vienna", tags=["lisbon"], priority="low")
        self._add("Find a violin teacher for Mila", tags=["family"])
        self._begun(self._add("Compare three quotes for the windows", tags=["home"], priority="high"))
        self._done(self._add("Lend Tom the drill"))
        self._begun(self._add("Permit drawings to the city", on=4, tags=["work"]))
        self._add("Birthday card for Tomasz", on=4, tags=["family"])
        self._add("Tomatoes, basil, good olive oil", on=2, tags=["home"])
        self._add("Measure the balcony", on=3, tags=["home"])
        swim: dict[str, Any] = {"tags": ["family"], "recurrence": {"frequency": "weekly"}}
        self._add("Swimming with Noor", at=self._at(1, 18, 30), reminders=[{"minutes_before": 60}], **swim)
        agenda = self._add("Draft the agenda for the review", on=1, tags=["work"], priority="high")
        parts = ("Collect open points", "Ask Ravi for the numbers", "Book the room", "Write a page", "Send it round")
        self._parts(agenda, *parts, done=2)

    def _add(self, title: str, *, on: int | None = None, at: datetime | None = None, **more: Any) -> str:
        """The id of a task that is due `on` a day from today, `at` a time, or never."""
        if on is not None:
            more["due_date"] = str(datetime.now(self._zone).date() + timedelta(days=on))
        if at is not None:
            more["due_at"] = at.isoformat()
        return self._ask("POST", "tasks", title=title, **more)["id"]

    def _parts(self, task: str, *titles: str, done: int) -> None:
        for number, title in enumerate(titles):
            part = self._add(title, parent_id=task)
            if number < done:
                self._done(part)

    def _done(self, task: str) -> None:
        self._ask("POST", f"tasks/{task}/complete")

    def _begun(self, task: str) -> None:
        self._ask("PATCH", f"tasks/{task}", status="in_progress")

    def _at(self, days: int, hour: int, minute: int = 0) -> datetime:
        day = datetime.now(self._zone) + timedelta(days=days)
        return day.replace(hour=hour, minute=minute, second=0, microsecond=0)

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        answer = self._api.request(method, path, json=content or None)
        answer.raise_for_status()
        return answer.json() if answer.content else None


def morning(now: datetime) -> ZoneInfo:
    """A zone whose clocks show ten, or as near to it as any do."""
    behind = min(now.hour - 10, 12)
    return ZoneInfo(f"Etc/GMT{behind:+d}")


if __name__ == "__main__":
    sys.exit(main())
