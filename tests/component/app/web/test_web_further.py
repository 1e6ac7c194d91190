"""Saved views, the chat and administration by forms alone, as a browser without scripts sends them."""

import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from taskora import clock

from tests.component.app.conftest import PASSWORD

from .conftest import Stack
from .plain import Browser, browsing

NEW_PASSWORD = "another correct horse"


@asynccontextmanager
async def somebody(stack: Stack, name: str) -> AsyncIterator[Browser]:
    """A browser with a new account, at its inbox."""
    async with browsing(stack) as browser:
        await browser.go("/create-account")
        email = f"{name.lower()}.{time.time_ns()}@example.org"
        who = {"display_name": name, "email": email, "password": PASSWORD, "time_zone": "Europe/Vienna"}
        await browser.send("/create-account", **who)
        assert browser.answer.url.path == "/", browser.html
        yield browser


@pytest.fixture
async def noor(stack: Stack) -> AsyncIterator[Browser]:
    async with somebody(stack, "Noor") as browser:
        yield browser


@pytest.fixture
async def admin(stack: Stack, noor: Browser) -> Browser:
    stack.urls.sql(f"UPDATE users SET is_admin = true WHERE id = '{noor.session['profile']['user_id']}'")
    return noor


def titles(browser: Browser) -> list[str]:
    return re.findall(r'<a class="row-t"[^>]*>(.+?)<', browser.html)


# Saved views


async def test_a_search_is_kept_under_a_name_counted_in_the_sidebar_and_changed(noor: Browser) -> None:
    for line in ("Pay rent !urgent #home", "Call Mum !urgent", "Read a book #home"):
        await noor.send("/tasks", title=line)
    await noor.go("/search?priority=urgent")
    await noor.send("/views", name="Urgent")
    assert re.search(r'<a href="/views/[\w-]+" aria-current="page">.*Urgent</span><span class="n">2</span>', noor.html)
    assert sorted(titles(noor)) == ["Call Mum", "Pay rent"]
    path = urlsplit(str(noor.answer.url)).path
    await noor.go(f"{path}?priority=urgent&tag=home")
    assert titles(noor) == ["Pay rent"]
    await noor.go(path)
    assert len(titles(noor)) == 2, "what was only tried is not kept"
    await noor.go(f"{path}?priority=urgent&tag=home")
    await noor.send("/views/", button="save", name="Urgent at home")
    assert titles(noor) == ["Pay rent"]
    assert ">Urgent at home</span>" in await noor.go("/")
    await noor.go(path)
    await noor.send("/views/", button="delete")
    assert "Urgent at home" not in noor.html
    await noor.go(path)
    assert noor.answer.status_code == 404


async def test_a_search_takes_several_of_a_kind_and_any_days_and_shows_them(noor: Browser) -> None:
    for line in ("Pay rent !urgent #home", "Call Mum !high #family 5 may 2031", "Read a book !low #home"):
        await noor.send("/tasks", title=line)
    await noor.go("/search?priority=urgent&priority=high")
    assert sorted(titles(noor)) == ["Call Mum", "Pay rent"]
    assert "Priority: </span>Urgent, High</summary>" in noor.html
    await noor.send("/views", name="Soon")
    assert "Priority: </span>Urgent, High</summary>" in noor.html
    await noor.go("/search?tag=home&tag=family")
    assert titles(noor) == []
    await noor.go("/search?tag=home&tag=family&tag_mode=any&sort=title")
    assert titles(noor) == ["Call Mum", "Pay rent", "Read a book"]
    await noor.go("/search?due=&due_from=2031-05-01&due_to=2031-05-31")
    assert titles(noor) == ["Call Mum"]
    assert "Due: </span>From Thu 1 May 2031 to Sat 31 May 2031</summary>" in noor.html
    await noor.go("/search?due=none&due_from=2031-05-01")
    assert sorted(titles(noor)) == ["Pay rent", "Read a book"], "a window with a name goes before picked days"


async def test_a_view_is_its_owners_alone(stack: Stack, noor: Browser) -> None:
    await noor.go("/search?q=rent")
    await noor.send("/views", name="Rent")
    async with somebody(stack, "Eve") as eve:
        await eve.go(noor.answer.url.path)
        assert eve.answer.status_code == 404


# Chat


