"""What happens by the clock, of one user in one transaction: reminders fire, the next tasks of series are made."""

from uuid import UUID

from taskora import clock
from taskora.domain import recurrence, series
from taskora.domain.events import NewEvent, Topic
from taskora.domain.people import User
from taskora.domain.recurrence import Mode, Occurrence
from taskora.domain.reminders import is_due
from taskora.domain.series import occurrence_of, series_of
from taskora.domain.tasks import Reminding, Task
from taskora.services import tasks
from taskora.store import firing, outbox, people
from taskora.store import tasks as stored
from taskora.store.database import Row, Writing
from taskora.store.reminders import timing_of

# How many of one user's at once: their row is not held for long.
MOST = 100


async def remind(uow: Writing, *, user_id: UUID) -> list[float]:
    """Fire the user's due reminders, each once a generation; how many seconds late each was."""
    if await people.held(uow, user_id) is None:
        return []
    found = await firing.reminders_due(uow, user_id, limit=MOST)
    due = {row["id"]: row for row in found if is_due(timing_of(row), now=row["now"])}
    claimed = await firing.claim(uow, [(row["id"], row["generation"]) for row in due.values()])
    mine = [row for number, row in due.items() if number in claimed]
    await outbox.add_many(uow, [_fired(row, user_id) for row in mine], topic=Topic.REMINDER)
    return [(row["now"] - row["owed"]).total_seconds() for row in mine]


async def go_on(uow: Writing, *, user_id: UUID) -> list[float]:
    """Make the next tasks that the user's series promise by now; how many seconds late each promise was kept."""
    user = await people.held(uow, user_id)
    if user is None:
        return []
    found = await firing.series_due(uow, user_id, limit=MOST)
    for row in found:
        await _keep(uow, user, row)
    return [(row["now"] - row["due_at"]).total_seconds() for row in found]


async def _keep(uow: Writing, user: User, promised: Row) -> None:
    series_id, number = promised["series_id"], promised["occurrence_no"]
    task = await stored.find(uow, promised["task_id"], user_id=user.id)
    told = series_of(task, user_zone=user.zone) if task else None
    if task is None or task.place is None or told is None:
        await firing.kept(uow, series_id, number=number)
        return
    last = occurrence_of(task.place)
    if told.recurrence.mode is Mode.ON_SCHEDULE:
        at = recurrence.next_at(told, last)
        if at > promised["now"]:
            # A day floats with its user, who is elsewhere by now.
            await firing.postpone(uow, series_id, number=number, due_at=at)
            return
        ahead = recurrence.caught_up(told, last, now=promised["now"], most=MOST)
    else:
        ahead = _after(task, recurrence.following(told, last, completed_at=task.completed_at))
    await firing.kept(uow, series_id, number=number)
    for occurrence in ahead:
        if await stored.occurrence(uow, series_id, number=occurrence.number, user_id=user.id) is None:
            task = await _next(uow, user, task, occurrence)


def _after(task: Task, occurrence: Occurrence | None) -> list[Occurrence]:
    return [occurrence] if occurrence is not None and task.done else []


async def _next(uow: Writing, user: User, task: Task, occurrence: Occurrence) -> Task:
    reminders = [
        Reminding(id=clock.new_id(), at=None, minutes_before=one.minutes_before)
        for one in task.reminders
        if one.minutes_before is not None
    ]
    change = series.successor(task, occurrence, task_id=clock.new_id(), reminders=reminders, now=clock.now())
    return await tasks.save(uow, user, before=None, change=change)


def _fired(row: Row, user_id: UUID) -> NewEvent:
    return NewEvent(
        id=clock.new_id(),
        topic=Topic.REMINDER,
        verb="fired",
        subject=f"reminder/{row['id']}",
        user_id=user_id,
        time=row["now"],
        data={
            "reminder_id": row["id"],
            "generation": row["generation"],
            "task_id": row["task_id"],
            "title": row["title"],
            "scheduled_for": row["fire_at"],
            "due_at": row["due_at"],
            "due_date": row["due_date"],
        },
    )
