"""The chat: a sentence becomes one act on one's own tasks, through the same services as everything else."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ValidationError

from taskora import clock
from taskora.domain import chat, chat_words, due, recurrence_words
from taskora.domain.chat import Ask, Choose, Complete, Create, Delete, Help, Intent, NeverMind, Reopen, Reschedule, Show
from taskora.domain.chat_tools import Reading as Understood
from taskora.domain.due import Due
from taskora.domain.events import NewEvent, Topic
from taskora.domain.lists import Filter, Order, SortKey
from taskora.domain.people import User
from taskora.domain.problems import NotFound, Problem
from taskora.domain.search import parse as parse_search
from taskora.domain.tasks import Draft, Patch, Status, Task
from taskora.services import tasks
from taskora.store import conversations as stored
from taskora.store import lists, outbox
from taskora.store.database import Reading, Row, Writing
from taskora.store.tasks import find_all, titles

# Among so many tasks the one that is meant is looked for.
LOOKED_AT = 1000
OPEN = (Status.TODO, Status.IN_PROGRESS)
SHOWN_MOST = 200
LISTED_MOST = 30
# What a model is shown of a conversation, and how much it may say itself.
REMEMBERED = 12
SAID_MOST = 2000

Act = Literal["complete", "reopen", "delete", "move"]


class Wanted(BaseModel):
    """What is to be done as soon as it is clear with which task."""

    act: Act
    due_at: datetime | None = None
    due_date: date | None = None
    by: timedelta | None = None


class Context(BaseModel):
    """What is being talked about: the tasks last named, and what waits for a choice among them."""

    tasks: list[UUID] = []
    wanted: Wanted | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer; `tasks` are those it is about, in the order it names them."""

    text: str
    intent: str
    tasks: Sequence[Task] = ()
    wanted: Wanted | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    conversation_id: UUID
    no: int
    reply: Reply
    at: datetime = field(default_factory=clock.now)


async def talk(
    uow: Writing,
    user: User,
    *,
    message: str,
    conversation_id: UUID | None,
    read: Understood | None = None,
    alone: bool = False,
) -> Answered:
    """Do what `message` asks for and say so; both are kept and told. Raises `NotFound` for no such conversation.

    `read`: what a model made of it, else the built-in grammar reads. `alone`: a model should have, and is away.
    """
    now = clock.now()
    no, context = 0, Context()
    if conversation_id is None:
        conversation_id = clock.new_id()
        await stored.begin(uow, conversation_id, user_id=user.id, now=now)
    else:
        last = await stored.last(uow, conversation_id, user_id=user.id)
        if last is None:
            raise NotFound("There is no such conversation.")
        no, context = last["no"], Context.model_validate(last["data"] or {})
    if read is None:
        intent = chat.understand(message, now=now, zone=user.zone, week_start=user.preferences.week_start)
        reply = await _safely(uow, user, intent, context, now=now)
        if alone and isinstance(intent, Ask):
            reply = replace(reply, text=f"{reply.text} {chat_words.ALONE}")
    else:
        replies = [await _safely(uow, user, intent, context, now=now) for intent in read.intents]
        reply = _together(replies) or Reply(text=read.text[:SAID_MOST], intent="said")
    kept = Context(tasks=[task.id for task in reply.tasks], wanted=reply.wanted).model_dump(mode="json")
    messages: list[tuple[int, str, str, dict[str, Any]]] = [
        (no + 1, "user", message, {}),
        (no + 2, "assistant", reply.text, kept),
    ]
    for number, role, text, data in messages:
        await stored.say(uow, conversation_id, no=number, role=role, text=text, data=data, now=now)
        await _tell(uow, user, conversation_id, no=number, role=role, text=text, intent=reply.intent, now=now)
    return Answered(conversation_id, no + 2, reply, now)


async def listed(uow: Reading, user: User) -> list[Row]:
    """The latest conversations, the last one first."""
    return await stored.listed(uow, user.id, limit=LISTED_MOST)


async def before(uow: Reading, user: User, *, conversation_id: UUID | None) -> tuple[list[tuple[str, str]], bool]:
    """The last of what was said, as (role, text), the first first, and whether a choice is waited for."""
    if conversation_id is None:
        return [], False
    last = await stored.last(uow, conversation_id, user_id=user.id)
    if last is None:
        raise NotFound("There is no such conversation.")
    rows = await stored.said(uow, conversation_id, user_id=user.id, limit=REMEMBERED)
    waits = Context.model_validate(last["data"] or {}).wanted is not None
    return [(row["role"], row["text"]) for row in reversed(rows)], waits


