"""What happened to a task, in sentences, as the audit log has it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from taskora.domain.recurrence import Recurrence
from taskora.domain.recurrence_words import describe
from taskora.domain.wording import at, said
from taskora.web import words
from taskora.web.shapes import Happening

ACTS = {
    "created": "Added",
    "completed": "Completed",
    "reopened": "Reopened",
    "deleted": "Moved to the trash",
    "restored": "Taken out of the trash",
}
NAMES = {
    "title": "the title",
    "description": "the notes",
    "status": "the status",
    "priority": "the priority",
    "due_at": "the due date",
    "due_date": "the due date",
    "tags": "the tags",
    "recurrence": "when it repeats",
    "reminders": "the reminders",
    "parent_id": "what it is part of",
}
# A place in a list, and what an act says already.
UNTOLD = frozenset({"position", "completed_at", "deleted_at"})


@dataclass(frozen=True, kw_only=True)
class Told:
    """A line of the history: what was done, what it became, and when."""

    text: str
    value: str
    when: str
    datetime: str


def history(happenings: Iterable[Happening], *, now: datetime, zone: ZoneInfo) -> tuple[Told, ...]:
    """The latest first; moving a task about in its list is not told."""
    today = now.astimezone(zone).date()
    told: list[Told] = []
    for one in happenings:
        verb = one.type.split(".")[-2]
        names = list(dict.fromkeys(NAMES[field] for field in one.fields if field in NAMES and field not in UNTOLD))
        text, value = ACTS.get(verb, ""), ""
        if verb == "updated" and names:
            text = f"Changed {words.listed(names)}"
            value = _value(one.values, today=today, zone=zone) if len(names) == 1 else ""
        if text:
            local = one.time.astimezone(zone)
            when = f"{words.day_named(local.date(), today=today)} {at(local)}"
            told.append(Told(text=text, value=value, when=when, datetime=local.isoformat(timespec="minutes")))
    return tuple(told)


def _value(values: Mapping[str, Any], *, today: date, zone: ZoneInfo) -> str:
    """What the one field that changed became; empty for what takes too many words."""
    if "due_at" in values or "due_date" in values:
        at, day = values.get("due_at"), values.get("due_date")
        due = datetime.fromisoformat(at) if at else date.fromisoformat(day) if day else None
        return said(due, today=today, zone=zone) if due else "no date"
    match values:
        case {"title": str(title)}:
            return title
        case {"status": str(name)} | {"priority": str(name)}:
            return name.replace("_", " ").capitalize()
        case {"tags": list(names)}:  # pyright: ignore[reportUnknownVariableType]
            return ", ".join(map(str, names)) or "none"  # pyright: ignore[reportUnknownArgumentType]
        case {"recurrence": dict(pattern)}:  # pyright: ignore[reportUnknownVariableType]
            return describe(Recurrence.model_validate(pattern))
        case {"recurrence": None}:
            return "never"
        case _:
            return ""
