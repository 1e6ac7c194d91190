"""What answers look like, for the OpenAPI document. They are written straight from domain objects; a test compares."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from taskora.domain.people import Preferences, User
from taskora.domain.quick_add import TokenKind
from taskora.domain.recurrence import Recurrence
from taskora.domain.reminders import ReminderAsked, ReminderState
from taskora.domain.tags import Color
from taskora.domain.tasks import Priority, Status


class RemindingShown(BaseModel):
    id: UUID
    at: datetime | None
    minutes_before: int | None


class TaskShown(BaseModel):
    id: UUID
    title: str
    description: str
    status: Status
    priority: Priority
    due_at: datetime | None
    due_date: date | None
    tags: list[str]
    recurrence: Recurrence | None
    reminders: list[RemindingShown]
    parent_id: UUID | None
    position: float = Field(description="Smaller stands higher; between two there is room for another")
    version: int
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    deleted_at: datetime | None


class Marks(BaseModel):
    """`[start, end]` of each place, in UTF-16 units, as browsers count."""

    title: list[tuple[int, int]]
    description: list[tuple[int, int]]


class TaskListed(TaskShown):
    marks: Marks = Field(Marks(title=[], description=[]), description="Only in a search: where the words stand")


class TaskPage(BaseModel):
    items: list[TaskListed]
    next_cursor: str | None
    seq: int = Field(description="The user's sequence number these items are the state of")
    parents: dict[UUID, str] = Field(
        {}, description="With `families`: by id, the titles of those that these are parts of"
    )
    parts: dict[UUID, tuple[int, int]] = Field(
        {}, description="With `families`: by id, how many parts are done, of how many"
    )


class ReminderShown(RemindingShown):
    fire_at: datetime | None = Field(description="null: the task is not due")
    state: ReminderState


class Reminders(BaseModel):
    items: list[ReminderShown]


class DueShown(BaseModel):
    due_at: datetime | None
    due_date: date | None


class DateShown(DueShown):
    note: str = Field(description="Why it is not where the others are; empty when it is")


class Preview(BaseModel):
    text: str = Field(description="The recurrence in words")
    recurrence: Recurrence
    start: DueShown = Field(description="The date the series counts from")
    items: list[DateShown]


class Planned(Preview):
    task_id: UUID


class Upcoming(BaseModel):
    items: list[Planned]


class TokenRead(BaseModel):
    start: int
    end: int
    kind: TokenKind
    meaning: str


class Parsed(BaseModel):
    title: str
    due_at: datetime | None
    due_date: date | None
    priority: Priority
    tags: list[str]
    recurrence: Recurrence | None
    reminders: list[ReminderAsked]
    tokens: list[TokenRead]
    faults: list[str] = Field(description="Why no task can be made of it")


class BulkDone(BaseModel):
    items: list[TaskShown]
    missing: list[UUID] = Field(description="There are no such tasks")


class TagShown(BaseModel):
    id: UUID
    name: str
    color: Color
    pinned: bool


class TagCounted(TagShown):
    open: int = Field(description="How many open tasks carry it")


class TagList(BaseModel):
    items: list[TagCounted]


class UserShown(BaseModel):
    id: UUID
    email: str
    display_name: str
    time_zone: str
    is_admin: bool
    preferences: Preferences
    training_consent: bool = Field(description="Whether what they tell the chat may be used for training")


def user_shown(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "display_name": user.display_name,
        "time_zone": user.time_zone,
        "is_admin": user.is_admin,
        "preferences": user.preferences,
        "training_consent": user.training_consent_at is not None,
    }


class TokenShown(BaseModel):
    token: str
    expires_at: datetime


class SignedIn(BaseModel):
    user: UserShown
    session: TokenShown


class SessionShown(BaseModel):
    id: UUID
    label: str
    created_at: datetime
    expires_at: datetime
    current: bool = Field(description="Whether it is the one that asks")


class Sessions(BaseModel):
    items: list[SessionShown]


class TokenMade(SessionShown):
    token: str = Field(description="The secret; it is shown this once")


class CalendarShown(BaseModel):
    path: str = Field(description="Of the feed, below the address of Taskora; whoever knows it can read it")


class Imported(BaseModel):
    created: int


class ViewShown(BaseModel):
    id: UUID
    name: str
    query: dict[str, Any]


class ViewList(BaseModel):
    items: list[ViewShown]


class NotificationShown(BaseModel):
    id: UUID
    task_id: UUID
    reminder_id: UUID
    title: str
    created_at: datetime
    read_at: datetime | None
    snoozed_until: datetime | None
    due_at: datetime | None = Field(description="When its task is due now")
    due_date: date | None
    parent: str | None = Field(description="What its task is a part of")


class Notifications(BaseModel):
    items: list[NotificationShown]
    next_cursor: str | None
    unread: int


class ViewCounted(ViewShown):
    open: int = Field(description="How many tasks it shows; 100: as many or more")


class Counts(BaseModel):
    inbox: int = Field(description="Open tasks without their subtasks")
    today: int = Field(description="Open and due today or before")
    unread: int = Field(description="Notifications")


class Overview(BaseModel):
    user: UserShown
    counts: Counts
    tags: list[TagCounted]
    views: list[ViewCounted]
    ringing: list[NotificationShown] = Field(description="The latest that are unread, and came a short while ago")


class HappeningShown(BaseModel):
    no: int
    type: str
    time: datetime
    fields: list[str]
    values: dict[str, Any] = Field(description="What the fields became")


class History(BaseModel):
    items: list[HappeningShown]
    next_before: int | None


class Replied(BaseModel):
    conversation_id: UUID
    no: int
    text: str
    intent: str
    tasks: list[TaskShown] = Field(description="Those the answer names, in its order")
    created_at: datetime


class MessageShown(BaseModel):
    no: int
    role: str
    text: str
    created_at: datetime
    tasks: list[UUID] = Field(description="Those it names, in its order")


class Talk(BaseModel):
    id: UUID
    title: str = Field(description="How it began")
    updated_at: datetime


class Talks(BaseModel):
    items: list[Talk]


class Conversation(BaseModel):
    id: UUID
    messages: list[MessageShown]


class LetterShown(BaseModel):
    id: UUID
    consumer: str
    topic: str
    event_id: UUID | None = Field(description="null: it could not be read as an event")
    reason: str
    state: str
    created_at: datetime


class LetterRead(LetterShown):
    body: str = Field(description="As it came; bytes that are no text are replaced")


class Letters(BaseModel):
    items: list[LetterShown]
    next_cursor: str | None


class EntryShown(BaseModel):
    """What is personal of it stays sealed: nobody reads others' tasks here."""

    user_id: UUID
    no: int
    event_id: UUID
    action: str
    resource: str
    occurred_at: datetime
    recorded_at: datetime
    hash: str


