"""What somebody asks the chat for, in plain English about their own tasks: no model, no guessing.

`understand` gives one intent; where the words leave something open, the intent is `Ask`, a question back. Which task is
meant the caller finds with `pick`, and of several the user chooses by number. chat_words.py says what to answer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from zoneinfo import ZoneInfo

from taskora.domain import quick_add
from taskora.domain.dates import MONTHS, ONE_DAY, Weekday, add_months, next_weekday
from taskora.domain.due import Due, DueWindow, Span, days, window
from taskora.domain.phrases import Found, Present, Word, date_at, minutes_at, month_at, words_of
from taskora.domain.quick_add import QuickAdd
from taskora.domain.tasks import Priority, Status
from taskora.domain.wording import said

MESSAGE_MOST = 2000


@dataclass(frozen=True, slots=True)
class Which:
    """The task that is meant: by words of its title, or as the one just spoken of (`it`)."""

    words: str
    it: bool = False


@dataclass(frozen=True, slots=True)
class Create:
    line: QuickAdd


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """A question about tasks; `label` says it back ("due this week"). `span` is of the due date, or, of tasks that are
    done, of the time they were completed. `counting`: how many, not which."""

    label: str
    span: Span | None = None
    status: tuple[Status, ...] = (Status.TODO, Status.IN_PROGRESS)
    priority: Priority | None = None
    tag: str | None = None
    text: str = ""
    counting: bool = False


@dataclass(frozen=True, slots=True)
class Complete:
    which: Which


@dataclass(frozen=True, slots=True)
class Reopen:
    which: Which


@dataclass(frozen=True, slots=True)
class Delete:
    which: Which


@dataclass(frozen=True, slots=True)
class Reschedule:
    """To a new due date, or `by` so much from the one it has."""

    which: Which
    due: Due | None = None
    by: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Choose:
    """One of those just listed: from 1, or -1 for the last."""

    number: int


@dataclass(frozen=True, slots=True)
class NeverMind:
    pass


@dataclass(frozen=True, slots=True)
class Help:
    pass


@dataclass(frozen=True, slots=True)
class Ask:
    """The question back."""

    question: str


Intent = Create | Show | Complete | Reopen | Delete | Reschedule | Choose | NeverMind | Help | Ask

POLITE = re.compile(
    r"(?:(?:hey|hi|hello|ok|okay|now|please|taskora|(?:can|could|would|will) you|i want you to|let's)\b[\s,!]*)+"
)
HELP = re.compile(r"(?:help(?: me)?|what can (?:you|i) (?:do|say|ask)(?: here)?|how does (?:this|it) work)?")
NEVER_MIND = re.compile(r"no|nope|cancel|never ?mind|stop|forget it|none(?: of (?:them|these))?")
CHOICE = re.compile(r"(?:number |no\.? |#)?([0-9]{1,2})|(?:the )?(first|second|third|fourth|fifth|last)(?: one)?")
WORDS = re.compile(r"\w+")
CHOICES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}
CREATE = re.compile(
    r"(?:(?:add|create|make|new)(?: an?| the| another)?(?: new)? (?:task|to-?do|reminder|item)(?: to| for| called|:)?"
    r"|add|i (?:need|have|must|ought)(?: to)?|(?:don't let me forget|do not let me forget|remember)(?: to)?"
    r"|(?:task|to-?do):)(?:\s+|$)"
)
SHOW = re.compile(
    r"(?:what(?:'s| is| are| did| do| have)?|which|show(?: me)?|list|find|search(?: for)?|look for|how many|how much"
    r"|is there anything|are there any|anything|do i have|tell me|give me|where is|when is)\b\s*"
)
COMPLETE, REOPEN, DELETE, MOVE = "complete", "reopen", "delete", "move"
ACTS = (
    (REOPEN, r"(?:mark|set) (?P<which>.+?) (?:as )?(?:not done|undone|open|incomplete)"),
    (COMPLETE, r"(?:mark|set|tick|check) (?P<which>.+?) (?:as )?(?:done|completed?|finished|off)"),
    (COMPLETE, r"(?:complete|finish|check off|tick off)(?: (?P<which>.+))?"),
    (COMPLETE, r"(?:i(?:'ve| have)? )?(?:just )?(?:completed|finished|did|done(?: with)?)(?: (?P<which>.+))?"),
    (COMPLETE, r"(?P<which>.+?) (?:is|are) (?:now )?(?:done|finished|completed?)"),
    (REOPEN, r"(?:reopen|uncomplete|undo)(?: (?P<which>.+))?"),
    (DELETE, r"(?:delete|remove|trash|throw away|get rid of)(?: (?P<which>.+))?"),
    (MOVE, r"(?:change|set|move) (?:the )?(?:due date|date|time|deadline) (?:of|for) (?P<which>.+)"),
    (MOVE, r"(?:move|reschedule|postpone|push(?: back)?|delay|defer|shift|snooze)(?: (?P<which>.+))?"),
)
AROUND = re.compile(r"^(?:(?:the|my|task|to-?do|called|named|titled)\s+)+|\s+(?:task|to-?do)$", re.IGNORECASE)
TO = re.compile(r"(?:^|\s+)(?:to|until|till|for|on|by|at|due)$", re.IGNORECASE)
PRONOUNS = frozenset({"it", "that", "this", "that one", "this one"})
EVERYTHING = frozenset({"all", "everything", "all tasks", "all of them", "all my tasks", "them all"})
FILLING = frozenset(
    """a an and any anything are be been called did do does due for have i in is it left me mine my need of on open
    priority task tasks that the there thing things to todo todos to-do to-dos was were with must about tagged all by
    should still left scheduled at we ? i've""".split()  # noqa: SIM905
)
DONE = frozenset({"done", "completed", "complete", "finished", "finish"})


