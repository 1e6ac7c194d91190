"""What a browser sees of the real thing: frontend, sidecars, backend, PostgreSQL, Redis and Kafka, two replicas."""

import asyncio
import base64
import hashlib
import json
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from taskora.web.cookie import Session, SigningKeys

from tests.cluster.services import Redis
from tests.component.app.conftest import PASSWORD, by_day, until

from .conftest import Stack, away
from .doors import SESSION_KEY, Door


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


@pytest.fixture
async def browser(stack: Stack) -> AsyncIterator[Browser]:
    async with browsing(stack) as one:
        yield one


@pytest.fixture
async def ada(browser: Browser) -> Browser:
    """A browser with a new account, at its inbox."""
    await browser.go("/create-account")
    email = f"ada.{time.time_ns()}@example.org"
    await browser.send("/create-account", display_name="Ada", email=email, password=PASSWORD, time_zone="Europe/Vienna")
    assert browser.answer.url.path == "/", browser.html
    return browser


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


# Sessions


async def test_the_cookie_is_out_of_scripts_reach_and_the_token_out_of_redis(stack: Stack, ada: Browser) -> None:
    async with httpx.AsyncClient(base_url=stack.doors[0].url) as client:
        answer = await client.post(
            "/api/v1/auth/login", json={"email": ada.session["profile"]["email"], "password": PASSWORD}
        )
    assert set(answer.json()) == {"user"}
    assert "HttpOnly; SameSite=Lax" in answer.headers["set-cookie"]
    token = ada.session["token"]
    kept = redis_says(stack.redis, "KEYS *")
    assert f"taskora||session:{hashlib.sha256(token.encode()).hexdigest()}" in kept
    assert token not in kept


async def test_a_wrong_password_is_said_beside_the_field_and_the_address_is_kept(browser: Browser) -> None:
    await browser.go("/sign-in")
    await browser.send("/sign-in", email="nobody@example.org", password="wrong and wrong")
    assert browser.answer.status_code == 401
    assert "That email and password don’t match." in browser.html
    assert 'value="nobody@example.org"' in browser.html
    assert "wrong and wrong" not in browser.html


async def test_after_signing_out_the_cookie_of_before_opens_nothing(ada: Browser) -> None:
    before = ada.client.cookies["taskora_session"]
    await ada.send("/sign-out")
    assert ada.answer.url.path == "/sign-in"
    assert "taskora_session" not in ada.client.cookies
    ada.client.headers["Cookie"] = f"taskora_session={before}"
    await ada.go("/")
    assert ada.answer.url.path == "/sign-in"
    assert "You were signed out" in ada.html


async def test_a_request_from_another_site_changes_nothing(ada: Browser) -> None:
    for origin in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}):
        for answer in (
            await ada.client.post("/api/v1/tasks", json={"title": "Not mine"}, headers=origin),
            await ada.client.post("/tasks", data={"title": "Not mine"}, headers=origin),
        ):
            assert answer.status_code == 403, answer.text
    forged = await ada.client.post("/tasks", data={"title": "x", "_csrf": "guess"}, headers={"Origin": ada.origin})
    assert forged.status_code == 403
    assert "Not mine" not in await ada.go("/")


async def test_where_to_go_on_after_signing_in_stays_on_this_site(stack: Stack, ada: Browser) -> None:
    async with browsing(stack) as other:
        await other.go("/sign-in?next=//evil.example/")
        await other.send("/sign-in", email=ada.session["profile"]["email"], password=PASSWORD)
        assert str(other.answer.url) == f"{stack.doors[0].url}/"


# Pages without scripts


