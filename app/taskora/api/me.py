"""One's own account: profile, sessions, tokens, what is taken along, and the way out for good."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from taskora import clock
from taskora.api.auth import Secret
from taskora.api.calls import Calling, problems
from taskora.api.routes import Route
from taskora.api.shapes import CalendarShown, Imported, Overview, Sessions, TokenMade, UserShown, user_shown
from taskora.api.tasks import Listing
from taskora.asgi import json_response
from taskora.domain.people import Profile, SessionKind, User
from taskora.domain.problems import Invalid
from taskora.domain.text import Label
from taskora.encoding import to_json
from taskora.services import accounts, belongings, doors
from taskora.services import overview as overviews
from taskora.store.database import Reading, Writing

router = APIRouter(prefix="/api/v1/me", tags=["me"], route_class=Route)

READING = problems(401, 422, 429, 503)
WRITING = problems(401, 413, 422, 429, 503)
ENDING = problems(401, 404, 422, 429, 503)
CSV = {"text/csv": {"schema": {"type": "string"}}}


class NewPassword(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    password: Secret
    new_password: Secret


class Confirming(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    password: Secret


class NewToken(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    label: Label
    days: Annotated[int, Field(ge=1, le=365)] = 90


@router.get("", response_model=UserShown, responses=READING)
async def show(calling: Calling) -> Response:
    async def present(_: object, user: User) -> User:
        return user

    return json_response(user_shown(await calling.read(present)))


@router.get("/overview", response_model=Overview, responses=READING)
async def overview(calling: Calling) -> Response:
    """What stands beside every page: who one is, what waits, the tags, the views, what rang just now."""

    async def page(uow: Reading, user: User) -> object:
        beside = await overviews.of(uow, user, wanted=lambda view: Listing(**view.query).wanted(user))
        return {"user": user_shown(user), **beside}

    return json_response(await calling.read(page))


@router.patch("", response_model=UserShown, responses=WRITING)
async def update(patch: Profile, calling: Calling) -> Response:
    """Of `preferences` too, what is not sent stays. Taking consent back deletes what was kept on its strength."""

    async def act(uow: Writing, user: User) -> object:
        return user_shown(await accounts.update(uow, user, patch=patch))

    return await calling.answer(act)


@router.delete("", status_code=204, responses={**WRITING, **problems(403, 409)})
async def erase(body: Confirming, calling: Calling) -> Response:
    """For good: everything of this account, and the key to what the audit log says of it."""
    await calling.confirmed(body.password)
    await calling.act(accounts.erase)
    return Response(status_code=204)


@router.post("/password", status_code=204, responses={**WRITING, **problems(403)})
async def change_password(body: NewPassword, calling: Calling) -> Response:
    """Every other session ends."""
    user = await calling.confirmed(body.password)
    accounts.check_password(body.new_password, email=user.email)
    password_hash = await calling.backend.passwords.hashed(body.new_password)

    async def act(uow: Writing, user: User) -> None:
        await doors.set_password(uow, user, password_hash=password_hash, but=calling.token or "")

    await calling.act(act)
    return Response(status_code=204)


@router.get("/sessions", response_model=Sessions, responses=READING)
async def sessions(calling: Calling) -> Response:
    return await _listed(calling, SessionKind.BROWSER)


@router.delete("/sessions", status_code=204, responses=READING)
async def end_other_sessions(calling: Calling) -> Response:
    """All browsers but this one."""

    async def act(uow: Writing, user: User) -> None:
        await doors.end_others(uow, user, token=calling.token or "")

    return await calling.answer(act)


@router.delete("/sessions/{session_id}", status_code=204, responses=ENDING)
async def end_session(session_id: UUID, calling: Calling) -> Response:
    return await _end(calling, SessionKind.BROWSER, session_id)


@router.get("/tokens", response_model=Sessions, responses=READING)
async def tokens(calling: Calling) -> Response:
    return await _listed(calling, SessionKind.TOKEN)


@router.post("/tokens", status_code=201, response_model=TokenMade, responses={**WRITING, **problems(409)})
async def make_token(asked: NewToken, calling: Calling) -> Response:
    """A token for programs, to be sent as `Authorization: Bearer`. This answer is not kept."""

    async def act(uow: Writing, user: User) -> object:
        return await doors.make_token(uow, user, label=asked.label, days=asked.days)

    return json_response(await calling.act(act), status=201)


@router.delete("/tokens/{token_id}", status_code=204, responses=ENDING)
async def end_token(token_id: UUID, calling: Calling) -> Response:
    return await _end(calling, SessionKind.TOKEN, token_id)


@router.get(
    "/export",
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}, **CSV}}, **READING},
    response_class=Response,
)
async def export(calling: Calling, as_: Annotated[Literal["json", "csv"], Query(alias="format")] = "json") -> Response:
    """Everything Taskora has of this account; as CSV, the tasks outside the trash."""

    async def all_of_it(uow: Reading, user: User) -> bytes:
        if as_ == "csv":
            return (await belongings.export_table(uow, user)).encode()
        said = {"exported_at": clock.now(), "user": user_shown(user), **await belongings.export(uow, user)}
        return to_json(said)

    content = await calling.read(all_of_it)
    headers = {"Content-Disposition": f'attachment; filename="taskora.{as_}"', "Cache-Control": "no-store"}
    return Response(content, 200, headers, "text/csv; charset=utf-8" if as_ == "csv" else "application/json")


@router.post(
    "/import",
    response_model=Imported,
    responses=WRITING,
    openapi_extra={"requestBody": {"required": True, "content": CSV}},
)
async def bring_in(request: Request, calling: Calling) -> Response:
    """Tasks from CSV, as `export?format=csv` gives it: a header, of which `title` is a must. All rows, or none."""
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError as error:
        raise Invalid("This is not text in UTF-8.") from error

    async def act(uow: Writing, user: User) -> object:
        return {"created": await belongings.bring_in(uow, user, text=text)}

    return await calling.answer(act)


@router.post("/calendar", status_code=201, response_model=CalendarShown, responses=READING)
async def open_calendar(calling: Calling) -> Response:
    """The address of a calendar feed of what is due; an earlier address is of no more use. Not kept."""
    secret = await calling.act(belongings.open_calendar)
    return json_response({"path": f"/api/v1/calendar/{secret}.ics"}, status=201)


@router.delete("/calendar", status_code=204, responses=READING)
async def close_calendar(calling: Calling) -> Response:
    return await calling.answer(belongings.close_calendar)


async def _listed(calling: Calling, kind: SessionKind) -> Response:
    async def page(uow: Reading, user: User) -> object:
        return {"items": await doors.listed(uow, user, kind=kind, token=calling.token or "")}

    return json_response(await calling.read(page))


async def _end(calling: Calling, kind: SessionKind, session_id: UUID) -> Response:
    async def act(uow: Writing, user: User) -> None:
        await doors.end(uow, user, kind=kind, session_id=session_id)

    return await calling.answer(act)
