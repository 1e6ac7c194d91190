"""Saved views: filters and an order under a name, kept from a search and listed in the sidebar."""

from collections.abc import Mapping
from typing import Any, cast

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from taskora.domain.problems import NotFound
from taskora.web.forms import Routes, key_of, see_other, text
from taskora.web.frame import Frame, uuid_of
from taskora.web.lists import FILTERS, Lists, filters
from taskora.web.shapes import View

SEVERAL = frozenset({"status", "priority", "tag"})


class Views:
    def __init__(self, frame: Frame, lists: Lists) -> None:
        self._frame, self._lists = frame, lists
        self._ask = frame.ask

    def routes(self) -> Routes:
        return [
            ("POST", "/views", self.make),
            ("GET", "/views/{view_id}", self.show),
            ("POST", "/views/{view_id}", self.change),
        ]

    async def make(self, request: Request) -> Response:
        """The filters of a search under a name."""
        session, form = await self._frame.sessions.form(request)
        content = {"name": text(form, "name"), "query": kept(form)}
        made = await self._ask(session, "POST", "views", content=content, key=key_of(form, "make"))
        return see_other(f"/views/{made['id']}")

    async def show(self, request: Request) -> Response:
        """What a view finds; filters in the address try another than it keeps."""
        session = await self._frame.sessions.required(request)
        view_id = uuid_of(request.path_params["view_id"])
        found = await self._ask(session, "GET", "views")
        view = next((View.model_validate(one) for one in found["items"] if one["id"] == view_id), None)
        if view is None:
            raise NotFound("There is no such view. It may have been deleted on another device.")
        tried = not FILTERS.isdisjoint(request.query_params)
        asked = filters(request) if tried else pairs(view.query)
        return await self._lists.found(request, session, asked, view=view)

    async def change(self, request: Request) -> Response:
        """A view's name and what it keeps; or without it."""
        session, form = await self._frame.sessions.form(request)
        view_id = uuid_of(request.path_params["view_id"]) or ""
        if text(form, "do") == "delete":
            await self._ask(session, "DELETE", f"views/{view_id}", key=key_of(form, "delete"))
            return see_other("/search")
        content = {"name": text(form, "name"), "query": kept(form)}
        await self._ask(session, "PATCH", f"views/{view_id}", content=content, key=key_of(form, "save"))
        return see_other(f"/views/{view_id}")


def kept(form: FormData) -> dict[str, Any]:
    """The filters that a form carries, as the API keeps them."""
    query: dict[str, Any] = {}
    for name, value in form.multi_items():
        if name in FILTERS and isinstance(value, str) and value:
            if name in SEVERAL:
                query.setdefault(name, []).append(value)
            else:
                query[name] = value
    return query


def pairs(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A kept query as an address has it."""
    found: list[tuple[str, str]] = []
    for name, value in query.items():
        several = cast("list[Any]", value) if isinstance(value, list) else [value]
        found += [(name, str(one)) for one in several]
    return found