async def test_a_task_is_added_completed_reopened_and_thrown_away_by_forms_alone(ada: Browser) -> None:
    assert "A clean page" in ada.html
    await ada.send("/tasks", title="Post the <b>letter</b>")
    assert "Post the &lt;b&gt;letter&lt;/b&gt;" in ada.html
    await ada.send("/acts", button="Complete: Post the <b>letter</b>")
    assert "Completed <b" in ada.html
    assert 'aria-label="Reopen: Post the' in ada.html
    await ada.send("/acts", button="Reopen: Post the")
    assert 'aria-label="Complete: Post the' in ada.html
    await ada.go(opened(ada.html))
    await ada.send("/acts", button="Move to trash")
    assert "Moved to trash" in ada.html
    assert 'id="task-' not in ada.html
    await ada.send("/acts", button=" restore")
    assert 'id="task-' in ada.html


async def test_a_form_sent_twice_does_it_once(ada: Browser) -> None:
    page = ada.html
    await ada.send("/tasks", title="Once")
    ada.html = page
    await ada.send("/tasks", title="Once")
    assert ada.html.count('id="task-') == 1


async def test_an_open_task_is_edited_by_its_form(ada: Browser) -> None:
    await ada.send("/tasks", title="Pay rent")
    await ada.go(opened(ada.html))
    await ada.send(
        "/tasks/", title="Pay the rent", due="2031-05-01 09:00", priority="urgent",
        add_tags="home, money", description="By **hand**",
    )  # fmt: skip
    assert 'id="d-2031-05-01"' in ada.html
    assert '<time class="due" datetime="2031-05-01T09:00+02:00">09:00</time>' in ada.html
    assert "<strong>hand</strong>" in ada.html
    assert 'aria-label="Urgent priority"' in ada.html
    assert re.findall(r'<span class="tag" data-hue="\w+">(\w+)</span>', ada.html) == ["home", "money"] * 2
    await ada.send("/tasks/", due="")
    assert 'id="d-none"' in ada.html


async def test_two_edits_of_different_fields_both_stay(stack: Stack, ada: Browser) -> None:
    await ada.send("/tasks", title="Book the ferry")
    await ada.go(opened(ada.html))
    async with browsing(stack, at=1) as other:
        await as_the_same(other, ada)
        await other.go(opened(other.html))
        await other.send("/tasks/", priority="high")
    await ada.send("/tasks/", title="Book the bridge")
    assert "Book the bridge" in ada.html
    assert 'aria-label="High priority"' in ada.html


async def test_two_edits_of_one_field_are_compared_and_nothing_typed_is_lost(stack: Stack, ada: Browser) -> None:
    await ada.send("/tasks", title="Book the ferry")
    await ada.go(opened(ada.html))
    async with browsing(stack, at=1) as other:
        await as_the_same(other, ada)
        await other.go(opened(other.html))
        await other.send("/tasks/", title="Book the train", description="From platform 3")
    await ada.send("/tasks/", title="Book the bridge")
    assert ada.answer.status_code == 412
    assert all(text in ada.html for text in ("Also changed elsewhere", "Book the train", "Book the bridge"))
    await ada.send("/tasks/")
    assert 'dir="auto">Book the bridge</a>' in re.sub(r"href=\S+ ", "", ada.html).replace(' aria-current="true"', "")
    assert "From platform 3" in ada.html


async def test_an_act_on_what_changed_elsewhere_says_so_and_does_nothing(stack: Stack, ada: Browser) -> None:
    await ada.send("/tasks", title="Book the ferry")
    async with browsing(stack, at=1) as other:
        await as_the_same(other, ada)
        await other.go(opened(other.html))
        await other.send("/acts", button="Move to trash")
    await ada.send("/acts", button="Complete: Book the ferry")
    assert "changed elsewhere" in ada.html


