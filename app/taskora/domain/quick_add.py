"""A task from one line: `Pay rent every 31st 9am !urgent #home remind 1d`.

What is understood is marked with its place and its meaning, so that it can be shown while somebody types; the rest is
the title. Of two that say the same kind of thing the later one counts, and the earlier one stays in the title. A
backslash before a word keeps it as text, and so do quotation marks around some.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from taskora.domain.dates import ONE_DAY, Weekday, moment
from taskora.domain.due import Due, due_day, due_fields
from taskora.domain.phrases import (
    WEEKDAYS,
    Found,
    Present,
    Word,
    date_at,
    instant_at,
    minutes_at,
    part_of_day_at,
    time_at,
    weak_date_at,
    words_of,
)
from taskora.domain.problems import Invalid
from taskora.domain.recurrence import Recurrence, first_due, settled
from taskora.domain.recurrence_words import describe
from taskora.domain.reminders import ALL_DAY_AT, BEFORE_MOST, REMINDERS_MOST, ReminderAsked
from taskora.domain.repeat_phrases import Ending, Repeats, ending_at, recurrence_at
from taskora.domain.tasks import TAGS_MOST, Priority
from taskora.domain.text import TagName, Title
from taskora.domain.wording import at, before, said

TEXT_MOST = 2000
PRIORITIES = {
    **{f"!{priority.value}": priority for priority in Priority},
    "!med": Priority.MEDIUM,
    "!1": Priority.URGENT,
    "!2": Priority.HIGH,
    "!3": Priority.MEDIUM,
    "!4": Priority.LOW,
}
TAG: TypeAdapter[str] = TypeAdapter(TagName)
TITLE: TypeAdapter[str] = TypeAdapter(Title)


class TokenKind(StrEnum):
    DATE = "date"
    TIME = "time"
    RECURRENCE = "recurrence"
    ENDING = "ending"
    PRIORITY = "priority"
    TAG = "tag"
    REMINDER = "reminder"


ONCE = (TokenKind.DATE, TokenKind.TIME, TokenKind.RECURRENCE, TokenKind.ENDING, TokenKind.PRIORITY)


@dataclass(frozen=True, slots=True)
class Token:
    """`text[start:end]` was understood; `meaning` says as what, in words."""

    start: int
    end: int
    kind: TokenKind
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickAdd:
    """What a line means. `faults`: why no task can be made of it, as sentences."""

    title: str
    due: Due | None = None
    priority: Priority = Priority.MEDIUM
    tags: tuple[str, ...] = ()
    recurrence: Recurrence | None = None
    reminders: tuple[ReminderAsked, ...] = ()
    tokens: tuple[Token, ...] = ()
    faults: tuple[str, ...] = ()

    def draft(self) -> dict[str, Any]:
        """The fields of the new task; raises `Invalid` with the faults."""
        if self.faults:
            raise Invalid(self.faults[0], errors=[{"field": "text", "message": fault} for fault in self.faults])
        return {
            "title": self.title,
            **due_fields(self.due),
            "priority": self.priority,
            "tags": list(self.tags),
            "recurrence": self.recurrence,
            "reminders": list(self.reminders),
        }


@dataclass(frozen=True, slots=True)
class _When:
    """When a reminder fires: so many minutes before, at an instant, or on a day, at a time, or both."""

    minutes: int | None = None
    instant: datetime | None = None
    day: date | None = None
    at: time | None = None


@dataclass(frozen=True, slots=True)
class _Piece:
    """Words that were understood: `words[start:end]`."""

    kind: TokenKind
    start: int
    end: int
    value: Any


def parse(text: str, *, now: datetime, zone: ZoneInfo, week_start: Weekday = Weekday.MON) -> QuickAdd:
    """What `text` means when it is typed at `now` before a clock of `zone`. Never raises."""
    if len(text) > TEXT_MOST:
        fault = f"This is {len(text)} characters long; a task is added from at most {TEXT_MOST}."
        return QuickAdd(title="", faults=(fault,))
    words, present = words_of(text), Present(now, zone, week_start)
    pieces = _understood(words, present, repeats=True)
    if not any(piece.kind is TokenKind.RECURRENCE for piece in pieces):
        pieces = _understood(words, present, repeats=False)
    return _quick_add(words, pieces, present)


def repetition(
    text: str, *, now: datetime, zone: ZoneInfo, week_start: Weekday = Weekday.MON
) -> tuple[Recurrence, Due | None] | None:
    """The repetition that words on their own tell, and where it begins; None when they tell none."""
    said = parse(f"\\x {text}", now=now, zone=zone, week_start=week_start)
    return None if said.recurrence is None else (said.recurrence, said.due)


def dated(text: str, *, now: datetime, zone: ZoneInfo, week_start: Weekday = Weekday.MON) -> Due | None:
    """The due date that words on their own tell ("next thu 9:30", "Mon 30 Nov"); None when they say anything else."""
    read = parse(f"\\x {text}", now=now, zone=zone, week_start=week_start)
    rest = {word.strip(",.").casefold() for word in read.title.split()[1:]}
    other = any(token.kind not in (TokenKind.DATE, TokenKind.TIME) for token in read.tokens)
    return None if other or rest - WEEKDAYS.keys() - {"on", "at", "by", "due"} else read.due


def reminding(text: str, *, now: datetime, zone: ZoneInfo, week_start: Weekday = Weekday.MON) -> ReminderAsked | None:
    """The reminder that words on their own tell ("1 day before", "tomorrow 9am"); None when they tell none."""
    words, present = words_of(f"remind {text}"), Present(now, zone, week_start)
    found = _reminder_at(words, 0, present=present)
    if found is None or found.end < len(words):
        return None
    return _reminder(found.value, None, present)


def escaped(title: str) -> str:
    """A line that gives exactly this title and nothing else, whatever its words mean."""
    return " ".join(f"\\{word}" for word in title.split())


def utf16(text: str, at: int) -> int:
    """A place in `text` as browsers count: characters beyond the basic plane are two."""
    return at + sum(character > "\uffff" for character in text[:at])


# Finding


def _understood(words: Sequence[Word], present: Present, *, repeats: bool) -> list[_Piece]:
    """What counts, in order. Only what `repeats` ends: else "until Friday" is a day like "by Friday"."""
    pieces = _that_count(list(_pieces(words, present, without=None if repeats else TokenKind.ENDING)))
    return sorted([*pieces, *_at_the_end(words, pieces, present)], key=lambda piece: piece.start)


def _pieces(words: Sequence[Word], present: Present, *, without: TokenKind | None) -> Iterator[_Piece]:
    """Everything that is understood wherever it stands, from left to right."""
    at, after_day = 0, False
    while at < len(words):
        piece = _piece_at(words, at, present, after_day=after_day, without=without)
        after_day = piece is not None and piece.kind in (TokenKind.DATE, TokenKind.RECURRENCE)
        at = piece.end if piece else at + 1
        if piece:
            yield piece


def _piece_at(
    words: Sequence[Word], at: int, present: Present, *, after_day: bool, without: TokenKind | None
) -> _Piece | None:
    finders: list[tuple[TokenKind, Callable[[Sequence[Word], int], Found[Any] | None]]] = [
        (TokenKind.REMINDER, partial(_reminder_at, present=present)),
        (TokenKind.RECURRENCE, partial(recurrence_at, present=present)),
        (TokenKind.ENDING, partial(ending_at, present=present)),
        (TokenKind.DATE, partial(instant_at, present=present)),
        (TokenKind.DATE, partial(date_at, present=present)),
        (TokenKind.TIME, time_at),
        (TokenKind.PRIORITY, _priority_at),
        (TokenKind.TAG, _tag_at),
    ]
    if after_day:
        finders.append((TokenKind.TIME, part_of_day_at))
    for kind, find in finders:
        found = find(words, at) if kind is not without else None
        if found is not None and not found.weak:
            return _Piece(kind, at, found.end, found.value)
    return None


def _priority_at(words: Sequence[Word], at: int) -> Found[Priority] | None:
    priority = PRIORITIES.get(words[at].key)
    return Found(priority, at + 1) if priority else None


def _tag_at(words: Sequence[Word], at: int) -> Found[str] | None:
    """A word after "#"; "#123" is somebody's number."""
    name = words[at].text.rstrip(",;.?")
    if not words[at].key.startswith("#") or name[1:].isdecimal():
        return None
    try:
        return Found(TAG.validate_python(name), at + 1)
    except ValidationError:
        return None


