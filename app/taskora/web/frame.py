"""The frame around every page of a signed-in user: where one may go, what was just done, the task that is open."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, partial
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from taskora.clock import now
from taskora.domain.problems import NotFound
from taskora.domain.wording import at
from taskora.web import words
from taskora.web.backend import Backend
from taskora.web.cookie import Session
from taskora.web.forms import here, see_other, with_query
from taskora.web.ledger import Task, due_day
from taskora.web.notices import rings
from taskora.web.opened import opened
from taskora.web.panel import PRIORITIES, STATUSES, Panel
from taskora.web.render import Renderer
from taskora.web.sessions import Sessions
from taskora.web.shapes import Side

ENTRY = re.compile(r"[1-9][0-9]{0,17}")
STALE = "That task was changed elsewhere. Here it is as it stands now."


@dataclass(frozen=True, kw_only=True)
class Toast:
    """What just happened; `undo` is the act that takes it back."""

    text: str
    title: str = ""
    icon: str = "done"
    bad: bool = False
    undo: str = ""


class Frame:
    def __init__(self, backend: Backend, sessions: Sessions, renderer: Renderer) -> None:
        self.backend = backend
        self.sessions = sessions
        self._page = renderer.page

    async def ask(self, session: Session, method: str, path: str, **how: Any) -> Any:
        """Call the backend for the signed-in user; see `Backend.ask`."""
        return await self.backend.ask(method, path, token=session.token, **how)

    async def seq(self, session: Session) -> int:
        """What the user's changes have come to, for a page that lists no tasks: asked before its content is."""
        found = await self.ask(session, "GET", "tasks", query="limit=1")
        return int(found["seq"])

    async def page(
        self,
        request: Request,
        template: str,
        session: Session,
        *,
        seq: int,
        status: int = 200,
        told: "Toast | None" = None,
        **content: Any,
    ) -> Response:
        """A page in its frame. `seq`: what the user's changes had come to when its content was read.

        `told`: what just happened, where the address does not say it.
        """
        local = now().astimezone(session.profile.zone)
        toast, panel, side = await asyncio.gather(
            self._toast(request, session), self._panel(request, session), self.side(session)
        )
        # What its user changed of themselves elsewhere reaches this session here, and the page is made by that.
        if await self.sessions.keep_up(request, session, side.user) and request.method == "GET":
            return see_other(f"{request.url.path}?{request.url.query}".removesuffix("?"))
        return self._page(
            request,
            template,
            status=status,
            session=session,
            seq=seq,
            today=local.date().isoformat(),
            day_of_month=local.day,
            tomorrow=(local.date() + timedelta(days=1)).isoformat(),
            clock=at(local),
            statuses=STATUSES,
            priorities=PRIORITIES,
            toast=told or toast,
            side=side,
            theme=side.user.preferences.theme,
            ringing=rings(side.ringing, now=now(), zone=session.profile.zone),
            hue=cache(side.hue),
            panel=panel,
            open_id=panel.task.id if panel else "",
            open_at=with_query(here(request), before=None, open=""),
            closed=with_query(here(request), before=None, open=None),
            **content,
        )

    def piece(self, request: Request, template: str, **content: Any) -> Response:
        """A part of a page alone, for scripts."""
        return self._page(request, template, **content)

    async def side(self, session: Session) -> Side:
        """What stands beside every page."""
        return Side.model_validate(await self.ask(session, "GET", "me/overview"))

    async def _panel(self, request: Request, session: Session) -> Panel | None:
        task_id = uuid_of(request.query_params.get("open", ""))
        if task_id is None:
            return None
        before = request.query_params.get("before", "")
        return await opened(
            partial(self.ask, session),
            task_id,
            before=int(before) if ENTRY.fullmatch(before) else None,
            now=now(),
            zone=session.profile.zone,
        )

    async def _toast(self, request: Request, session: Session) -> Toast | None:
        """What the last act did, as the task itself tells it now: a toast never offers to undo what isn't so."""
        did, tasks = request.query_params.get("did", ""), request.query_params.get("task", "")
        if len(ids := [one for one in map(uuid_of, tasks.split(",")) if one]) > 1:
            return said_of_many(did, ids)
        task_id = uuid_of(tasks)
        if did == "stale":
            return Toast(bad=True, text=STALE)
        if not did or task_id is None:
            return None
        if did == "trash":
            return Toast(text="Moved to trash", icon="trash", undo=f"{task_id} - restore")
        try:
            task = Task.model_validate(await self.ask(session, "GET", f"tasks/{task_id}"))
        except NotFound:
            return None
        was = request.query_params.get("was", "")
        return said(did, task, was=was, day=due_day(task, zone=session.profile.zone))


def said(did: str, task: Task, *, was: str, day: date | None) -> Toast | None:
    """The toast for an act, if the task is still as the act left it. `was`: the value before, for its undo."""
    match did:
        case "complete" if task.done:
            return Toast(text="Completed", title=task.title, undo=f"{task.id} {task.version} reopen")
        case "reopen" if not task.done:
            return Toast(text="Reopened", title=task.title, undo=f"{task.id} {task.version} complete")
        case "restore":
            return Toast(text="Back in the list:", title=task.title)
        case "due":
            undo = f"{task.id} {task.version} due {was}" if was else ""
            return Toast(text=f"Due {day:%a} {day.day} {day:%B}:" if day else "No date:", title=task.title, undo=undo)
        case "part":
            text = "Made a subtask:" if task.parent_id else "A task of its own now:"
            return Toast(text=text, title=task.title, icon="list", undo=f"{task.id} {task.version} part {was}".strip())
        case "skip":
            text = f"Skipped, next on {day:%a} {day.day} {day:%B}:" if day else "Skipped:"
            return Toast(text=text, title=task.title, icon="repeat")
        case _:
            return None


MANY = {
    "complete": ("completed", "done", "reopen"),
    "reopen": ("reopened", "undo", "complete"),
    "trash": ("moved to trash", "trash", "restore"),
    "restore": ("back in the list", "undo", "trash"),
}


def said_of_many(did: str, ids: Sequence[str]) -> Toast | None:
    """The toast for an act on several tasks."""
    text, icon, undo = MANY.get(did, ("changed", "done", ""))
    number = words.counted(len(ids), "task").capitalize()
    return Toast(text=f"{number} {text}", icon=icon, undo=f"{','.join(ids)} - {undo}" if undo else "")


def uuid_of(text: str) -> str | None:
    """The id in its one spelling; None for what is none."""
    try:
        return str(UUID(text))
    except ValueError:
        return None
