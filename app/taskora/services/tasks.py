"""What a user does with tasks. Callers hold the user's row (`signed_in_to_write`): nothing moves underneath.

A change may bring others with it: the next of a series, the subtasks of what goes into the trash, a tag nobody used
before. Each is a change of its own, with its event, in the same transaction.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from taskora import clock, telemetry
from taskora.domain import series, tasks, versions
from taskora.domain.lists import Filter
from taskora.domain.people import User
from taskora.domain.problems import Changed, Conflict, Invalid, NotFound
from taskora.domain.reminders import REMINDERS_MOST, ReminderAsked
from taskora.domain.series import Scope
from taskora.domain.tasks import TAGS_MOST, Change, Draft, Patch, Reminding, Task, Verb
from taskora.services import accounts, recurrence, reminders, tags
from taskora.store import lists, search
from taskora.store import tasks as stored
from taskora.store.database import Reading, Writing
from taskora.store.lists import Page

Act = Callable[[Task, datetime], Change | None]

BULK_MOST = 200


async def create(uow: Writing, user: User, *, draft: Draft, nth: int = 0) -> Task:
    """`nth`: how many changes this transaction has made before; newer tasks stand above older ones."""
    now = clock.now()
    draft = recurrence.prepared(draft, user, now=now)
    if draft.parent_id is not None:
        await _check_parent(uow, user, draft.parent_id, child=None)
    # The seq this change is going to have: subtasks are appended, tasks go on top.
    number = float(user.seq + nth + 1)
    change = tasks.create(
        draft,
        task_id=clock.new_id(),
        user_id=user.id,
        now=now,
        position=number if draft.parent_id else -number,
        reminders=tasks.numbered(draft.reminders, (), ids=[clock.new_id() for _ in draft.reminders]),
    )
    reminders.check(draft.reminders, change.task)
    change = replace(change, task=series.placed(change.task, series_id=clock.new_id()))
    return await save(uow, user, before=None, change=change)


async def get(uow: Reading, user: User, *, task_id: UUID) -> Task:
    """Raises `NotFound`, also for another user's and for one in the trash."""
    task = await stored.find(uow, task_id, user_id=user.id)
    if task is None or task.deleted_at is not None:
        raise NotFound("There is no such task.")
    return task


async def exists(uow: Reading, user: User, *, task_id: UUID) -> None:
    """Raises `NotFound`; one in the trash is there."""
    if await stored.find(uow, task_id, user_id=user.id) is None:
        raise NotFound("There is no such task.")


async def listed(uow: Reading, token: str | None, *, wanted: Filter) -> Page:
    """A page for whoever has this session. A search without an order of its own gives the best first.

    Raises `NotSignedIn`.
    """
    whose = lists.of_session(accounts.token_hash(token or ""))
    if wanted.search and not wanted.sort:
        page = await search.found(uow, whose, wanted=replace(wanted, search=None), search=wanted.search)
    else:
        page = await lists.listed(uow, whose, wanted=wanted)
    if page is None:
        raise accounts.nobody()
    telemetry.bind_user(page.user_id)
    return page


async def families(uow: Reading, page: Page) -> dict[str, Any]:
    """Of the tasks of a page, by id: what those are called that they are parts of, and how far their own parts are."""
    above = {item["parent_id"] for item in page.items} - {None}
    whole = {item["id"] for item in page.items if item["parent_id"] is None}
    return {
        "parents": await stored.titles(uow, above, user_id=page.user_id) if above else {},
        "parts": await stored.parts(uow, whole, user_id=page.user_id) if whole else {},
    }


async def update(
    uow: Writing, user: User, *, task_id: UUID, patch: Patch, if_match: str | None, scope: Scope | None = None
) -> Task:
    task = await _present(uow, user, task_id=task_id, if_match=if_match)
    return await _act(uow, user, task, act=await _patching(uow, user, task, patch=patch, scope=scope))


async def complete(uow: Writing, user: User, *, task_id: UUID, if_match: str | None) -> Task:
    task = await _present(uow, user, task_id=task_id, if_match=if_match)
    return await _act(uow, user, task, act=_complete)


async def reopen(uow: Writing, user: User, *, task_id: UUID, if_match: str | None) -> Task:
    task = await _present(uow, user, task_id=task_id, if_match=if_match)
    return await _act(uow, user, task, act=_reopen)