async def test_each_list_shows_what_belongs_to_it(ada: Browser) -> None:
    zone = by_day()
    await ada.go("/settings")
    await ada.send("/settings/profile", time_zone=zone)
    today = datetime.now(ZoneInfo(zone)).date()
    for title, due in (("For today", today), ("For next week", today + timedelta(days=7)), ("Some day", None)):
        task = {"title": title, "due_date": due and due.isoformat(), "tags": ["home"]}
        if due == today:
            task["recurrence"] = {"frequency": "daily", "interval": 10}
        answer = await ada.client.post("/api/v1/tasks", json=task, headers={"Origin": ada.origin})
        assert answer.status_code == 201, answer.text
    shown = {
        "/": {"For today", "For next week", "Some day"},
        "/today": {"For today"},
        "/upcoming": {"For today", "For next week"},
        "/board": {"For today", "For next week", "Some day"},
        "/tags/home": {"For today", "For next week", "Some day"},
        "/search?q=week": {"For next <mark>week</mark>"},
    }
    for path, titles in shown.items():
        html = await ada.go(path)
        assert set(re.findall(r'<a class="row-t"[^>]*>(.+?)<(?!mark|/mark)', html)) == titles, path
    assert "For today<span" in await ada.go("/upcoming"), "where a repeating task will stand again"
    await ada.go("/")
    await ada.go(opened(ada.html))
    await ada.send("/acts", button="Move to trash")
    await ada.go("/trash")
    await ada.send("/acts", button="Put back: ")
    assert "The trash is empty" in await ada.go("/trash")
    for path in ("/tags", "/browse", "/completed", "/settings"):
        await ada.go(path)
        assert ada.answer.status_code == 200, path


async def test_a_subtask_outside_its_parent_names_it_and_a_parent_counts_all_its_subtasks(ada: Browser) -> None:
    await ada.send("/tasks", title="Party #home")
    await ada.go(opened(ada.html))
    for part in ("Bake a cake", "Buy tea"):
        await ada.send("/tasks", form="sub-add", title=part)
    await ada.send("/acts", button="Complete: Bake a cake")
    await ada.go("/search?q=tea")
    party = re.search(r'<a class="of"[^>]* href="([^"]+)">Part of Party</a>', ada.html)
    assert party
    assert ">Party</textarea>" in await ada.go(party[1].replace("&amp;", "&"))
    await ada.go("/search?q=tea")
    await ada.go(opened(ada.html))
    await ada.send("/tasks/", due="today", add_tags="home")
    for path in ("/", "/today", "/upcoming", "/tags/home"):
        assert ">Part of Party</a>" in await ada.go(path), path
    assert ">Part of Party</a>" in await ada.go("/completed")
    for path in ("/", "/board", "/tags/home", "/search?q=party"):
        assert "Subtasks </span>1/2</span>" in await ada.go(path), path


async def test_one_line_is_a_task_with_its_date_tag_and_repeat(ada: Browser) -> None:
    await ada.send("/tasks", title="Pay rent every 31st 9am !urgent #home")
    assert re.search(r'<a class="row-t"[^>]*>Pay rent<', ada.html)
    for told in ("Every month on the 31st", ">home</span>", "Urgent priority", ">09:00</time>"):
        assert told in ada.html, told


async def test_the_open_task_takes_repeats_reminders_subtasks_and_tags_by_forms_alone(ada: Browser) -> None:
    await ada.send("/tasks", title="Pay rent")
    await ada.go(opened(ada.html))
    await ada.send("/tasks/", due="31 Jan 2031", rec_unit="monthly", rec_on="", add_tags="home, money")
    assert "Every month on the 31st, or the last day" in ada.html
    assert re.findall(r"<b>(\d+)</b>", ada.html) == ["31", "28", "31", "30", "31"]
    assert "February 2031 has no 31st." in ada.html
    await ada.send("/tasks/", rec_words="every 2 weeks on mon, 3 times")
    assert "Every 2 weeks on Monday, 3 times" in ada.html
    await ada.send("/acts", button=" remind 1440")
    await ada.send("/tasks/", form="remind-f", when="2031-01-30 8:00")
    assert all(said in ada.html for said in ("1 day before", "Thu 30 Jan 2031 08:00"))
    await ada.send("/acts", button="Take off the reminder 1 day before")
    assert "1 day before</span>" not in ada.html
    await ada.send("/acts", button="Take off the tag money")
    assert "Take off the tag home" in ada.html
    assert "Take off the tag money" not in ada.html
    await ada.send("/tasks", form="sub-add", title="Ask the bank")
    assert "0 of 1" in ada.html
    await ada.send("/acts", button="Complete: Ask the bank")
    assert "1 of 1" in ada.html
    assert "Ask the bank" not in await ada.go("/today")