def understand(message: str, *, now: datetime, zone: ZoneInfo, week_start: Weekday = Weekday.MON) -> Intent:
    """What `message` asks for. Never raises."""
    present = Present(now, zone, week_start)
    if len(message) > MESSAGE_MOST:
        return Ask(f"That is more than I can read at once ({MESSAGE_MOST} characters). Can you say it shorter?")
    text = " ".join(message.split())
    if len(text.lower()) != len(text):
        # Letters that become two in lower case ("İ") stand in no command, and the places would not agree.
        return _lost()
    text = text[_polite(text) :].rstrip(" .!?")
    text = re.sub(r",? please$", "", text, flags=re.IGNORECASE)
    said_low = text.lower().replace("’", "'")
    if HELP.fullmatch(said_low):
        return Help()
    if NEVER_MIND.fullmatch(said_low):
        return NeverMind()
    if choice := CHOICE.fullmatch(said_low):
        return Choose(int(choice[1]) if choice[1] else CHOICES[choice[2]])
    if said_low.startswith("remind me"):
        return _create(text, present)
    if begun := CREATE.match(said_low):
        return _create(text[begun.end() :], present)
    if asked := SHOW.match(said_low):
        return _show(text[asked.end() :], present, counting=said_low.startswith("how m"))
    for act, pattern in ACTS:
        if found := re.fullmatch(pattern, said_low):
            start, end = found.span("which")
            return _act(act, text[start:end] if start >= 0 else "", present)
    shown = _show(text, present, counting=False)
    return shown if isinstance(shown, Show) and not shown.text else _lost()


def pick(words: str, titles: Sequence[str]) -> list[int]:
    """Which of the titles are meant, as their indexes: the one that is exactly so, else all that hold the words (the
    beginning of a word will do), else what looks alike."""
    wanted = words.casefold()
    folded = [" ".join(title.split()).casefold() for title in titles]
    exact = [at for at, title in enumerate(folded) if title == wanted]
    if exact or not wanted:
        return exact
    starts = WORDS.findall(wanted)
    holding = [
        at
        for at, title in enumerate(folded)
        if starts and all(any(word.startswith(start) for word in WORDS.findall(title)) for start in starts)
    ]
    return holding or [
        at for at, title in enumerate(folded) if title in get_close_matches(wanted, folded, n=5, cutoff=0.75)
    ]


def _create(text: str, present: Present) -> Intent:
    line = quick_add.parse(text, now=present.now, zone=present.zone, week_start=present.week_start)
    return Ask(" ".join(line.faults)) if line.faults else Create(line)


def _act(act: str, text: str, present: Present) -> Intent:
    if act == MOVE:
        return _reschedule(text, present)
    which = _which(text)
    if which is None:
        return Ask(_WHICH[act])
    if which.words.casefold() in EVERYTHING:
        return Ask("I do that one task at a time; in a list you can select several at once. Which one do you mean?")
    return {COMPLETE: Complete, REOPEN: Reopen, DELETE: Delete}[act](which)


def _which(text: str) -> Which | None:
    words = AROUND.sub("", text.strip()).strip("\"“”' ")
    if text.strip().lower() in PRONOUNS:
        return Which("", it=True)
    return Which(words) if words else None


def _reschedule(text: str, present: Present) -> Intent:
    words = words_of(text)
    for at in range(1, len(words)):
        found = minutes_at(words, at)
        if found and found.end == len(words) and words[at - 1].key != "in":
            which = _which(TO.sub("", text[: words[at - 1].end]))
            return Reschedule(which, by=timedelta(minutes=found.value)) if which else Ask(_WHICH[MOVE])
    line = quick_add.parse(text, now=present.now, zone=present.zone, week_start=present.week_start)
    which = _which(TO.sub("", line.title))
    if line.recurrence is not None:
        return Ask("How a task repeats is changed on the task itself. To which day shall I move this one?")
    if which is None:
        return Ask(_WHICH[MOVE])
    if line.due is None:
        return Ask(f"To when shall I move “{which.words or 'it'}”? Say “move {which.words or 'it'} to Friday 17:00”.")
    return Reschedule(which, due=line.due)


