"""The topics: the specification's table, and `dead-letters`, which no role writes to (docs/decisions/034)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from taskora_operator.api.services import Engine
from taskora_operator.desired.model import Topic
from taskora_operator.profiles import Instance, RoleName

_HOUR_MS = 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class _Shape:
    partitions: int
    days: int
    producers: tuple[RoleName, ...]
    consumers: tuple[RoleName, ...]


TOPICS = MappingProxyType(
    {
        "task-events": _Shape(3, 7, (RoleName.BACKEND,), (RoleName.FRONTEND, RoleName.AUDIT, RoleName.NOTIFIER)),
        "reminder-events": _Shape(2, 1, (RoleName.SCHEDULER,), (RoleName.NOTIFIER,)),
        "user-events": _Shape(2, 30, (RoleName.BACKEND,), (RoleName.AUDIT, RoleName.INSIGHTS)),
        "chat-events": _Shape(2, 7, (RoleName.BACKEND,), (RoleName.INSIGHTS,)),
        "system-events": _Shape(1, 1, tuple(RoleName), (RoleName.INSIGHTS,)),
        "dead-letters": _Shape(1, 30, (), (RoleName.AUDIT,)),
    }
)


def topics(instance: Instance) -> Sequence[Topic]:
    """What the broker is asked for; none of Cloud Pub/Sub, whose topics are made with Google's tools."""
    if instance.spec.broker.engine is Engine.CLOUD_PUBSUB:
        return []
    overrides = {override.name: override for override in instance.spec.broker.topics}
    result: list[Topic] = []
    for name, shape in TOPICS.items():
        override = overrides.get(name)
        partitions = (override and override.partitions) or shape.partitions
        hours = (override and override.retention_hours) or shape.days * 24
        result.append(Topic(name=full_name(instance, name), partitions=partitions, retention_ms=hours * _HOUR_MS))
    return result


def full_name(instance: Instance, topic: str) -> str:
    """As the broker knows it; routes and the application's code go by the short name."""
    return f"{instance.spec.broker.topic_prefix}{topic}"


def produced_by(role: RoleName) -> list[str]:
    return [name for name, shape in TOPICS.items() if role in shape.producers]


def consumed_by(role: RoleName) -> list[str]:
    return [name for name, shape in TOPICS.items() if role in shape.consumers]