async def said(uow: Reading, user: User, *, conversation_id: UUID) -> list[Row]:
    """What was said, the first first: the last `SHOWN_MOST` of it. Raises `NotFound`."""
    rows = await stored.said(uow, conversation_id, user_id=user.id, limit=SHOWN_MOST)
    if not rows:
        raise NotFound("There is no such conversation.")
    return rows[::-1]


async def _safely(uow: Writing, user: User, intent: Intent, context: Context, *, now: datetime) -> Reply:
    try:
        return await _answer(uow, user, intent, context, now=now)
    except Problem as problem:  # a service refused before it changed anything
        return Reply(text=problem.detail, intent="refused")


def _together(replies: Sequence[Reply]) -> Reply | None:
    """One answer of several; what is numbered in one of them can't be chosen by its number any more."""
    if len(replies) < 2:
        return replies[0] if replies else None
    return Reply(text="\n".join(reply.text for reply in replies), intent=replies[0].intent)


async def _answer(uow: Writing, user: User, intent: Intent, context: Context, *, now: datetime) -> Reply:
    match intent:
        case Create():
            return await _create(uow, user, intent, now=now)
        case Show():
            return await _show(uow, user, intent, now=now)
        case Complete(which):
            return await _find_and_do(uow, user, which, Wanted(act="complete"), context, now=now)
        case Reopen(which):
            return await _find_and_do(uow, user, which, Wanted(act="reopen"), context, now=now)
        case Delete(which):
            return await _find_and_do(uow, user, which, Wanted(act="delete"), context, now=now)
        case Reschedule(which):
            return await _find_and_do(
                uow,
                user,
                which,
                Wanted.model_validate({"act": "move", **due.due_fields(intent.due), "by": intent.by}),
                context,
                now=now,
            )
        case Choose(number):
            return await _choose(uow, user, number, context, now=now)
        case NeverMind():
            return Reply(text=chat_words.NEVER_MIND, intent="never_mind")
        case Help():
            return Reply(text=chat_words.HELP, intent="help")
        case Ask(question):
            return Reply(text=question, intent="ask")


async def _create(uow: Writing, user: User, intent: Create, *, now: datetime) -> Reply:
    task = await tasks.create(uow, user, draft=Draft.model_validate(intent.line.draft()))
    start = due.due_day(task.due, zone=user.zone) if task.due else None
    repeats = recurrence_words.describe(task.recurrence, start=start) if task.recurrence else ""
    text = chat_words.created(task.title, task.due, repeats=repeats, today=_today(user, now), zone=user.zone)
    return Reply(text=text, intent="create", tasks=[task])


async def _show(uow: Reading, user: User, intent: Show, *, now: datetime) -> Reply:
    done = intent.status == (Status.DONE,)
    found = await _listed(
        uow,
        user,
        Filter(
            status=intent.status,
            priority=[intent.priority] if intent.priority else [],
            tags=[intent.tag] if intent.tag else [],
            due=None if done else intent.span,
            search=parse_search(intent.text) if intent.text else None,
            sort=[Order(SortKey.COMPLETED_AT, True) if done else Order(SortKey.DUE_AT, False)],
            limit=LOOKED_AT,
        ),
    )
    if done and intent.span is not None:
        found = [task for task in found if intent.span.holds(task.completed_at)]
    named = found[: chat_words.LISTED_MOST]
    said = await _said(uow, user, found)
    text = chat_words.listed(intent, said, more=len(found) > len(named), today=_today(user, now), zone=user.zone)
    return Reply(text=text, intent="show", tasks=[] if intent.counting else named)


async def _find_and_do(
    uow: Writing, user: User, which: chat.Which, wanted: Wanted, context: Context, *, now: datetime
) -> Reply:
    if which.it:
        if len(context.tasks) == 1:
            return await _do(uow, user, context.tasks[0], wanted, now=now)
        return Reply(text=chat_words.not_found(""), intent=wanted.act)
    status = {"complete": OPEN, "move": OPEN, "reopen": (Status.DONE,)}.get(wanted.act, ())
    among = await _listed(uow, user, Filter(status=status, limit=LOOKED_AT))
    found = [among[at] for at in chat.pick(which.words, [task.title for task in among])][: chat_words.LISTED_MOST]
    if len(found) == 1:
        return await _do(uow, user, found[0].id, wanted, now=now)
    if not found:
        return Reply(text=chat_words.not_found(which.words), intent=wanted.act)
    text = chat_words.which_of(await _said(uow, user, found), today=_today(user, now), zone=user.zone)
    return Reply(text=text, intent=wanted.act, tasks=found, wanted=wanted)


