"""What a line of quick add was understood as, shown while somebody types it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from taskora.domain.due import due_day
from taskora.domain.quick_add import QuickAdd, TokenKind
from taskora.domain.recurrence import Series, upcoming
from taskora.domain.tasks import Priority
from taskora.domain.wording import said
from taskora.web import words

THEN = 3
"""How many of the dates after the first are told."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Some of the line; `mark`: how it is tinted, empty for what is the title."""

    text: str
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """One thing that was understood: its icon, what it comes to, and what more there is to say."""

    icon: str
    text: str
    more: str = ""
    hue: str = ""


def pieces(line: str, read: QuickAdd) -> Iterator[Piece]:
    """The line, cut where it was understood; together they are the line."""
    at = 0
    for token in read.tokens:
        yield Piece(text=line[at : token.start])
        urgent = token.kind is TokenKind.PRIORITY and read.priority in (Priority.URGENT, Priority.HIGH)
        mark = "tk-urgent" if urgent else "tk-tag" if token.kind is TokenKind.TAG else "tk-is"
        yield Piece(text=line[token.start : token.end], mark=mark)
        at = token.end
    yield Piece(text=line[at:])


def meanings(read: QuickAdd, *, now: datetime, zone: ZoneInfo) -> Iterator[Meaning]:
    """What the line comes to, in the order people ask: when, again when, reminders, how urgent."""
    today = now.astimezone(zone).date()
    if read.due is not None:
        more = ""
        if read.recurrence is not None:
            _, *then = upcoming(Series(read.recurrence, read.due, zone), most=THEN + 1)
            days = [due_day(one.due, zone=zone) for one in then]
            more = "then " + ", ".join(f"{day.day} {day:%b}" for day in days) if days else "once"
        else:
            more = words.distance(due_day(read.due, zone=zone), today=today)
        icon = "repeat" if read.recurrence else "today"
        yield Meaning(icon=icon, text=said(read.due, today=today, zone=zone), more=more)
    for reminder in read.reminders:
        by_distance = reminder.minutes_before is not None
        told = words.before(reminder.minutes_before or 0) if by_distance else ""
        yield Meaning(icon="alarm", text=told or said(reminder.at or now, today=today, zone=zone))
    if any(token.kind is TokenKind.PRIORITY for token in read.tokens):
        yield Meaning(icon=f"priority {read.priority}", text=read.priority.capitalize())
