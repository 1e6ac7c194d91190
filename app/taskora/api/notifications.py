"""The notification centre over HTTP."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from taskora import clock
from taskora.api.calls import Calling, problems
from taskora.api.paging import Cursor, Limit, moment_and_id
from taskora.api.routes import Route
from taskora.api.shapes import Notifications, NotificationShown
from taskora.asgi import json_response
from taskora.domain.due import Moment
from taskora.domain.people import User
from taskora.services import notifications
from taskora.store.database import Reading, Writing

router = APIRouter(prefix="/api/v1/notifications", tags=["notifications"], route_class=Route)

WRITING = problems(401, 404, 413, 422, 429, 503)


class Listing(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    unread: bool = False
    cursor: Cursor = ""
    limit: Limit = 50


class Snoozing(BaseModel):
    """Until a time, or for so many minutes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    until: Moment | None = None
    minutes: Annotated[int | None, Field(ge=1, le=366 * 24 * 60)] = None

    @model_validator(mode="after")
    def one_of_both(self) -> "Snoozing":
        if (self.until is None) == (self.minutes is None):
            raise ValueError("Say until when (until), or for how long (minutes).")
        return self

    @property
    def ends(self) -> datetime:
        return self.until or clock.now() + timedelta(minutes=self.minutes or 0)


@router.get("", response_model=Notifications, responses=problems(401, 422, 429, 503))
async def listed(asked: Annotated[Listing, Query()], calling: Calling) -> Response:
    """The latest first. What came for a task that is done or gone meanwhile is not among them."""
    after = moment_and_id(asked.cursor, order="notifications")

    async def page(uow: Reading, user: User) -> object:
        items, cursor, unread = await notifications.listed(
            uow, user, unread=asked.unread, after=after, limit=asked.limit
        )
        return {"items": items, "next_cursor": cursor, "unread": unread}

    return json_response(await calling.read(page))


@router.post("/read", status_code=204, responses=problems(401, 422, 429, 503))
async def read_all(calling: Calling) -> Response:
    """All of them."""
    return await calling.answer(notifications.read_all)


@router.post("/{notification_id}/read", response_model=NotificationShown, responses=WRITING)
async def read(notification_id: UUID, calling: Calling) -> Response:
    async def act(uow: Writing, user: User) -> object:
        return await notifications.read(uow, user, notification_id=notification_id)

    return await calling.answer(act)


@router.post("/{notification_id}/snooze", response_model=NotificationShown, responses={**WRITING, **problems(409)})
async def snooze(notification_id: UUID, asked: Snoozing, calling: Calling) -> Response:
    """Read for now; its reminder fires once more."""

    async def act(uow: Writing, user: User) -> object:
        return await notifications.snooze(uow, user, notification_id=notification_id, until=asked.ends)

    return await calling.answer(act)