async def test_a_long_history_is_read_back_to_its_beginning(stack: Stack, ada: Browser) -> None:
    await ada.send("/tasks", title="Pay rent")
    task = opened(ada.html)
    mine = f"user_id = '{ada.session['profile']['user_id']}'"
    # As the audit log has it, one more than are shown at once; what was said stays sealed.
    stack.urls.sql(
        "INSERT INTO audit_log (user_id, no, event_id, action, resource, occurred_at, recorded_at, entry, previous,"
        " hash) SELECT user_id, n, gen_random_uuid(), '', 'task/' || id, now(), now(), jsonb_build_object("
        "'event_id', n, 'data', NULL, 'time', now(), 'action', 'dev.taskora.task.' || CASE n WHEN 1 THEN 'created'"
        f" ELSE 'completed' END || '.v1'), '\\x00', '\\x00' FROM tasks, generate_series(1, 31) n WHERE {mine}"
    )

    async def told(link: str) -> list[str]:
        await ada.go(link.replace("&amp;", "&"))
        return re.findall(r"<li><span>(Added|Completed)", ada.html)

    def link(name: str) -> str:
        found = re.search(rf'href="([^"]+)">{name}</a>', ada.html)
        assert found
        return found[1]

    assert await told(task) == ["Completed"] * 30
    assert "Latest</a>" not in ada.html
    assert await told(link("Earlier")) == ["Added"]
    assert "Earlier</a>" not in ada.html
    assert await told(link("Latest")) == ["Completed"] * 30
    await told(link("Earlier"))
    assert "before=" not in re.search(r'id="panel-close" href="([^"]+)"', ada.html)[1]  # pyright: ignore[reportOptionalSubscript]
    stack.urls.sql(f"DELETE FROM audit_log WHERE {mine}")


async def test_a_new_due_date_in_a_series_is_for_this_one_or_for_later_ones_too(ada: Browser) -> None:
    await ada.send("/tasks", title="Swim")
    await ada.go(opened(ada.html))
    await ada.send("/tasks/", due="6 Jan 2031", rec_unit="daily", rec_every="7")
    await ada.send("/tasks/", due="8 Jan 2031")
    assert re.findall(r"<b>(\d+)</b>", ada.html)[1:] == ["13", "20", "27", "3"]
    await ada.send("/tasks/", form="edit", due="10 Jan 2031", scope="future")
    assert re.findall(r"<b>(\d+)</b>", ada.html) == ["10", "17", "24", "31", "7"]
    await ada.send("/acts", button="Skip to the next date")
    assert "Skipped, next on Fri 17 January:" in ada.html
    assert re.findall(r"<b>(\d+)</b>", ada.html) == ["17", "24", "31", "7", "14"]


async def test_a_task_is_made_a_subtask_by_words_or_link_and_taken_out_again(ada: Browser) -> None:
    for title in ("Party", "Party hats", "Buy tea"):
        await ada.send("/tasks", title=title)
    tea = opened(await ada.go("/search?q=tea"))
    await ada.go(tea)
    for typed, said in (("nothing such", "finds no open task like"), ("part", "Two tasks are like")):
        await ada.send("/tasks/", form="part-f", of=typed)
        assert (ada.answer.status_code, said in ada.html) == (422, True), typed
        await ada.go(tea)
    await ada.send("/tasks/", form="part-f", of="party")
    assert "Made a subtask:" in ada.html
    assert re.search(r'class="part-of">Part of <a[^>]*>Party</a>', ada.html)
    await ada.send("/acts", button="Take out of Party")
    assert "A task of its own now:" in ada.html
    assert 'class="part-of"' not in ada.html
    undo = re.search(r'data-undo form="acts" name="do" value="([^"]+)"', ada.html)
    assert undo
    await ada.send("/acts", button=undo[1])
    assert "Made a subtask:" in ada.html
    await ada.send("/acts", button="Take out of Party")
    hats = re.search(r'id="task-([^"]+)"', await ada.go("/search?q=hats"))
    assert hats
    await ada.go(tea)
    await ada.send("/tasks/", form="part-f", of=f"{ada.origin}/tasks/{hats[1]}")
    assert re.search(r'class="part-of">Part of <a[^>]*>Party hats</a>', ada.html)


