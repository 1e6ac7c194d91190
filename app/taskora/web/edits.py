"""What a form of the open task asks for, set against what its user saw and what is there now. Pure.

A form carries each field twice, as it was shown (`was.title`) and as it is now (`title`): only what differs is sent,
and what somebody else changed meanwhile clashes only where both changed the same field.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from taskora.domain.dates import Weekday
from taskora.domain.due import Due
from taskora.domain.problems import Invalid
from taskora.domain.quick_add import dated
from taskora.domain.recurrence import Recurrence
from taskora.domain.recurrence_words import describe
from taskora.web import repeat

NO_DATE = "“{}” is no date that Taskora understands. Try “tomorrow 9am”, “next thu”, or 2026-11-30."
PLAIN = ("title", "description", "status", "priority")
NAMES = {
    "title": "Title",
    "description": "Notes",
    "status": "Status",
    "priority": "Priority",
    "due": "Due",
    "tags": "Tags",
    "recurrence": "Repeats",
}


@dataclass(frozen=True, kw_only=True)
class Clash:
    """A field that both changed: what is there now, and what was typed here."""

    field: str
    name: str
    theirs: str
    mine: str


def understood(
    form: Mapping[str, str], *, now: datetime, zone: ZoneInfo, week_start: Weekday = Weekday.MON
) -> dict[str, str]:
    """The form with what its controls and words come to, each as one field. Raises `Invalid`."""
    said = dict(form)
    if "due" in form:
        typed = form["due"].strip()
        due = dated(typed, now=now, zone=zone, week_start=week_start)
        if typed and typed != form.get("due_shown") and due is None:
            raise Invalid(NO_DATE.format(typed))
        # As it was shown it may lack the year: it is what it was.
        said["due"] = form.get("was.due", "") if typed == form.get("due_shown") else written_due(due, zone=zone)
    if "rec_unit" in form:
        day = said.get("due", "")[:10]
        begins = date.fromisoformat(day) if day else None
        pattern = repeat.pattern_of(form, begins=begins, now=now, zone=zone, week_start=week_start)
        said["recurrence"] = repeat.written(pattern)
    if more := form.get("add_tags", "").strip():
        said["tags"] = ", ".join(filter(None, (form.get("was.tags", ""), more)))
    return said


def changed(form: Mapping[str, str], *, zone: ZoneInfo) -> dict[str, Any]:
    """The members of a PATCH, none when the form says what it was made with. Raises `Invalid` for a bad due."""
    content: dict[str, Any] = {
        name: form[name] for name in PLAIN if name in form and _same(form[name]) != _same(form.get(f"was.{name}", ""))
    }
    if "tags" in form and _tags(form["tags"]) != _tags(form.get("was.tags", "")):
        content["tags"] = _tags(form["tags"])
    if "due" in form and form["due"] != form.get("was.due", ""):
        content |= due_content(form["due"], zone=zone)
    if "recurrence" in form and form["recurrence"] != form.get("was.recurrence", ""):
        content["recurrence"] = _pattern(form["recurrence"])
    return content


def written_due(due: Due | None, *, zone: ZoneInfo) -> str:
    """The due date as forms and acts carry it: "2026-11-30", "2026-11-30 09:00", nothing."""
    return f"{due.astimezone(zone):%Y-%m-%d %H:%M}" if isinstance(due, datetime) else str(due or "")


def due_content(written: str, *, zone: ZoneInfo) -> dict[str, Any]:
    """`due_date` or `due_at` of what `written_due` wrote. Raises `Invalid`."""
    day, _, at = written.partition(" ")
    try:
        if not day:
            return {"due_date": None, "due_at": None}
        if not at:
            return {"due_date": date.fromisoformat(day).isoformat()}
        local = datetime.combine(date.fromisoformat(day), time.fromisoformat(at), tzinfo=zone)
        return {"due_at": local.isoformat()}
    except ValueError as error:
        raise Invalid(NO_DATE.format(written)) from error


def clashes(form: Mapping[str, str], content: Mapping[str, Any], current: Mapping[str, str]) -> list[Clash]:
    """Where the task now (`current`, as a form would show it) differs from what this form was made with and wants."""
    found: list[Clash] = []
    for field in fields(content):
        mine, was, theirs = (
            _same(source.get(prefix + field, "")) for source, prefix in ((form, ""), (form, "was."), (current, ""))
        )
        if theirs not in (was, mine):
            found.append(Clash(field=field, name=NAMES[field], theirs=_said(field, theirs), mine=_said(field, mine)))
    return found


def fields(content: Iterable[str]) -> list[str]:
    """The fields, as people know them, behind members of a PATCH or a form."""
    return list(dict.fromkeys(map(field_of, content)))


def field_of(member: str) -> str:
    if member == "add_tags":
        return "tags"
    if member == "scope" or member.startswith("due_"):
        return "due"
    return "recurrence" if member.startswith("rec_") else member


def _tags(text: str) -> list[str]:
    return [tag for part in text.split(",") if (tag := part.strip().removeprefix("#"))]


def _pattern(text: str) -> Recurrence | None:
    return Recurrence.model_validate_json(text) if text else None


def _said(field: str, value: str) -> str:
    """A value as people read it."""
    pattern = _pattern(value) if field == "recurrence" else None
    return describe(pattern) if pattern else value


def _same(text: str) -> str:
    """Browsers send a text area's lines with CR LF."""
    return text.replace("\r\n", "\n").strip()
