"""The open task: what the panel beside a list says of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from markupsafe import Markup

from taskora.domain.markdown import html
from taskora.domain.wording import at, said
from taskora.web import words
from taskora.web.edits import written_due
from taskora.web.history import Told, history
from taskora.web.ledger import Task, due_day
from taskora.web.repeat import Repeat, complete, repeat_of, written
from taskora.web.shapes import Happening, Planned, Reminder

STATUSES = {"todo": "To do", "in_progress": "In progress", "done": "Done"}
PRIORITIES = {"low": "Low", "medium": "Medium", "high": "High", "urgent": "Urgent"}


@dataclass(frozen=True, kw_only=True)
class Reminded:
    """A reminder on its line: what it counts from, and when it fires or what became of it."""

    id: str
    said: str
    told: str


@dataclass(frozen=True, kw_only=True)
class Panel:
    """`fields` as its form shows them; `due` and `distance` as people say them; `history` before an entry, and before
    which one there is more."""

    task: Task
    fields: Mapping[str, str]
    due: str
    distance: str
    late: bool
    notes: Markup
    reminders: tuple[Reminded, ...]
    subtasks: tuple[Task, ...]
    parent: Task | None
    repeat: Repeat
    history: tuple[Told, ...]
    before: int | None
    earlier: int | None


def panel_of(
    task: Task,
    *,
    now: datetime,
    zone: ZoneInfo,
    reminders: Sequence[Reminder] = (),
    subtasks: Sequence[Task] = (),
    planned: Planned | None = None,
    happened: Sequence[Happening] = (),
    before: int | None = None,
    earlier: int | None = None,
    parent: Task | None = None,
) -> Panel:
    today, day = now.astimezone(zone).date(), due_day(task, zone=zone)
    over = task.due_at < now if task.due_at else day is not None and day < today
    return Panel(
        task=task,
        fields=fields_of(task, zone=zone, begins=planned.start.day(zone) if planned else None),
        due=said(task.due_at or task.due_date or today, today=today, zone=zone) if day else "",
        distance=words.distance(day, today=today) if day else "",
        late=over and not task.done,
        notes=_notes(task.description),
        reminders=tuple(_reminded(one, zone=zone, today=today) for one in reminders),
        subtasks=tuple(subtasks),
        parent=parent,
        history=history(happened, now=now, zone=zone),
        before=before,
        earlier=earlier,
        repeat=repeat_of(planned, due=day, today=today, zone=zone),
    )


def fields_of(task: Task, *, zone: ZoneInfo, begins: date | None = None) -> dict[str, str]:
    """The task's fields as a form shows them, in the user's zone. `begins`: where its series did, if it has one."""
    day = due_day(task, zone=zone)
    return {
        "title": task.title,
        "description": task.description,
        "status": task.status,
        "priority": task.priority,
        "due": written_due(task.due_at or task.due_date, zone=zone),
        "tags": ", ".join(task.tags),
        "recurrence": written(task.recurrence and complete(task.recurrence, begins=begins or day)),
    }


def _reminded(reminder: Reminder, *, zone: ZoneInfo, today: date) -> Reminded:
    local = reminder.fire_at.astimezone(zone) if reminder.fire_at else None
    fires = f"{words.day_named(local.date(), today=today)} {at(local)}" if local else ""
    by_distance = reminder.minutes_before is not None
    said = words.before(reminder.minutes_before or 0) if by_distance else fires
    told = {"fired": "rang", "delivered": "rang", "cancelled": "off"}.get(reminder.state, fires if by_distance else "")
    return Reminded(id=reminder.id, said=said, told=told)


@lru_cache(maxsize=256)
def _notes(text: str) -> Markup:
    return Markup(html(text))  # noqa: S704 -- all of it is the domain's, a test holds which elements that can be
