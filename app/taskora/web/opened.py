"""The open task with all that belongs to it, asked of the backend at once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from taskora.domain.problems import NotFound
from taskora.web.ledger import Task
from taskora.web.panel import Panel, panel_of
from taskora.web.shapes import Happening, Planned, Reminder

Ask = Callable[..., Awaitable[Any]]
"""`Backend.ask` for one user: method, path and what else there is."""


async def opened(ask: Ask, task_id: str, *, before: int | None, now: datetime, zone: ZoneInfo) -> Panel | None:
    """Its history from `before` backwards. None when there is no such task any more."""
    earlier = f"&before={before}" if before else ""
    try:
        found, reminders, children, repeats, happened = await asyncio.gather(
            ask("GET", f"tasks/{task_id}"),
            ask("GET", f"tasks/{task_id}/reminders"),
            ask("GET", "tasks", query=f"parent_id={task_id}&sort=position&limit=200"),
            planned(ask, task_id),
            ask("GET", f"tasks/{task_id}/history", query=f"limit=30{earlier}"),
        )
        task = Task.model_validate(found)
        parent = Task.model_validate(await ask("GET", f"tasks/{task.parent_id}")) if task.parent_id else None
    except NotFound:
        return None
    return panel_of(
        task,
        now=now,
        zone=zone,
        reminders=[Reminder.model_validate(one) for one in reminders["items"]],
        subtasks=[Task.model_validate(one) for one in children["items"]],
        planned=repeats,
        happened=[Happening.model_validate(one) for one in happened["items"]],
        before=before,
        earlier=happened["next_before"],
        parent=parent,
    )


async def planned(ask: Ask, task_id: str) -> Planned | None:
    """When the task comes again; None when it does not."""
    found = await ask("GET", "recurrence/upcoming", query=f"task_id={task_id}")
    return Planned.model_validate(found["items"][0]) if found["items"] else None
