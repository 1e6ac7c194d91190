"""Every tag has a list that is reached by a press, whatever its name."""

from playwright.sync_api import Page, expect

from .browsers import add, make, up_to_date

STEPS = (".", "..", "home/../work", "//home")


def test_a_tag_that_looks_like_steps_of_a_path_has_its_own_list(tabs: tuple[Page, Page]) -> None:
    desk, _ = tabs
    for name in STEPS:
        make(desk, title=f"Under {name}", tags=[name])
    for name in STEPS:
        desk.goto("/tags")
        desk.locator("#list").get_by_role("link", name=name, exact=True).click()
        expect(desk.get_by_role("heading", level=1)).to_have_text(name)
        expect(desk.locator("#list .row-t")).to_have_text([f"Under {name}"])
        up_to_date(desk)
        add(desk, "Added here")
        expect(desk.locator("#list .row:not(.is-wait) .row-t", has_text="Added here")).to_be_visible()
        desk.locator("#list .check").last.click()
