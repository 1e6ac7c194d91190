"""What each event carries as its data. From these models come the JSON Schemas in docs/events.

They may grow, and an old consumer must go on reading a new producer: unknown members are ignored, what is one of a few
words is read as any word, and a member that is added has a default.

`python -m taskora.domain.payloads` writes the schemas.
"""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from taskora.domain.events import BadEvent, Event, Topic, event_type, topic_of

FOLDER = Path(__file__).parents[3] / "docs" / "events"


class Payload(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Personal(Payload):
    """About what a person has or does."""

    user_id: UUID


class Numbered(Personal):
    """On task-events: `seq` numbers one user's events without a gap, in the order they happened."""

    seq: Annotated[int, Field(ge=1)]


class ReminderState(Payload):
    """Of a task: at a time, or so many minutes before it is due."""

    id: UUID
    at: AwareDatetime | None = None
    minutes_before: int | None = None


class TaskState(Payload):
    """The task as it was right after the change."""

    id: UUID
    title: str
    description: Annotated[str, Field(description="Markdown")] = ""
    status: Annotated[str, Field(description="todo, in_progress or done")]
    priority: Annotated[str, Field(description="low, medium, high or urgent")]
    due_at: AwareDatetime | None = None
    due_date: Annotated[date | None, Field(description="A day that floats with its user")] = None
    tags: tuple[str, ...] = ()
    recurrence: Annotated[dict[str, Any] | None, Field(description="As in POST tasks")] = None
    reminders: tuple[ReminderState, ...] = ()
    parent_id: UUID | None = None
    position: FiniteFloat = 0
    version: int
    created_at: AwareDatetime
    updated_at: AwareDatetime
    completed_at: AwareDatetime | None = None
    deleted_at: Annotated[AwareDatetime | None, Field(description="Since when it is in the trash")] = None


class TaskChanged(Numbered):
    task_id: UUID
    fields: Annotated[tuple[str, ...], Field(description="Which members of `task` differ from before")] = ()
    task: TaskState


class Notified(Numbered):
    """A notification was put into the user's notification centre."""

    notification_id: UUID
    task_id: UUID
    title: str
    reminder_id: UUID | None = None
    generation: int | None = None


class NotificationsChanged(Numbered):
    """Some were read, put off, or their task was done, gone, or there again."""

    unread: Annotated[int, Field(ge=0, description="How many are unread from now on")] = 0


class TagState(Payload):
    id: UUID
    name: str
    color: str
    pinned: bool = False


class TagsChanged(Numbered):
    tags: Annotated[tuple[TagState, ...], Field(description="All of the user's tags, as they are from now on")] = ()


class ViewState(Payload):
    id: UUID
    name: str
    query: Annotated[dict[str, Any], Field(description="Filters and order, as GET tasks takes them")]


class ViewsChanged(Numbered):
    views: Annotated[tuple[ViewState, ...], Field(description="All saved views, as they are from now on")] = ()


class ReminderFired(Personal):
    """A reminder's time has come: once for each (reminder_id, generation)."""

    reminder_id: UUID
    generation: Annotated[int, Field(ge=1)]
    task_id: UUID
    title: str
    scheduled_for: Annotated[AwareDatetime | None, Field(description="The time it was set for")] = None
    due_at: AwareDatetime | None = None
    due_date: date | None = None


class Registered(Personal):
    display_name: str
    time_zone: str


class SignedIn(Personal):
    kind: Annotated[str, Field(description="browser or token")]


class SignedOut(Personal):
    pass


class ProfileChanged(Personal):
    display_name: str
    time_zone: str


class PasswordChanged(Personal):
    """All other sessions ended with it."""


class Erased(Personal):
    """The account is gone: whoever keeps something of this user lets go of it."""


class Said(Personal):
    """One message of a conversation."""

    conversation_id: UUID
    no: Annotated[int, Field(description="The message's number in its conversation")]
    role: Annotated[str, Field(description="user or assistant")]
    text: str
    intent: Annotated[str | None, Field(description="What it was understood as")] = None
    training: Annotated[bool, Field(description="Whether the user lets it be used for training")] = False


class Running(Payload):
    """About a process of ours."""

    role: str
    pod: str = ""
    version: str = ""


class HealthChanged(Running):
    state: Annotated[str, Field(description="healthy, degraded or unhealthy")]
    because: Annotated[str, Field(description="What it can't do, as a sentence")] = ""


class Failed(Running):
    """An error somebody should look at."""

    error: Annotated[str, Field(description="The kind of error")]
    message: str = ""
    where: Annotated[str, Field(description="The route, the consumer or the job")] = ""
    trace_id: str = ""


BY_TYPE: dict[str, type[Payload]] = {
    event_type(topic, verb): payload
    for topic, payloads in {
        Topic.TASK: {
            **dict.fromkeys(("created", "updated", "completed", "reopened", "deleted", "restored"), TaskChanged),
            "notified": Notified,
            "notifications_changed": NotificationsChanged,
            "tags_changed": TagsChanged,
            "views_changed": ViewsChanged,
        },
        Topic.REMINDER: {"fired": ReminderFired},
        Topic.USER: {
            "registered": Registered,
            "signed_in": SignedIn,
            "signed_out": SignedOut,
            "profile_changed": ProfileChanged,
            "password_changed": PasswordChanged,
            "erased": Erased,
        },
        Topic.CHAT: {"said": Said},
        Topic.SYSTEM: {
            "started": Running,
            "stopped": Running,
            "deployed": Running,
            "health_changed": HealthChanged,
            "failed": Failed,
        },
    }.items()
    for verb, payload in payloads.items()
}


def read(event: Event) -> Payload | None:
    """The event's data as its model; None for a type this version does not know. Raises `BadEvent`."""
    model = BY_TYPE.get(event.type)
    if model is None:
        return None
    try:
        return model.model_validate_json(json.dumps(event.data))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise BadEvent(f"{event.type}: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from error


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of the data of events of this type."""
    made = BY_TYPE[kind].model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": kind}


def render(kind: str) -> str:
    """The text of the type's file in docs/events."""
    return json.dumps(schema(kind), indent=2, ensure_ascii=False) + "\n"


HEAD = """# Events

CloudEvents 1.0 as JSON; generated from the application's models by `make generated`, do not edit. `id` is a UUIDv7,
`source` is `/taskora/{role}`, `partitionKey` is the user's id (of system-events: the role), `traceparent` and `traceid`
lead to the request. On task-events `seq` numbers one user's events without a gap. Delivery is at least once: take an
event by its `id`, once.

New members may come in any release; a member never goes or changes its meaning under the same `type`.
"""


def catalogue() -> str:
    """The text of docs/events/index.md: every type, by topic."""
    parts = [HEAD]
    for topic in Topic:
        kinds = [kind for kind in BY_TYPE if topic_of(kind) is topic]
        if kinds:
            parts.append(
                f"## {topic.value}\n| type | data | what |\n|---|---|---|\n" + "\n".join(map(_row, kinds)) + "\n"
            )
    return "\n".join(parts)


def _row(kind: str) -> str:
    model = BY_TYPE[kind]
    members = ", ".join(f"`{name}`" for name in model.model_fields)
    return f"| [`{kind}`]({kind}.json) | {members} | {model.__doc__ or ''} |"


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.json"):
        stale.unlink()
    for name in BY_TYPE:
        (folder / f"{name}.json").write_text(render(name), encoding="utf-8")
    (folder / "index.md").write_text(catalogue(), encoding="utf-8")
