"""What people, and those who mean harm, may put into every field: it is shown as it is, or refused with a sentence."""

import csv
import io
import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import APIResponse, Page, expect

from .browsers import PHONE, add, chromium, create_account, make, up_to_date
from .conftest import Stack

HOSTILE = {
    "markup": """</title></textarea><img src=x onerror="window.ran=1"><script>window.ran=1</script>'&amp;{{7*7}}""",
    "turned around": "\u202egnuf rednuw\u2066 \u200fعربى",
    "without an end": "W" * 500,
    "pictures": "👩‍👩‍👧‍👦🏴‍☠️🇦🇹" * 12,
    "stacked": "Z" + "\u0351" * 40 + " o" + "\u0330" * 40,
}
SCROLLS = "document.documentElement.scrollWidth > 360"
SHOWS = """text => document.body.textContent.includes(text)
  || [...document.querySelectorAll('input, textarea')].some(field => field.value.includes(text))"""
INTRUDED = "window.ran || document.querySelector('img, iframe, script:not([nonce])') !== null"


@pytest.fixture(scope="module")
def page(stack: Stack) -> Iterator[Page]:
    """The phone of somebody new; fails when a script of the page failed or its policy was broken."""
    with chromium() as browser:
        phone = browser.new_context(base_url=stack.doors[0].url, **PHONE).new_page()
        complaints: list[str] = []
        phone.on("pageerror", lambda error: complaints.append(str(error)))
        phone.on("console", lambda said: complaints.append(said.text) if "Security Policy" in said.text else None)
        phone.on("dialog", lambda dialog: complaints.append(dialog.message))
        create_account(phone)
        up_to_date(phone)
        yield phone
        assert not complaints


def send(page: Page, method: str, path: str, body: object) -> APIResponse:
    """To the API with the page's session; `body` may hold what only JSON's escapes can say."""
    headers = {"Origin": page.evaluate("location.origin"), "Content-Type": "application/json"}
    data = json.dumps(body) if method != "GET" else None
    return page.request.fetch(f"/api/v1/{path}", method=method, data=data, headers=headers)


def tag_of(text: str) -> str:
    return re.sub(r"[\s#,]", "", text)[:50]


def test_text_of_any_kind_stands_on_every_page_as_it_was_written(stack: Stack, page: Page) -> None:
    pages: list[tuple[str, str]] = []
    for text in HOSTILE.values():
        task = make(page, title=text, description=f"{text}\n\n- {text}", tags=[tag_of(text)])
        make(page, title=f"Sub {text}"[:500], parent_id=task["id"])
        view = send(page, "POST", "views", {"name": text[:100], "query": {"q": text[:100]}}).json()
        talk = send(page, "POST", "chat", {"message": f"add {text}"[:2000]}).json()
        assert send(page, "POST", "me/tokens", {"label": text[:100], "days": 30}).status == 201
        assert send(page, "PATCH", "me", {"display_name": text[:100]}).status == 200
        pages += [
            ("/", text),
            (f"/?open={task['id']}", text),
            (f"/?open={task['id']}", f"Sub {text}"[:500]),
            ("/board", text),
            ("/tags", tag_of(text)),
            (f"/tags/{quote(tag_of(text))}", text),
            ("/browse", text[:100]),
            (f"/search?q={quote(text[:200])}", text[:200]),
            (f"/views/{view['id']}", text[:100]),
            (f"/chat/{talk['conversation_id']}", f"add {text}"),
            ("/settings", text[:100]),
            ("/notifications", text),
        ]
    email = page.request.get("/api/v1/me").json()["email"]
    stack.urls.sql(
        "INSERT INTO notifications (id, user_id, task_id, reminder_id, generation, title, created_at) "
        "SELECT gen_random_uuid(), user_id, id, gen_random_uuid(), 1, title, now() FROM tasks "
        f"WHERE parent_id IS NULL AND user_id = (SELECT id FROM users WHERE email = '{email}')"
    )
    wrong: list[str] = []
    for path in dict.fromkeys(path for path, _ in pages):
        page.goto(path)
        up_to_date(page)
        texts = [text for there, text in pages if there == path]
        wrong += [f"{path}: {text!r} is not there" for text in texts if not page.evaluate(SHOWS, text.strip())]
        if page.evaluate(SCROLLS):
            wrong.append(f"{path}: scrolls sideways")
        if page.evaluate(INTRUDED):
            wrong.append(f"{path}: text became elements")
    assert wrong == []


def test_what_was_just_done_to_such_a_task_is_said_as_it_is_called(page: Page) -> None:
    for name, text in HOSTILE.items():
        title = f"{name} {text}"[:500].strip()
        page.goto("/")
        page.get_by_role("link", name="New task").tap()
        add(page, title)
        row = page.locator(".row", has_text=f"{name} ").last
        row.get_by_role("button", name=re.compile("^Complete: ")).tap()
        expect(page.locator("#toasts")).to_contain_text(title)
        assert not page.evaluate(SCROLLS), name
        assert not page.evaluate(INTRUDED), name


