"""A task's reminders kept in step with the task, in the transaction of whatever moved it."""

from datetime import datetime
from uuid import UUID

from taskora.domain import reminders
from taskora.domain.people import User
from taskora.domain.problems import Conflict, Invalid, NotFound
from taskora.domain.reminders import Clock, ReminderAsked, Timing
from taskora.domain.tasks import Change, Reminding, Task, Verb
from taskora.store import reminders as stored
from taskora.store.database import Reading, Writing


def clock_of(user: User) -> Clock:
    return Clock(zone=user.zone, all_day_at=user.preferences.all_day_at)


def check(asked: list[ReminderAsked], task: Task) -> None:
    """Raises `Invalid` for one the task can't have."""
    for number, one in enumerate(asked):
        if fault := one.fault(task.due):
            raise Invalid(fault, errors=[{"field": f"reminders.{number}", "message": fault}])


async def keep_in_step(uow: Writing, user: User, *, before: Task | None, change: Change) -> None:
    """What the change means for when the task's reminders fire. Costs nothing where there are none."""
    task = change.task
    had = before.reminders if before else ()
    if not had and not task.reminders:
        return
    timings = await stored.of_task(uow, task.id, user_id=user.id) if had else {}
    clock, present = clock_of(user), {one.id for one in task.reminders}
    kept = {
        one.id: _after(timings[one.id], before, change, clock=clock) if one.id in timings else _new(one, task, clock)
        for one in task.reminders
    }
    if gone := timings.keys() - present:
        await stored.forget(uow, gone, user_id=user.id)
    differ = {number: timing for number, timing in kept.items() if timings.get(number) != timing}
    await stored.keep(uow, differ, task_id=task.id, user_id=user.id)


async def clock_moved(uow: Writing, user: User) -> None:
    """The user's zone or the hour of whole days is another one."""
    for row in await stored.of_days(uow, user.id):
        timing = reminders.clock_changed(stored.timing_of(row), due=row["due_date"], clock=clock_of(user))
        await stored.keep(uow, {row["id"]: timing}, task_id=row["task_id"], user_id=user.id)


async def of_task(uow: Reading, user: User, *, task_id: UUID) -> dict[UUID, Timing]:
    return await stored.of_task(uow, task_id, user_id=user.id)


async def task_with(uow: Reading, user: User, *, reminder_id: UUID) -> UUID:
    """Whose reminder it is. Raises `NotFound`."""
    found = await stored.find(uow, reminder_id, user_id=user.id)
    if found is None:
        raise NotFound("There is no such reminder.")
    return found[0]


async def snooze(uow: Writing, user: User, *, reminder_id: UUID, until: datetime) -> None:
    """Once more at `until`. Raises `Conflict` when there is nothing left to be reminded of."""
    found = await stored.find(uow, reminder_id, user_id=user.id)
    if found is None:
        raise Conflict("The reminder was taken off its task; set a new one there.")
    task_id, timing = found
    await stored.keep(uow, {reminder_id: reminders.snoozed(timing, until=until)}, task_id=task_id, user_id=user.id)


def _new(one: Reminding, task: Task, clock: Clock) -> Timing:
    timing = reminders.set_up(ReminderAsked(at=one.at, minutes_before=one.minutes_before), due=task.due, clock=clock)
    return reminders.cancelled(timing) if task.done or task.deleted_at else timing


def _after(timing: Timing, before: Task | None, change: Change, *, clock: Clock) -> Timing:
    task = change.task
    if before is not None and before.due != task.due:
        timing = reminders.due_moved(timing, due=task.due, clock=clock)
    if task.done or task.deleted_at is not None:
        return reminders.cancelled(timing)
    if change.verb in (Verb.REOPENED, Verb.RESTORED):
        return reminders.revived(timing, now=change.task.updated_at)
    return timing
