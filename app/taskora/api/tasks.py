"""Tasks over HTTP."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import fastapi
from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from taskora import clock
from taskora.api.calls import Calling, problems
from taskora.api.paging import Cursor, Limit
from taskora.api.routes import Route
from taskora.api.shapes import BulkDone, History, Parsed, TaskPage, TaskShown
from taskora.asgi import json_response, validation_errors
from taskora.domain import cursors
from taskora.domain.due import Day, DueWindow, Span, days, due_fields, window
from taskora.domain.lists import Filter, parse_sort
from taskora.domain.people import User
from taskora.domain.problems import Invalid
from taskora.domain.quick_add import TEXT_MOST, QuickAdd, parse, utf16
from taskora.domain.search import Search
from taskora.domain.search import parse as parse_search
from taskora.domain.series import Scope
from taskora.domain.tasks import TAGS_MOST, Draft, Patch, Priority, Status, Task, shown
from taskora.domain.text import SearchText, TagName
from taskora.domain.versions import etag
from taskora.services import accounts, history, tasks
from taskora.services.tasks import BULK_MOST, Bulk
from taskora.store.database import Reading, Writing

router = APIRouter(prefix="/api/v1/tasks", tags=["tasks"], route_class=Route)

WRITING = problems(401, 404, 412, 413, 422, 429, 503)

Tags = Annotated[list[TagName], Field(max_length=TAGS_MOST)]


# A search's cursor is its own: how near the hits are, the score, the id.
SEARCH = "search"
MARKS_MOST = 50


def _sortable(text: str) -> str:
    parse_sort(text)
    return text


class Query(BaseModel):
    """Filters may be repeated: any of the statuses, any of the priorities, all (or any) of the tags."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: list[Status] = Field(default_factory=list[Status])
    priority: list[Priority] = Field(default_factory=list[Priority])
    tag: Tags = Field(default_factory=list[str])
    tag_mode: Literal["any", "all"] = "all"
    due: DueWindow | None = None
    due_from: Annotated[Day | None, Field(description="The first day, on the user's calendar")] = None
    due_to: Annotated[Day | None, Field(description="The last day, itself included")] = None
    parent_id: UUID | None = None
    trash: bool = False
    q: SearchText = ""
    sort: Annotated[
        str,
        AfterValidator(_sortable),
        Field(max_length=100, description="Keys with commas between, “-” turns one round: `-priority,due_at,title`"),
    ] = ""

    @model_validator(mode="after")
    def one_way_to_say_when(self) -> "Query":
        if self.due is not None and (self.due_from is not None or self.due_to is not None):
            raise ValueError("A list is of a due window (due) or of days (due_from, due_to), not both.")
        return self


class Listing(Query):
    """A page of it."""

    cursor: Cursor = ""
    limit: Limit = 50
    families: Annotated[
        bool, Field(description="Also what subtasks are parts of, and how far the parts of others are")
    ] = False

    @property
    def dated(self) -> bool:
        """Whether only somebody's calendar tells what is meant."""
        return self.due is not None or self.due_from is not None or self.due_to is not None

    def wanted(self, user: User | None) -> Filter:
        """`user`: None will do where it is not `dated`."""
        sort = parse_sort(self.sort)
        order, keys = (SEARCH, 3) if self.q and not sort else (",".join(map(str, sort)), len(sort) + 1)
        return Filter(
            # What is done is over, but not overdue.
            status=self.status or ([Status.TODO, Status.IN_PROGRESS] if self.due is DueWindow.OVERDUE else []),
            priority=self.priority,
            tags=self.tag,
            tag_mode=self.tag_mode,
            due=self._span(user),
            parent_id=self.parent_id,
            trashed=self.trash,
            search=parse_search(self.q) if self.q else None,
            sort=sort,
            after=cursors.decode(self.cursor, order=order, keys=keys) if self.cursor else (),
            limit=self.limit,
        )

    def _span(self, user: User | None) -> Span | None:
        if user is None:
            return None
        if self.due is not None:
            return window(self.due, now=clock.now(), zone=user.zone, week_start=user.preferences.week_start)
        return days(self.due_from, self.due_to, zone=user.zone) if self.dated else None