async def skip(uow: Writing, user: User, *, task_id: UUID, if_match: str | None) -> Task:
    """On to the next date. Raises `Conflict` when there is none."""
    task = await _present(uow, user, task_id=task_id, if_match=if_match)
    change = series.skip(task, user_zone=user.zone, now=clock.now())
    if change is None:
        raise Conflict("There is no further date to skip to: complete or delete the task instead.")
    return await save(uow, user, before=task, change=change)


async def remind(uow: Writing, user: User, *, task_id: UUID, asked: ReminderAsked, if_match: str | None) -> Task:
    """One more reminder; one that the task has already changes nothing."""
    task = await _present(uow, user, task_id=task_id, if_match=if_match)
    reminders.check([asked], task)
    if len(task.reminders) >= REMINDERS_MOST:
        raise Conflict(f"A task has at most {REMINDERS_MOST} reminders; take one off first.")
    named = (*task.reminders, *tasks.numbered([asked], (), ids=[clock.new_id()]))
    if any((one.at, one.minutes_before) == (asked.at, asked.minutes_before) for one in task.reminders):
        return task
    return await _act(uow, user, task, act=lambda task, now: _reminded(task, named, now=now))


async def forget_reminder(uow: Writing, user: User, *, reminder_id: UUID) -> Task:
    task_id = await reminders.task_with(uow, user, reminder_id=reminder_id)
    task = await _present(uow, user, task_id=task_id, if_match=None)
    left = tuple(one for one in task.reminders if one.id != reminder_id)
    return await _act(uow, user, task, act=lambda task, now: _reminded(task, left, now=now))


async def delete(uow: Writing, user: User, *, task_id: UUID, if_match: str | None) -> Task:
    """Into the trash, its subtasks with it."""
    task = await _present(uow, user, task_id=task_id, if_match=if_match)
    return await _delete(uow, user, task)


async def restore(uow: Writing, user: User, *, task_id: UUID, if_match: str | None) -> Task:
    """Out of the trash again, with the subtasks that went with it."""
    task = await _present(uow, user, task_id=task_id, if_match=if_match, trashed=True)
    return await _restore(uow, user, task)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """One act on many tasks. `patch`: with act `update`; `add_tags` and `remove_tags` go with it."""

    ids: Sequence[UUID]
    act: Literal["complete", "reopen", "delete", "restore", "update"]
    patch: Patch | None = None
    add_tags: Sequence[str] = ()
    remove_tags: Sequence[str] = ()


async def in_bulk(uow: Writing, user: User, *, asked: Bulk) -> tuple[list[Task], list[UUID]]:
    """The tasks as they are now, in the order asked for, and the ids there is no such task for."""
    wanted = list(dict.fromkeys(asked.ids))
    found = await stored.find_all(uow, wanted, user_id=user.id)
    done: list[Task] = []
    missing: list[UUID] = []
    for task_id in wanted:
        task = found.get(task_id)
        if task is None or task.withdrawn or (task.deleted_at is not None and asked.act != "restore"):
            missing.append(task_id)
            continue
        done.append(await _one_of_many(uow, user, task, asked=asked))
    return done, missing


async def save(uow: Writing, user: User, *, before: Task | None, change: Change) -> Task:
    """The change, its event, and what it brings with it: every change of a task comes through here."""
    if change.task.tags and (before is None or "tags" in change.fields):
        change = replace(change, task=await tags.written(uow, user, change.task))
    if await stored.save(uow, change) is None:
        raise RuntimeError("The task moved under the lock on its user's row: a write did not begin with that lock.")
    await reminders.keep_in_step(uow, user, before=before, change=change)
    for further in await recurrence.keep_promise(uow, user, before=before, change=change):
        if await stored.save(uow, further) is None:
            raise RuntimeError("The next task of the series moved under the lock on its user's row.")
        await reminders.keep_in_step(uow, user, before=further.task, change=further)
    return change.task


def _complete(task: Task, now: datetime) -> Change | None:
    return tasks.complete(task, now=now)


def _reopen(task: Task, now: datetime) -> Change | None:
    return tasks.reopen(task, now=now)


def _reminded(task: Task, wanted: Sequence[Reminding], *, now: datetime) -> Change | None:
    return tasks.changed(task, {"reminders": tuple(wanted)}, verb=Verb.UPDATED, now=now)


async def _present(uow: Reading, user: User, *, task_id: UUID, if_match: str | None, trashed: bool = False) -> Task:
    """Raises `NotFound`, or `Changed` with the present state."""
    task = await stored.find(uow, task_id, user_id=user.id)
    if task is None or task.withdrawn or (task.deleted_at is not None and not trashed):
        raise NotFound("There is no such task.")
    if not versions.allows(if_match, version=task.version):
        raise Changed(f"The task is at version {task.version} by now.", extra={"current": tasks.shown(task)})
    return task


