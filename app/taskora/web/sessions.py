"""Browser sessions: who is asking, as the signed cookie and the state store tell it.

A cookie a few minutes old is taken as it is. An older one is compared with the state store and issued again; while the
store is away it is good for `GRACE`. Whether the session was revoked is the backend's to say, in every request.
"""

import logging
from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request

from taskora import telemetry
from taskora.clock import now
from taskora.dapr import Dapr, DaprError
from taskora.domain.people import Theme
from taskora.domain.problems import Forbidden, NotSignedIn, Unavailable
from taskora.web.backend import Backend, SignedIn, User
from taskora.web.cookie import FRESH, GRACE, Profile, Session, SigningKeys, cookie_name
from taskora.web.forms import text

log = logging.getLogger("taskora.sessions")


class Unconfirmed(Unavailable):
    kind = "session_unconfirmed"
    title = "Your sign-in can’t be confirmed right now"
    retry_after = 5


class CrossSite(Forbidden):
    kind = "cross_site"
    title = "This request came from another site"


class Kept(BaseModel):
    """A session in the state store, under `session:{SHA-256 of its token}`."""

    model_config = ConfigDict(frozen=True)

    profile: Profile
    expires_at: datetime


class Sessions:
    """`keys` arrive after the start, from the secret store; until then nobody can be recognised."""

    def __init__(self, dapr: Dapr, backend: Backend, *, origin: str, secure: bool) -> None:
        self._dapr = dapr
        self._backend = backend
        self.origin = origin
        self._secure = secure
        self._cookie = cookie_name(secure=secure)
        self.keys: SigningKeys | None = None

    async def of(self, request: Request) -> Session | None:
        """The session of a request, confirmed; None when there is none. Raises `Unconfirmed`."""
        value = request.cookies.get(self._cookie)
        if value is None:
            return None
        session = self._signing().open(value, now=now())
        if session is None or session.age(now()) < FRESH:
            return session
        try:
            kept = await self._dapr.state(_name(session))
        except DaprError as error:
            if session.age(now()) < GRACE:
                return session
            raise Unconfirmed(
                "The place that keeps sign-ins isn’t answering. Nothing you saved is lost, and you stay signed in."
            ) from error
        renewed = await self._renew(session, kept)
        if renewed is not None:
            self._set_cookie(request, renewed)
        return renewed

    async def keep_up(self, request: Request, session: Session, user: User) -> bool:
        """The session goes on with what the backend says of its user now; whether that is something else."""
        profile = _profile(user)
        if profile != session.profile:
            renewed = session.model_copy(update={"profile": profile, "issued_at": now()})
            await self._keep(renewed)
            self._set_cookie(request, renewed)
        return profile != session.profile

    def carried_by(self, request: Request) -> bool:
        """Whether the browser sent a session cookie, good or not."""
        return self._cookie in request.cookies

    def theme(self, request: Request) -> Theme:
        """How the browser's user likes pages, as far as its cookie tells: nothing else may be there to ask."""
        value = request.cookies.get(self._cookie)
        session = self.keys.open(value, now=now()) if self.keys and value else None
        return session.profile.theme if session else Theme.SYSTEM

    async def required(self, request: Request) -> Session:
        """The session of a request; raises `NotSignedIn`."""
        session = await self.of(request)
        if session is None:
            raise NotSignedIn
        telemetry.bind_user(session.profile.user_id)
        return session

    async def form(self, request: Request) -> tuple[Session, FormData]:
        """The session and the form of a request that one of its own pages sent; raises `Forbidden` for others."""
        self.check_origin(request, cookie=True)
        session = await self.required(request)
        form = await request.form()
        if not session.csrf_matches(text(form, "_csrf")):
            raise Forbidden("This page is from an earlier sign-in. Go back, reload it and try again.")
        return session, form

    async def begin(self, request: Request, signed_in: SignedIn) -> Session:
        """Remember a new sign-in and hand the browser its cookie."""
        session = Session(
            token=signed_in.session.token,
            profile=_profile(signed_in.user),
            issued_at=now(),
            expires_at=signed_in.session.expires_at,
        )
        await self._keep(session)
        self._set_cookie(request, session)
        return session

    async def end(self, request: Request) -> None:
        """Forget the request's session, here and in the browser. The backend revokes it."""
        value = request.cookies.get(self._cookie)
        session = self._signing().open(value, now=now()) if value else None
        if session is not None:
            try:
                await self._dapr.drop_state(_name(session))
            except DaprError as error:
                log.warning("A session stays in the state store until it expires: %s", error)
        self.clear_cookie(request)

    def check_origin(self, request: Request, *, cookie: bool) -> None:
        """Refuse what another site's page sent; with a cookie, also what says nothing of where it comes from.

        `Host` proves nothing, so the browser's `Origin` is compared with the configured address.
        """
        origin = request.headers.get("origin")
        if origin is None:
            told = request.headers.get("sec-fetch-site")
            same = told in ("same-origin", "none") if told else not cookie
        else:
            same = origin == self.origin
        if not same:
            raise CrossSite(f"Taskora takes changes from its own pages at {self.origin} alone.")

    def clear_cookie(self, request: Request) -> None:
        """Make the browser forget."""
        request.state.set_cookie = self._header("", max_age=0)

    async def _renew(self, session: Session, kept: object) -> Session | None:
        if kept is not None:
            try:
                found = Kept.model_validate(kept)
                return session.model_copy(update={"profile": found.profile, "issued_at": now()})
            except ValidationError:
                log.warning("A session in the state store was not understood and is made anew")
        # The store answers and has lost it (a flush, a fail-over, a sign-in while it was away): the backend knows.
        try:
            user = User.model_validate(await self._backend.ask("GET", "me", token=session.token))
        except NotSignedIn:
            return None
        renewed = session.model_copy(update={"profile": _profile(user), "issued_at": now()})
        await self._keep(renewed)
        return renewed

    async def _keep(self, session: Session) -> None:
        kept = Kept(profile=session.profile, expires_at=session.expires_at)
        lasts = int((session.expires_at - now()).total_seconds())
        try:
            await self._dapr.keep_state(_name(session), kept.model_dump(mode="json"), ttl=max(lasts, 1))
        except DaprError as error:
            log.warning("The state store is away; this session lives in its cookie until it is back: %s", error)

    def _set_cookie(self, request: Request, session: Session) -> None:
        lasts = int((session.expires_at - now()).total_seconds())
        request.state.set_cookie = self._header(self._signing().seal(session), max_age=lasts)

    def _header(self, value: str, *, max_age: int) -> str:
        secure = "; Secure" if self._secure else ""
        return f"{self._cookie}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}"

    def _signing(self) -> SigningKeys:
        if self.keys is None:
            raise Unconfirmed("Taskora is still starting.")
        return self.keys


def _profile(user: User) -> Profile:
    return Profile(
        user_id=user.id,
        display_name=user.display_name,
        email=user.email,
        time_zone=user.time_zone,
        clock=user.preferences.clock,
        theme=user.preferences.theme,
        week_start=user.preferences.week_start,
    )


def _name(session: Session) -> str:
    return f"session:{session.token_hash}"