class Many(BaseModel):
    """One act on up to 200 tasks: all of it happens, or none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: Annotated[list[UUID], Field(min_length=1, max_length=BULK_MOST)]
    act: Literal["complete", "reopen", "delete", "restore", "update"]
    patch: Patch | None = None
    add_tags: Tags = Field(default_factory=list[str])
    remove_tags: Tags = Field(default_factory=list[str])

    @model_validator(mode="after")
    def changes_go_with_update(self) -> "Many":
        if self.act != "update" and (self.patch is not None or self.add_tags or self.remove_tags):
            raise ValueError("patch, add_tags and remove_tags go with act “update”.")
        return self


@router.post("", status_code=201, response_model=TaskShown, responses=problems(401, 413, 422, 429, 503))
async def create(draft: Draft, calling: Calling) -> Response:
    return await calling.write(lambda uow, user: tasks.create(uow, user, draft=draft), status=201)


@router.get("", response_model=TaskPage, responses=problems(401, 422, 429, 503))
async def listed(asked: Annotated[Listing, fastapi.Query()], calling: Calling) -> Response:
    """One statement finds the session and its user's tasks; days are the user's own, who is asked for before then."""
    async with calling.backend.database.read() as uow:
        user = await accounts.signed_in(uow, calling.token) if asked.dated else None
        wanted = asked.wanted(user)
        page = await tasks.listed(uow, calling.token, wanted=wanted)
        families = await tasks.families(uow, page) if asked.families else {}
    search = wanted.search
    items = [{**task, **_marked(task, search)} for task in page.items] if search else page.items
    return json_response({"items": items, "next_cursor": page.next_cursor, "seq": page.seq, **families})


def _marked(task: Mapping[str, Any], search: Search) -> dict[str, object]:
    """Where in the task's texts what was looked for stands, as browsers count characters."""

    title, description = task["title"], task["description"]
    near = not search.matches(f"{title} {description}")

    def places(text: str) -> list[tuple[int, int]]:
        found = search.marks(text, near=near)[:MARKS_MOST]
        return [(utf16(text, start), utf16(text, end)) for start, end in found]

    return {"marks": {"title": places(title), "description": places(description)}}


@router.get("/{task_id}/history", response_model=History, responses=problems(401, 404, 422, 429, 503))
async def what_happened(
    task_id: UUID,
    calling: Calling,
    before: Annotated[int | None, fastapi.Query(ge=1, lt=2**62)] = None,
    limit: Limit = 50,
) -> Response:
    """From the audit log, the latest first: shortly after a change it is not here yet."""

    async def page(uow: Reading, user: User) -> object:
        await tasks.exists(uow, user, task_id=task_id)
        items, more = await history.of_task(uow, user, task_id=task_id, before=before, limit=limit)
        return {"items": items, "next_before": more}

    return json_response(await calling.read(page))


