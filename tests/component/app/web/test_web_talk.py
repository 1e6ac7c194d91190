"""Who talks with Taskora may stop waiting for its answer."""

from playwright.sync_api import Page, Route, expect


def test_the_line_one_speaks_in_stands_above_a_phones_bar_however_much_was_said(tabs: tuple[Page, Page]) -> None:
    _, mobile = tabs
    mobile.goto("/chat")
    for said in range(1, 7):
        mobile.get_by_label("Message", exact=True).fill("help")
        mobile.get_by_label("Message", exact=True).press("Enter")
        expect(mobile.locator(".theirs:not(.is-wait)")).to_have_count(said)
    mobile.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    line, bar = mobile.locator("#speak").bounding_box(), mobile.locator(".tabs").bounding_box()
    assert line
    assert bar
    assert line["y"] + line["height"] <= bar["y"]
    mobile.goto("/")


def test_who_stops_waiting_has_the_message_back_and_sent_again_it_counts_once(tabs: tuple[Page, Page]) -> None:
    desk, _ = tabs
    desk.goto("/chat")
    kept: list[Route] = []

    def hold_back(route: Route) -> None:
        if route.request.method != "POST" or len(kept) == 2:
            route.continue_()
            return
        # Taskora does what was asked; its answer stays on the way.
        route.fetch(max_redirects=0)
        kept.append(route)

    line = desk.get_by_label("Message", exact=True)
    desk.route("**/chat", hold_back)
    for stop in (lambda: line.press("Escape"), lambda: desk.get_by_role("button", name="Stop waiting").click()):
        line.fill("add Learn to wait")
        line.press("Enter")
        expect(desk.locator(".mine")).to_have_text("add Learn to wait")
        expect(desk.get_by_role("button", name="Send")).to_be_hidden()
        with desk.expect_event("requestfailed", lambda request: request.method == "POST"):
            stop()
        expect(desk.get_by_text("No longer waiting.")).to_be_visible()
        expect(line).to_have_value("add Learn to wait")
        expect(line).to_be_focused()
        expect(desk.locator(".mine, .theirs")).to_have_count(0)
        expect(desk.get_by_role("button", name="Stop waiting")).to_be_hidden()
    line.press("Enter")
    expect(desk.locator(".theirs")).to_contain_text("Added “Learn to wait”")
    desk.goto("/")
    expect(desk.get_by_role("button", name="Complete: Learn to wait")).to_have_count(1)
