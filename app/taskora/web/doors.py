"""The doors: sign in, create an account, sign out, and the page for whatever went wrong."""

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlencode
from zoneinfo import available_timezones

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from taskora.domain.people import PASSWORD_LEAST
from taskora.domain.problems import Conflict, Forbidden, Invalid, NotFound, NotSignedIn, Problem, TooMany
from taskora.web import devices
from taskora.web.backend import Backend, SignedIn
from taskora.web.forms import here, local_path, see_other, text
from taskora.web.render import Renderer
from taskora.web.sessions import Sessions

WHY = {
    "signed-out": "You were signed out. Sign in to go on where you were.",
    "erased": "Your account and everything in it is deleted.",
    "reset": "Your new password is set. Sign in with it.",
}
BREATH = "Taskora is catching its breath"
IN_PLAIN_WORDS = {
    "database_unavailable": (BREATH, "The database isn’t answering. Nothing you saved is lost."),
    "backend_unavailable": (BREATH, "A part of it isn’t answering. Nothing you saved is lost."),
    "service_busy": (BREATH, "Many people are asking at once. Nothing you saved is lost."),
}
SHORTEST_WAIT = 5
"""Seconds before a page that could not be made tries again; a whole crowd of them must not."""
AREAS = frozenset(["Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"])


class Doors:
    def __init__(self, backend: Backend, sessions: Sessions, renderer: Renderer, *, registration_open: bool) -> None:
        self._backend = backend
        self._sessions = sessions
        self._page = renderer.page
        self._registration_open = registration_open

    async def sign_in(self, request: Request) -> Response:
        """The sign-in page, or on to where the signed-in user wanted."""
        target = local_path(request.query_params.get("next", "/"))
        # Whoever was just sent here is not sent back, whatever the cookie says.
        notice = WHY.get(request.query_params.get("why", ""), "")
        if not notice and await self._sessions.of(request) is not None:
            return see_other(target)
        return self._sign_in_page(request, target=target, notice=notice)

    async def enter(self, request: Request) -> Response:
        """Sign in."""
        self._sessions.check_origin(request, cookie=False)
        form = await request.form()
        email, target = text(form, "email"), local_path(text(form, "next"))
        try:
            answer = await self._backend.ask(
                "POST",
                "auth/login",
                content={"email": email, "password": text(form, "password", strip=False), **_device(request)},
            )
        except (NotSignedIn, Invalid):
            said = "That email and password don’t match."
            return self._sign_in_page(request, target=target, email=email, error=said, status=401)
        except TooMany as problem:
            said = f"Too many tries. Wait {_wait(problem)}, then try again."
            return self._sign_in_page(request, target=target, email=email, error=said, status=429)
        await self._sessions.begin(request, SignedIn.model_validate(answer))
        return see_other(target)

    async def create_account(self, request: Request) -> Response:
        """The page to create an account."""
        if await self._sessions.of(request) is not None:
            return see_other("/")
        return self._create_page(request, {}, {})

    async def register(self, request: Request) -> Response:
        """Create an account and sign in to it."""
        self._sessions.check_origin(request, cookie=False)
        form = await request.form()
        given = {name: text(form, name) for name in ("display_name", "email", "time_zone")}
        try:
            answer = await self._backend.ask(
                "POST",
                "auth/register",
                content={**given, "password": text(form, "password", strip=False), **_device(request)},
            )
        except Forbidden:
            return self._create_page(request, given, {}, status=403, closed=True)
        except TooMany as problem:
            errors = {"": f"Too many tries. Wait {_wait(problem)}, then try again."}
            return self._create_page(request, given, errors, status=429)
        except (Conflict, Invalid) as problem:
            errors = {error["field"]: error["message"] for error in problem.errors}
            return self._create_page(request, given, errors or {"": problem.detail}, status=problem.status)
        await self._sessions.begin(request, SignedIn.model_validate(answer))
        return see_other("/")

    async def reset(self, request: Request) -> Response:
        """The page to set a new password, for whoever has the link to it."""
        return self._reset_page(request, request.query_params.get("token", ""))

    async def set_password(self, request: Request) -> Response:
        """The new password. Every session of the account ends."""
        self._sessions.check_origin(request, cookie=False)
        form = await request.form()
        token = text(form, "token")
        content = {"token": token, "password": text(form, "password", strip=False)}
        try:
            await self._backend.ask("POST", "auth/reset", content=content)
        except NotFound as problem:
            return self._reset_page(request, token, over=problem.detail, status=404)
        except Invalid as problem:
            error = next((one["message"] for one in problem.errors if one["field"] == "password"), problem.detail)
            return self._reset_page(request, token, error=error, status=422)
        await self._sessions.end(request)
        return see_other("/sign-in?why=reset")

    async def leave(self, request: Request) -> Response:
        """Sign out here."""
        session, _ = await self._sessions.form(request)
        await self._backend.ask("POST", "auth/logout", token=session.token)
        await self._sessions.end(request)
        return see_other("/sign-in")

    async def problem(self, request: Request, problem: Problem) -> Response:
        """A refusal as a page: to the sign-in page when nobody is signed in, else what happened and what to do."""
        if isinstance(problem, NotSignedIn):
            known = self._sessions.carried_by(request)
            self._sessions.clear_cookie(request)
            target = here(request) if request.method == "GET" else "/"
            return see_other("/sign-in?" + urlencode({"next": target, **({"why": "signed-out"} if known else {})}))
        passing = problem.status in (429, 503)
        form = await request.form() if passing and request.method == "POST" else FormData()
        sent = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        # A password is not written into a page: that form has to be filled in again.
        resend = [] if "password" in form else sent
        # What the API says to programs, as people say it.
        kind = str(problem.extra.get("type", problem.kind)).rpartition(":")[2]
        heading = str(problem.extra.get("title", problem.title))
        heading, said = IN_PLAIN_WORDS.get(kind, (heading, problem.detail if problem.detail != heading else ""))
        return self._page(
            request,
            "problem.html",
            status=problem.status,
            headers=problem.headers(),
            theme=self._sessions.theme(request),
            code=problem.status,
            heading=heading,
            text=said,
            wait=max(_seconds(problem), SHORTEST_WAIT) if passing else 0,
            resend=resend,
            action=request.url.path,
        )

    def _sign_in_page(
        self, request: Request, *, target: str, email: str = "", notice: str = "", error: str = "", status: int = 200
    ) -> Response:
        return self._page(
            request,
            "sign_in.html",
            status=status,
            next=target,
            email=email,
            notice=notice,
            error=error,
            registration_open=self._registration_open,
        )

    def _reset_page(
        self, request: Request, token: str, *, error: str = "", over: str = "", status: int = 200
    ) -> Response:
        return self._page(
            request,
            "reset.html",
            status=status,
            token=token,
            error=error,
            over=over,
            password_least=PASSWORD_LEAST,
        )

    def _create_page(
        self,
        request: Request,
        given: Mapping[str, str],
        errors: Mapping[str, str],
        *,
        status: int = 200,
        closed: bool = False,
    ) -> Response:
        return self._page(
            request,
            "create_account.html",
            status=status,
            given={"display_name": "", "email": "", "time_zone": "", **given},
            errors=errors,
            zones=zones_by_area(),
            closed=closed or not self._registration_open,
            password_least=PASSWORD_LEAST,
        )


def _device(request: Request) -> dict[str, str]:
    return {"device": devices.named(request.headers.get("user-agent", ""))}


def _seconds(problem: Problem) -> int:
    return int(problem.extra.get("retry_after", problem.retry_after or 60))


def _wait(problem: Problem) -> str:
    seconds = _seconds(problem)
    if seconds < 90:
        return "a second" if seconds == 1 else f"{seconds} seconds"
    return f"{-(-seconds // 60)} minutes"


@lru_cache(maxsize=1)
def zones_by_area() -> list[tuple[str, list[str]]]:
    """Zones as people know them, by continent."""
    areas: dict[str, list[str]] = {}
    for zone in sorted(available_timezones()):
        area, _, city = zone.partition("/")
        if city and area in AREAS:
            areas.setdefault(area, []).append(zone)
    return list(areas.items())
