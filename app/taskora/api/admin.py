"""For administrators: who there is, what happened, what is wrong, and what may train the chat."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from taskora.api.auth import Secret
from taskora.api.calls import Calling, problems
from taskora.api.paging import Cursor, Limit, an_id, cursor_of, moment_and_id, page_by_id
from taskora.api.routes import AdminRoute
from taskora.api.shapes import (
    Alerts,
    ChainsChecked,
    Entries,
    LetterRead,
    Letters,
    LetterShown,
    People,
    PersonShown,
    ResetShown,
    Samples,
    SystemEvents,
)
from taskora.asgi import json_response
from taskora.domain.people import DisplayName, Email, TimeZone
from taskora.domain.text import SearchText
from taskora.services import accounts, doors, history, letters, watch
from taskora.store.database import Reading, Row, Writing
from taskora.store.letters import DeadLetter

router = APIRouter(prefix="/api/v1/admin", tags=["admin"], route_class=AdminRoute)

READING = problems(401, 403, 422, 429, 503)
WRITING = problems(401, 403, 404, 409, 413, 422, 429, 503)


class Page(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    cursor: Cursor = ""
    limit: Limit = 50


class AuditPage(Page):
    user_id: UUID | None = None
    action: SearchText = ""


class EventsPage(Page):
    role: SearchText = ""


class AlertsPage(Page):
    open: bool = False


class LettersPage(Page):
    state: Literal["open", "replayed", "discarded", "all"] = "open"


class NewPerson(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    email: Email
    password: Secret
    display_name: DisplayName
    time_zone: TimeZone = "UTC"
    is_admin: bool = False


@router.get("/audit", response_model=Entries, responses=READING)
async def audit(asked: Annotated[AuditPage, Query()], calling: Calling) -> Response:
    """Who did what, when, to what; the latest first."""
    after = moment_and_id(asked.cursor, order="audit")

    async def page(uow: Reading) -> object:
        rows = await history.listed(
            uow, user_id=asked.user_id, action=asked.action or None, after=after, limit=asked.limit + 1
        )
        return _page(rows, asked.limit, order="audit", at="recorded_at", by="event_id")

    return json_response(await calling.read_as_admin(page))


@router.get("/audit/check", response_model=ChainsChecked, responses=READING)
async def check_audit(calling: Calling) -> Response:
    """Whether every user's chain holds, from its first link to its last, and has all that was sealed."""
    return json_response(await calling.read_as_admin(history.checked))


@router.get("/system-events", response_model=SystemEvents, responses=READING)
async def system_events(asked: Annotated[EventsPage, Query()], calling: Calling) -> Response:
    """What the roles say of themselves; the latest first."""
    after = moment_and_id(asked.cursor, order="system-events")

    async def page(uow: Reading) -> object:
        rows = await watch.events(uow, role=asked.role or None, after=after, limit=asked.limit + 1)
        return _page(rows, asked.limit, order="system-events", at="occurred_at")

    return json_response(await calling.read_as_admin(page))


@router.get("/alerts", response_model=Alerts, responses=READING)
async def alerts(asked: Annotated[AlertsPage, Query()], calling: Calling) -> Response:
    """What somebody should look at; the latest first."""
    after = moment_and_id(asked.cursor, order="alerts")

    async def page(uow: Reading) -> object:
        rows = await watch.alerts(uow, only_open=asked.open, after=after, limit=asked.limit + 1)
        return _page(rows, asked.limit, order="alerts", at="last_at")

    return json_response(await calling.read_as_admin(page))


@router.get("/training-export", response_model=Samples, responses=READING)
async def training_export(asked: Annotated[Page, Query()], calling: Calling) -> Response:
    """What users who consented told the chat, personal details taken out; the oldest first."""
    after = an_id(asked.cursor, order="samples")

    async def page(uow: Reading) -> object:
        rows = await watch.samples(uow, after=after, limit=asked.limit + 1)
        return page_by_id(rows, asked.limit, order="samples")

    return json_response(await calling.read_as_admin(page))