async def test_a_tag_is_made_coloured_and_pinned_by_forms_alone(ada: Browser) -> None:
    await ada.go("/tags")
    await ada.send("/tags", name="garden", color="moss", pinned="on")
    assert '<span class="tag dot" data-hue="moss"></span><span dir="auto">garden</span>' in await ada.go("/")


async def test_pages_carry_a_policy_and_nothing_caches_them(ada: Browser) -> None:
    nonce = re.search(r"'nonce-([\w-]+)'", ada.answer.headers["content-security-policy"])
    assert nonce
    assert all(f'nonce="{nonce[1]}"' in script for script in re.findall(r"<script[^>]*>", ada.html))
    assert ada.answer.headers["cache-control"] == "no-store"
    (sheet, *_) = re.findall(r'href="(/static/[^"]+\.css)"', ada.html)
    assert "immutable" in (await ada.client.get(sheet)).headers["cache-control"]


async def test_an_address_that_is_none_is_a_page_for_people_and_a_problem_for_programs(ada: Browser) -> None:
    await ada.go("/nowhere")
    assert (ada.answer.status_code, "Back to Inbox" in ada.html) == (404, True)
    answer = await ada.client.get("/api/v1/nowhere")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


# The API through the frontend


async def test_programs_use_the_api_with_a_token_and_see_its_headers(stack: Stack, ada: Browser) -> None:
    async with httpx.AsyncClient(base_url=stack.doors[1].url) as client:
        who = {"email": ada.session["profile"]["email"], "password": PASSWORD}
        token = (await client.post("/api/v1/auth/token", json=who)).json()["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        made = await client.post("/api/v1/tasks", json={"title": "By a program"}, headers=bearer)
        assert (made.status_code, made.headers["etag"]) == (201, '"1"')
        path = f"/api/v1/tasks/{made.json()['id']}"
        changed = await client.patch(path, json={"title": "New"}, headers={**bearer, "If-Match": '"7"'})
        assert (changed.status_code, changed.json()["current"]["title"]) == (412, "By a program")
        assert (await client.get("/api/openapi.json")).json()["info"]["title"] == "Taskora"


async def test_what_is_inside_stays_inside(ada: Browser) -> None:
    for path in ("/api/v1/internal/heads", "/api/v1/%69nternal/heads", "/api/v1//internal/heads"):
        answer = await ada.client.post(path, json={"sessions": []}, headers={"Origin": ada.origin})
        assert answer.status_code == 404, path


async def test_a_body_too_large_is_refused(ada: Browser) -> None:
    body = b" " * (1 << 20) + b"{}"
    answer = await ada.client.post("/api/v1/tasks", content=body, headers={"Origin": ada.origin})
    assert answer.status_code == 413


async def test_the_sidecars_port_takes_events_from_the_sidecar_alone(stack: Stack) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"http://127.0.0.1:{stack.doors[0].app_port}/events/task-events", json={})
    assert answer.status_code == 401


# Live updates


def restore(stack: Stack, user_id: str, *, to: int) -> None:
    """What a restore of the database does to one user: what they did after `to` never was."""
    stack.urls.sql(
        f"DELETE FROM tasks WHERE user_id = '{user_id}' AND id IN (SELECT split_part(event->>'subject', '/', 2)::uuid "
        f"FROM outbox WHERE user_id = '{user_id}' AND seq > {to});"
        f"DELETE FROM outbox WHERE user_id = '{user_id}' AND seq > {to};"
        f"UPDATE users SET seq = {to} WHERE id = '{user_id}'"
    )


