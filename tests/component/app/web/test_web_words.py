"""Every word of every screen of somebody new is written down in words.txt, so that all labels are read in one voice.

After a change: `TASKORA_GOLDEN=write pytest tests/component/app/web/test_web_words.py`, and read what changed.
"""

import calendar
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from .conftest import Stack
from .plain import Browser, browsing, opened
from .test_web_further import somebody

WRITTEN = Path(__file__).parent / "words.txt"
SPOKEN = ("aria-label", "placeholder", "title")
UNSPOKEN = {"script", "style", "title"}
BOUNDS = "h1 h2 h3 p li label legend summary button a dt dd option small time header form div section".split()  # noqa: SIM905
# What depends on the day, the clock and who it is.
TELLING = re.compile(rf"\b(?:{'|'.join([*calendar.day_name, *calendar.day_abbr, *calendar.month_name[1:]])})\b|\d+")
OUTSIDE = ("/sign-in", "/create-account", "/reset?token=none")
INSIDE = (
    *("/", "/today", "/upcoming", "/board", "/completed", "/trash", "/tags", "/tags/home", "/browse", "/notifications"),
    *("/chat", "/settings", "/search", "/search?q=fig", "/search?status=done", "/nowhere", "/admin/users"),
)
ADMINISTERED = ("/admin/alerts", "/admin/events", "/admin/audit", "/admin/letters", "/admin/users", "/admin/training")


class Words(HTMLParser):
    """What is read of a page beside its sidebar, line by line."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.lines: list[str] = [""]
        self.silent = ""
        self.feed(html[html.index("<main") :])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNSPOKEN:
            self.silent = tag
        if tag in BOUNDS:
            self.lines.append("")
        self.lines += [f"({value})" for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        if tag == self.silent:
            self.silent = ""
        if tag in BOUNDS:
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.lines[-1] += data


def words(html: str) -> list[str]:
    """Each once, in order; zones and what varies left out."""
    html = re.sub(r"<optgroup.*</optgroup>", "", html, flags=re.DOTALL)
    said = (" ".join(TELLING.sub("#", line).split()) for line in Words(html).lines)
    return list(dict.fromkeys(line for line in said if re.search(r"[^\W\d_]", line)))


async def screens(stack: Stack) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}

    async def read(browser: Browser, path: str, name: str = "") -> None:
        found[name or path] = words(await browser.go(path))

    async with browsing(stack) as stranger:
        for path in OUTSIDE:
            await read(stranger, path)
    async with somebody(stack, "Ada") as ada:
        for path in INSIDE:
            await read(ada, path)
        await ada.go("/")
        await ada.send("/tasks", title="Pay rent 31 jan 2031 9am !urgent #home remind 1d")
        await ada.go(opened(ada.html))
        await ada.send("/tasks/", rec_unit="monthly")
        await read(ada, str(ada.answer.url), "an open task")
        user_id = ada.session["profile"]["user_id"]
        stack.urls.sql(
            f"UPDATE users SET is_admin = true, training_consent_at = now() WHERE id = '{user_id}';"
            "INSERT INTO training_samples (id, user_id, conversation_id, role, text, created_at)"
            f" VALUES (gen_random_uuid(), '{user_id}', gen_random_uuid(), 'user', 'x', now())"
        )
        for path in ADMINISTERED:
            # What everybody did here is in their lists.
            found[f"{path}, for administrators"] = words((await ada.go(path)).partition('id="list"')[0])
    return found


async def test_every_screen_says_what_is_written_down(stack: Stack) -> None:
    said = await screens(stack)
    text = "".join(f"== {name}\n" + "".join(f"{line}\n" for line in lines) + "\n" for name, lines in said.items())
    if os.environ.get("TASKORA_GOLDEN") == "write":
        WRITTEN.write_text(text)
    assert text == WRITTEN.read_text()


@pytest.mark.parametrize(
    ("unlike_us", "why"),
    [
        (r"!(?!urgent)", "no exclamation marks"),
        (r"\w'\w|\"", "typographic apostrophes and quotation marks"),
        (r"(?i)\boops|\bsorry|\bplease\b", "what happened and what to do, without excuses"),
        (r"(?i)\be-mail", "email"),
        (r"\.\.\.", "an ellipsis is one character, and seldom needed"),
        (r"^\(?(?:[A-Z][a-z]+ ){2,}[A-Z][a-z]+\)?$", "sentence case"),
    ],
)
def test_all_screens_speak_in_one_voice(unlike_us: str, why: str) -> None:
    assert [line for line in WRITTEN.read_text().splitlines() if re.search(unlike_us, line)] == [], why