@router.get("/users", response_model=People, responses=READING)
async def users(asked: Annotated[Page, Query()], calling: Calling) -> Response:
    """The latest first."""
    after = an_id(asked.cursor, order="users")

    async def page(uow: Reading) -> object:
        rows = await accounts.listed(uow, after=after, limit=asked.limit + 1)
        return page_by_id(rows, asked.limit, order="users")

    return json_response(await calling.read_as_admin(page))


@router.post("/users", status_code=201, response_model=PersonShown, responses=WRITING)
async def make_user(asked: NewPerson, calling: Calling) -> Response:
    """Also where registration is closed."""

    async def allowed(_: Reading) -> None:
        return None

    await calling.read_as_admin(allowed)
    accounts.check_password(asked.password, email=asked.email)
    password_hash = await calling.backend.passwords.hashed(asked.password)

    async def act(uow: Writing) -> object:
        user = await accounts.register(
            uow,
            email=asked.email,
            display_name=asked.display_name,
            time_zone=asked.time_zone,
            password_hash=password_hash,
            is_admin=asked.is_admin,
        )
        return await accounts.shown(uow, user_id=user.id)

    return json_response(await calling.act_as_admin(act), status=201)


@router.delete("/users/{user_id}", status_code=204, responses=WRITING)
async def erase_user(user_id: UUID, calling: Calling) -> Response:
    """For good, as the user could themselves."""

    async def act(uow: Writing) -> None:
        await accounts.erase_other(uow, user_id=user_id)

    await calling.act_as_admin(act)
    return Response(status_code=204)


@router.post("/users/{user_id}/reset", status_code=201, response_model=ResetShown, responses=WRITING)
async def reset_password(user_id: UUID, calling: Calling) -> Response:
    """A secret with which the user sets a new password within a day: hand it over by a way you trust."""

    async def act(uow: Writing) -> object:
        token, expires_at = await doors.make_reset(uow, user_id=user_id)
        return {"token": token, "expires_at": expires_at}

    return json_response(await calling.act_as_admin(act), status=201)


@router.get("/dead-letters", response_model=Letters, responses=READING)
async def dead_letters(asked: Annotated[LettersPage, Query()], calling: Calling) -> Response:
    """What a consumer could not take; the latest first."""
    after = an_id(asked.cursor, order="letters")

    async def page(uow: Reading) -> object:
        state = None if asked.state == "all" else asked.state
        found = await letters.listed(uow, state=state, after=after, limit=asked.limit + 1)
        return page_by_id([_letter(letter) for letter in found], asked.limit, order="letters")

    return json_response(await calling.read_as_admin(page))


@router.get("/dead-letters/{letter_id}", response_model=LetterRead, responses={**READING, **problems(404)})
async def dead_letter(letter_id: UUID, calling: Calling) -> Response:
    """With its body: it may hold what a user wrote."""

    async def one(uow: Reading) -> object:
        letter = await letters.find(uow, letter_id=letter_id)
        return {**_letter(letter), "body": letter.body.decode(errors="replace")}

    return json_response(await calling.read_as_admin(one))


@router.post("/dead-letters/{letter_id}/replay", response_model=LetterShown, responses=WRITING)
async def replay(letter_id: UUID, calling: Calling) -> Response:
    """Its consumer takes it here and now, or it stays as it was (409, with the reason)."""

    async def act(uow: Writing) -> object:
        return _letter(await letters.replay(uow, letter_id=letter_id))

    return json_response(await calling.act_as_admin(act))


@router.post("/dead-letters/{letter_id}/discard", response_model=LetterShown, responses=WRITING)
async def discard(letter_id: UUID, calling: Calling) -> Response:
    """Nobody takes it any more; it stays, to be looked at."""

    async def act(uow: Writing) -> object:
        return _letter(await letters.discard(uow, letter_id=letter_id))

    return json_response(await calling.act_as_admin(act))


def _letter(letter: DeadLetter) -> dict[str, Any]:
    return {name: getattr(letter, name) for name in LetterShown.model_fields}


def _page(rows: list[Row], limit: int, *, order: str, at: str, by: str = "id") -> dict[str, Any]:
    items = rows[:limit]
    last = items[-1] if len(rows) > limit else None
    return {"items": items, "next_cursor": cursor_of(order, last[at], last[by]) if last else None}
