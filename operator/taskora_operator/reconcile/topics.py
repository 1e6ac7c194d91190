"""Topics wanted × found → what to create, grow and alter. Never shrinks, never deletes: that would lose events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from taskora_operator.desired.model import Problem, Topic


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """`retention_ms` in milliseconds."""

    partitions: int
    retention_ms: int


@dataclass(frozen=True, slots=True)
class TopicPlan:
    create: Sequence[Topic]
    grow: Sequence[Topic]  # to this many partitions
    alter: Sequence[Topic]  # to this retention
    problems: Sequence[Problem]

    @property
    def settled(self) -> bool:
        return not (self.create or self.grow or self.alter)


def plan_topics(wanted: Sequence[Topic], found: Mapping[str, FoundTopic]) -> TopicPlan:
    have = [(topic, found[topic.name]) for topic in wanted if topic.name in found]
    return TopicPlan(
        create=[topic for topic in wanted if topic.name not in found],
        grow=[topic for topic, is_ in have if is_.partitions < topic.partitions],
        alter=[topic for topic, is_ in have if is_.retention_ms != topic.retention_ms],
        problems=[
            Problem(
                "TopicsReady",
                "TopicShrink",
                f"Topic {topic.name} has {is_.partitions} partitions and {topic.partitions} are asked for. Partitions "
                f"can't be taken away without losing events: ask for at least {is_.partitions}.",
            )
            for topic, is_ in have
            if is_.partitions > topic.partitions
        ],
    )
