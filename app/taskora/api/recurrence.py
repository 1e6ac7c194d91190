"""When a task comes again: what is planned, and what would be before anything is saved."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from taskora import clock
from taskora.api.calls import Calling, problems
from taskora.api.routes import Route
from taskora.api.shapes import Preview, Upcoming
from taskora.asgi import json_response
from taskora.domain.due import Day, Moment, due_day, due_fields, due_of
from taskora.domain.people import User
from taskora.domain.problems import Invalid
from taskora.domain.quick_add import TEXT_MOST, repetition
from taskora.domain.recurrence import Occurrence, Recurrence, Series, first_due, settled, upcoming
from taskora.domain.recurrence_words import describe, why_moved
from taskora.services import recurrence
from taskora.store.database import Reading

router = APIRouter(prefix="/api/v1/recurrence", tags=["tasks"], route_class=Route)

Most = Annotated[int, Field(ge=1, le=60)]


class Asked(BaseModel):
    """A pattern, or `text` that says one ("every 2 weeks on Mon").

    `due_at` or `due_date`: where it begins; left out, on the pattern's next day.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recurrence: Recurrence | None = None
    text: Annotated[str, Field(max_length=TEXT_MOST)] = ""
    due_at: Moment | None = None
    due_date: Day | None = None
    limit: Most = 5

    @model_validator(mode="after")
    def one_of_each(self) -> "Asked":
        if self.due_at is not None and self.due_date is not None:
            raise ValueError("It begins at a time (due_at) or on a day (due_date), not both.")
        if (self.recurrence is None) == (not self.text):
            raise ValueError("Say the pattern (recurrence) or tell it in words (text).")
        return self


@router.post("/preview", response_model=Preview, responses=problems(401, 413, 422, 429, 503))
async def preview(asked: Asked, calling: Calling) -> Response:
    """The next dates, the first included."""

    async def dates(_: object, user: User) -> object:
        now, start = clock.now(), due_of(asked.due_at, asked.due_date)
        pattern = asked.recurrence
        if pattern is None:
            said = repetition(asked.text, now=now, zone=user.zone)
            if said is None:
                fault = "Taskora doesn't understand this. Try “every 2 weeks on Mon and Fri”, or “every last Friday”."
                raise Invalid(fault, errors=[{"field": "text", "message": fault}])
            pattern, begins = said
            start = start or begins
        pattern = settled(pattern, time_zone=user.time_zone)
        series = Series(pattern, start or first_due(pattern, now=now, zone=user.zone), user.zone)
        return _shown(series, upcoming(series, most=asked.limit))

    return json_response(await calling.read(dates))


@router.get("/upcoming", response_model=Upcoming, responses=problems(401, 422, 429, 503))
async def planned(
    calling: Calling, task_id: Annotated[UUID | None, Query(description="Of this task alone")] = None, limit: Most = 5
) -> Response:
    """The next dates of one's open tasks that come again, each task's own place in its series first."""

    async def dates(uow: Reading, user: User) -> object:
        found = await recurrence.upcoming(uow, user, task_id=task_id, most=limit)
        return {"items": [{"task_id": task.id, **_shown(series, dues)} for task, series, dues in found]}

    return json_response(await calling.read(dates))


def _shown(series: Series, dates: Sequence[Occurrence]) -> dict[str, Any]:
    return {
        "text": describe(series.recurrence, start=due_day(series.start, zone=series.zone)),
        "recurrence": series.recurrence,
        "start": due_fields(series.start),
        "items": [{**due_fields(one.due), "note": why_moved(series, one)} for one in dates],
    }
