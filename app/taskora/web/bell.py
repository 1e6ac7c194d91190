"""The page of the notification centre, and what its buttons do."""

from urllib.parse import quote

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from taskora.clock import now
from taskora.domain.problems import Conflict, NotFound
from taskora.web.forms import Routes, back, here, key_of, text, with_query
from taskora.web.frame import Frame, uuid_of
from taskora.web.notices import centre, rests, snoozing
from taskora.web.shapes import Note


class NotePage(BaseModel):
    model_config = ConfigDict(frozen=True)

    items: tuple[Note, ...]
    next_cursor: str | None = None


class Bell:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._ask = frame.ask

    def routes(self) -> Routes:
        return [("GET", "/notifications", self.centre), ("POST", "/notifications", self.act)]

    async def centre(self, request: Request) -> Response:
        """What fired and is not done yet, by the day it came."""
        session = await self._frame.sessions.required(request)
        new, cursor = "new" in request.query_params, request.query_params.get("cursor", "")
        seq = await self._frame.seq(session)
        found = NotePage.model_validate(
            await self._ask(
                session, "GET", "notifications", query=f"limit=50&cursor={quote(cursor)}{'&unread=true' if new else ''}"
            )
        )
        moment, zone = now(), session.profile.zone
        return await self._frame.page(
            request,
            "notifications.html",
            session,
            seq=seq,
            days=centre(found.items, now=moment, zone=zone),
            rests=rests(now=moment, zone=zone),
            new=new,
            more=with_query(here(request), cursor=found.next_cursor) if found.next_cursor else "",
        )

    async def act(self, request: Request) -> Response:
        """`read` all; `ID read`; `ID snooze UNTIL`, with minutes or a time, which may come in words from a field."""
        session, form = await self._frame.sessions.form(request)
        note, verb, *rest = [*text(form, "do").split(" ", 2), "", ""]
        key = key_of(form, text(form, "do"))
        path = f"notifications/{uuid_of(note) or ''}"
        try:
            if note == "read":
                await self._ask(session, "POST", "notifications/read", key=key)
            elif verb == "read":
                await self._ask(session, "POST", f"{path}/read", key=key)
            else:
                profile = session.profile
                said = rest[0] or text(form, "until")
                until = snoozing(said, now=now(), zone=profile.zone, week_start=profile.week_start)
                await self._ask(session, "POST", f"{path}/snooze", content=until, key=key)
        except (Conflict, NotFound):
            return back(form, did="stale")  # its task is done or gone: the page says so by not having it any more
        return back(form)
