"""The lists: which tasks a page shows, and under which heads."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from taskora.clock import now
from taskora.web import words
from taskora.web.agenda import ahead
from taskora.web.backend import TaskPage
from taskora.web.cookie import Session
from taskora.web.forms import here, see_other, with_query
from taskora.web.frame import Frame, uuid_of
from taskora.web.ledger import (
    Day,
    Row,
    Task,
    done_ledger,
    done_on,
    due_day,
    ledger,
    row_of,
    trash_ledger,
)
from taskora.web.marks import line, marked
from taskora.web.shapes import Planned, View

PAGE = 200
PAGES_AT_ONCE = 5
OPEN = "status=todo&status=in_progress&families=true"
LATELY = "status=done&sort=-completed_at&families=true"
FILTERS = frozenset({"q", "status", "priority", "tag", "tag_mode", "due", "due_from", "due_to", "sort"})
WEEKS_AHEAD = 4
DONE_SHOWN = timedelta(days=7)


class Lists:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._ask = frame.ask

    async def inbox(self, request: Request) -> Response:
        """Everything open, by day, and what was done today where it stood."""
        session = await self._frame.sessions.required(request)
        cursor = request.query_params.get("cursor")
        page, shown = await self._open_and_done_today(session, OPEN, cursor=cursor)
        open_count = sum(not task.done and task.parent_id is None for task in shown)
        return await self._frame.page(
            request,
            "inbox.html",
            session,
            seq=page.seq,
            groups=self._ledger(session, shown),
            open_count=f"{open_count}{'+' if page.next_cursor else ''}" if open_count else "",
            more=f"/?cursor={quote(page.next_cursor)}" if page.next_cursor else "",
            ever=page.seq > 0,
        )

    async def today(self, request: Request) -> Response:
        """What is due today or was before, and what was done today."""
        session = await self._frame.sessions.required(request)
        today = self._today(session)
        page, shown = await self._open_and_done_today(session, f"{OPEN}&due_to={today}", cursor=None)
        next_day = today + timedelta(days=1)
        query = f"{OPEN}&due_from={next_day}&due_to={next_day}&sort=due_at&limit=1"
        tomorrow = TaskPage.model_validate(await self._ask(session, "GET", "tasks", query=query))
        return await self._frame.page(
            request,
            "today.html",
            session,
            seq=page.seq,
            groups=self._ledger(session, shown),
            date_said=f"{today:%a} {today.day} {today:%B}",
            left=sum(not task.done for task in shown),
            done=sum(task.done for task in shown),
            first_tomorrow=row_of(tomorrow.items[0], now=now(), zone=_zone(session)) if tomorrow.items else None,
        )

    async def upcoming(self, request: Request) -> Response:
        """The days ahead, with where repeating tasks will stand again."""
        session = await self._frame.sessions.required(request)
        today = self._today(session)
        first = max(_day(request.query_params.get("from")) or today, today)
        last = first + timedelta(weeks=WEEKS_AHEAD) - timedelta(days=1)
        # Also what is overdue: it may come again in these days.
        page, planned = await asyncio.gather(
            self._tasks(session, f"{OPEN}&due_to={last}&sort=due_at", cursor=None),
            self._ask(session, "GET", "recurrence/upcoming", query="limit=60"),
        )
        return await self._frame.page(
            request,
            "upcoming.html",
            session,
            seq=page.seq,
            days=ahead(
                page.items,
                planned=[Planned.model_validate(one) for one in planned["items"]],
                first=first,
                last=last,
                now=now(),
                zone=_zone(session),
            ),
            span=f"{first.day} {first:%B} to {last.day} {last:%B}",
            later=f"/upcoming?from={last + timedelta(days=1)}",
            sooner=f"/upcoming?from={max(first - timedelta(weeks=WEEKS_AHEAD), today)}" if first > today else "",
        )

    async def board(self, request: Request) -> Response:
        """Open tasks by status, and what was done in the last days."""
        session = await self._frame.sessions.required(request)
        tag = request.query_params.get("tag", "")
        of_tag = f"&tag={quote(tag)}" if tag else ""
        page, latest = await asyncio.gather(
            self._tasks(session, f"{OPEN}{of_tag}&sort=position", cursor=None),
            self._ask(session, "GET", "tasks", query=f"{LATELY}&limit=50{of_tag}"),
        )
        done = [
            task
            for task in TaskPage.model_validate(latest).items
            if task.completed_at is not None and task.completed_at > now() - DONE_SHOWN
        ]
        rows = self._rows(session, [task for task in [*page.items, *done] if task.parent_id is None])
        return await self._frame.page(
            request,
            "board.html",
            session,
            seq=page.seq,
            columns=[
                (status, [row for row in rows if row.task.status == status])
                for status in ("todo", "in_progress", "done")
            ],
            tag=tag,
        )

    async def completed(self, request: Request) -> Response:
        """What is done, by the day it was done."""
        session = await self._frame.sessions.required(request)
        page = await self._tasks(session, LATELY, cursor=request.query_params.get("cursor"))
        return await self._frame.page(
            request,
            "completed.html",
            session,
            seq=page.seq,
            groups=done_ledger(page.items, now=now(), zone=_zone(session)),
            more=f"/completed?cursor={quote(page.next_cursor)}" if page.next_cursor else "",
        )

    async def trash(self, request: Request) -> Response:
        """What was thrown away, by the day it was."""
        session = await self._frame.sessions.required(request)
        page = await self._tasks(
            session, "trash=true&sort=-deleted_at&families=true", cursor=request.query_params.get("cursor")
        )
        return await self._frame.page(
            request,
            "trash.html",
            session,
            seq=page.seq,
            groups=trash_ledger(page.items, now=now(), zone=_zone(session)),
            more=f"/trash?cursor={quote(page.next_cursor)}" if page.next_cursor else "",
        )

    async def tagged(self, request: Request) -> Response:
        """One tag's list."""
        session = await self._frame.sessions.required(request)
        name = await self._named(session, request.path_params["name"])
        page, shown = await self._open_and_done_today(session, f"{OPEN}&tag={quote(name)}", cursor=None)
        return await self._frame.page(
            request,
            "tagged.html",
            session,
            seq=page.seq,
            name=name,
            groups=self._ledger(session, [task for task in shown if name.casefold() in map(str.casefold, task.tags)]),
            left=sum(not task.done for task in shown),
        )

    async def search(self, request: Request) -> Response:
        """What is asked for by words and filters, the best first."""
        session = await self._frame.sessions.required(request)
        return await self.found(request, session, filters(request))

    async def browse(self, request: Request) -> Response:
        """What the sidebar has, as a page: for phones."""
        return await self._still(request, "browse.html")

    async def tags(self, request: Request) -> Response:
        """Every tag, with its colour."""
        return await self._still(request, "tags.html")

    async def task(self, request: Request) -> Response:
        """The address of a task, for links: it opens over the inbox."""
        await self._frame.sessions.required(request)
        return see_other(with_query("/", open=uuid_of(request.path_params["task_id"]) or ""))

    async def _still(self, request: Request, template: str) -> Response:
        """A page whose content is what every page knows."""
        session = await self._frame.sessions.required(request)
        return await self._frame.page(request, template, session, seq=await self._frame.seq(session))

    async def found(
        self, request: Request, session: Session, asked: Sequence[tuple[str, str]], *, view: View | None = None
    ) -> Response:
        """What filters find; under the name of a saved view, if they are one's."""
        cursor = request.query_params.get("cursor")
        if asked:
            query = urlencode(
                [*asked, ("limit", "100"), ("families", "true"), *([("cursor", cursor)] if cursor else [])]
            )
            page = TaskPage.model_validate(await self._ask(session, "GET", "tasks", query=query))
        else:
            nothing = TaskPage.model_validate(await self._ask(session, "GET", "tasks", query="limit=1"))
            page = nothing.model_copy(update={"items": (), "next_cursor": None})
        rows = [
            replace(
                row,
                found=marked(row.task.title, row.task.marks.title),
                line=line(row.task.description, row.task.marks.description),
            )
            for row in self._rows(session, page.items)
        ]
        return await self._frame.page(
            request,
            "search.html",
            session,
            seq=page.seq,
            rows=rows,
            asked=asked,
            view=view,
            given={name: [value for key, value in asked if key == name] for name in FILTERS},
            between=between(dict(asked), today=self._today(session)),
            more=with_query(here(request), cursor=page.next_cursor) if page.next_cursor else "",
        )

    async def _open_and_done_today(
        self, session: Session, query: str, *, cursor: str | None
    ) -> tuple[TaskPage, list[Task]]:
        """A page of open tasks, and with it what was done today, where it stood."""
        page, latest = await asyncio.gather(
            self._tasks(session, query, cursor=cursor),
            self._ask(session, "GET", "tasks", query=f"{LATELY}&limit=50"),
        )
        done, today, zone = TaskPage.model_validate(latest), self._today(session), _zone(session)
        shown = {task.id: task for task in done.items if done_on(task, today, zone=zone)}
        for task in page.items:
            # One that was reopened or completed between the two answers is in both.
            if task.id not in shown or shown[task.id].version < task.version:
                shown[task.id] = task
        return page.model_copy(update={"seq": min(page.seq, done.seq)}), list(shown.values())

    async def _tasks(self, session: Session, query: str, *, cursor: str | None) -> TaskPage:
        """Tasks of one view: several pages of the API at once, because a ledger sorts by day what it has."""
        items: list[Task] = []
        seq = None
        for _ in range(PAGES_AT_ONCE):
            asked = f"{query}&limit={PAGE}" + (f"&cursor={quote(cursor)}" if cursor else "")
            page = TaskPage.model_validate(await self._ask(session, "GET", "tasks", query=asked))
            items += page.items
            # The first page's seq: what changes between two pages comes again as a live update.
            seq = page.seq if seq is None else seq
            cursor = page.next_cursor
            if cursor is None:
                break
        return TaskPage(items=tuple(items), next_cursor=cursor, seq=seq or 0)

    def _ledger(self, session: Session, tasks: Sequence[Task]) -> tuple[Day, ...]:
        """Subtasks are told beside their parent; one with a date of its own, or left open by it, stands here too."""
        zone = _zone(session)
        there = {task.id for task in tasks}
        listed = [
            task
            for task in tasks
            if task.parent_id is None
            or due_day(task, zone=zone) is not None
            or (task.parent_id not in there and not task.done)
        ]
        ordered = sorted(sorted(listed, key=lambda task: task.id, reverse=True), key=lambda task: task.position)
        return ledger(ordered, now=now(), zone=zone)

    def _rows(self, session: Session, tasks: Sequence[Task]) -> list[Row]:
        return [row_of(task, now=now(), zone=_zone(session), dated=True) for task in tasks]

    async def _named(self, session: Session, given: str) -> str:
        """A tag's name, whose address has that or its id: `Tag.path`."""
        if uuid_of(given) is None:
            return given
        side = await self._frame.side(session)
        return next((tag.name for tag in side.tags if tag.id == uuid_of(given)), given)

    def _today(self, session: Session) -> date:
        return now().astimezone(_zone(session)).date()


def filters(request: Request) -> list[tuple[str, str]]:
    """The filters of an address. A window of days that has a name goes before days that were picked."""
    asked = [(name, value) for name, value in request.query_params.multi_items() if name in FILTERS and value]
    named = any(name == "due" for name, _ in asked)
    return [(name, value) for name, value in asked if not (named and name in ("due_from", "due_to"))]


def between(asked: Mapping[str, str], *, today: date) -> str:
    """The days that were picked, in words."""
    ends = (("from", _day(asked.get("due_from"))), ("to", _day(asked.get("due_to"))))
    said = " ".join(f"{word} {words.day_within(day, today=today)}" for word, day in ends if day)
    return said[:1].upper() + said[1:]


def _zone(session: Session) -> ZoneInfo:
    return session.profile.zone


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
