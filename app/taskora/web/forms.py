"""Forms and addresses: what a browser typed, and where it goes on."""

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

Routes = list[tuple[str, str, Callable[[Request], Awaitable[Response]]]]
"""Method, path and handler of each."""

PASSING = frozenset({"did", "task", "was", "ok", "imported"})
"""What an address says of the last act alone."""


def local_path(given: str) -> str:
    """Where to go on: a path of this site, or the start for anything that might lead elsewhere."""
    parts = urlsplit(given)
    strange = any(ord(character) < 0x21 or character == "\\" for character in given)
    if strange or parts.scheme or parts.netloc or not given.startswith("/") or given.startswith("//"):
        return "/"
    return given


def here(request: Request) -> str:
    """This page's address, without what only the last act put there."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in PASSING]
    return request.url.path + (f"?{urlencode(kept)}" if kept else "")


def back(form: FormData, **note: str) -> Response:
    """To the page the form was on, with a note of what was done there."""
    parts = urlsplit(local_path(text(form, "_from")))
    query = [pair for pair in parse_qsl(parts.query) if pair[0] not in PASSING] + list(note.items())
    return see_other(parts.path + (f"?{urlencode(query)}" if query else ""))


def with_query(path: str, **values: str | None) -> str:
    """`path` with these members of its query set anew, or without them where they are None."""
    parts = urlsplit(path)
    query = [pair for pair in parse_qsl(parts.query) if pair[0] not in values]
    query += [(name, value) for name, value in values.items() if value is not None]
    return parts.path + (f"?{urlencode(query)}" if query else "")


def see_other(path: str) -> Response:
    """Go on by GET, so that reloading sends nothing again."""
    return RedirectResponse(path, 303)


def text(form: FormData, name: str, *, strip: bool = True) -> str:
    """A field as it was typed, without the spaces around it; empty when it was not sent."""
    value = form.get(name)
    typed = value if isinstance(value, str) else ""
    return typed.strip() if strip else typed


def key_of(form: FormData, act: str) -> str | None:
    """The form's own key, apart for each of its buttons; None lets the backend client make one."""
    key = text(form, "_key")
    return f"{key}.{act}" if key else None


def typed_in(form: FormData) -> dict[str, str]:
    """Every field as it was typed."""
    return {name: value for name, value in form.multi_items() if isinstance(value, str)}