async def test_the_chat_does_what_one_says_and_its_answers_lead_to_the_tasks(noor: Browser) -> None:
    await noor.go("/chat")
    await noor.send("/chat", message="add Pay rent tomorrow 9:00 #home")
    assert noor.answer.url.path.startswith("/chat/")
    assert "Added “Pay rent”" in noor.html
    await noor.send("/chat", message="show my tasks")
    numbered = re.findall(
        r'<a class="line item" href="(\S+open=[\w-]+)"><span class="no">1.</span><span>Pay rent', noor.html
    )
    assert numbered
    await noor.go(numbered[0].replace("&amp;", "&"))
    assert 'id="t-title"' in noor.html
    await noor.go("/chat")
    assert "add Pay rent tomorrow" in noor.html, "earlier conversations are listed by how they began"
    assert titles_of_inbox(await noor.go("/")) == ["Pay rent"]


async def test_a_message_that_is_too_long_is_refused_and_still_in_the_line(noor: Browser) -> None:
    await noor.go("/chat")
    await noor.send("/chat", message="a" * 2001)
    assert noor.answer.status_code == 422
    assert f'value="{"a" * 2001}"' in noor.html


async def test_a_conversation_is_its_owners_alone(stack: Stack, noor: Browser) -> None:
    await noor.go("/chat")
    await noor.send("/chat", message="help")
    async with somebody(stack, "Eve") as eve:
        await eve.go(noor.answer.url.path)
        assert eve.answer.status_code == 404


def titles_of_inbox(html: str) -> list[str]:
    return re.findall(r'<a class="row-t"[^>]*>(.+?)<', html)


# Administration


@pytest.mark.parametrize(
    "page", ["alerts", "events", "audit?check=1", "letters", "users", "training", "training.jsonl"]
)
async def test_administration_is_for_administrators(noor: Browser, page: str) -> None:
    await noor.go(f"/admin/{page}")
    assert noor.answer.status_code == 403
    assert "This is for administrators." in noor.html


async def test_alerts_are_told_open_first_and_gone_ones_when_asked(stack: Stack, admin: Browser) -> None:
    for over in ("NULL", "now()"):
        stack.urls.sql(
            "INSERT INTO alerts (id, rule, subject, severity, message, count, first_at, last_at, resolved_at) VALUES "
            f"('{clock.new_id()}', 'errors', 's{time.time_ns()}', 'critical', 'Alert {over}', 2, now(), now(), {over})"
        )
    await admin.go("/admin/alerts")
    assert ("Alert NULL" in admin.html, "Alert now()" in admin.html) == (True, False)
    await admin.go("/admin/alerts?all")
    assert "Alert now()" in admin.html


async def test_what_may_train_the_chat_is_listed_and_goes_out_as_one_file(stack: Stack, admin: Browser) -> None:
    stack.urls.sql(
        "UPDATE users SET training_consent_at = now() WHERE is_admin;"
        "INSERT INTO training_samples (id, user_id, conversation_id, role, text, data, created_at) "
        f"SELECT gen_random_uuid(), '{admin.session['profile']['user_id']}', gen_random_uuid(), 'user', "
        "'Add <b>fig</b> ' || n, '{}', now() FROM generate_series(1, 201) AS n"
    )
    assert "Add &lt;b&gt;fig&lt;/b&gt; " in await admin.go("/admin/training")
    lines = (await admin.go("/admin/training.jsonl")).splitlines()
    assert {f"Add <b>fig</b> {n}" for n in range(1, 202)} <= {json.loads(line)["text"] for line in lines}
    assert "attachment" in admin.answer.headers["Content-Disposition"]


async def test_system_events_are_told_by_role(stack: Stack, admin: Browser) -> None:
    for role in ("scheduler", "notifier"):
        stack.urls.sql(
            "INSERT INTO system_events (id, role, type, occurred_at, data) VALUES "
            f"('{clock.new_id()}', '{role}', 'dev.taskora.system.started.v1', now(), '{{\"pod\": \"{role}-1\"}}')"
        )
    await admin.go("/admin/events?role=notifier")
    assert "Notifier started" in admin.html
    assert "scheduler-1" not in admin.html


