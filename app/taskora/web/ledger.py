"""The list as a ledger: which task stands under which day, and how its time is said. Pure.

A `due_date` floats: it means that day wherever the user is. A `due_at` is an instant, shown in the user's zone.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import groupby
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup
from pydantic import BaseModel, ConfigDict

from taskora.domain import people
from taskora.domain.people import ClockStyle
from taskora.domain.recurrence import Recurrence
from taskora.domain.recurrence_words import describe
from taskora.domain.wording import at
from taskora.web import words

_OVERDUE, _DATED, _UNDATED = range(3)


class Reminding(BaseModel):
    """A reminder of a task: at a time, or so many minutes before the task is due."""

    model_config = ConfigDict(frozen=True)

    id: str
    at: datetime | None = None
    minutes_before: int | None = None


class Marks(BaseModel):
    """Where in a task's texts what was searched for stands: start and end, in UTF-16 units."""

    model_config = ConfigDict(frozen=True)

    title: tuple[tuple[int, int], ...] = ()
    description: tuple[tuple[int, int], ...] = ()


class Task(BaseModel):
    """What a row needs of the API's task.

    In lists `parent` is what the task is called that this one is a part of, and `parts` how many of its own are done.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    description: str = ""
    status: str = "todo"
    priority: str = "medium"
    due_at: datetime | None = None
    due_date: date | None = None
    tags: tuple[str, ...] = ()
    recurrence: Recurrence | None = None
    reminders: tuple[Reminding, ...] = ()
    parent_id: str | None = None
    parent: str = ""
    parts: tuple[int, int] | None = None
    position: float = 0
    version: int = 1
    created_at: datetime | None = None
    completed_at: datetime | None = None
    deleted_at: datetime | None = None
    marks: Marks = Marks()

    @property
    def done(self) -> bool:
        """Whether the task is completed."""
        return self.status == "done"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A task on its line. `when` is empty when the day says it all; `datetime` is for machines.

    `found`: the title with what was searched for marked; `line`: where the notes have it.
    """

    task: Task
    when: str = ""
    datetime: str = ""
    late: bool = False
    repeats: str = ""
    reminds: str = ""
    found: Markup | None = None
    line: Markup | None = None


@dataclass(frozen=True, kw_only=True)
class Day:
    """A group of rows: a date with its numeral in the margin, or a name alone (Overdue, No date)."""

    key: str
    name: str = ""
    numeral: str = ""
    weekday: str = ""
    mark: str = ""
    rows: tuple[Row, ...]


def zone_of(name: str, *, clock: ClockStyle = ClockStyle.HOURS_24) -> ZoneInfo:
    """The user's zone, in which times are said as they read clocks; UTC when this machine does not know the name."""
    try:
        return people.zone_of(name, clock=clock)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return people.zone_of("UTC", clock=clock)


def due_day(task: Task, *, zone: ZoneInfo) -> date | None:
    """The day on which the user has to do the task, if any."""
    if task.due_at is not None:
        return task.due_at.astimezone(zone).date()
    return task.due_date


def done_on(task: Task, day: date, *, zone: ZoneInfo) -> bool:
    """Whether the user completed the task on that day of theirs."""
    return task.done and task.completed_at is not None and task.completed_at.astimezone(zone).date() == day


def ledger(tasks: Iterable[Task], *, now: datetime, zone: ZoneInfo) -> tuple[Day, ...]:
    """The days of a list: overdue, today, each day to come, no date. Within a day by time, then as given."""
    today = now.astimezone(zone).date()

    def group(task: Task) -> tuple[int, date]:
        day = due_day(task, zone=zone)
        if day is None:
            return _UNDATED, date.max
        return (_OVERDUE, date.min) if day < today else (_DATED, day)

    def moment(task: Task) -> datetime:
        # Without an hour a task leads its day: it may be done at any time of it.
        local = task.due_at.astimezone(zone).replace(tzinfo=None) if task.due_at else None
        return local or datetime.combine(task.due_date or date.max, time.min)

    ordered = sorted(sorted(tasks, key=moment), key=group)
    days: list[Day] = []
    for (kind, day), members in groupby(ordered, key=group):
        rows = tuple(row_of(task, now=now, zone=zone, dated=kind == _OVERDUE) for task in members)
        if kind == _DATED:
            days.append(day_of(day, today=today, rows=rows))
        elif kind == _OVERDUE:
            days.append(Day(key="overdue", name="Overdue", mark="is-late", rows=rows))
        else:
            days.append(Day(key="none", name="No date", rows=rows))
    return tuple(days)


