"""Settings and the notification centre by forms alone, as a browser without scripts sends them."""

import csv
import io
import re
import time
from collections.abc import AsyncIterator

import pytest
from taskora.web import devices

from tests.component.app.conftest import PASSWORD

from .conftest import Stack
from .plain import Browser, as_the_same, browsing


@pytest.fixture
async def lena(stack: Stack) -> AsyncIterator[Browser]:
    """A browser with a new account, at its inbox."""
    async with browsing(stack) as browser:
        await browser.go("/create-account")
        email = f"lena.{time.time_ns()}@example.org"
        who = {"display_name": "Lena", "email": email, "password": PASSWORD, "time_zone": "Europe/Vienna"}
        await browser.send("/create-account", **who)
        assert browser.answer.url.path == "/", browser.html
        yield browser


NEW_PASSWORD = "another correct horse"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


async def test_a_name_a_zone_and_a_theme_are_set_and_reach_the_other_browser(stack: Stack, lena: Browser) -> None:
    async with browsing(stack, at=1) as other:
        await as_the_same(other, lena)
        await lena.go("/settings")
        await lena.send("/settings/profile", display_name="Ada L.", time_zone="Asia/Tokyo", week_start="sun")
        assert "Saved" in lena.html
        assert lena.session["profile"]["time_zone"] == "Asia/Tokyo"
        await other.go("/")
        await other.go("/settings")
        assert 'data-zone="Asia/Tokyo"' in other.html
        assert 'value="Ada L."' in other.html
        sent = {"_csrf": csrf(other), "theme": "dark"}
        await other.client.post("/settings/profile", data=sent, headers={"Origin": other.origin})
        assert '<html lang="en" data-theme="dark">' in await lena.go("/")


async def test_what_is_not_accepted_is_said_beside_the_field(lena: Browser) -> None:
    await lena.go("/settings")
    await lena.send("/settings/profile", display_name="x" * 101)
    assert lena.answer.status_code == 422
    assert 'id="s-name-error"' in lena.html
    assert f'value="{"x" * 101}"' in lena.html


async def test_the_hour_of_whole_days_is_told_on_ones_own_clock(lena: Browser) -> None:
    hour = re.compile(r'name="all_day_at"[^>]* value="([^"]+)"')
    for clock, typed, shown in (("12h", "17:30", "5:30 pm"), ("24h", "8 pm", "20:00"), ("24h", "9", "09:00")):
        await lena.go("/settings")
        await lena.send("/settings/profile", clock=clock, all_day_at=typed)
        assert hour.findall(lena.html) == [shown]
    await lena.send("/settings/profile", all_day_at="late")
    assert (lena.answer.status_code, hour.findall(lena.html)) == (422, ["late"])
    assert "Say a time, as in 17:30 or 5:30 pm." in lena.html


async def test_a_browser_is_listed_by_its_name_and_signed_out_from_another(stack: Stack, lena: Browser) -> None:
    async with browsing(stack, at=1) as other:
        other.client.headers["User-Agent"] = FIREFOX
        await as_the_same(other, lena)
        await lena.go("/settings")
        assert "Firefox on Linux" in lena.html
        await lena.send("/settings/sessions", button="Sign out: Firefox on Linux")
        assert "Signed out there" in lena.html
        assert "Firefox on Linux" not in lena.html
        await other.go("/")
        assert other.answer.url.path == "/sign-in"


async def test_a_password_is_changed_by_who_knows_the_old_one(stack: Stack, lena: Browser) -> None:
    await lena.go("/settings")
    await lena.send("/settings/password", password="wrong horse battery", new_password=NEW_PASSWORD)
    assert (lena.answer.status_code, "It is wrong." in lena.html) == (403, True)
    await lena.send("/settings/password", password=PASSWORD, new_password="short")
    assert (lena.answer.status_code, "at least 10 characters" in lena.html) == (422, True)
    await lena.send("/settings/password", password=PASSWORD, new_password=NEW_PASSWORD)
    assert "Your password is changed" in lena.html
    async with browsing(stack) as other:
        await other.go("/sign-in")
        await other.send("/sign-in", email=lena.session["profile"]["email"], password=NEW_PASSWORD)
        assert other.answer.url.path == "/"


async def test_a_token_is_shown_once_and_works_until_it_is_deleted(lena: Browser) -> None:
    await lena.go("/settings")
    await lena.send("/settings/tokens", label="Backup script", days="30")
    token = re.search(r'id="made" readonly value="([^"]+)"', lena.html)
    assert token
    bearer = {"Authorization": f"Bearer {token[1]}"}
    assert (await lena.client.get("/api/v1/me", headers=bearer)).status_code == 200
    assert token[1] not in await lena.go("/settings")
    await lena.send("/settings/tokens", button="Delete: Backup script")
    assert (await lena.client.get("/api/v1/me", headers=bearer)).status_code == 401