class Entries(BaseModel):
    items: list[EntryShown]
    next_cursor: str | None


class ChainFault(BaseModel):
    user_id: UUID
    no: int = Field(description="The first link that does not hold")


class ChainsChecked(BaseModel):
    chains: int
    faults: list[ChainFault]
    seal: int | None = Field(description="The first seal that does not hold; null when all do")
    cut: list[UUID] = Field(description="Users whose chain lacks, or has otherwise, what a seal covers")


class SystemEventShown(BaseModel):
    id: UUID
    role: str
    type: str
    occurred_at: datetime
    data: dict[str, Any]


class SystemEvents(BaseModel):
    items: list[SystemEventShown]
    next_cursor: str | None


class AlertShown(BaseModel):
    id: UUID
    rule: str
    subject: str
    severity: str
    message: str
    count: int
    first_at: datetime
    last_at: datetime
    resolved_at: datetime | None


class Alerts(BaseModel):
    items: list[AlertShown]
    next_cursor: str | None


class SampleShown(BaseModel):
    id: UUID
    conversation_id: UUID
    role: str
    text: str
    data: dict[str, Any]
    created_at: datetime


class Samples(BaseModel):
    items: list[SampleShown]
    next_cursor: str | None


class PersonShown(BaseModel):
    id: UUID
    email: str
    display_name: str
    is_admin: bool
    created_at: datetime
    signed_in_at: datetime | None


class People(BaseModel):
    items: list[PersonShown]
    next_cursor: str | None


class ResetShown(BaseModel):
    token: str = Field(description="For `POST auth/reset`, once")
    expires_at: datetime


class ChangeShown(BaseModel):
    seq: int
    type: str
    id: UUID
    time: datetime
    data: dict[str, Any]


class Changes(BaseModel):
    items: list[ChangeShown]
    seq: int = Field(description="Ask again from here")


class Heads(BaseModel):
    heads: dict[UUID, int]
    revoked: list[str]
    relay_lag_seconds: float


class FieldFault(BaseModel):
    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldFault]
