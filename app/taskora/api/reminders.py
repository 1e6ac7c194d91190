"""The reminders of a task."""

from uuid import UUID

from fastapi import APIRouter, Response

from taskora.api.calls import Calling, problems
from taskora.api.routes import Route
from taskora.api.shapes import Reminders, TaskShown
from taskora.asgi import json_response
from taskora.domain.people import User
from taskora.domain.reminders import ReminderAsked
from taskora.services import reminders, tasks
from taskora.store.database import Reading

router = APIRouter(prefix="/api/v1", tags=["tasks"], route_class=Route)

WRITING = problems(401, 404, 413, 422, 429, 503)


@router.get("/tasks/{task_id}/reminders", response_model=Reminders, responses=problems(401, 404, 422, 429, 503))
async def listed(task_id: UUID, calling: Calling) -> Response:
    """When each fires, and what became of it."""

    async def page(uow: Reading, user: User) -> object:
        await tasks.get(uow, user, task_id=task_id)
        found = await reminders.of_task(uow, user, task_id=task_id)
        return {
            "items": [
                {
                    "id": number,
                    "at": timing.at,
                    "minutes_before": timing.minutes_before,
                    "fire_at": timing.fire_at,
                    "state": timing.state,
                }
                for number, timing in found.items()
            ]
        }

    return json_response(await calling.read(page))


@router.post(
    "/tasks/{task_id}/reminders",
    status_code=201,
    response_model=TaskShown,
    responses={**WRITING, **problems(409, 412)},
)
async def create(task_id: UUID, asked: ReminderAsked, calling: Calling) -> Response:
    """The task with one reminder more; one whose time has passed fires at once."""
    return await calling.write(
        lambda uow, user: tasks.remind(uow, user, task_id=task_id, asked=asked, if_match=calling.if_match), status=201
    )


@router.delete("/reminders/{reminder_id}", response_model=TaskShown, responses=WRITING)
async def delete(reminder_id: UUID, calling: Calling) -> Response:
    """The task without it."""
    return await calling.write(lambda uow, user: tasks.forget_reminder(uow, user, reminder_id=reminder_id))
