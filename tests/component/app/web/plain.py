"""A browser without scripts, and what it hears of an open event stream."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import httpx
from taskora.web.cookie import Session, SigningKeys

from tests.component.app.conftest import PASSWORD

from .doors import SESSION_KEY, Door, Stack


class Form(HTMLParser):
    """The forms of a page, each with its fields and the buttons that send it, wherever they stand."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self.writing = self.choosing = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append({"id": given.get("id"), "action": given["action"], "fields": {}, "buttons": {}})
        elif tag == "input" and self.forms and given.get("name"):
            if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                fields, value = self._owner(given)["fields"], given.get("value", "on" if "checked" in given else "")
                fields[given["name"]] = [*fields[given["name"]], value] if given["name"] in fields else [value]
        elif tag == "textarea" and self.forms:
            self.writing = given["name"]
            self.forms[-1]["fields"][self.writing] = [""]
        elif tag == "select" and self.forms:
            self.choosing = given["name"]
        elif tag == "option" and "selected" in given:
            self.forms[-1]["fields"][self.choosing] = [given["value"]]
        elif tag == "button" and self.forms:
            self._owner(given)["buttons"][given.get("aria-label") or given.get("value", "")] = given

    def _owner(self, given: dict[str, str]) -> dict[str, Any]:
        owners = [form for form in self.forms if "form" in given and form["id"] == given["form"]]
        return (owners or self.forms)[-1]

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.writing = ""

    def handle_data(self, data: str) -> None:
        if self.writing:
            self.forms[-1]["fields"][self.writing][0] += data


@dataclass
class Browser:
    """A browser without scripts: it keeps cookies, follows redirects and sends forms as they stand."""

    door: Door
    origin: str
    client: httpx.AsyncClient
    html: str = ""
    answer: httpx.Response = field(default_factory=lambda: httpx.Response(200))

    async def go(self, path: str) -> str:
        return self._at(await self.client.get(path))

    async def send(self, action: str, *, button: str | None = None, form: str = "", **typed: str) -> str:
        """Send the form with this action (and id) and these fields, by the button with this in its name or value."""
        forms = [one for one in Form(self.html).forms if one["action"].startswith(action) and form in ("", one["id"])]
        forms.sort(key=lambda one: not typed.keys() <= one["fields"].keys())
        sent = [(one, given) for one in forms for name, given in one["buttons"].items() if button and button in name]
        assert sent or button is None, f"No button {button!r} among {[one['buttons'].keys() for one in forms]}"
        chosen, pressed = sent[0] if sent else (forms[0], {})
        fields = {**chosen["fields"], **typed}
        if "name" in pressed:
            fields[pressed["name"]] = pressed["value"]
        return self._at(await self.client.post(chosen["action"], data=fields, headers={"Origin": self.origin}))

    def _at(self, answer: httpx.Response) -> str:
        self.answer, self.html = answer, answer.text
        return self.html

    def aged(self, age: timedelta) -> None:
        """As if the cookie had been issued that long ago."""
        session = Session.model_validate(self.session)
        older = session.model_copy(update={"issued_at": datetime.now(UTC) - age})
        self.client.cookies.clear()
        domain = self.client.base_url.host
        sealed = SigningKeys.from_base64(SESSION_KEY).seal(older)
        self.client.cookies.set("taskora_session", sealed, domain=domain, path="/")

    @property
    def session(self) -> dict[str, Any]:
        """What the cookie says; the token is a secret."""
        payload = self.client.cookies["taskora_session"].split(".")[1]
        return json.loads(base64.urlsafe_b64decode(payload + "=="))


def opened(html: str) -> str:
    """Where the first row of a list leads to: its task, open."""
    found = re.search(r'<a class="row-t"[^>]* href="([^"]+)"', html)
    assert found, html
    return found[1].replace("&amp;", "&")


@asynccontextmanager
async def browsing(stack: Stack, *, at: int = 0) -> AsyncIterator[Browser]:
    door = stack.doors[at]
    async with httpx.AsyncClient(base_url=door.url, follow_redirects=True, timeout=30) as client:
        yield Browser(door, door.url, client)


async def as_the_same(browser: Browser, ada: Browser) -> Browser:
    """Sign in to Ada's account in another browser."""
    await browser.go("/sign-in")
    await browser.send("/sign-in", email=ada.session["profile"]["email"], password=PASSWORD)
    assert browser.answer.url.path == "/", browser.html
    return browser


@asynccontextmanager
async def listening(browser: Browser, *, since: int) -> AsyncIterator[Callable[[str], Any]]:
    """An open event stream; `await heard(name)` gives the next event of that name as `{id, data}`."""
    async with browser.client.stream("GET", f"/api/v1/events?since={since}") as stream:
        assert stream.status_code == 200, await stream.aread()
        lines = stream.aiter_lines()

        async def heard(name: str, *, seconds: float = 20) -> dict[str, Any]:
            event: dict[str, Any] = {}
            async with asyncio.timeout(seconds):
                async for line in lines:
                    key, _, value = line.partition(": ")
                    if line == "" and event.get("event") == name:
                        return {"id": int(event.get("id", 0)), "data": json.loads(event["data"])}
                    event = {} if line == "" else {**event, key: value}
            raise AssertionError(f"The stream ended before {name}; last: {event}")

        yield heard


def seq(browser: Browser) -> int:
    found = re.search(r'data-seq="(\d+)"', browser.html)
    assert found
    return int(found[1])