def _reminder_at(words: Sequence[Word], at: int, *, present: Present) -> Found[_When] | None:
    """ "remind 1d", "remind me 2 hours before", "remind tomorrow 9am"; a line may begin with "remind me to"."""
    if words[at].key != "remind":
        return None
    keys = [word.key for word in words[at + 1 : at + 3]]
    start = at + 1 + (keys[:1] == ["me"])
    if at == 0 and keys == ["me", "to"]:
        return Found(_When(minutes=0), at + 3)
    if start == len(words):
        return Found(_When(minutes=0), start, weak=True)
    if instant := instant_at(words, start, present=present):
        return Found(_When(instant=instant.value), instant.end)
    if (minutes := minutes_at(words, start)) and minutes.value <= BEFORE_MOST:
        before = minutes.end < len(words) and words[minutes.end].key in ("before", "earlier", "ahead")
        return Found(_When(minutes=minutes.value), minutes.end + before)
    day = date_at(words, start, present=present)
    after = day.end if day else start
    clock = time_at(words, after) or (part_of_day_at(words, after) if day else None)
    if day is None and clock is None:
        return None
    return Found(
        _When(day=day.value if day else None, at=clock.value if clock else None), clock.end if clock else after
    )


def _that_count(pieces: list[_Piece]) -> list[_Piece]:
    """Of each kind that a task has once the last, of the others as many as it can have."""
    last = {piece.kind: piece for piece in pieces}
    when = last.get(TokenKind.DATE)
    timed = when is not None and isinstance(when.value, datetime)
    kept: list[_Piece] = []
    for piece in pieces:
        most = TAGS_MOST if piece.kind is TokenKind.TAG else REMINDERS_MOST
        if piece.kind in ONCE:
            # "in 20 minutes" is day and time already.
            wanted = piece is last[piece.kind] and not (timed and piece.kind is TokenKind.TIME)
        else:
            wanted = sum(other.kind is piece.kind for other in kept) < most
        if wanted:
            kept.append(piece)
    return kept


