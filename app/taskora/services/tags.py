"""Tags: made by being used, or by hand; renamed and taken away on every task that carries them."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from taskora import clock
from taskora.domain import tags, tasks
from taskora.domain.events import NewEvent, Topic
from taskora.domain.people import User
from taskora.domain.problems import Conflict, NotFound
from taskora.domain.tags import TAGS_MOST, Tag, TagDraft, TagPatch
from taskora.domain.tasks import Task, Verb
from taskora.store import outbox
from taskora.store import tags as stored
from taskora.store import tasks as stored_tasks
from taskora.store.database import Reading, Writing


async def written(uow: Writing, user: User, task: Task) -> Task:
    """The task with its tags as they are written elsewhere; those nobody used before are made."""
    names, fresh = await stored.known(uow, user.id, names=task.tags, now=task.updated_at)
    if fresh:
        await _tell(uow, user, now=task.updated_at)
    return replace(task, tags=tuple(names[tag.casefold()] for tag in task.tags))


async def listed(uow: Reading, user: User) -> list[dict[str, Any]]:
    return await stored.listed(uow, user.id)


async def create(uow: Writing, user: User, *, draft: TagDraft) -> Tag:
    """Raises `Conflict` when there is such a tag, or too many."""
    await _check_free(uow, user, draft.name)
    if await stored.count(uow, user.id) >= TAGS_MOST:
        raise Conflict(f"There are {TAGS_MOST} tags already; delete some first.")
    now = clock.now()
    tag = Tag(clock.new_id(), draft.name, draft.color or tags.color_of(draft.name), draft.pinned)
    await stored.add(uow, tag, user_id=user.id, now=now)
    await _tell(uow, user, now=now)
    return tag


async def update(uow: Writing, user: User, *, tag_id: UUID, patch: TagPatch) -> Tag:
    tag = await _present(uow, user, tag_id)
    new = replace(tag, **patch.model_dump(exclude_unset=True))
    if new == tag:
        return tag
    if new.name.casefold() != tag.name.casefold():
        await _check_free(uow, user, new.name)
    now = clock.now()
    await stored.change(uow, new)
    if new.name != tag.name:
        await _retag(uow, user, tag.name, new.name, now=now)
    await _tell(uow, user, now=now)
    return new


async def delete(uow: Writing, user: User, *, tag_id: UUID) -> Tag:
    tag = await _present(uow, user, tag_id)
    now = clock.now()
    await stored.remove(uow, tag_id, user_id=user.id)
    await _retag(uow, user, tag.name, None, now=now)
    await _tell(uow, user, now=now)
    return tag


async def _present(uow: Reading, user: User, tag_id: UUID) -> Tag:
    tag = await stored.find(uow, tag_id, user_id=user.id)
    if tag is None:
        raise NotFound("There is no such tag.")
    return tag


async def _check_free(uow: Reading, user: User, name: str) -> None:
    if await stored.named(uow, name, user_id=user.id) is not None:
        raise Conflict(f"There is a tag “{name}” already.")


async def _retag(uow: Writing, user: User, old: str, new: str | None, *, now: datetime) -> None:
    """Every task that carries it changes, each with its own event: lists elsewhere follow."""
    ids = await stored.tasks_of(uow, old, user_id=user.id)
    for task in (await stored_tasks.find_all(uow, ids, user_id=user.id)).values():
        wanted = {"tags": tags.renamed(task.tags, old, new)}
        change = tasks.changed(task, wanted, verb=Verb.UPDATED, now=now)
        if change is not None:
            await stored_tasks.save(uow, change)


async def _tell(uow: Writing, user: User, *, now: datetime) -> None:
    """The tags as they are now, to the user's tabs."""
    told = [
        {"id": row["id"], "name": row["name"], "color": row["color"], "pinned": row["pinned"]}
        for row in await stored.listed(uow, user.id)
    ]
    await outbox.add(
        uow,
        NewEvent(
            id=clock.new_id(),
            topic=Topic.TASK,
            verb="tags_changed",
            subject=f"user/{user.id}",
            user_id=user.id,
            time=now,
            data={"tags": told},
        ),
    )
