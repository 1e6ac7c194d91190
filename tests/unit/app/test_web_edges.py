"""What is let through: addresses of the API, places to go on to, files."""

import gzip

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response
from taskora.domain.problems import NotFound
from taskora.web.assets import FOLDER, Assets
from taskora.web.edge import Edge, policy
from taskora.web.forms import local_path
from taskora.web.proxy import api_path

# Other pages ask for these.
LATER = {f"{name}.js" for name in ("door", "retry", "settings", "chat", "clash", "date", "palette", "sheet")}
LATER |= {"rooms.css", "design.css"}
KB_60 = 60 * 1024


@pytest.mark.parametrize("path", ["v1/tasks", "v1/tasks/01a20a19-a10a-77d8-8f77-1611b4803f75/complete", "openapi.json"])
def test_an_api_address_is_passed_on(path: str) -> None:
    assert api_path(path) == f"api/{path}"


@pytest.mark.parametrize(
    "path",
    [
        "v1/internal/heads", "v1/internal", "v1//internal/heads", "v1/./internal/heads", "v1/tasks/../internal/heads",
        "v1/%69nternal/heads", "v1/internal%2Fheads", "v1\\internal/heads", "v1/tasks/", "", "v1/int\x00ernal",
        "v1/tasks/a b",
    ],
)  # fmt: skip
def test_the_inside_of_the_api_is_not_served_however_it_is_spelled(path: str) -> None:
    with pytest.raises(NotFound):
        api_path(path)


@given(st.text(max_size=40))
def test_no_spelling_leads_inside(path: str) -> None:
    try:
        passed = api_path(path)
    except NotFound:
        return
    parts = passed.split("/")
    assert parts[:3] != ["api", "v1", "internal"]
    assert not {"", ".", ".."} & set(parts)


@pytest.mark.parametrize("path", ["/", "/completed", "/?cursor=abc", "/completed?cursor=a%2Fb"])
def test_a_place_on_this_site_is_gone_on_to(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
     "/\tevil", "evil", "/ok\r\nSet-Cookie: a=b", "///evil.example"],
)  # fmt: skip
def test_a_place_elsewhere_is_not(path: str) -> None:
    assert local_path(path) == "/"


def test_scripts_run_by_nonce_alone_and_styles_from_here() -> None:
    rules = dict(rule.split(" ", 1) for rule in policy("abc", secure=False).split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'nonce-abc'"
    assert "unsafe" not in policy("abc", secure=True)


@pytest.mark.parametrize("path", ["/", "/static/0123/worker.js", "/api/v1/tasks"])
async def test_an_answer_carries_what_it_is_to_be_read_by(path: str) -> None:
    app = Edge(Response("", media_type="text/html" if path == "/" else "text/javascript"), secure=True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://tasks.example") as client:
        headers = (await client.get(path)).headers
    page = path == "/"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert ("nonce-" in headers["Content-Security-Policy"]) == page
    for name in ("Referrer-Policy", "Cross-Origin-Opener-Policy", "Permissions-Policy"):
        assert (name in headers) == page
    assert (headers.get("Cache-Control") == "no-store") != path.startswith("/static/")


def test_pages_and_files_have_no_inline_style_or_handler() -> None:
    for page in (FOLDER.parent / "templates").iterdir():
        text = page.read_text()
        assert " style=" not in text, page
        assert not any(f" on{event}=" in text for event in ("click", "submit", "load", "error", "change")), page


def test_the_first_page_weighs_less_than_60_kb() -> None:
    files = [path.read_bytes() for path in FOLDER.iterdir() if path.name not in LATER]
    # A quarter is left for the page itself.
    assert sum(len(gzip.compress(content)) for content in files) < KB_60 * 3 / 4


def test_a_changed_file_has_a_new_address(tmp_path) -> None:  # pyright: ignore[reportMissingParameterType]
    (tmp_path / "a.js").write_text("1")
    before = Assets(tmp_path).url("a.js")
    (tmp_path / "a.js").write_text("2")
    assert Assets(tmp_path).url("a.js") != before
