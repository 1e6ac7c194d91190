"""What is to come: the tasks of each day ahead, and where those that repeat will stand again. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from taskora.domain.recurrence import Anchor
from taskora.domain.wording import at
from taskora.web.ledger import Row, Task, day_of, due_day, row_of
from taskora.web.shapes import Planned


@dataclass(frozen=True, kw_only=True)
class Ghost:
    """A task that is not there yet: the next of a series, if everything before it is done in time.

    `at` is its hour to sort by, `when` as its reader says it.
    """

    title: str
    at: str
    when: str
    repeats: str
    task_id: str


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """One day to come, with what is due on it and what will be."""

    key: str
    name: str
    numeral: str
    weekday: str
    mark: str
    rows: tuple[Row, ...]
    ghosts: tuple[Ghost, ...]


def ahead(
    tasks: Iterable[Task],
    *,
    planned: Iterable[Planned],
    first: date,
    last: date,
    now: datetime,
    zone: ZoneInfo,
) -> list[Ahead]:
    """Each day from `first` to `last` on which something is due, or will be. What is counted from completion has no
    dates before it is done."""
    dates = {one.task_id: one.items[1:] for one in planned if one.recurrence.anchor is Anchor.SCHEDULE}
    rows: defaultdict[date, list[Row]] = defaultdict(list)
    ghosts: defaultdict[date, list[Ghost]] = defaultdict(list)
    for task in tasks:
        day = due_day(task, zone=zone)
        if day is None:
            continue
        row = row_of(task, now=now, zone=zone)
        if first <= day <= last:
            rows[day].append(row)
        for one in dates.get(task.id, ()):
            when, local = one.day(zone), one.due_at and one.due_at.astimezone(zone)
            if first <= when <= last and when > day:
                hour, told = (f"{local:%H:%M}", at(local)) if local else ("", "")
                ghosts[when].append(Ghost(title=task.title, at=hour, when=told, repeats=row.repeats, task_id=task.id))
    today = now.astimezone(zone).date()
    days: list[Ahead] = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if day not in rows and day not in ghosts:
            continue
        head = day_of(day, today=today)
        days.append(
            Ahead(
                key=head.key,
                name="Tomorrow" if (day - today).days == 1 else head.name,
                numeral=head.numeral,
                weekday=head.weekday,
                mark=head.mark,
                rows=tuple(sorted(rows[day], key=lambda row: (row.datetime, row.task.position))),
                ghosts=tuple(sorted(ghosts[day], key=lambda ghost: (ghost.at, ghost.title))),
            )
        )
    return days
