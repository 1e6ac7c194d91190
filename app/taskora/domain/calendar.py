"""Tasks as a calendar other programs subscribe to (iCalendar, RFC 5545)."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from taskora.domain.tasks import Task

LINE_MOST = 75


def write(tasks: Iterable[Task], *, now: datetime) -> str:
    """One event a task that is due: a whole day, or a moment. Lines end in CR LF and are folded by octets."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Taskora//Tasks//EN",
        "CALSCALE:GREGORIAN",
        "X-WR-CALNAME:Taskora",
        "REFRESH-INTERVAL;VALUE=DURATION:PT15M",
    ]
    for task in tasks:
        lines += _event(task, now=now)
    return "".join(f"{_folded(line)}\r\n" for line in [*lines, "END:VCALENDAR"])


def _event(task: Task, *, now: datetime) -> list[str]:
    if task.due_at is not None:
        when = [f"DTSTART:{_utc(task.due_at)}", "DURATION:PT0S"]
    elif task.due_date is not None:
        when = [
            f"DTSTART;VALUE=DATE:{task.due_date:%Y%m%d}",
            f"DTEND;VALUE=DATE:{task.due_date + timedelta(days=1):%Y%m%d}",
        ]
    else:
        return []
    return [
        "BEGIN:VEVENT",
        f"UID:{task.id}@taskora",
        f"DTSTAMP:{_utc(now)}",
        f"LAST-MODIFIED:{_utc(task.updated_at)}",
        f"SEQUENCE:{task.version}",
        *when,
        f"SUMMARY:{_escaped(task.title)}",
        *([f"DESCRIPTION:{_escaped(task.description)}"] if task.description else []),
        *([f"CATEGORIES:{','.join(map(_escaped, task.tags))}"] if task.tags else []),
        f"PRIORITY:{ {'urgent': 1, 'high': 3, 'medium': 5, 'low': 9}[task.priority.value] }",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        text = text.replace(plain, escaped)
    return text.replace("\r", "")


def _folded(line: str) -> str:
    """No line is longer than 75 octets, and no character is cut."""
    parts: list[str] = []
    part, room = "", LINE_MOST
    for character in line:
        size = len(character.encode())
        if size > room:
            parts.append(part)
            part, room = " ", LINE_MOST - 1
        part += character
        room -= size
    return "\r\n".join([*parts, part])