async def test_a_change_on_one_replica_is_heard_on_the_other(stack: Stack, ada: Browser) -> None:
    async with browsing(stack, at=1) as other:
        await as_the_same(other, ada)
        async with listening(other, since=seq(other)) as heard:
            assert (await heard("status"))["data"] == {"live": "ok"}
            for n in range(1, 4):
                await ada.send("/tasks", title=f"Live {n}")
                event = await heard("dev.taskora.task.created.v1", seconds=5)
                assert event["id"] == seq(other) + n
                assert event["data"]["data"]["task"]["title"] == f"Live {n}"


async def test_a_stream_goes_on_where_it_was(ada: Browser) -> None:
    start = seq(ada)
    for n in range(1, 4):
        await ada.send("/tasks", title=f"Missed {n}")
    async with listening(ada, since=start + 1) as heard:
        got = [(await heard("dev.taskora.task.created.v1"))["id"] for _ in range(2)]
    assert got == [start + 2, start + 3]


async def test_a_stream_that_the_feed_does_not_reach_is_refused_and_told_where_to_load_everything(
    stack: Stack, ada: Browser
) -> None:
    for n in range(3):
        await ada.send("/tasks", title=f"Old {n}")
    stack.urls.sql(f"UPDATE users SET feed_floor = 2 WHERE id = '{ada.session['profile']['user_id']}'")
    for since in (0, seq(ada) + 1):
        refused = await ada.client.get(f"/api/v1/events?since={since}")
        assert (refused.status_code, refused.json()["seq"]) == (410, seq(ada))


async def test_a_stream_that_is_open_while_the_database_is_restored_starts_again(stack: Stack, ada: Browser) -> None:
    await ada.send("/tasks", title="In the backup")
    before = seq(ada)
    await ada.send("/tasks", title="After it")
    async with ada.client.stream("GET", f"/api/v1/events?since={seq(ada)}") as stream:
        restore(stack, ada.session["profile"]["user_id"], to=before)
        assert await _line(stream, f"id: {before}", after="event: resync")


async def test_a_revoked_session_ends_its_stream(stack: Stack, ada: Browser) -> None:
    async with browsing(stack, at=1) as other:
        await as_the_same(other, ada)
        async with ada.client.stream("GET", f"/api/v1/events?since={seq(ada)}") as stream:
            hashed = hashlib.sha256(ada.session["token"].encode()).hexdigest()
            stack.urls.sql(f"UPDATE sessions SET revoked_at = now() WHERE token_hash = '\\x{hashed}'")
            assert await _line(stream, "event: signed-out")
        await other.go("/")
        assert other.answer.url.path == "/"


async def test_a_stream_without_a_place_to_begin_or_a_session_is_refused(browser: Browser, ada: Browser) -> None:
    assert (await ada.client.get("/api/v1/events")).status_code == 422
    ada.client.cookies.clear()
    assert (await ada.client.get("/api/v1/events?since=0")).status_code == 401


# Bad weather


async def test_an_older_cookie_is_compared_with_the_state_store_and_issued_again(ada: Browser) -> None:
    ada.aged(timedelta(minutes=5))
    await ada.go("/")
    assert ada.answer.url.path == "/"
    assert datetime.now(UTC) - datetime.fromisoformat(ada.session["issued_at"]) < timedelta(minutes=1)


async def test_a_session_the_state_store_lost_is_put_back_by_what_the_backend_knows(stack: Stack, ada: Browser) -> None:
    redis_says(stack.redis, "FLUSHALL")
    ada.aged(timedelta(minutes=5))
    await ada.go("/")
    assert ada.answer.url.path == "/"
    assert f"session:{hashlib.sha256(ada.session['token'].encode()).hexdigest()}" in redis_says(stack.redis, "KEYS *")


