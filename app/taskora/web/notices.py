"""The notification centre: what fired, by day, and until when it may be put off. Pure."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from itertools import groupby
from zoneinfo import ZoneInfo

from taskora.domain.dates import Weekday
from taskora.domain.problems import Invalid
from taskora.domain.quick_add import dated
from taskora.domain.wording import at
from taskora.web import words
from taskora.web.ledger import Day, day_of
from taskora.web.shapes import Note

EVENING, MORNING = time(18), time(9)


@dataclass(frozen=True, kw_only=True)
class Ring:
    """A notification on its line: when it came, and what is to be said of its task."""

    note: Note
    when: str
    said: str

    @property
    def new(self) -> bool:
        return self.note.read_at is None


@dataclass(frozen=True, kw_only=True)
class Rest:
    """A time until which a reminder may rest; `value` says it to a form, in minutes or as a time."""

    name: str
    when: str
    value: str


def rings(notes: Iterable[Note], *, now: datetime, zone: ZoneInfo) -> list[Ring]:
    return [
        Ring(note=note, when=at(note.created_at.astimezone(zone)), said=said_of(note, now=now, zone=zone))
        for note in notes
    ]


def centre(notes: Iterable[Note], *, now: datetime, zone: ZoneInfo) -> list[tuple[Day, list[Ring]]]:
    """Notifications by the day they came, latest first, as they are given."""
    today = now.astimezone(zone).date()

    def day(ring: Ring) -> date:
        return ring.note.created_at.astimezone(zone).date()

    return [
        (day_of(key, today=today), list(members)) for key, members in groupby(rings(notes, now=now, zone=zone), key=day)
    ]


def said_of(note: Note, *, now: datetime, zone: ZoneInfo) -> str:
    """Due at 15:30, in 15 minutes. Snoozed until 16:15. Empty for a task without a date that rests no more."""
    parts = [due_said(note.due_at, note.due_date, now=now, zone=zone)]
    if note.snoozed_until is not None and note.snoozed_until > now:
        parts.append(f"Snoozed until {_moment(note.snoozed_until, now=now, zone=zone)}")
    return ". ".join(filter(None, parts))


def due_said(due_at: datetime | None, due_date: date | None, *, now: datetime, zone: ZoneInfo) -> str:
    """Due at 15:30, in 15 minutes; Was due at 11:00; Due Mon 30 Nov, in 5 days; empty when it is not due."""
    local = due_at.astimezone(zone) if due_at else None
    day, today = local.date() if local else due_date, now.astimezone(zone).date()
    if day is None:
        return ""
    if local is not None and day == today:
        return f"Was due at {at(local)}" if local < now else f"Due at {at(local)}, in {_span(local - now)}"
    begin, hour = "Was due" if day < today else "Due", f", {at(local)}" if local else ""
    if abs((day - today).days) < 2:
        return f"{begin} {words.day_named(day, today=today).lower()}{hour}"
    return f"{begin} {words.day_of(day, today=today)}{hour}, {words.distance(day, today=today)}"


def rests(*, now: datetime, zone: ZoneInfo) -> list[Rest]:
    """In 10 minutes, in an hour, tonight while that is ahead, tomorrow morning."""
    local = now.astimezone(zone)
    found = [
        Rest(name="In 10 minutes", when=at(local + timedelta(minutes=10)), value="10"),
        Rest(name="In an hour", when=at(local + timedelta(hours=1)), value="60"),
    ]
    evening = datetime.combine(local.date(), EVENING, tzinfo=zone)
    if evening - local > timedelta(hours=1):
        found.append(Rest(name="Tonight", when=at(evening), value=evening.isoformat()))
    morning = datetime.combine(local.date() + timedelta(days=1), MORNING, tzinfo=zone)
    found.append(Rest(name="Tomorrow", when=f"{morning:%a} {at(morning)}", value=morning.isoformat()))
    return found


def snoozing(value: str, *, now: datetime, zone: ZoneInfo, week_start: Weekday = Weekday.MON) -> dict[str, object]:
    """What the API is told: minutes or a time, as a button carries it or in words. Raises `Invalid`."""
    if value.isascii() and value.isdigit() and len(value) < 7:
        return {"minutes": int(value)}
    with suppress(ValueError):
        if (moment := datetime.fromisoformat(value)).tzinfo:
            return {"until": moment.isoformat()}
    read = partial(dated, now=now, zone=zone, week_start=week_start)
    due = read(value) or read(f"in {value}")
    if due is None:
        raise Invalid(f"Taskora doesn’t understand “{value}”. Try “30 min”, “17:30”, or “tomorrow 9am”.")
    until = due if isinstance(due, datetime) else datetime.combine(due, MORNING, tzinfo=zone)
    return {"until": until.isoformat()}


def _moment(moment: datetime, *, now: datetime, zone: ZoneInfo) -> str:
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    day = "" if local.date() == today else words.day_named(local.date(), today=today)
    return f"{day} {at(local)}".strip()


def _span(left: timedelta) -> str:
    minutes = max(round(left.total_seconds() / 60), 1)
    number, unit = (minutes, "minute") if minutes < 60 else (round(minutes / 60), "hour")
    return f"{number} {unit}{'' if number == 1 else 's'}"