def _show(text: str, present: Present, *, counting: bool) -> Intent:
    """The words of a question, each for what it narrows; what is left is looked for."""
    words = words_of(text)
    labels: list[str] = []
    rest: list[str] = []
    span: Span | None = None
    status, priority, tag = (Status.TODO, Status.IN_PROGRESS), None, None
    past = any(word.key in DONE for word in words)
    at = 0
    while at < len(words):
        key = words[at].key
        if found := _window(words, at, present, past=past):
            (span, label), at = found.value, found.end
            labels.append(label)
            continue
        if key in DONE:
            status = (Status.DONE,)
        elif key == "progress" and at and words[at - 1].key == "in":
            status = (Status.IN_PROGRESS,)
        elif key in set(Priority) and (key == "urgent" or not rest):
            priority = Priority(key)
        elif key.startswith("#") and len(key) > 1:
            tag = words[at].text.strip("#,;.?")
        elif key not in FILLING:
            rest.append(words[at].text.strip('"“”,;'))
        at += 1
    searched = " ".join(word for word in rest if word)
    if not (labels or searched or tag or priority or words):
        return Ask("Which tasks do you mean: those due today, this week, overdue, or all that are open?")
    if status == (Status.DONE,):
        labels = ["completed", *[label.removeprefix("due ") for label in labels]]
    elif status == (Status.IN_PROGRESS,):
        labels.insert(0, "in progress")
    labels += [f"of priority {priority.value}"] if priority else []
    labels += [f"tagged {tag}"] if tag else []
    labels += [f"with “{searched}”"] if searched else []
    return Show(
        label=" ".join(labels) or "open", span=span, status=status, priority=priority, tag=tag, text=searched,
        counting=counting,
    )  # fmt: skip


def _window(words: Sequence[Word], at: int, present: Present, *, past: bool) -> Found[tuple[Span, str]] | None:
    """A stretch of the calendar, and how it is said."""
    keys = [word.key for word in words[at : at + 5]]
    today = present.today

    def spanned(kind: DueWindow) -> Span:
        return window(kind, now=present.now, zone=present.zone, week_start=present.week_start)

    def month(first: date) -> Span:
        return days(first, add_months(first, 1) - ONE_DAY, zone=present.zone)

    if keys[0] in ("overdue", "late"):
        return Found((spanned(DueWindow.OVERDUE), "overdue"), at + 1)
    if keys[0] in ("undated", "unscheduled"):
        return Found((spanned(DueWindow.NONE), "without a due date"), at + 1)
    if keys[0] in ("without", "no"):
        length = next((n for n in (2, 3, 4) if keys[n - 1 : n] == ["date"]), 0)
        return Found((spanned(DueWindow.NONE), "without a due date"), at + length) if length else None
    if keys[:2] == ["this", "week"]:
        return Found((spanned(DueWindow.WEEK), "due this week"), at + 2)
    if keys[:2] == ["next", "week"]:
        first = next_weekday(today + ONE_DAY, present.week_start)
        return Found((days(first, first + 6 * ONE_DAY, zone=present.zone), "due next week"), at + 2)
    if keys[:2] in (["this", "month"], ["next", "month"]):
        first = today.replace(day=1) if keys[0] == "this" else add_months(today.replace(day=1), 1)
        return Found((month(first), f"due {keys[0]} month"), at + 2)
    if named := month_at(words, at, today=today, past=past):
        year = f" {named.value.year}" if named.value.year != today.year else ""
        return Found((month(named.value), f"due in {MONTHS[named.value.month - 1]}{year}"), named.end)
    if keys[0] == "yesterday":
        return Found((days(today - ONE_DAY, today - ONE_DAY, zone=present.zone), "due yesterday"), at + 1)
    found = date_at(words, at, present=present)
    if found is None or found.weak:
        return None
    near = {today: "due today", today + ONE_DAY: "due tomorrow"}
    label = near.get(found.value) or f"due on {said(found.value, today=today, zone=present.zone)}"
    return Found((days(found.value, found.value, zone=present.zone), label), found.end)


def _lost() -> Ask:
    return Ask("I did not understand that. Say “add …” to make a task of it, or “help” for what I can do.")


def _polite(text: str) -> int:
    """Where what is asked begins."""
    found = POLITE.match(text.lower().replace("’", "'"))
    return found.end() if found else 0


_WHICH = {
    COMPLETE: "Which task is done?",
    REOPEN: "Which task shall I open again?",
    DELETE: "Which task shall I put into the trash?",
    MOVE: "Which task shall I move, and to when?",
}