async def test_the_audit_log_is_checked_at_the_press_of_a_button(stack: Stack, admin: Browser) -> None:
    await admin.go("/admin/audit?check=1")
    assert "The log holds." in admin.html
    user_id = admin.session["profile"]["user_id"]
    forged = (
        "INSERT INTO audit_log (user_id, no, event_id, action, resource, occurred_at, recorded_at, entry, previous, "
        f"hash) VALUES ('{user_id}', 1, '{clock.new_id()}', 'dev.taskora.task.created.v1', 'task/1', now(), now(), "
        "'{}', '\\x00', '\\x00')"
    )
    stack.urls.sql(forged)
    await admin.go("/admin/audit?check=1")
    assert "The log does not hold." in admin.html
    assert "from entry 1 on" in admin.html
    assert "Task created" in admin.html
    stack.urls.sql(f"DELETE FROM audit_log WHERE user_id = '{user_id}'")


async def test_the_audit_log_is_read_by_what_was_done_and_by_whom(stack: Stack, admin: Browser) -> None:
    user_id = admin.session["profile"]["user_id"]
    for number, verb in enumerate(("created", "completed"), start=1):
        stack.urls.sql(
            "INSERT INTO audit_log (user_id, no, event_id, action, resource, occurred_at, recorded_at, entry, previous,"
            f" hash) VALUES ('{user_id}', {number}, '{clock.new_id()}', 'dev.taskora.task.{verb}.v1', 'task/1', now(),"
            " now(), '{}', '\\x00', '\\x00')"
        )

    async def listed(query: str) -> list[str]:
        await admin.go(f"/admin/audit?{query}")
        return re.findall(r'<p class="row-t">([^<]+)</p>', admin.html)

    assert await listed(f"user={user_id}") == ["Task completed", "Task created"]
    assert await listed(f"user={user_id}&action=dev.taskora.task.created.v1") == ["Task created"]
    assert '<option value="dev.taskora.task.created.v1" selected>Task created</option>' in admin.html
    assert f'name="user" value="{user_id}"' in admin.html, "another action is chosen of the same person"
    assert await listed(f"user={user_id}&action=dev.taskora.user.erased.v1") == []
    assert "Nothing like that was done" in admin.html
    stack.urls.sql(f"DELETE FROM audit_log WHERE user_id = '{user_id}'")


async def test_a_dead_letter_is_read_tried_again_and_put_aside(stack: Stack, admin: Browser) -> None:
    letter = clock.new_id()
    stack.urls.sql(
        "INSERT INTO dead_letters (id, consumer, topic, reason, body, state, created_at) VALUES "
        f"('{letter}', 'audit', 'task-events', 'It came without a head.', '\\x7b7d', 'open', now())"
    )
    await admin.go("/admin/letters")
    assert "It came without a head." in admin.html
    await admin.go(f"/admin/letters/{letter}")
    assert '<pre class="body"' in admin.html
    await admin.send("/admin/letters/", button="replay")
    assert admin.answer.status_code == 409
    assert "It can&#39;t be taken yet" in admin.html
    await admin.send("/admin/letters/", button="discard")
    assert "It came without a head." not in admin.html
    await admin.go("/admin/letters?state=discarded")
    assert "It came without a head." in admin.html


async def test_an_administrator_makes_an_account_and_hands_out_a_way_to_a_new_password(
    stack: Stack, admin: Browser
) -> None:
    email = f"mila.{time.time_ns()}@example.org"
    who = {"display_name": "Mila", "email": email, "password": "short"}
    await admin.go("/admin/users")
    await admin.send("/admin/users", **who)
    assert (admin.answer.status_code, "at least 10 characters" in admin.html) == (422, True)
    await admin.send("/admin/users", **who | {"password": PASSWORD})
    assert "The account is made" in admin.html
    user_id = stack.urls.sql(f"SELECT id FROM users WHERE email = '{email}'")
    await admin.send(f"/admin/users/{user_id}", button="reset")
    link = re.search(r'id="link" readonly value="([^"]+)"', admin.html)
    assert link
    async with browsing(stack) as mila:
        await mila.go(link[1])
        await mila.send("/reset", password=NEW_PASSWORD)
        assert "Your new password is set." in mila.html
        await mila.send("/sign-in", email=email, password=NEW_PASSWORD)
        assert mila.answer.url.path == "/"
        await mila.go(link[1])
        await mila.send("/reset", password=PASSWORD)
        assert (mila.answer.status_code, "This link is over" in mila.html) == (404, True)
    await admin.go("/admin/users")
    await admin.send(f"/admin/users/{user_id}", button="delete")
    assert "That account and everything in it is deleted" in admin.html
