"""What a change of a task that comes again means for the next one, in the transaction of that change."""

from datetime import datetime
from uuid import UUID

from taskora.domain import series
from taskora.domain.due import due_fields
from taskora.domain.people import User
from taskora.domain.recurrence import Mode, Occurrence, Series, first_due, next_at, settled
from taskora.domain.tasks import Change, Draft, Patch, Task, Verb
from taskora.store import recurrence as stored
from taskora.store import tasks
from taskora.store.database import Reading, Writing


def prepared(draft: Draft, user: User, *, now: datetime) -> Draft:
    """The draft with its recurrence's zone, and with a due date, which a series counts from."""
    if draft.recurrence is None:
        return draft
    pattern = settled(draft.recurrence, time_zone=user.time_zone)
    due = draft.due_at or draft.due_date or first_due(pattern, now=now, zone=user.zone)
    return draft.model_copy(update={"recurrence": pattern, **due_fields(due)})


def begun(patch: Patch, task: Task, user: User, *, now: datetime) -> Patch:
    """A patch that sets a recurrence, with its zone, and with a due date where neither it nor the task has one."""
    if patch.recurrence is None:
        return patch
    pattern = settled(patch.recurrence, time_zone=user.time_zone)
    dated = bool({"due_at", "due_date"} & patch.model_fields_set) or task.due is not None
    due = {} if dated else due_fields(first_due(pattern, now=now, zone=user.zone))
    return patch.model_copy(update={"recurrence": pattern, **{name: value for name, value in due.items() if value}})


async def upcoming(
    uow: Reading, user: User, *, task_id: UUID | None, most: int
) -> list[tuple[Task, Series, list[Occurrence]]]:
    """Of each open task that comes again (or of one) its series and its next dates, its own place in it first."""
    found = await tasks.repeating(uow, user_id=user.id, task_id=task_id)
    return [(task, *ahead) for task in found if (ahead := series.to_come(task, user_zone=user.zone, most=most))]


async def keep_promise(uow: Writing, user: User, *, before: Task | None, change: Change) -> list[Change]:
    """What is due to be made of the task's series from now on; further changes this one brings, to be saved after it.

    Completing promises the next one, or brings back the one that was withdrawn; reopening takes both back.
    """
    task = change.task
    place = task.place
    if place is None:
        return []
    pattern = task.recurrence
    if pattern is None or pattern.mode is Mode.ON_SCHEDULE:
        if before is None or "recurrence" in change.fields:
            await stored.take_back(uow, place.series_id, user_id=user.id)
            if pattern is not None:
                await _promise(uow, user, task)
        return []
    if "recurrence" in change.fields and not task.done:
        await stored.take_back(uow, place.series_id, user_id=user.id)
    if change.verb is Verb.COMPLETED:
        successor = await _successor(uow, task)
        if successor is None:
            await _promise(uow, user, task)
            return []
        revived = series.revive(successor, now=task.updated_at)
        return [revived] if revived else []
    if change.verb is Verb.REOPENED:
        await stored.take_back(uow, place.series_id, user_id=user.id)
        successor = await _successor(uow, task)
        withdrawn = series.withdraw(successor, now=task.updated_at) if successor else None
        return [withdrawn] if withdrawn else []
    return []


async def _promise(uow: Writing, user: User, task: Task) -> None:
    place = task.place
    told = series.series_of(task, user_zone=user.zone)
    if place is None or told is None:
        return
    on_schedule = told.recurrence.mode is Mode.ON_SCHEDULE
    await stored.promise(
        uow,
        place.series_id,
        number=place.number + 1,
        user_id=user.id,
        task_id=task.id,
        due_at=next_at(told, series.occurrence_of(place)) if on_schedule else task.updated_at,
        now=task.updated_at,
    )


async def _successor(uow: Writing, task: Task) -> Task | None:
    if task.place is None:
        return None
    return await tasks.occurrence(uow, task.place.series_id, number=task.place.number + 1, user_id=task.user_id)