def _at_the_end(words: Sequence[Word], pieces: Sequence[_Piece], present: Present) -> Iterator[_Piece]:
    """What counts only where nothing but understood words follows: "Backup weekly", "Buy milk sat", "Pay rent 31st"."""
    ends = {piece.end: piece.start for piece in pieces}
    taken = {piece.kind for piece in pieces}
    title_left = len(words) - sum(piece.end - piece.start for piece in pieces)
    finders: list[tuple[TokenKind, Callable[[Sequence[Word], int], Found[Any] | None]]] = [
        (TokenKind.REMINDER, partial(_reminder_at, present=present)),
        (TokenKind.RECURRENCE, partial(recurrence_at, present=present)),
        (TokenKind.DATE, partial(weak_date_at, present=present)),
    ]
    end = len(words)
    while end > 0:
        if end in ends:
            end = ends[end]
            continue
        piece = next(
            (
                _Piece(kind, start, end, found.value)
                for start in range(max(0, end - 4), end)
                for kind, find in finders
                if kind not in taken and (found := find(words[:end], start)) and found.end == end
            ),
            None,
        )
        if piece is None or title_left <= piece.end - piece.start:
            return
        yield piece
        taken.add(piece.kind)
        title_left -= piece.end - piece.start
        end = piece.start


# Making