async def test_without_the_state_store_a_cookie_is_good_for_a_quarter_of_an_hour(stack: Stack, ada: Browser) -> None:
    with away(stack.redis, back=stack.redis.ready):
        ada.aged(timedelta(minutes=14))
        await ada.go("/")
        assert (ada.answer.status_code, ada.answer.url.path) == (200, "/")
        ada.aged(timedelta(minutes=16))
        await ada.go("/")
        assert ada.answer.status_code == 503
        assert "can’t be confirmed" in ada.html
        assert (await ada.client.get("/api/v1/tasks")).json()["type"] == "urn:taskora:problem:session_unconfirmed"

    async def confirmed() -> bool:
        await ada.go("/")
        return ada.answer.status_code == 200

    await until(confirmed, seconds=30)


async def test_with_the_broker_away_saving_goes_on_and_other_tabs_hear_of_it(stack: Stack, ada: Browser) -> None:
    async with browsing(stack, at=1) as other:
        await as_the_same(other, ada)
        async with listening(other, since=seq(other)) as heard:
            assert (await heard("status"))["data"] == {"live": "ok"}
            with away(stack.kafka, back=stack.kafka.ready):
                await ada.send("/tasks", title="Without a broker")
                assert "Without a broker" in ada.html
                event = await heard("dev.taskora.task.created.v1", seconds=5)
                assert event["data"]["data"]["task"]["title"] == "Without a broker"
                assert (await heard("status"))["data"] == {"live": "delayed"}
            assert (await heard("status", seconds=60))["data"] == {"live": "ok"}


async def test_with_the_cache_away_people_go_on_come_in_and_are_still_signed_out(stack: Stack, ada: Browser) -> None:
    email = ada.session["profile"]["email"]
    with away(stack.redis, back=stack.redis.ready):
        await ada.send("/tasks", title="Without a cache")
        assert "Without a cache" in ada.html
        async with browsing(stack) as late:
            await late.go("/sign-in")
            await late.send("/sign-in", email=email, password=PASSWORD)
            assert "Without a cache" in late.html
            await late.send("/sign-out")
            assert late.answer.url.path == "/sign-in"
        hashed = hashlib.sha256(ada.session["token"].encode()).hexdigest()
        stack.urls.sql(f"UPDATE sessions SET revoked_at = now() WHERE token_hash = '\\x{hashed}'")
        await ada.go("/")
        assert ada.answer.url.path == "/sign-in"


async def test_with_the_backend_away_a_page_keeps_what_was_typed_and_tries_again(stack: Stack, ada: Browser) -> None:
    def back() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", stack.backend.port)) == 0

    with away(stack.backend, back=back):
        await ada.send("/tasks", title="Typed in the dark")
        assert (ada.answer.status_code, ada.answer.headers["retry-after"]) == (503, "5")
        assert "Taskora is catching its breath" in ada.html
        answer = await ada.client.get("/api/v1/tasks")
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:taskora:problem:backend_unavailable")

    async def saved() -> bool:
        return "Typed in the dark" in await ada.send("/tasks") and ada.answer.status_code == 200

    await until(saved, seconds=30)
    assert ada.html.count('id="task-') == 1


async def test_with_the_database_away_the_page_says_so_and_comes_back(stack: Stack, ada: Browser) -> None:
    with away(stack.urls.postgres, back=stack.urls.postgres.ready):
        await ada.go("/")
        assert ada.answer.status_code == 503
        assert "The database isn’t answering. Nothing you saved is lost." in ada.html
        assert 'http-equiv="refresh"' in ada.html

    async def there() -> bool:
        return "A clean page" in await ada.go("/")

    await until(there, seconds=30)


async def _line(stream: httpx.Response, wanted: str, *, after: str = "", seconds: float = 10) -> bool:
    reached = not after
    async with asyncio.timeout(seconds):
        async for line in stream.aiter_lines():
            reached = reached or line == after
            if reached and line == wanted:
                return True
    return False


def redis_says(redis: Redis, command: str) -> str:
    with socket.create_connection(("127.0.0.1", redis.port), timeout=5) as wire:
        wire.sendall(f"{command}\r\n".encode())
        wire.settimeout(0.5)
        said = b""
        try:
            while more := wire.recv(65536):
                said += more
        except TimeoutError:
            return said.decode(errors="replace")
    return said.decode(errors="replace")
