"""Settings and chat in a real browser: what scripts add to their forms, and what the other browser sees of it."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, Route, expect

from tests.component.app.conftest import PASSWORD
from tests.component.app.sidecars import Pod

from .browsers import create_account, make, sign_in, strangers, up_to_date
from .conftest import Stack
from .doors import Door

# Settings


def test_a_theme_is_used_as_it_is_chosen_and_everywhere_from_then_on(tabs: tuple[Page, Page]) -> None:
    desk, _ = tabs
    desk.goto("/settings")
    light = desk.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    desk.get_by_label("Dark").check(force=True)
    expect(desk.get_by_text("Saved")).to_be_visible()
    for page in tabs:
        page.goto("/")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != light
    desk.goto("/settings")
    desk.get_by_label("As the system").check(force=True)
    expect(desk.get_by_text("Saved")).to_be_visible()
    expect(desk.locator("html[data-theme=dark]")).to_have_count(0)


def test_the_zone_that_is_chosen_is_the_clock_of_every_page(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    desk.goto("/settings")
    for zone in ("Pacific/Kiritimati", "Europe/Berlin"):
        desk.get_by_label("Time zone").select_option(zone)
        desk.get_by_role("button", name="Save").first.click()
        expect(desk.get_by_text("Saved")).to_be_visible()
        before = datetime.now(ZoneInfo(zone))
        desk.goto("/settings")
        mobile.goto("/today")
        # An hour or a day may have begun meanwhile.
        moments = before, datetime.now(ZoneInfo(zone))
        expect(desk.locator("#s-zone-help")).to_contain_text(re.compile("|".join(f" {at:%H:}" for at in moments)))
        assert mobile.evaluate("document.body.dataset.zone") == zone
        assert mobile.evaluate("document.body.dataset.today") in [f"{at:%Y-%m-%d}" for at in moments]


def test_a_clock_of_twelve_hours_is_read_on_every_page_and_can_be_typed(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    zone = ZoneInfo(desk.evaluate("document.body.dataset.zone"))
    day = datetime.now(zone).date() + timedelta(days=1)
    make(desk, title="Tea", due_at=datetime.combine(day, time(15, 30), zone).isoformat())
    for style, said in (("12h", "3:30 pm"), ("24h", "15:30")):
        desk.goto("/settings")
        desk.get_by_label("The clock says").select_option(style)
        desk.get_by_role("button", name="Save").first.click()
        expect(desk.get_by_text("Saved")).to_be_visible()
        mobile.goto("/")
        shown = mobile.locator(".row", has_text="Tea").locator(".due")
        expect(shown).to_have_text(said)
        mobile.get_by_role("link", name="Tea", exact=True).tap()
        due = mobile.get_by_label("Due", exact=True)
        expect(due).to_have_value(re.compile(f" {said}$"))
        due.fill(f"{day} 5:45 pm")
        due.press("Enter")
        expect(shown).to_have_text("5:45 pm" if style == "12h" else "17:45")
        due.fill(f"{day} {said}")
        due.press("Enter")
        expect(shown).to_have_text(said)


def test_a_token_is_shown_once_copied_by_a_press_and_works_until_it_is_deleted(tabs: tuple[Page, Page]) -> None:
    desk, _ = tabs
    desk.context.grant_permissions(["clipboard-read", "clipboard-write"])
    desk.goto("/settings")
    desk.get_by_label("Name of the token").fill("Backup")
    desk.get_by_label("Name of the token").press("Enter")
    field = desk.get_by_label("Your new token")
    expect(field).to_be_focused()
    token = field.input_value()
    desk.get_by_role("button", name="Copy").click()
    expect(desk.get_by_role("button", name="Copied")).to_be_visible()
    assert desk.evaluate("navigator.clipboard.readText()") == token

    def works() -> int:
        return desk.request.get("/api/v1/me", headers={"Authorization": f"Bearer {token}", "Cookie": ""}).status

    assert works() == 200
    desk.goto("/settings")
    expect(desk.get_by_text("Backup", exact=True)).to_be_visible()
    assert token not in desk.content()
    desk.get_by_role("button", name="Delete: Backup").click()
    expect(desk.get_by_text("That token is of no more use")).to_be_visible()
    assert works() == 401


def test_what_one_has_is_taken_along_as_a_file(tabs: tuple[Page, Page], tmp_path: Path) -> None:
    desk, _ = tabs
    desk.goto("/")
    desk.get_by_label("Add a task").fill("Take me along")
    desk.get_by_label("Add a task").press("Enter")
    expect(desk.get_by_role("button", name="Complete: Take me along")).to_be_visible()
    desk.goto("/settings")
    files: list[str] = []
    for name in ("Everything (JSON)", "Tasks (CSV)"):
        with desk.expect_download() as download:
            desk.get_by_role("link", name=name).click()
        download.value.save_as(tmp_path / name)
        files.append((tmp_path / name).read_text())
    assert "Take me along" in [task["title"] for task in json.loads(files[0])["tasks"]]
    assert "Take me along" in files[1]


def test_a_browser_signed_out_from_another_says_so_and_saves_what_was_typed_after_coming_back(
    stack: Stack, tabs: tuple[Page, Page]
) -> None:
    with strangers(tabs[0], stack.doors) as (here, there):
        email = create_account(here)
        sign_in(there, email)
        up_to_date(there)
        here.goto("/settings")
        here.get_by_role("button", name=re.compile(r"^Sign out: ")).click()
        expect(here.get_by_text("Signed out there")).to_be_visible()
        expect(there.locator("#weather")).to_contain_text("Signed out elsewhere")
        there.get_by_label("Add a task").fill("Typed too late")
        there.get_by_label("Add a task").press("Enter")
        there.wait_for_url("**/sign-in*")
        sign_in(there, email)
        for page in (there, here):
            page.goto("/")
            expect(page.get_by_role("button", name="Complete: Typed too late")).to_have_count(1)


def test_an_account_is_deleted_after_its_password_and_every_browser_is_out(
    stack: Stack, tabs: tuple[Page, Page]
) -> None:
    with strangers(tabs[0], stack.doors) as (here, there):
        sign_in(there, create_account(here))
        up_to_date(there)
        here.goto("/settings")
        here.get_by_text("Delete account").click()
        here.get_by_label("Your password").fill("wrong horse battery")
        here.get_by_role("button", name="Delete for good").click()
        expect(here.get_by_text("It is wrong.")).to_be_visible()
        expect(here.get_by_label("Your password")).to_be_focused()
        here.get_by_label("Your password").fill(PASSWORD)
        here.get_by_label("Your password").press("Enter")
        expect(here.get_by_text("Your account and everything in it is deleted.")).to_be_visible()
        expect(there.locator("#weather")).to_contain_text("Signed out elsewhere")
        there.goto("/")
        expect(there.get_by_role("button", name="Sign in")).to_be_visible()


# Chat


def test_a_message_stands_there_at_once_and_its_answer_leads_to_the_task(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    mobile.goto("/")
    desk.goto("/chat")
    line = desk.get_by_label("Message", exact=True)
    expect(line).to_be_focused()
    held: list[Route] = []
    desk.route("**/chat", lambda route: held.append(route) if route.request.method == "POST" else route.continue_())
    desk.keyboard.type("add Mend the <b>fence</b> tomorrow 9:00")
    desk.keyboard.press("Enter")
    expect(desk.locator(".mine")).to_have_text("add Mend the <b>fence</b> tomorrow 9:00")
    expect(desk.get_by_label("Taskora is answering")).to_be_visible()
    expect(line).to_have_value("")
    desk.keyboard.type("and never this")
    desk.keyboard.press("Enter")
    seen = int(desk.evaluate("document.body.dataset.seq"))
    make(mobile, title="From elsewhere")
    desk.wait_for_function("seen => document.body.dataset.seq > seen", arg=seen)
    expect(desk.locator(".mine")).to_have_count(1)
    held[0].continue_()
    desk.unroute_all(behavior="wait")
    expect(desk.locator(".theirs")).to_contain_text("Added “Mend the <b>fence</b>”")
    expect(line).to_be_focused()
    expect(line).to_have_value("and never this")
    expect(mobile.get_by_role("button", name="Complete: Mend the <b>fence</b>")).to_be_visible()
    assert re.search(r"/chat/[\w-]+$", desk.url)
    expect(desk.get_by_label("Stop waiting")).to_be_hidden()
    line.fill("show my tasks")
    line.press("Enter")
    expect(desk.locator(".theirs")).to_have_count(2)
    desk.locator(".theirs").last.get_by_role("link", name="Mend the").press("Enter")
    expect(desk.get_by_label("Title")).to_have_value("Mend the <b>fence</b>")
    desk.keyboard.press("Escape")
    expect(desk.locator(".panel")).to_have_count(0)
    desk.reload()
    expect(desk.locator(".mine")).to_have_count(2)


def test_an_older_page_that_is_still_on_its_way_takes_no_answer_away(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    desk.goto("/chat")
    up_to_date(desk)
    late: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "GET" and not late:
            late.append(route)
        else:
            route.continue_()

    desk.route("**/chat", hold)
    with desk.expect_request("**/chat"):
        make(mobile, title="Just before")
    desk.get_by_label("Message", exact=True).fill("help")
    desk.get_by_label("Message", exact=True).press("Enter")
    expect(desk.locator(".theirs")).to_contain_text("I understand plain sentences")
    with desk.expect_response("**/chat") as older:
        late[0].continue_()
    older.value.finished()
    desk.unroute_all(behavior="wait")
    desk.evaluate("new Promise(done => setTimeout(done, 50))")
    expect(desk.locator(".theirs")).to_contain_text("I understand plain sentences")


def test_what_could_not_be_sent_is_still_in_the_line_and_then_said_once(tabs: tuple[Page, Page]) -> None:
    desk, _ = tabs
    desk.goto("/chat")

    def lose(route: Route) -> None:
        if route.request.method == "POST":
            # The answer gets lost on its way back; Taskora has done what was asked.
            route.fetch(max_redirects=0)
            route.abort("internetdisconnected")
        else:
            route.continue_()

    desk.route("**/chat", lose)
    line = desk.get_by_label("Message", exact=True)
    line.fill("add Buy a rope")
    line.press("Enter")
    expect(desk.get_by_text("That could not be sent. It is still in the line.")).to_be_visible()
    expect(line).to_have_value("add Buy a rope")
    expect(desk.locator(".mine")).to_have_count(0)
    desk.unroute_all(behavior="wait")
    line.press("Enter")
    expect(desk.locator(".theirs")).to_contain_text("Added “Buy a rope”")
    desk.goto("/")
    expect(desk.get_by_role("button", name="Complete: Buy a rope")).to_have_count(1)


def test_a_suggestion_is_said_by_a_tap_and_an_earlier_talk_is_found_again(tabs: tuple[Page, Page]) -> None:
    _, mobile = tabs
    mobile.goto("/chat")
    mobile.get_by_role("button", name="Help").tap()
    expect(mobile.locator(".theirs")).to_contain_text("I understand plain sentences")
    mobile.get_by_role("link", name="New", exact=True).tap()
    expect(mobile.get_by_role("heading", name="Say it in a sentence")).to_be_visible()
    mobile.get_by_text("Earlier").tap()
    mobile.get_by_role("link", name=re.compile("^Help")).tap()
    expect(mobile.locator(".theirs")).to_contain_text("I understand plain sentences")


@pytest.fixture
def alone(stack: Stack, tabs: tuple[Page, Page]) -> Iterator[Page]:
    """The page of a Taskora whose chat has a language model, which is away."""
    with (
        Pod("backend", urls=stack.urls, kafka=stack.kafka, TASKORA_CHAT_PROVIDER="openai") as backend,
        Door(backend=backend, kafka=stack.kafka, redis=stack.redis) as door,
        strangers(tabs[0], [door]) as (page,),
    ):
        create_account(page)
        yield page


def test_with_its_model_away_the_chat_says_so_and_does_plain_commands(alone: Page) -> None:
    alone.goto("/chat")
    for message, answer in (
        ("My landlord wants money again", "The assistant isn’t answering just now"),
        ("add pay rent tomorrow", "Added “pay rent”"),
    ):
        alone.get_by_label("Message", exact=True).fill(message)
        alone.get_by_label("Message", exact=True).press("Enter")
        expect(alone.locator(".theirs").last).to_contain_text(answer)