async def _choose(uow: Writing, user: User, number: int, context: Context, *, now: datetime) -> Reply:
    at = number - 1 if number > 0 else len(context.tasks) - 1
    if not 0 <= at < len(context.tasks):
        return Reply(text=chat_words.not_found(""), intent="choose")
    if context.wanted is not None:
        return await _do(uow, user, context.tasks[at], context.wanted, now=now)
    task = await tasks.get(uow, user, task_id=context.tasks[at])
    said = await _said(uow, user, [task])
    text = chat_words.which_of(said, today=_today(user, now), zone=user.zone).partition("\n")[2]
    return Reply(text=text, intent="choose", tasks=[task])


async def _do(uow: Writing, user: User, task_id: UUID, wanted: Wanted, *, now: datetime) -> Reply:
    match wanted.act:
        case "complete":
            task = await tasks.complete(uow, user, task_id=task_id, if_match=None)
            text = chat_words.completed(task.title, comes_again=task.recurrence is not None)
        case "reopen":
            task = await tasks.reopen(uow, user, task_id=task_id, if_match=None)
            text = chat_words.reopened(task.title)
        case "delete":
            task = await tasks.delete(uow, user, task_id=task_id, if_match=None)
            text = chat_words.deleted(task.title)
        case "move":
            return await _move(uow, user, task_id, wanted, now=now)
    return Reply(text=text, intent=wanted.act, tasks=[task])


async def _move(uow: Writing, user: User, task_id: UUID, wanted: Wanted, *, now: datetime) -> Reply:
    task = await tasks.get(uow, user, task_id=task_id)
    to = due.due_of(wanted.due_at, wanted.due_date)
    try:
        if to is None and task.due is not None and wanted.by is not None:
            to = _later(task.due, wanted.by, user)
        if to is None:
            return Reply(text=chat_words.no_date_to_move(task.title), intent="move", tasks=[task])
        patch = Patch.model_validate({name: value for name, value in due.due_fields(to).items() if value is not None})
    except (OverflowError, ValidationError):
        return Reply(text="That is too far away; tell me a nearer date.", intent="move", tasks=[task])
    task = await tasks.update(uow, user, task_id=task_id, patch=patch, if_match=None)
    text = chat_words.moved(task.title, to, today=_today(user, now), zone=user.zone)
    return Reply(text=text, intent="move", tasks=[task])


def _later(at: Due, by: timedelta, user: User) -> Due:
    """By whole days a day stays a day; by less it becomes a time of it."""
    if isinstance(at, datetime) or by % timedelta(days=1):
        return due.due_moment(at, at=user.preferences.all_day_at, zone=user.zone) + by
    return at + by


async def _listed(uow: Reading, user: User, wanted: Filter) -> list[Task]:
    page = await lists.listed(uow, lists.of_user(user.id), wanted=wanted)
    ids = [item["id"] for item in page.items] if page else []
    found = await find_all(uow, ids, user_id=user.id)
    return [found[task_id] for task_id in ids if task_id in found]


async def _said(uow: Reading, user: User, found: Sequence[Task]) -> list[tuple[str, Due | None]]:
    """What each is called, with what it is a part of, and when it is due."""
    parents = await titles(uow, {task.parent_id for task in found if task.parent_id}, user_id=user.id)
    above = [parents.get(task.parent_id) if task.parent_id else None for task in found]
    return [
        (f"{task.title} (part of {parent})" if parent else task.title, task.due)
        for task, parent in zip(found, above, strict=True)
    ]


def _today(user: User, now: datetime) -> date:
    return now.astimezone(user.zone).date()


async def _tell(
    uow: Writing, user: User, conversation_id: UUID, *, no: int, role: str, text: str, intent: str, now: datetime
) -> None:
    data: dict[str, Any] = {
        "conversation_id": conversation_id,
        "no": no,
        "role": role,
        "text": text,
        "intent": intent,
        "training": user.training_consent_at is not None,
    }
    await outbox.add(
        uow,
        NewEvent(
            id=clock.new_id(),
            topic=Topic.CHAT,
            verb="said",
            subject=f"conversation/{conversation_id}",
            user_id=user.id,
            time=now,
            data=data,
        ),
    )
