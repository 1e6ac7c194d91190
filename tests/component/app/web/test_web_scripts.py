"""What scripts add, in a real browser under the page's own security policy; each tab comes through its own replica."""

import re

from playwright.sync_api import Page, Route, expect

from .browsers import add, up_to_date
from .conftest import Stack, away
from .test_web_live import restore


def test_what_one_tab_does_shows_in_the_other(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    add(desk, "Water the fig")
    expect(mobile.get_by_text("Water the fig")).to_be_visible()
    mobile.get_by_role("button", name="Complete: Water the fig").click()
    # Where the keyboard is, a toast stays.
    mobile.get_by_role("button", name="Undo").focus()
    expect(desk.get_by_role("button", name="Reopen: Water the fig")).to_be_visible()
    mobile.get_by_role("button", name="Undo").click()
    expect(desk.get_by_role("button", name="Complete: Water the fig")).to_be_visible()


def test_an_update_leaves_focus_and_what_is_being_typed_alone(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    add(desk, "Stays in focus")
    expect(mobile.get_by_text("Stays in focus")).to_be_visible()
    row = desk.get_by_role("button", name="Complete: Stays in focus")
    row.focus()
    mobile.evaluate("document.querySelector('.qa').classList.add('is-open')")
    add(mobile, "From the phone")
    expect(desk.get_by_text("From the phone")).to_be_visible()
    expect(row).to_be_focused()
    desk.get_by_label("Add a task").fill("Half a thou")
    add(mobile, "Also from the phone")
    expect(desk.get_by_text("Also from the phone")).to_be_visible()
    expect(desk.get_by_label("Add a task")).to_have_value("Half a thou")
    expect(desk.get_by_label("Add a task")).to_be_focused()
    desk.get_by_label("Add a task").fill("")


def test_what_is_done_offline_is_kept_over_a_reload_and_saved_once(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    lost: list[str] = []

    def cut(route: Route) -> None:
        # The first answer gets lost on its way back; Taskora has done what was asked.
        lost.append(route.request.url)
        if len(lost) == 1:
            route.fetch(max_redirects=0)
        route.abort("internetdisconnected")

    desk.route("**/tasks*", cut)
    add(desk, "Typed in a tunnel")
    add(desk, "And one more")
    expect(desk.get_by_text("And one more")).to_be_visible()
    expect(desk.locator("#weather")).to_contain_text("You’re offline. Two changes are kept here")
    desk.reload()
    expect(desk.get_by_text("And one more")).to_be_visible()
    desk.unroute_all(behavior="wait")
    expect(mobile.get_by_text("And one more")).to_be_visible()
    expect(desk.locator("#weather")).to_be_empty()
    desk.reload()
    expect(desk.get_by_text("Typed in a tunnel")).to_have_count(1)


def test_what_a_closed_tab_left_unsaved_is_saved_by_the_next_one(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    other = desk.context.new_page()
    other.route("**/tasks", lambda route: route.abort("internetdisconnected"))
    other.goto("/")
    add(other, "Left in a closed tab")
    expect(other.get_by_text("Left in a closed tab")).to_be_visible()
    lock = other.evaluate("`taskora.changes.${document.body.dataset.user}.${sessionStorage.getItem('taskora.tab')}`")
    other.close()
    # A tab is gone for the others once its lock is.
    desk.wait_for_function(
        "async lock => !(await navigator.locks.query()).held.some(({ name }) => name === lock)", arg=lock
    )
    last = desk.context.new_page()
    last.goto("/")
    expect(mobile.get_by_text("Left in a closed tab")).to_be_visible()
    last.get_by_label("Add a task").press_sequentially("Half a line")
    last.reload()
    expect(last.get_by_label("Add a task")).to_have_value("Half a line")
    last.close()


def test_a_task_opens_beside_the_list_and_is_saved_as_its_fields_are_left(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    desk.get_by_role("link", name="From the phone", exact=True).click()
    title = desk.get_by_label("Title")
    title.fill("From the telephone")
    title.press("Enter")
    expect(desk.locator("#saved")).to_contain_text("Saved")
    expect(mobile.get_by_text("From the telephone")).to_be_visible()
    desk.keyboard.press("Escape")
    expect(desk.locator(".panel")).to_have_count(0)
    expect(desk.get_by_role("link", name="From the telephone")).to_be_focused()


def test_the_dates_to_come_follow_what_is_typed_and_chosen_and_are_saved(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    add(desk, "Water the ferns")
    desk.get_by_role("link", name="Water the ferns").click()
    desk.locator("#repeats summary").click()
    desk.get_by_label("Or in words").press_sequentially("every last friday")
    expect(desk.locator("#rec-next li")).to_have_count(5)
    expect(desk.locator("#rec-next li small:first-child")).to_have_text(["Fri"] * 5)
    expect(desk.get_by_label("Unit")).to_have_value("monthly")
    expect(desk.get_by_label("Or in words")).to_have_value("every last friday")
    desk.get_by_label("Or in words").press("Enter")
    expect(
        mobile.locator(".row", has_text="Water the ferns").get_by_title("Every month on the last Friday")
    ).to_be_visible()
    expect(desk.get_by_label("Due", exact=True)).not_to_have_value("")
    desk.get_by_label("Unit").select_option("weekly")
    expect(mobile.locator(".row", has_text="Water the ferns").get_by_title("Every Friday")).to_be_visible()
    desk.get_by_label("Ends").select_option("count")
    desk.get_by_label("Number of times").fill("3")
    expect(desk.locator("#rec-next li")).to_have_count(3)
    desk.get_by_label("Or in words").fill("whenever")
    expect(desk.locator("#rec-next")).to_contain_text("Taskora doesn’t understand")
    desk.get_by_label("Or in words").fill("")
    desk.get_by_role("link", name="Close", exact=True).click()


def test_what_a_line_means_is_shown_while_it_is_typed(tabs: tuple[Page, Page]) -> None:
    desk, _ = tabs
    line = desk.get_by_label("Add a task")
    line.press_sequentially("Feed the cat every 31st 9am !urgent #home remind 1d")
    expect(desk.locator("#qa-echo")).to_contain_text("09:00 then")
    expect(desk.locator("#qa-echo")).to_contain_text("1 day before")
    expect(desk.locator("#qa-mirror mark")).to_have_text(["every 31st", "9am", "!urgent", "#home", "remind 1d"])
    line.fill("")
    expect(desk.locator("#qa-echo")).to_be_hidden()


def test_a_date_is_chosen_by_words_and_by_keys(tabs: tuple[Page, Page]) -> None:
    desk, _ = tabs
    add(desk, "Buy seeds")
    desk.get_by_role("link", name="Buy seeds").click()
    desk.get_by_label("Choose a day").click()
    desk.get_by_label("Due, in words").press_sequentially("5 may 2031 9:30")
    expect(desk.locator("#when-said")).to_contain_text("Mon 5 May 2031 09:30")
    desk.keyboard.press("Enter")
    expect(desk.locator("#d-2031-05-05")).to_contain_text("Buy seeds")
    desk.get_by_label("Choose a day").click()
    expect(desk.get_by_label("Due, in words")).to_be_focused()
    desk.keyboard.press("ArrowDown")
    for key in ("ArrowRight", "ArrowDown", "PageDown"):
        desk.keyboard.press(key)
    expect(desk.get_by_role("button", name="Friday 13 June 2031")).to_be_focused()
    desk.keyboard.press("Enter")
    expect(desk.locator("#d-2031-06-13")).to_contain_text("09:30")
    desk.get_by_label("Choose a day").click()
    desk.get_by_role("dialog").get_by_role("button", name="No date").click()
    expect(desk.locator("#d-none")).to_contain_text("Buy seeds")
    desk.get_by_role("link", name="Close", exact=True).click()


def test_several_tasks_are_selected_by_keys_completed_at_once_and_undone(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    for title in ("Peel the apples", "Core the apples"):
        add(desk, title)
        expect(desk.get_by_role("link", name=title)).to_be_visible()
    desk.get_by_role("link", name="Core the apples").focus()
    for key in ("x", "j", "x"):
        desk.keyboard.press(key)
    expect(desk.get_by_role("toolbar", name="Selected tasks")).to_contain_text("2 selected")
    desk.keyboard.press("c")
    # Under the pointer, a toast stays.
    desk.get_by_text("Two tasks completed").hover()
    expect(mobile.get_by_role("button", name="Reopen: Peel the apples")).to_be_visible()
    expect(desk.get_by_role("toolbar", name="Selected tasks")).to_be_hidden()
    desk.keyboard.press("z")
    expect(mobile.get_by_role("button", name="Complete: Peel the apples")).to_be_visible()


def test_what_is_selected_on_a_phone_is_tagged(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    add(desk, "Dry the plums")
    mobile.get_by_role("link", name="Dry the plums").focus()
    mobile.keyboard.press("x")
    bar = mobile.get_by_role("toolbar", name="Selected tasks")
    bar.get_by_role("button", name="Tag").click()
    expect(bar.get_by_role("button", name="Complete")).to_be_hidden()
    bar.get_by_label("Tag them").fill("orchard")
    bar.get_by_label("Tag them").press("Enter")
    expect(desk.locator(".row", has_text="Dry the plums")).to_contain_text("orchard")
    expect(bar).to_be_hidden()


def test_a_task_is_moved_by_keys_and_by_hand_and_stays_there(tabs: tuple[Page, Page]) -> None:
    desk, _ = tabs
    apples = desk.locator("#d-none .row-t", has_text="apples")
    expect(apples).to_have_text(["Core the apples", "Peel the apples"])
    desk.get_by_role("link", name="Core the apples").focus()
    with desk.expect_response("**/acts"):
        desk.keyboard.press("Alt+ArrowDown")
    expect(desk.get_by_role("link", name="Core the apples")).to_be_focused()
    desk.reload()
    expect(apples).to_have_text(["Peel the apples", "Core the apples"])
    below = desk.locator(".row", has_text="Core the apples")
    desk.locator(".row", has_text="Peel the apples").hover()
    desk.locator(".grip").hover()
    box = below.bounding_box()
    assert box
    desk.mouse.down()
    desk.mouse.move(box["x"] + 200, box["y"] + box["height"] - 4, steps=4)
    with desk.expect_response("**/acts"):
        desk.mouse.up()
    desk.reload()
    expect(apples).to_have_text(["Core the apples", "Peel the apples"])


def test_a_finger_that_held_a_task_moves_it_and_one_that_did_not_scrolls(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    finger = mobile.context.new_cdp_session(mobile)

    def touch(kind: str, *at: float) -> None:
        points = [{"x": at[0], "y": at[1]}] if at else []
        finger.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})

    before = desk.locator("#d-none .row-t", has_text="apples").all_inner_texts()
    expect(mobile.locator("#d-none .row-t", has_text="apples")).to_have_text(before)
    upper, lower = (mobile.locator(".row", has_text=title) for title in before)
    lower.scroll_into_view_if_needed()
    top, bottom = upper.bounding_box(), lower.bounding_box()
    assert top
    assert bottom
    x, y, end = top["x"] + 120, top["y"] + 20, bottom["y"] + bottom["height"] - 4
    touch("Start", x, y)
    expect(upper).to_have_class(re.compile("is-selected"))
    for step in range(1, 6):
        touch("Move", x, y + (end - y) * step / 5)
    expect(upper).to_have_class(re.compile("drag"))
    with mobile.expect_response("**/acts"):
        touch("End")
    expect(mobile.get_by_role("toolbar", name="Selected tasks")).to_be_hidden()
    expect(desk.locator("#d-none .row-t", has_text="apples")).to_have_text(before[::-1])
    # One gesture of the browser's own: between steps sent from here a finger may have held long enough.
    finger.send("Input.synthesizeScrollGesture", {"x": x, "y": end, "yDistance": -200, "gestureSourceType": "touch"})
    mobile.reload()
    expect(mobile.locator("#d-none .row-t", has_text="apples")).to_have_text(before[::-1])


def test_the_palette_finds_goes_and_does(tabs: tuple[Page, Page]) -> None:
    desk, _ = tabs
    desk.keyboard.press("Control+k")
    expect(desk.get_by_role("combobox", name="Search or jump")).to_be_focused()
    desk.keyboard.type("peel")
    expect(desk.get_by_role("listbox").get_by_role("option").first).to_have_text("Peel the apples")
    desk.keyboard.press("Enter")
    expect(desk.get_by_label("Title")).to_have_value("Peel the apples")
    desk.keyboard.press("Escape")
    desk.keyboard.press("Control+k")
    expect(desk.get_by_role("combobox", name="Search or jump")).to_be_focused()
    desk.keyboard.type("Slice the apples #kitchen")
    desk.keyboard.press("Control+Enter")
    expect(desk.locator(".row", has_text="Slice the apples")).to_contain_text("kitchen")
    desk.keyboard.press("Control+k")
    expect(desk.get_by_role("combobox", name="Search or jump")).to_be_focused()
    desk.keyboard.type("boa")
    expect(desk.get_by_role("listbox").get_by_role("option", selected=True)).to_contain_text("Board")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", name="Board")).to_be_visible()
    up_to_date(desk)
    card = desk.get_by_role("link", name="Slice the apples")
    card.focus()
    with desk.expect_response("**/acts"):
        desk.keyboard.press("Alt+ArrowRight")
    expect(desk.locator("#col-in_progress")).to_contain_text("Slice the apples")
    for key in ("g", "i"):
        desk.keyboard.press(key)
    expect(desk.get_by_role("heading", name="Inbox")).to_be_visible()
    up_to_date(desk)
    desk.keyboard.press("?")
    expect(desk.get_by_role("dialog")).to_contain_text("This sheet")
    desk.keyboard.press("Escape")


def test_a_reminder_and_a_subtask_are_added_beside_the_list(tabs: tuple[Page, Page]) -> None:
    desk, _ = tabs
    desk.get_by_role("link", name="Water the ferns").click()
    desk.get_by_label("Add a subtask").fill("Fill the can")
    desk.get_by_label("Add a subtask").press("Enter")
    desk.get_by_role("button", name="Complete: Fill the can").click()
    expect(desk.get_by_text("1 of 1")).to_be_visible()
    desk.get_by_text("Add a reminder").click()
    desk.get_by_label("When, in words").fill("2 days before")
    desk.get_by_label("When, in words").press("Enter")
    expect(desk.locator(".rem-l")).to_contain_text("2 days before")
    desk.get_by_role("button", name="Take off the reminder").click()
    expect(desk.locator(".rem-l")).to_have_count(0)
    desk.get_by_role("link", name="Fill the can").click()
    expect(desk.locator(".part-of")).to_have_text("Part of Water the ferns")
    desk.get_by_role("link", name="Close", exact=True).click()


def test_a_task_is_made_a_part_of_another_by_keys_and_by_hand_and_skipped_from_the_palette(
    tabs: tuple[Page, Page],
) -> None:
    desk, mobile = tabs
    for title in ("Summer party", "Buy lanterns every 7 days", "Write invitations"):
        add(desk, title)
        expect(desk.locator(".row:not(.is-wait)", has_text=title.removesuffix(" every 7 days"))).to_have_count(1)
    desk.get_by_role("link", name="Buy lanterns").focus()
    desk.keyboard.press("p")
    expect(desk.get_by_role("combobox", name="Part of which task?")).to_be_focused()
    expect(desk.get_by_role("option", name="Buy lanterns")).to_have_count(0)
    desk.keyboard.type("nothing such")
    expect(desk.get_by_text("No open task like that")).to_be_visible()
    desk.keyboard.press("Enter")
    desk.get_by_role("combobox", name="Part of which task?").fill("summ")
    expect(desk.get_by_role("option")).to_have_count(1)
    desk.keyboard.press("Enter")
    lanterns = desk.locator(".row", has_text="Buy lanterns")
    expect(lanterns).to_contain_text("Part of Summer party")
    expect(mobile.locator(".row:not(.is-part)", has_text="Summer party")).to_contain_text("0/1")
    desk.keyboard.press("z")
    expect(lanterns).not_to_contain_text("Part of Summer party")
    due = lanterns.get_attribute("data-due")
    desk.get_by_role("link", name="Buy lanterns").focus()
    desk.keyboard.press("Control+k")
    desk.keyboard.type("skip")
    expect(desk.get_by_role("option", selected=True)).to_contain_text("Skip to the next date")
    desk.keyboard.press("Enter")
    expect(desk.locator(".toast")).to_contain_text("Skipped, next on")
    assert lanterns.get_attribute("data-due") != due
    mobile.get_by_role("link", name="Write invitations").click()
    mobile.get_by_role("button", name="Another task").click()
    mobile.get_by_role("option", name="Summer party").click()
    expect(mobile.locator(".part-of")).to_have_text("Part of Summer party")
    mobile.get_by_role("button", name="Take out of Summer party").click()
    expect(mobile.locator(".part-of")).to_have_count(0)
    mobile.get_by_role("link", name="Close", exact=True).click()


def test_one_field_changed_in_two_tabs_is_compared_and_the_reader_chooses(tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    for page in tabs:
        page.get_by_role("link", name="From the telephone").click()
        expect(page.get_by_label("Title")).to_have_value("From the telephone")
    mobile.get_by_label("Title").fill("From a pigeon")
    desk.get_by_label("Title").fill("From an owl")
    desk.get_by_label("Title").press("Enter")
    expect(mobile.locator("h2#t-title")).to_have_text("From an owl")
    expect(mobile.get_by_label("Title")).to_have_value("From a pigeon")
    mobile.get_by_label("Title").press("Enter")
    sheet = mobile.get_by_role("dialog")
    expect(sheet).to_contain_text("From an owl")
    expect(sheet).to_contain_text("From a pigeon")
    sheet.get_by_role("button", name="Keep mine").click()
    expect(desk.get_by_label("Title")).to_have_value("From a pigeon")
    for page in tabs:
        page.goto("/")


def test_a_page_that_could_not_be_made_comes_back_by_itself(stack: Stack, tabs: tuple[Page, Page]) -> None:
    desk, _ = tabs
    with away(stack.urls.postgres, back=stack.urls.postgres.ready):
        desk.goto("/completed")
        expect(desk.get_by_text("Next try in")).to_be_visible()
    expect(desk.get_by_role("heading", name="Completed")).to_be_visible()
    desk.goto("/")


def test_a_tab_that_knows_of_more_than_a_restored_database_loads_what_is_there(
    stack: Stack, tabs: tuple[Page, Page]
) -> None:
    desk, mobile = tabs
    user_id, before = (desk.evaluate(f"document.body.dataset.{name}") for name in ("user", "seq"))
    add(desk, "Never was")
    expect(mobile.get_by_text("Never was")).to_be_visible()
    restore(stack, user_id, to=int(before))
    for page in tabs:
        expect(page.get_by_text("Never was")).to_have_count(0)
        up_to_date(page)
    add(desk, "Goes on")
    expect(mobile.get_by_text("Goes on")).to_be_visible()


def test_signed_out_in_one_tab_the_others_say_so(stack: Stack, tabs: tuple[Page, Page]) -> None:
    desk, mobile = tabs
    stack.urls.sql("UPDATE sessions SET revoked_at = now()")
    expect(mobile.locator("#weather")).to_contain_text("Signed out elsewhere")
    desk.goto("/completed")
    expect(desk.get_by_text("You were signed out.")).to_be_visible()
