"""What the settings page can't offer is not changed by saving it."""

from playwright.sync_api import Page, expect


def test_a_zone_that_is_in_no_list_stays_when_something_else_is_saved(tabs: tuple[Page, Page]) -> None:
    desk, _ = tabs
    headers = {"Origin": desk.evaluate("location.origin")}
    assert desk.request.patch("/api/v1/me", data={"time_zone": "Etc/GMT+11"}, headers=headers).ok
    desk.goto("/settings")
    expect(desk.get_by_label("Time zone")).to_have_value("Etc/GMT+11")
    desk.get_by_label("Name", exact=True).fill("Ada Lovelace")
    desk.get_by_role("button", name="Save").first.click()
    expect(desk.get_by_label("Name", exact=True)).to_have_value("Ada Lovelace")
    assert desk.request.get("/api/v1/me").json()["time_zone"] == "Etc/GMT+11"