class Line(BaseModel):
    """One line: `Pay rent every 31st 9am !urgent #home remind 1d`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Annotated[str, Field(max_length=TEXT_MOST)]

    def read(self, user: User) -> QuickAdd:
        return parse(self.text, now=clock.now(), zone=user.zone, week_start=user.preferences.week_start)


@router.post("/quick-add", status_code=201, response_model=TaskShown, responses=problems(401, 413, 422, 429, 503))
async def quick_add(line: Line, calling: Calling) -> Response:
    """A task from one line of text; see `tasks/parse` for what would be understood."""

    async def act(uow: Writing, user: User) -> Task:
        try:
            draft = Draft.model_validate(line.read(user).draft())
        except ValidationError as error:
            raise Invalid("No task can be made of this line.", errors=validation_errors(error.errors())) from error
        return await tasks.create(uow, user, draft=draft)

    return await calling.write(act, status=201)


@router.post("/parse", response_model=Parsed, responses=problems(401, 413, 422, 429, 503))
async def parsed(line: Line, calling: Calling) -> Response:
    """What a line would become; nothing is saved. Places are counted as browsers count characters."""

    async def read(_: object, user: User) -> object:
        said = line.read(user)
        return {
            "title": said.title,
            **due_fields(said.due),
            "priority": said.priority,
            "tags": said.tags,
            "recurrence": said.recurrence,
            "reminders": said.reminders,
            "tokens": [
                {
                    "start": utf16(line.text, token.start),
                    "end": utf16(line.text, token.end),
                    "kind": token.kind,
                    "meaning": token.meaning,
                }
                for token in said.tokens
            ],
            "faults": said.faults,
        }

    return json_response(await calling.read(read))


@router.post("/bulk", response_model=BulkDone, responses=problems(401, 413, 422, 429, 503))
async def bulk(many: Many, calling: Calling) -> Response:
    asked = Bulk(ids=many.ids, act=many.act, patch=many.patch, add_tags=many.add_tags, remove_tags=many.remove_tags)

    async def act(uow: Writing, user: User) -> object:
        done, missing = await tasks.in_bulk(uow, user, asked=asked)
        return {"items": [shown(task) for task in done], "missing": missing}

    return await calling.answer(act)


@router.get("/{task_id}", response_model=TaskShown, responses=problems(401, 404, 422, 429, 503))
async def get(task_id: UUID, calling: Calling) -> Response:
    task = await calling.read(lambda uow, user: tasks.get(uow, user, task_id=task_id))
    return json_response(shown(task), headers={"ETag": etag(task.version)})


@router.patch("/{task_id}", response_model=TaskShown, responses=WRITING)
async def update(
    task_id: UUID,
    patch: Patch,
    calling: Calling,
    scope: Annotated[
        Scope | None, fastapi.Query(description="Of a task that comes again: this one alone, or all from this one on")
    ] = None,
) -> Response:
    """Left out, `scope` is `this` for the due date and `future` for everything else."""
    return await calling.write(
        lambda uow, user: tasks.update(uow, user, task_id=task_id, patch=patch, if_match=calling.if_match, scope=scope)
    )


@router.delete("/{task_id}", response_model=TaskShown, responses=WRITING)
async def delete(task_id: UUID, calling: Calling) -> Response:
    """Into the trash; `restore` brings it back."""
    return await calling.write(lambda uow, user: tasks.delete(uow, user, task_id=task_id, if_match=calling.if_match))


@router.post("/{task_id}/complete", response_model=TaskShown, responses=WRITING)
async def complete(task_id: UUID, calling: Calling) -> Response:
    return await calling.write(lambda uow, user: tasks.complete(uow, user, task_id=task_id, if_match=calling.if_match))


@router.post("/{task_id}/reopen", response_model=TaskShown, responses=WRITING)
async def reopen(task_id: UUID, calling: Calling) -> Response:
    return await calling.write(lambda uow, user: tasks.reopen(uow, user, task_id=task_id, if_match=calling.if_match))


@router.post("/{task_id}/restore", response_model=TaskShown, responses=WRITING)
async def restore(task_id: UUID, calling: Calling) -> Response:
    return await calling.write(lambda uow, user: tasks.restore(uow, user, task_id=task_id, if_match=calling.if_match))


@router.post("/{task_id}/skip", response_model=TaskShown, responses={**WRITING, **problems(409)})
async def skip(task_id: UUID, calling: Calling) -> Response:
    """Of a task that comes again: on to its next date, without doing this one."""
    return await calling.write(lambda uow, user: tasks.skip(uow, user, task_id=task_id, if_match=calling.if_match))
