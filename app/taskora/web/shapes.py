"""What the API tells beside tasks, as far as pages show it."""

from datetime import date, datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from taskora.domain.recurrence import Recurrence
from taskora.domain.tags import color_of
from taskora.web.backend import User


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class Tag(_Shape):
    """`pinned`: a list in the sidebar. `open`: how many open tasks carry it."""

    id: str
    name: str
    color: str
    pinned: bool = False
    open: int = 0

    @property
    def path(self) -> str:
        """Where its list is: by name, or by id where browsers and proxies would take the name for steps of a path."""
        steps = {"", ".", ".."} & set(self.name.split("/"))
        return f"/tags/{self.id if steps else quote(self.name)}"


class Date(_Shape):
    """A due date of a series; `note` says why it is not where the others are."""

    due_at: datetime | None = None
    due_date: date | None = None
    note: str = ""

    def day(self, zone: ZoneInfo) -> date:
        return self.due_at.astimezone(zone).date() if self.due_at else self.due_date or date.max


class Planned(_Shape):
    """A task that comes again: its pattern, the date that counts from, and the next ones, its own first."""

    task_id: str = ""
    text: str
    recurrence: Recurrence
    start: Date
    items: tuple[Date, ...]


class Reminder(_Shape):
    """A reminder of a task and when it fires; `fire_at` is None while the task is not due."""

    id: str
    at: datetime | None = None
    minutes_before: int | None = None
    fire_at: datetime | None = None
    state: str = "waiting"


class Happening(_Shape):
    """One entry of the audit log about a task: the event's type, which fields changed, and what they became."""

    type: str
    time: datetime
    fields: tuple[str, ...] = ()
    values: dict[str, Any] = {}


class View(_Shape):
    """A saved view: `query` as `GET tasks` takes it; `open` counts what it shows, up to a hundred."""

    id: str
    name: str
    query: dict[str, Any]
    open: int = 0


class Note(_Shape):
    """A notification, when its task is due now, and what that is a part of."""

    id: str
    task_id: str
    title: str
    created_at: datetime
    read_at: datetime | None = None
    snoozed_until: datetime | None = None
    due_at: datetime | None = None
    due_date: date | None = None
    parent: str | None = None


class Counts(_Shape):
    """What waits: open tasks, those of today and before, notifications."""

    inbox: int = 0
    today: int = 0
    unread: int = 0


class Side(_Shape):
    """What stands beside every page: who it is for, where it leads, how much is there, and what rang just now."""

    user: User
    counts: Counts
    tags: tuple[Tag, ...]
    views: tuple[View, ...]
    ringing: tuple[Note, ...]

    @property
    def pinned(self) -> list[Tag]:
        return [tag for tag in self.tags if tag.pinned]

    def hue(self, name: str) -> str:
        """The colour of a tag, of one that has no colour of its own too."""
        own = {tag.name.casefold(): tag.color for tag in self.tags}
        return own.get(name.casefold()) or color_of(name)
