"""Coming in and going out. These answers are never stored: they carry secrets."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from taskora.api.calls import Backend, Serving, Token, problems
from taskora.api.routes import Route
from taskora.api.shapes import SignedIn, TokenShown, user_shown
from taskora.asgi import json_response
from taskora.domain.people import DisplayName, Email, Session, SessionKind, TimeZone, User
from taskora.domain.problems import RegistrationClosed, WrongCredentials
from taskora.domain.text import readable
from taskora.services import accounts, doors
from taskora.settings import Registration

router = APIRouter(prefix="/api/v1", tags=["auth"], route_class=Route)

# Longer than any accepted password; what is longer still is not worth hashing.
Secret = Annotated[str, Field(max_length=1000)]


def _encodable(text: str) -> str:
    return readable(text, most=200)


def _device(text: str) -> str:
    return readable(text, most=100)


Device = Annotated[str, AfterValidator(_device)]
Written = Annotated[str, AfterValidator(_encodable)]


class Credentials(BaseModel):
    """`device`: what its owner would call the browser that asks, for their list of sessions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: Annotated[str, Field(max_length=254)]
    password: Secret
    device: Device = ""


class Resetting(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    token: Written
    password: Secret


class Registering(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    email: Email
    password: Secret
    display_name: DisplayName
    time_zone: TimeZone = "UTC"
    device: Device = ""


@router.post(
    "/auth/register", status_code=201, response_model=SignedIn, responses=problems(403, 409, 413, 422, 429, 503)
)
async def register(body: Registering, serving: Serving) -> Response:
    if serving.registration is Registration.CLOSED:
        raise RegistrationClosed("Ask your administrator for an account.")
    accounts.check_password(body.password, email=body.email)
    password_hash = await serving.passwords.hashed(body.password)
    async with serving.database.write() as uow:
        user = await accounts.register(
            uow,
            email=body.email,
            display_name=body.display_name,
            time_zone=body.time_zone,
            password_hash=password_hash,
        )
        session = await accounts.open_session(uow, user, kind=SessionKind.BROWSER, label=body.device)
    serving.wake()
    return json_response({"user": user_shown(user), "session": session}, status=201)


@router.post("/auth/login", response_model=SignedIn, responses=problems(401, 413, 422, 429, 503))
async def login(body: Credentials, serving: Serving) -> Response:
    user, session = await _enter(serving, body, kind=SessionKind.BROWSER)
    return json_response({"user": user_shown(user), "session": session})


@router.post("/auth/token", status_code=201, response_model=TokenShown, responses=problems(401, 413, 422, 429, 503))
async def token(body: Credentials, serving: Serving) -> Response:
    """A token for programs, to be sent as `Authorization: Bearer`."""
    _, session = await _enter(serving, body, kind=SessionKind.TOKEN)
    return json_response(session, status=201)


@router.post("/auth/logout", status_code=204, responses=problems(401, 503))
async def logout(serving: Serving, token: Token) -> Response:
    async with serving.database.write() as uow:
        user = await accounts.signed_in_to_write(uow, token)
        await accounts.close_session(uow, user, token=token or "")
    serving.wake()
    return Response(status_code=204)


@router.post("/auth/reset", status_code=204, responses=problems(404, 413, 422, 429, 503))
async def reset(body: Resetting, serving: Serving) -> Response:
    """A new password, by the secret an administrator handed out. All sessions end."""
    async with serving.database.read() as uow:
        user = await doors.reset_owner(uow, body.token)
    accounts.check_password(body.password, email=user.email)
    password_hash = await serving.passwords.hashed(body.password)
    async with serving.database.write() as uow:
        await doors.use_reset(uow, token=body.token, password_hash=password_hash)
    serving.wake()
    return Response(status_code=204)


async def _enter(serving: Backend, body: Credentials, *, kind: SessionKind) -> tuple[User, Session]:
    """Raises `WrongCredentials`, after the same work whether or not the address is known; `TooMany` for guessing."""
    async with serving.database.read() as uow:
        await doors.count_try(uow, body.email)
        found = await accounts.credentials(uow, body.email)
    user, password_hash = found or (None, None)
    if not await serving.passwords.matches(body.password, password_hash) or user is None:
        raise WrongCredentials
    async with serving.database.write() as uow:
        await doors.forget_tries(uow, body.email)
        session = await accounts.open_session(uow, user, kind=kind, label=body.device)
    serving.wake()
    return user, session
