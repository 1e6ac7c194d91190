"""Administration: what is wrong, what the roles say, who did what, what could not be taken, who there is."""

import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, TypeVar
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from taskora.clock import now
from taskora.domain.alerts import FAILED
from taskora.domain.events import Topic, topic_of
from taskora.domain.payloads import BY_TYPE
from taskora.domain.people import PASSWORD_LEAST
from taskora.domain.problems import Conflict, Forbidden, Invalid, NotFound, Problem
from taskora.domain.wording import at
from taskora.encoding import to_json
from taskora.web import words
from taskora.web.cookie import Session
from taskora.web.doors import zones_by_area
from taskora.web.forms import Routes, see_other, text
from taskora.web.frame import Frame, Toast, uuid_of
from taskora.web.ledger import Day, day_of

PAGES = (
    ("alerts", "Alerts", "warn"),
    ("events", "Events", "cloud"),
    ("audit", "Audit", "shield"),
    ("letters", "Dead letters", "offline"),
    ("users", "Users", "user"),
    ("training", "Training", "chat"),
)
ROLES = ("frontend", "backend", "scheduler", "notifier", "audit", "insights")
AUDITED = tuple(kind for kind in BY_TYPE if topic_of(kind) in (Topic.TASK, Topic.USER))
STATES = (("open", "Open"), ("replayed", "Taken since"), ("discarded", "Put aside"), ("all", "All"))
DONE = {
    "replayed": "Its consumer has taken it",
    "discarded": "Put aside; it stays to be looked at",
    "made": "The account is made",
    "deleted": "That account and everything in it is deleted",
}
MOST_NAMES = 200
SAMPLES_AT_ONCE = 200


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


S = TypeVar("S", bound=_Shape)


class Alert(_Shape):
    id: str
    rule: str
    subject: str
    severity: str
    message: str
    count: int
    first_at: datetime
    last_at: datetime
    resolved_at: datetime | None = None


class SystemEvent(_Shape):
    """What a role said of itself: Backend started; Backend is degraded, and why."""

    id: str
    role: str
    type: str
    occurred_at: datetime
    data: dict[str, Any]

    @property
    def said(self) -> str:
        state = self.data.get("state")
        verb = f"is {state}" if state else plain(self.type).removeprefix("System ")
        return f"{self.role.capitalize()} {verb}"

    @property
    def why(self) -> str:
        """The reason it gives, or the error and where it happened."""
        error, where = (self.data.get(name) or "" for name in ("error", "where"))
        return _sentence(self.data.get("because") or (f"{error} in {where}" if where else error))

    @property
    def glyph(self) -> str:
        return "warn" if self.type == FAILED or self.data.get("state") in ("degraded", "unhealthy") else "cloud"


class Entry(_Shape):
    user_id: str
    no: int
    event_id: str
    action: str
    resource: str
    occurred_at: datetime
    recorded_at: datetime
    hash: str


class Letter(_Shape):
    id: str
    consumer: str
    topic: str
    event_id: str | None = None
    reason: str
    state: str
    created_at: datetime
    body: str = ""

    @property
    def shown(self) -> str:
        """Its body, as JSON with lines where it is JSON."""
        try:
            return json.dumps(json.loads(self.body), indent=2, ensure_ascii=False)
        except ValueError:
            return self.body


class Sample(_Shape):
    """What somebody who consented told the chat, or was answered."""

    id: str
    role: str
    text: str
    created_at: datetime


class Person(_Shape):
    id: str
    email: str
    display_name: str
    is_admin: bool
    created_at: datetime
    signed_in_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Found:
    """A page of something: its items, and the address of the next."""

    items: list[dict[str, Any]]
    more: str

    def by_day(self, shape: type[S], moment: Callable[[S], datetime], *, zone: ZoneInfo) -> list[tuple[Day, list[S]]]:
        """Its items under the day of their moment, in the order given."""
        today = now().astimezone(zone).date()
        items = [shape.model_validate(one) for one in self.items]
        days = groupby(items, key=lambda item: moment(item).astimezone(zone).date())
        return [(day_of(day, today=today), list(members)) for day, members in days]


