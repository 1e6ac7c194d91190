"""CloudEvents 1.0: what is published, and what is accepted. One vocabulary for producers and consumers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from taskora.domain.trace import parse as parse_trace

# Users are spread over this many shards; each has one relay at a time, so that one user's events stay in order.
SHARDS = 16


class Topic(StrEnum):
    TASK = "task-events"
    REMINDER = "reminder-events"
    USER = "user-events"
    CHAT = "chat-events"
    SYSTEM = "system-events"
    DEAD = "dead-letters"


SUBJECT_OF = {
    Topic.TASK: "task",
    Topic.REMINDER: "reminder",
    Topic.USER: "user",
    Topic.CHAT: "chat",
    Topic.SYSTEM: "system",
}


class BadEvent(Exception):
    """A body that is not a CloudEvent of ours and never will be; the sentence says why."""


def event_type(topic: Topic, verb: str) -> str:
    return f"dev.taskora.{SUBJECT_OF[topic]}.{verb}.v1"


def topic_of(kind: str) -> Topic:
    """The topic of an event's type; raises `BadEvent`."""
    for topic, subject in SUBJECT_OF.items():
        if kind.startswith(f"dev.taskora.{subject}."):
            return topic
    raise BadEvent(f"No topic carries events of type {kind}.")


def envelope(
    event_id: UUID,
    *,
    topic: Topic,
    verb: str,
    source: str,
    subject: str,
    time: datetime,
    traceparent: str,
    data: Mapping[str, Any],
) -> dict[str, Any]:
    """The CloudEvent. Dapr leaves a body that is one as it is, so the trace travels inside."""
    trace = parse_trace(traceparent)
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": event_type(topic, verb),
        "subject": subject,
        "time": time,
        "datacontenttype": "application/json",
        **({"traceid": trace.trace_id, "traceparent": trace.traceparent} if trace else {}),
        "data": data,
    }


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened to a user's things, about to be stored. `data` is JSON but for UUIDs and times.

    `traceparent`: what it came of, if not of what stores it.
    """

    id: UUID
    topic: Topic
    verb: str
    subject: str
    user_id: UUID
    time: datetime
    data: Mapping[str, Any]
    traceparent: str = ""

    def envelope(self, *, source: str, traceparent: str) -> dict[str, Any]:
        return envelope(
            self.id,
            topic=self.topic,
            verb=self.verb,
            source=source,
            subject=self.subject,
            time=self.time,
            traceparent=traceparent,
            data={"user_id": self.user_id, **self.data},
        )


def shard_of(user_id: UUID) -> int:
    """By the random end of the UUIDv7, so that shards fill evenly."""
    return user_id.int % SHARDS


class Event(BaseModel):
    """A CloudEvent received. Unknown attributes are kept out of the way, as CloudEvents allows."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: str = Field(pattern=r"^1\.")
    id: UUID
    source: str = Field(min_length=1, max_length=200)
    type: str = Field(min_length=1, max_length=200)
    time: AwareDatetime
    subject: str = Field(default="", max_length=500)
    traceparent: str = ""
    data: dict[str, Any]

    def is_about(self, topic: Topic) -> bool:
        return self.type.startswith(f"dev.taskora.{SUBJECT_OF[topic]}.")

    @property
    def user_id(self) -> UUID:
        """Whose event it is; raises `BadEvent` when it names nobody."""
        try:
            return UUID(str(self.data.get("user_id")))
        except ValueError as error:
            raise BadEvent("The event's data has no user_id that is a UUID.") from error


def parse(body: bytes) -> Event:
    """The event in a delivered body; raises `BadEvent`."""
    try:
        return Event.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        if first["type"] == "json_invalid":
            raise BadEvent(f"Not JSON: {first['msg']}") from error
        raise BadEvent(f"Not a CloudEvent of Taskora: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def as_change(event: Mapping[str, Any]) -> dict[str, Any]:
    """One item of the change feed, from a task event's envelope (a dict as JSON gives it).

    `{"seq", "type", "id", "time", "data"}`: the same over `GET changes` and over server-sent events.
    """
    data = cast("dict[str, Any]", event["data"])
    return {
        "seq": int(data["seq"]),
        "type": event["type"],
        "id": event["id"],
        "time": event["time"],
        "data": {name: value for name, value in data.items() if name != "seq"},
    }