async def _act(uow: Writing, user: User, task: Task, *, act: Act) -> Task:
    """What would change nothing is no change: no event."""
    change = act(task, clock.now())
    return task if change is None else await save(uow, user, before=task, change=change)


async def _patching(uow: Writing, user: User, task: Task, *, patch: Patch, scope: Scope | None) -> Act:
    if patch.parent_id is not None and patch.parent_id != task.parent_id:
        await _check_parent(uow, user, patch.parent_id, child=task)
    if "recurrence" in patch.model_fields_set:
        patch = recurrence.begun(patch, task, user, now=clock.now())
    named = tasks.numbered(patch.reminders, task.reminders, ids=[clock.new_id() for _ in patch.reminders])

    def act(task: Task, now: datetime) -> Change | None:
        change = tasks.update(task, patch, now=now, reminders=named)
        if change is None:
            return None
        if "recurrence" in change.fields and change.task.recurrence is not None:
            if change.task.due is None:
                raise Invalid(
                    "A task that comes again has a due date to count from.",
                    errors=[{"field": "recurrence", "message": "Set due_at or due_date too."}],
                )
            change = replace(change, task=series.placed(change.task, series_id=clock.new_id()))
        if "reminders" in change.fields or change.task.due is None:
            reminders.check(patch.reminders, change.task)
        return series.scoped(task, change, scope=scope)

    return act


async def _delete(uow: Writing, user: User, task: Task) -> Task:
    now = clock.now()
    change = tasks.delete(task, now=now)
    if change is None:
        return task
    gone = await save(uow, user, before=task, change=change)
    for child in await _children(uow, user, task):
        if child.deleted_at is None and (with_it := tasks.delete(child, now=now)):
            await save(uow, user, before=child, change=with_it)
    return gone


async def _restore(uow: Writing, user: User, task: Task) -> Task:
    change = tasks.restore(task, now=clock.now())
    if change is None:
        return task
    if task.parent_id is not None:
        parent = await stored.find(uow, task.parent_id, user_id=user.id)
        if parent is None or parent.deleted_at is not None:
            change = replace(change, task=replace(change.task, parent_id=None))
    back = await save(uow, user, before=task, change=change)
    for child in await _children(uow, user, task):
        if child.deleted_at == task.deleted_at and (with_it := tasks.restore(child, now=clock.now())):
            await save(uow, user, before=child, change=with_it)
    return back


async def _children(uow: Reading, user: User, task: Task) -> list[Task]:
    return [] if task.parent_id else await stored.children(uow, task.id, user_id=user.id)


async def _check_parent(uow: Reading, user: User, parent_id: UUID, *, child: Task | None) -> None:
    parent = await stored.find(uow, parent_id, user_id=user.id)
    fault = ""
    if parent is None or parent.deleted_at is not None:
        fault = "There is no such task to be a subtask of."
    elif parent.parent_id is not None or (child is not None and parent.id == child.id):
        fault = "A subtask has no subtasks of its own."
    elif child is not None and await stored.children(uow, child.id, user_id=user.id):
        fault = "A task with subtasks can't become one itself."
    if fault:
        raise Invalid(fault, errors=[{"field": "parent_id", "message": fault}])


async def _one_of_many(uow: Writing, user: User, task: Task, *, asked: Bulk) -> Task:
    match asked.act:
        case "complete":
            return await _act(uow, user, task, act=_complete)
        case "reopen":
            return await _act(uow, user, task, act=_reopen)
        case "delete":
            return await _delete(uow, user, task)
        case "restore":
            return await _restore(uow, user, task)
        case "update":
            patch = _with_tags(asked.patch or Patch(), task, add=asked.add_tags, remove=asked.remove_tags)
            return await _act(uow, user, task, act=await _patching(uow, user, task, patch=patch, scope=None))


def _with_tags(patch: Patch, task: Task, *, add: Sequence[str], remove: Sequence[str]) -> Patch:
    if not add and not remove:
        return patch
    gone = {tag.casefold() for tag in remove}
    kept = {tag.casefold(): tag for tag in [*task.tags, *add] if tag.casefold() not in gone}
    if len(kept) > TAGS_MOST:
        raise Invalid(f"“{task.title}” would have more than {TAGS_MOST} tags.")
    return Patch.model_validate({**patch.model_dump(exclude_unset=True), "tags": list(kept.values())})