async def test_a_calendar_has_an_address_until_it_is_closed(lena: Browser) -> None:
    await lena.go("/settings")
    await lena.send("/settings/calendar", button="open")
    address = re.search(r'id="feed" readonly value="([^"]+)"', lena.html)
    assert address
    assert (await lena.client.get(address[1])).text.startswith("BEGIN:VCALENDAR")
    await lena.send("/settings/calendar", button="close")
    assert (await lena.client.get(address[1])).status_code == 404


async def test_tasks_go_out_as_a_table_and_come_in_from_one(lena: Browser) -> None:
    await lena.send("/tasks", title="Water the fig")
    table = (await lena.client.get("/api/v1/me/export?format=csv")).text
    assert [row["title"] for row in csv.DictReader(io.StringIO(table))] == ["Water the fig"]
    await bring_in(lena, "title,priority\nOne,high\nTwo,low\n")
    assert "Two tasks brought in" in lena.html
    assert "Two" in await lena.go("/")
    await bring_in(lena, "title,priority\nThree,high\nFour,unheard of\n")
    assert lena.answer.status_code == 422
    assert 'class="errs"' in lena.html
    assert "Three" not in await lena.go("/")


async def test_an_account_is_deleted_for_good_by_who_knows_its_password(stack: Stack, lena: Browser) -> None:
    await lena.go("/settings")
    await lena.send("/settings/delete", password="wrong horse battery")
    assert lena.answer.status_code == 403
    email = lena.session["profile"]["email"]
    await lena.send("/settings/delete", password=PASSWORD)
    assert "Your account and everything in it is deleted." in lena.html
    assert stack.urls.sql(f"SELECT count(*) FROM users WHERE email = '{email}'") == "0"


async def test_what_rang_is_counted_at_the_bell_read_and_put_off(stack: Stack, lena: Browser) -> None:
    for title in ("Call Mum", "Pay rent"):
        await lena.send("/tasks", title=f"{title} in 3 hours")
        ring(stack, lena, title)
    await lena.go("/notifications")
    assert 'aria-label="Notifications, 2 new"' in lena.html
    assert re.search(r"Due (at \d\d:\d\d, in 3 hours|tomorrow, \d\d:\d\d)", lena.html), "tomorrow, late in the evening"
    await lena.send("/notifications", button="Mark as read: Call Mum")
    assert 'aria-label="Notifications, 1 new"' in lena.html
    assert "Call Mum" not in (await lena.go("/notifications?new")).partition('id="list"')[2].partition("</main>")[0]
    await lena.go("/notifications")
    await lena.send("/notifications", button="snooze 60")
    assert 'aria-label="Notifications"' in lena.html
    assert "Snoozed until" in lena.html
    await lena.send("/acts", button="Complete: Pay rent")
    ring(stack, lena, "Call Mum")
    await lena.go("/notifications")
    await lena.send("/notifications", button="read")
    assert 'aria-label="Notifications"' in lena.html


async def test_a_reminder_is_put_off_until_any_time_on_ones_own_clock(stack: Stack, lena: Browser) -> None:
    await lena.send("/tasks", title="Call Mum")
    ring(stack, lena, "Call Mum")
    await lena.go("/notifications")
    forms = re.findall(r'name="do" value="([\w-]+ snooze)">', lena.html)
    sent = {"_csrf": csrf(lena), "_from": "/notifications", "do": forms[0], "until": "next fri 7:15 pm"}
    await lena.client.post("/notifications", data=sent, headers={"Origin": lena.origin})
    assert re.search(r"Snoozed until \w+ .*19:15", await lena.go("/notifications"))


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("curl/8", ""),
    ],
)
def test_a_browser_is_called_what_its_owner_would_call_it(said: str, name: str) -> None:
    assert devices.named(said) == name


def csrf(browser: Browser) -> str:
    found = re.search(r'name="_csrf" value="([^"]+)"', browser.html)
    assert found
    return found[1]


async def bring_in(browser: Browser, table: str) -> None:
    await browser.go("/settings")
    answer = await browser.client.post(
        "/settings/import",
        data={"_csrf": csrf(browser), "_from": "/settings"},
        files={"file": ("tasks.csv", table.encode(), "text/csv")},
        headers={"Origin": browser.origin},
    )
    browser.answer, browser.html = answer, answer.text


def ring(stack: Stack, browser: Browser, title: str) -> None:
    """A reminder of the task has fired, and what the notifier makes of it."""
    user_id = browser.session["profile"]["user_id"]
    stack.urls.sql(
        "WITH task AS (SELECT id, user_id, title FROM tasks "
        f"WHERE user_id = '{user_id}' AND title = '{title}'), "
        "reminder AS (INSERT INTO reminders (id, user_id, task_id, minutes_before, state, generation) "
        "SELECT gen_random_uuid(), user_id, id, 10, 'delivered', 1 FROM task RETURNING id, task_id, user_id) "
        "INSERT INTO notifications (id, user_id, task_id, reminder_id, generation, title, created_at) "
        f"SELECT gen_random_uuid(), user_id, task_id, id, 1, '{title}', now() FROM reminder"
    )
