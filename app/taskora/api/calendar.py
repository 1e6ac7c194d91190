"""The calendar feed: for whoever knows its address, without signing in."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from taskora.api.calls import Serving, problems
from taskora.api.routes import Route
from taskora.services import belongings

router = APIRouter(prefix="/api/v1/calendar", tags=["me"], route_class=Route)


@router.get(
    "/{secret}.ics",
    responses={200: {"content": {"text/calendar": {"schema": {"type": "string"}}}}, **problems(404, 422, 503)},
    response_class=Response,
)
async def feed(secret: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$")], serving: Serving) -> Response:
    """What is open and due, as iCalendar."""
    async with serving.database.read() as uow:
        user = await belongings.calendar_owner(uow, secret=secret)

    async def make() -> str:
        async with serving.database.read() as uow:
            return await belongings.calendar_of(uow, user)

    content = await serving.cache.text(f"calendar:{user.id}", version=user.seq, make=make)
    return Response(content, 200, {"Cache-Control": "private, max-age=300"}, "text/calendar; charset=utf-8")