def done_ledger(tasks: Iterable[Task], *, now: datetime, zone: ZoneInfo) -> tuple[Day, ...]:
    """Completed tasks by the day they were completed, latest first."""
    return _by_moment(tasks, lambda task: task.completed_at, now=now, zone=zone)


def trash_ledger(tasks: Iterable[Task], *, now: datetime, zone: ZoneInfo) -> tuple[Day, ...]:
    """Tasks in the trash by the day they were thrown away, latest first."""
    return _by_moment(tasks, lambda task: task.deleted_at, now=now, zone=zone)


def day_of(day: date, *, today: date, rows: tuple[Row, ...] = ()) -> Day:
    """A day with its numeral; named when it is near, and by its month only when the numeral alone would mislead."""
    name = {0: "Today", -1: "Yesterday"}.get((day - today).days) or _month(day, today=today)
    mark = "is-today" if day == today else ""
    return Day(key=day.isoformat(), name=name, numeral=str(day.day), weekday=f"{day:%a}", mark=mark, rows=rows)


def row_of(task: Task, *, now: datetime, zone: ZoneInfo, dated: bool = False) -> Row:
    """A task on its line; `dated`: its day is not said by what it stands under."""
    today, day = now.astimezone(zone).date(), due_day(task, zone=zone)
    late = day is not None and not task.done and (task.due_at < now if task.due_at else day < today)
    local = task.due_at.astimezone(zone) if task.due_at else None
    when = machine = ""
    if day is not None:
        when = _short(day, today=today) if dated else at(local) if local else ""
        machine = local.isoformat(timespec="minutes") if local else day.isoformat()
    return Row(
        task=task,
        when=when,
        datetime=machine,
        late=late,
        repeats=repeats_of(task, zone=zone),
        reminds=words.listed([reminder_words(one, zone=zone, today=today) for one in task.reminders]),
    )


def repeats_of(task: Task, *, zone: ZoneInfo) -> str:
    """Every month on the 31st: how a task repeats; empty when it does not."""
    if task.recurrence is None:
        return ""
    said = describe(task.recurrence, start=due_day(task, zone=zone))
    return said[:1].upper() + said[1:]


def reminder_words(reminder: Reminding, *, zone: ZoneInfo, today: date) -> str:
    """1 day before; Sun 29 Nov 09:00."""
    if reminder.at is None:
        return words.before(reminder.minutes_before or 0)
    local = reminder.at.astimezone(zone)
    return f"{words.day_named(local.date(), today=today)} {at(local)}"


def _by_moment(
    tasks: Iterable[Task], moment: Callable[[Task], datetime | None], *, now: datetime, zone: ZoneInfo
) -> tuple[Day, ...]:
    today = now.astimezone(zone).date()

    def local(task: Task) -> datetime:
        return (moment(task) or now).astimezone(zone)

    days: list[Day] = []
    for day, members in groupby(sorted(tasks, key=local, reverse=True), key=lambda task: local(task).date()):
        rows = tuple(
            Row(task=task, when=at(local(task)), datetime=local(task).isoformat(timespec="minutes")) for task in members
        )
        days.append(day_of(day, today=today, rows=rows))
    return tuple(days)


def _short(day: date, *, today: date) -> str:
    """A day in a narrow column: "Fri 20", "20 Oct", "Oct 2025"."""
    if day == today:
        return "Today"
    if abs((today - day).days) < 28:
        return f"{day:%a} {day.day}"
    return f"{day.day} {day:%b}" if day.year == today.year else f"{day:%b %Y}"


def _month(day: date, *, today: date) -> str:
    """The month, said only when the numeral alone would mislead."""
    if (day.year, day.month) == (today.year, today.month):
        return ""
    return f"{day:%B}" if day.year == today.year else f"{day:%b %Y}"