def _quick_add(words: Sequence[Word], pieces: Sequence[_Piece], present: Present) -> QuickAdd:
    by_kind = {piece.kind: piece.value for piece in pieces}
    repeats: Repeats | None = by_kind.get(TokenKind.RECURRENCE)
    due = _due(by_kind.get(TokenKind.DATE), by_kind.get(TokenKind.TIME), repeats, present)
    recurrence = _recurrence(repeats, by_kind.get(TokenKind.ENDING), present)
    faults: list[str] = []
    reminders: list[ReminderAsked] = []
    for when in (piece.value for piece in pieces if piece.kind is TokenKind.REMINDER):
        if when.minutes is not None and due is None:
            faults.append("This reminder counts from a due date, and there is none: add a day or a time.")
        else:
            reminders.append(_reminder(when, due, present))
    if recurrence and recurrence.until and due and recurrence.until < due_day(due, zone=present.zone):
        faults.append(
            f"It would end on {said(recurrence.until, today=present.today, zone=present.zone)}, before it begins."
        )
    within = {at for piece in pieces for at in range(piece.start, piece.end)}
    title = " ".join(word.text for at, word in enumerate(words) if at not in within)
    try:
        title = TITLE.validate_python(title)
    except ValidationError as error:
        if title:
            faults.append(error.errors()[0]["msg"].removeprefix("Value error, "))
        elif words:
            faults.append(
                "Say what is to be done: all of these words are dates, tags and the like. "
                "A backslash before a word keeps it as text."
            )
        else:
            faults.append("Say what is to be done.")
    return QuickAdd(
        title=title,
        due=due,
        priority=by_kind.get(TokenKind.PRIORITY, Priority.MEDIUM),
        tags=_once(piece.value for piece in pieces if piece.kind is TokenKind.TAG),
        recurrence=recurrence,
        reminders=tuple(dict.fromkeys(reminders)),
        tokens=tuple(
            Token(words[piece.start].start, words[piece.end - 1].end, piece.kind, _meaning(piece, due, present))
            for piece in pieces
        ),
        faults=tuple(faults),
    )


def _once(tags: Iterable[str]) -> tuple[str, ...]:
    """Each tag in its first spelling."""
    seen: dict[str, str] = {}
    for tag in tags:
        seen.setdefault(tag.casefold(), tag)
    return tuple(seen.values())


def _recurrence(repeats: Repeats | None, ending: Ending | None, present: Present) -> Recurrence | None:
    if repeats is None:
        return None
    ends = {"until": ending.until, "count": ending.count} if ending else {}
    return settled(repeats.recurrence.model_copy(update=ends), time_zone=present.zone.key)


def _due(day: date | None, at: time | None, repeats: Repeats | None, present: Present) -> Due | None:
    if isinstance(day, datetime):
        return day
    if day is None and repeats is not None:
        if repeats.begins is None:
            return first_due(repeats.recurrence, now=present.now, at=at, zone=present.zone)
        day = repeats.begins
    if at is None:
        return day
    return moment(day, at, zone=present.zone) if day else _next_time(at, present)


def _next_time(at: time, present: Present) -> datetime:
    """Today, or tomorrow when that has passed."""
    today = moment(present.today, at, zone=present.zone)
    return today if today >= present.now else moment(present.today + ONE_DAY, at, zone=present.zone)


def _reminder(when: _When, due: Due | None, present: Present) -> ReminderAsked:
    if when.minutes is not None:
        return ReminderAsked(minutes_before=when.minutes)
    return ReminderAsked(at=_instant(when, due, present))


def _instant(when: _When, due: Due | None, present: Present) -> datetime:
    if when.instant is not None:
        return when.instant
    day = when.day or (due_day(due, zone=present.zone) if due else None)
    if day is None:
        return _next_time(when.at or ALL_DAY_AT, present)
    return moment(day, when.at or ALL_DAY_AT, zone=present.zone)


def _meaning(piece: _Piece, due: Due | None, present: Present) -> str:
    match piece.kind:
        case TokenKind.DATE:
            return said(piece.value, today=present.today, zone=present.zone)
        case TokenKind.TIME:
            return at(due.astimezone(present.zone)) if isinstance(due, datetime) else f"{piece.value:%H:%M}"
        case TokenKind.RECURRENCE:
            return describe(piece.value.recurrence, start=due_day(due, zone=present.zone) if due else None)
        case TokenKind.ENDING:
            ending: Ending = piece.value
            return (
                f"{ending.count} times"
                if ending.until is None
                else f"until {said(ending.until, today=present.today, zone=present.zone)}"
            )
        case TokenKind.PRIORITY:
            return f"Priority {piece.value.value}"
        case TokenKind.TAG:
            return f"Tag {piece.value}"
        case TokenKind.REMINDER:
            if piece.value.minutes is not None:
                return f"Reminder {before(piece.value.minutes)}"
            return f"Reminder {said(_instant(piece.value, due, present), today=present.today, zone=present.zone)}"