class Admin:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._ask = frame.ask

    def routes(self) -> Routes:
        return [
            ("GET", "/admin", self.enter),
            ("GET", "/admin/alerts", self.alerts),
            ("GET", "/admin/events", self.events),
            ("GET", "/admin/audit", self.audit),
            ("GET", "/admin/letters", self.letters),
            ("GET", "/admin/letters/{letter_id}", self.letter),
            ("POST", "/admin/letters/{letter_id}", self.settle),
            ("GET", "/admin/users", self.users),
            ("POST", "/admin/users", self.make_user),
            ("POST", "/admin/users/{user_id}", self.change_user),
            ("GET", "/admin/training", self.training),
            ("GET", "/admin/training.jsonl", self.export),
        ]

    async def enter(self, request: Request) -> Response:
        """The first of the pages."""
        await self._frame.sessions.required(request)
        return see_other("/admin/alerts")

    async def alerts(self, request: Request) -> Response:
        """What somebody should look at."""
        session, zone = await self._who(request)
        every = "all" in request.query_params
        found = await self._found(request, session, "alerts", keep=("all",), open="" if every else "true")
        return await self._page(
            request, session, "alerts", days=found.by_day(Alert, lambda one: one.last_at, zone=zone),
            more=found.more, every=every,
        )  # fmt: skip

    async def events(self, request: Request) -> Response:
        """What the roles say of themselves."""
        session, zone = await self._who(request)
        role = request.query_params.get("role", "")
        found = await self._found(request, session, "system-events", keep=("role",), role=role)
        return await self._page(
            request, session, "events", days=found.by_day(SystemEvent, lambda one: one.occurred_at, zone=zone),
            more=found.more, role=role, roles=ROLES,
        )  # fmt: skip

    async def audit(self, request: Request) -> Response:
        """Who did what, when; and, when asked, whether the log holds."""
        session, zone = await self._who(request)
        user_id, action = uuid_of(request.query_params.get("user", "")) or "", request.query_params.get("action", "")
        found = await self._found(request, session, "audit", keep=("user", "action"), user_id=user_id, action=action)
        checked = await self._ask(session, "GET", "admin/audit/check") if "check" in request.query_params else None
        return await self._page(
            request, session, "audit", days=found.by_day(Entry, lambda one: one.recorded_at, zone=zone),
            more=found.more, people=await self._names(session), user_id=user_id, action=action, actions=AUDITED,
            checked=checked,
        )  # fmt: skip

    async def letters(self, request: Request) -> Response:
        """What a consumer could not take."""
        session, zone = await self._who(request)
        state = request.query_params.get("state", "open")
        found = await self._found(request, session, "dead-letters", keep=("state",), state=state)
        return await self._page(
            request, session, "letters", days=found.by_day(Letter, lambda one: one.created_at, zone=zone),
            more=found.more, state=state, states=STATES,
        )  # fmt: skip

    async def letter(self, request: Request) -> Response:
        """One of them, with its body."""
        session, _ = await self._who(request)
        return await self._letter(request, session, error="")

    async def settle(self, request: Request) -> Response:
        """Taken at last, or put aside."""
        session, form = await self._frame.sessions.form(request)
        letter_id = uuid_of(request.path_params["letter_id"]) or ""
        act = "replay" if text(form, "do") == "replay" else "discard"
        try:
            await self._ask(session, "POST", f"admin/dead-letters/{letter_id}/{act}")
        except Conflict as problem:
            return await self._letter(request, session, error=problem.detail)
        return see_other(f"/admin/letters?ok={'replayed' if act == 'replay' else 'discarded'}")

    async def users(self, request: Request) -> Response:
        """Who has an account here."""
        session, _ = await self._who(request)
        return await self._users(request, session)

    async def make_user(self, request: Request) -> Response:
        """An account for somebody, also where registration is closed."""
        session, form = await self._frame.sessions.form(request)
        content: dict[str, Any] = {
            **{name: text(form, name) for name in ("email", "display_name", "time_zone")},
            "password": text(form, "password", strip=False),
            "is_admin": "is_admin" in form,
        }
        try:
            await self._ask(session, "POST", "admin/users", content=content)
        except (Conflict, Invalid) as problem:
            return await self._users(request, session, problem=problem, typed=form)
        return see_other("/admin/users?ok=made")

    async def change_user(self, request: Request) -> Response:
        """A way to set a new password, shown this once; or the end of an account."""
        session, form = await self._frame.sessions.form(request)
        path = f"admin/users/{uuid_of(request.path_params['user_id']) or ''}"
        try:
            if text(form, "do") == "reset":
                made = await self._ask(session, "POST", f"{path}/reset")
                link = f"{self._frame.sessions.origin}/reset?{urlencode({'token': made['token']})}"
                return await self._users(request, session, reset_link=link, whose=text(form, "whose"))
            await self._ask(session, "DELETE", path)
        except (Conflict, NotFound) as problem:
            return await self._users(request, session, problem=problem)
        return see_other("/admin/users?ok=deleted")

    async def training(self, request: Request) -> Response:
        """What may train the chat."""
        session, zone = await self._who(request)
        found = await self._found(request, session, "training-export", keep=())
        return await self._page(
            request, session, "training", days=found.by_day(Sample, lambda one: one.created_at, zone=zone),
            more=found.more,
        )  # fmt: skip

    async def export(self, request: Request) -> Response:
        """All of it as a file, a sample a line; read from the backend as the browser takes it."""
        session, _ = await self._who(request)
        first = await self._samples(session, cursor="")

        async def lines() -> AsyncGenerator[bytes]:
            page = first
            while True:
                yield b"".join(to_json(one) + b"\n" for one in page["items"])
                if not page["next_cursor"]:
                    return
                page = await self._samples(session, cursor=page["next_cursor"])

        named = {"Content-Disposition": 'attachment; filename="training.jsonl"'}
        return StreamingResponse(lines(), media_type="application/jsonl", headers=named)

    async def _samples(self, session: Session, *, cursor: str) -> Any:
        query = urlencode({"limit": SAMPLES_AT_ONCE, "cursor": cursor})
        return await self._ask(session, "GET", "admin/training-export", query=query)

    async def _who(self, request: Request) -> tuple[Session, ZoneInfo]:
        session = await self._frame.sessions.required(request)
        return session, session.profile.zone

    async def _found(
        self, request: Request, session: Session, path: str, *, keep: Iterable[str], **asked: str
    ) -> Found:
        given = request.query_params
        query = {**{name: value for name, value in asked.items() if value}, "cursor": given.get("cursor", "")}
        page = await self._ask(session, "GET", f"admin/{path}", query=urlencode(query))
        following = {name: given[name] for name in keep if name in given} | {"cursor": page["next_cursor"] or ""}
        more = f"{request.url.path}?{urlencode(following)}" if page["next_cursor"] else ""
        return Found(items=page["items"], more=more)

    async def _names(self, session: Session) -> dict[str, str]:
        """Who is behind an id, as far as the latest accounts tell."""
        page = await self._ask(session, "GET", "admin/users", query=f"limit={MOST_NAMES}")
        return {one["id"]: one["email"] for one in page["items"]}

    async def _letter(self, request: Request, session: Session, *, error: str) -> Response:
        letter_id = uuid_of(request.path_params["letter_id"])
        if letter_id is None:
            raise NotFound("There is no such dead letter.")
        found = Letter.model_validate(await self._ask(session, "GET", f"admin/dead-letters/{letter_id}"))
        return await self._page(
            request, session, "letters", template="admin_letter.html", letter=found, error=error,
            status=409 if error else 200,
        )  # fmt: skip

    async def _users(
        self,
        request: Request,
        session: Session,
        *,
        problem: Problem | None = None,
        typed: FormData | None = None,
        reset_link: str = "",
        whose: str = "",
    ) -> Response:
        zone = session.profile.zone
        cursor = request.query_params.get("cursor", "")
        page = await self._ask(session, "GET", "admin/users", query=f"cursor={quote(cursor)}")
        today = now().astimezone(zone).date()

        def said(moment: datetime | None) -> str:
            return words.day_within(moment.astimezone(zone).date(), today=today) if moment else ""

        given: Mapping[str, Any] = typed or {}
        return await self._page(
            request,
            session,
            "users",
            status=problem.status if problem else 200,
            people=[Person.model_validate(one) for one in page["items"]],
            more=f"/admin/users?cursor={quote(page['next_cursor'])}" if page["next_cursor"] else "",
            said=said,
            zones=zones_by_area(),
            given={"display_name": "", "email": "", "time_zone": session.profile.time_zone, **given},
            open=typed is not None,
            problem=problem,
            errors={one["field"]: one["message"] for one in problem.errors} if problem else {},
            reset_link=reset_link,
            whose=whose,
            password_least=PASSWORD_LEAST,
        )

    async def _page(
        self, request: Request, session: Session, page: str, *, template: str = "", status: int = 200, **content: Any
    ) -> Response:
        zone = session.profile.zone
        side = await self._frame.side(session)
        if not side.user.is_admin:
            raise Forbidden("This is for administrators.")
        done = DONE.get(request.query_params.get("ok", ""))

        def clock_of(moment: datetime) -> str:
            return at(moment.astimezone(zone))

        def moment_of(moment: datetime) -> str:
            day, today = (one.astimezone(zone).date() for one in (moment, now()))
            at = clock_of(moment)
            return at if day == today else f"{words.day_within(day, today=today)} {at}"

        return await self._frame.page(
            request,
            template or f"admin_{page}.html",
            session,
            seq=await self._frame.seq(session),
            status=status,
            told=Toast(text=done) if done else None,
            page=page,
            pages=PAGES,
            plain=plain,
            clock_of=clock_of,
            moment_of=moment_of,
            **content,
        )


def plain(event_type: str) -> str:
    """Task completed, for `dev.taskora.task.completed.v1`; Tags changed, where the verb says of what."""
    topic, _, verb = event_type.removeprefix("dev.taskora.").rsplit(".v", 1)[0].partition(".")
    said = verb if verb.endswith("s_changed") else f"{topic} {verb}"
    return _sentence(said.replace("_", " "))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
