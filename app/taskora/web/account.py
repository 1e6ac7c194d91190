"""Settings: what one says about oneself, how one comes in, what one takes along, and the way out for good."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from taskora.clock import now
from taskora.domain.people import PASSWORD_LEAST
from taskora.domain.phrases import wall_time
from taskora.domain.problems import Conflict, Forbidden, Invalid, NotFound, Problem, TooLarge, TooMany
from taskora.domain.wording import at
from taskora.web import words
from taskora.web.backend import User
from taskora.web.cookie import Session
from taskora.web.doors import zones_by_area
from taskora.web.forms import Routes, key_of, see_other, text
from taskora.web.frame import Frame, Toast, uuid_of

DONE = {
    "saved": "Saved",
    "password": "Your password is changed. Other browsers are signed out",
    "ended": "Signed out there",
    "deleted": "That token is of no more use",
    "closed": "The calendar's address is of no more use",
}
LIVES = (30, 90, 365)
PREFERENCES = ("theme", "week_start", "clock", "all_day_at")

Section = Literal["profile", "password", "sessions", "tokens", "calendar", "import", "delete"]


class Entry(BaseModel):
    """A session or a token, as the API lists them."""

    model_config = ConfigDict(frozen=True)

    id: str
    label: str
    created_at: datetime
    expires_at: datetime
    current: bool = False

    @property
    def order(self) -> tuple[bool, float]:
        """The one that asks first, then the latest."""
        return not self.current, -self.created_at.timestamp()


class Account:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._ask = frame.ask

    def routes(self) -> Routes:
        return [
            ("GET", "/settings", self.show),
            ("POST", "/settings/profile", self.profile),
            ("POST", "/settings/password", self.password),
            ("POST", "/settings/sessions", self.sessions),
            ("POST", "/settings/tokens", self.tokens),
            ("POST", "/settings/calendar", self.calendar),
            ("POST", "/settings/import", self.bring_in),
            ("POST", "/settings/delete", self.erase),
        ]

    async def show(self, request: Request) -> Response:
        """Everything one may set, on one page."""
        session = await self._frame.sessions.required(request)
        return await self._page(request, session)

    async def profile(self, request: Request) -> Response:
        """Name, zone, and how one likes to see things: those that the form has."""
        session, form = await self._frame.sessions.form(request)
        content: dict[str, Any] = {name: text(form, name) for name in ("display_name", "time_zone") if name in form}
        preferences = {
            name: text(form, name) for name in ("theme", "week_start", "clock", "all_day_at") if name in form
        }
        if preferences:
            content["preferences"] = preferences
        if "training" in form:
            content["training_consent"] = "training_consent" in form
        try:
            if "all_day_at" in preferences:
                preferences["all_day_at"] = _wall_time(preferences["all_day_at"])
            user = await self._ask(session, "PATCH", "me", content=content, key=key_of(form, "profile"))
        except Invalid as problem:
            return await self._page(request, session, section="profile", problem=problem, typed=form)
        await self._frame.sessions.keep_up(request, session, User.model_validate(user))
        return see_other("/settings?ok=saved")

    async def password(self, request: Request) -> Response:
        """A new password; every other session ends."""
        session, form = await self._frame.sessions.form(request)
        content = {name: text(form, name, strip=False) for name in ("password", "new_password")}
        try:
            await self._ask(session, "POST", "me/password", content=content)
        except (Forbidden, Invalid, TooMany) as problem:
            return await self._page(request, session, section="password", problem=problem)
        return see_other("/settings?ok=password")

    async def sessions(self, request: Request) -> Response:
        """One other browser signed out, or all of them."""
        session, form = await self._frame.sessions.form(request)
        await self._end(session, form, "me/sessions")
        return see_other("/settings?ok=ended#sign-in")

    async def tokens(self, request: Request) -> Response:
        """A token made, which is shown this once; or one deleted."""
        session, form = await self._frame.sessions.form(request)
        if "do" in form:
            await self._end(session, form, "me/tokens")
            return see_other("/settings?ok=deleted#programs")
        days = text(form, "days")
        try:
            made = await self._ask(
                session, "POST", "me/tokens", content={"label": text(form, "label"), "days": int(days or 90)}
            )
        except (Invalid, Conflict, ValueError) as problem:
            refusal = problem if isinstance(problem, Problem) else Invalid("Say for how many days.")
            return await self._page(request, session, section="tokens", problem=refusal, typed=form)
        return await self._page(request, session, made=made["token"])

    async def calendar(self, request: Request) -> Response:
        """An address for the calendar feed, shown this once; or none any more."""
        session, form = await self._frame.sessions.form(request)
        if text(form, "do") == "close":
            await self._ask(session, "DELETE", "me/calendar", key=key_of(form, "close"))
            return see_other("/settings?ok=closed#programs")
        opened = await self._ask(session, "POST", "me/calendar")
        return await self._page(request, session, feed=self._frame.sessions.origin + opened["path"])

    async def bring_in(self, request: Request) -> Response:
        """Tasks from a file: all of them, or none and why."""
        session, form = await self._frame.sessions.form(request)
        file = form.get("file")
        content = await file.read() if isinstance(file, UploadFile) else b""
        try:
            made = await self._ask(session, "POST", "me/import", content=content, key=key_of(form, "import"))
        except (Invalid, TooLarge) as problem:
            return await self._page(request, session, section="import", problem=problem)
        return see_other(f"/settings?imported={made['created']}#data")

    async def erase(self, request: Request) -> Response:
        """Everything of this account, for good."""
        session, form = await self._frame.sessions.form(request)
        try:
            await self._ask(session, "DELETE", "me", content={"password": text(form, "password", strip=False)})
        except (Forbidden, Conflict, Invalid, TooMany) as problem:
            return await self._page(request, session, section="delete", problem=problem)
        await self._frame.sessions.end(request)
        return see_other("/sign-in?why=erased")

    async def _end(self, session: Session, form: FormData, path: str) -> None:
        which = text(form, "do")
        try:
            await self._ask(
                session, "DELETE", path if which == "others" else f"{path}/{uuid_of(which) or ''}",
                key=key_of(form, which),
            )  # fmt: skip
        except NotFound:
            return  # it has ended meanwhile: what was wanted is so

    async def _page(
        self,
        request: Request,
        session: Session,
        *,
        section: Section | None = None,
        problem: Problem | None = None,
        typed: FormData | None = None,
        made: str = "",
        feed: str = "",
    ) -> Response:
        """`section`: whose form was refused with `problem`. `made`, `feed`: secrets, shown this once."""
        seq, me, browsers, tokens = await asyncio.gather(
            self._frame.seq(session),
            self._ask(session, "GET", "me"),
            self._ask(session, "GET", "me/sessions"),
            self._ask(session, "GET", "me/tokens"),
        )
        user, zone = User.model_validate(me), session.profile.zone
        today = now().astimezone(zone).date()

        def said(moment: datetime) -> str:
            return words.day_within(moment.astimezone(zone).date(), today=today)

        given: Mapping[str, Any] = typed or {}
        errors = {one["field"]: one["message"] for one in problem.errors} if problem else {}
        return await self._frame.page(
            request,
            "settings.html",
            session,
            seq=seq,
            status=problem.status if problem else 200,
            said=said,
            user=user,
            given={
                "display_name": user.display_name,
                "time_zone": user.time_zone,
                "all_day_at": at(datetime.combine(today, user.preferences.all_day_at, tzinfo=zone)),
                "label": "",
                "days": "90",
                **given,
            },
            browsers=sorted(map(Entry.model_validate, browsers["items"]), key=lambda one: one.order),
            tokens=sorted(map(Entry.model_validate, tokens["items"]), key=lambda one: one.order),
            lives=LIVES,
            zones=zones_by_area(),
            password_least=PASSWORD_LEAST,
            section=section,
            problem=problem,
            errors=errors,
            made=made,
            feed=feed,
            told=_told(request),
            now_there=at(now().astimezone(zone)),
        )


def _wall_time(typed: str) -> str:
    """As the API takes it. Raises `Invalid`."""
    if (found := wall_time(typed)) is None:
        raise Invalid(errors=[{"field": "all_day_at", "message": "Say a time, as in 17:30 or 5:30 pm."}])
    return f"{found:%H:%M}"


def _told(request: Request) -> Toast | None:
    if said := DONE.get(request.query_params.get("ok", "")):
        return Toast(text=said)
    count = request.query_params.get("imported", "")
    if count.isdecimal() and len(count) < 8:
        return Toast(text=f"{words.counted(int(count), 'task')} brought in".capitalize())
    return None