def test_such_text_comes_in_from_a_table_and_is_searched_for_in_the_palette(page: Page) -> None:
    titles = [f"From a table {text}"[:500] for text in HOSTILE.values()]
    table = io.StringIO()
    csv.writer(table).writerows([["title"], *([title] for title in titles)])
    page.goto("/settings")
    file = {"name": "t.csv", "mimeType": "text/csv", "buffer": table.getvalue().encode()}
    page.locator("#i-file").set_input_files(file)
    page.get_by_role("button", name="Bring in", exact=True).tap()
    expect(page.get_by_text("Five tasks brought in")).to_be_visible()
    page.goto("/")
    up_to_date(page)
    page.keyboard.press("Control+k")
    page.keyboard.type("from a table")
    for title in titles:
        expect(page.get_by_role("option").filter(has_text=title[:80].strip()).first).to_be_attached()
    assert not page.evaluate(SCROLLS)
    assert not page.evaluate(INTRUDED)


NO_TEXT = {"a NUL": "a\0b", "half a character": "a\ud800b", "far too much": "a" * 60_000}


@pytest.mark.parametrize("kind", NO_TEXT)
def test_what_is_no_text_is_refused_by_every_field_of_the_api_with_a_sentence(page: Page, kind: str) -> None:
    text = NO_TEXT[kind]
    task = make(page, title="Mine")
    fields: dict[str, tuple[str, str, dict[str, object]]] = {
        "title": ("POST", "tasks", {"title": text}),
        "changed title": ("PATCH", f"tasks/{task['id']}", {"title": text}),
        "notes": ("PATCH", f"tasks/{task['id']}", {"description": text}),
        "tag": ("PATCH", f"tasks/{task['id']}", {"tags": [text]}),
        "tag of its own": ("POST", "tags", {"name": text}),
        "view": ("POST", "views", {"name": text, "query": {}}),
        "words of a view": ("POST", "views", {"name": "v", "query": {"q": text}}),
        "message": ("POST", "chat", {"message": text}),
        "name": ("PATCH", "me", {"display_name": text}),
        "zone": ("PATCH", "me", {"time_zone": text}),
        "token": ("POST", "me/tokens", {"label": text, "days": 30}),
        "password": ("POST", "me/password", {"password": text, "new_password": "another correct horse"}),
    }
    for field, (method, path, body) in fields.items():
        answer = send(page, method, path, body)
        assert (answer.status, answer.headers["content-type"]) in (
            (422, "application/problem+json"),
            (403, "application/problem+json"),
        ), (field, answer.status, answer.text())
        said = answer.json()
        assert re.fullmatch(r"[A-Z].+[.:!]", said["errors"][0]["message"] if said.get("errors") else said["detail"]), (
            field,
            said,
        )
    assert page.request.get("/api/v1/tasks", params={"q": text[:5000]}).status in (200, 422)
    table = f"title\n{text}\n".encode(errors="surrogatepass")
    origin = {"Origin": page.evaluate("location.origin"), "Content-Type": "text/csv"}
    assert page.request.post("/api/v1/me/import", data=table, headers=origin).status == 422


@pytest.mark.parametrize("kind", ["a NUL", "far too much"])
def test_what_is_no_text_is_refused_by_every_form_with_a_sentence(page: Page, kind: str) -> None:
    text = NO_TEXT[kind]
    task = make(page, title="Mine")
    page.goto("/")
    origin, csrf = page.evaluate("[location.origin, document.body.dataset.csrf]")
    forms = {
        "/tasks": "title",
        f"/tasks/{task['id']}": "title",
        f"/tasks/{task['id']}/reminders": "when",
        "/tags": "name",
        "/views": "name",
        "/chat": "message",
        "/settings/profile": "display_name",
        "/settings/tokens": "label",
    }
    for path, field in forms.items():
        sent = {"_csrf": csrf, "_from": "/", field: text, "was.title": "Mine"}
        answer = page.request.post(path, form=sent, headers={"Origin": origin}, max_redirects=0)
        assert answer.status == 422, (path, answer.status, answer.text()[:2000])
        assert re.search(r'(class="err"|id="problem"|role="alert")', answer.text()), path
    for path, field in {"/previews/line": "line", "/previews/when": "when"}.items():
        answer = page.request.post(path, form={"_csrf": csrf, field: text}, headers={"Origin": origin})
        assert answer.status in (200, 422), (path, answer.text()[:2000])
    page.goto(f"/search?q={quote(text[:4000])}")
    assert not page.evaluate(SCROLLS)
