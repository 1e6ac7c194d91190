"""Keeps an instance's topics: asks the broker when something changed and now and then, not at every reconcile, and
beside the workers: a broker that does not answer must not hold one up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from taskora_operator.cluster.kafka import BrokerError, TopicState, connected
from taskora_operator.desired.model import Desired, Problem
from taskora_operator.engine.instances import InstanceKey
from taskora_operator.reconcile.topics import FoundTopic, plan_topics

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TopicsSeen:
    """What the broker said at `asked_at` (seconds of the loop's clock) about what was wanted then."""

    wanted: object
    asked_at: float
    ready: bool
    found: Mapping[str, FoundTopic] = field(default_factory=dict[str, FoundTopic])
    problems: Sequence[Problem] = ()
    error: str = ""


class Topics:
    """`wake` is told of instances about whose topics there is something new. An answer is good for `keep` seconds, the
    lack of one for `ask_again`."""

    def __init__(self, *, wake: Callable[[InstanceKey], None], keep: float, ask_again: float) -> None:
        self._wake = wake
        self._keep, self._ask_again = keep, ask_again
        self._asking: dict[InstanceKey, asyncio.Task[None]] = {}
        self._seen: dict[InstanceKey, TopicsSeen] = {}
        self._farewells: dict[InstanceKey, str] = {}

    def seen(self, key: InstanceKey, desired: Desired) -> TopicsSeen | None:
        return None if none_wanted(desired) else self._seen.get(key)

    def ready(self, key: InstanceKey, desired: Desired) -> bool:
        seen = self._seen.get(key)
        return seen is not None and seen.wanted == _wish(desired) and seen.ready

    def ask(self, key: InstanceKey, desired: Desired) -> None:
        """If it is time to."""
        if none_wanted(desired):
            return
        seen = self._seen.get(key)
        if seen is not None and seen.wanted == _wish(desired):
            good_for = self._ask_again if seen.error else self._keep
            if _clock() - seen.asked_at < good_for:
                return
        self._aside(key, lambda: self._ensure(key, desired, seen))

    def gone(self, key: InstanceKey, desired: Desired) -> str | None:
        """Has them deleted. None until that came to an end; then what went wrong, in words, or nothing."""
        told = self._farewells.pop(key, None)
        if told is None:
            self._aside(key, lambda: self._remove(key, desired))
        return told

    def forget(self, key: InstanceKey) -> None:
        self._seen.pop(key, None)
        self._farewells.pop(key, None)

    async def close(self) -> None:
        for task in list(self._asking.values()):
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    def _aside(self, key: InstanceKey, work: Callable[[], Awaitable[None]]) -> None:
        """One at a time of each instance."""
        if key not in self._asking:
            self._asking[key] = asyncio.create_task(self._then_wake(key, work), name=f"topics of {key}")

    async def _then_wake(self, key: InstanceKey, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        finally:
            del self._asking[key]
            self._wake(key)

    async def _ensure(self, key: InstanceKey, desired: Desired, before: TopicsSeen | None) -> None:
        self._seen[key] = await ensure(desired, before, now=_clock())

    async def _remove(self, key: InstanceKey, desired: Desired) -> None:
        self._farewells[key] = await remove(desired)


def none_wanted(desired: Desired) -> bool:
    return not desired.bootstrap or not desired.topics


def _wish(desired: Desired) -> object:
    return (desired.bootstrap, desired.access, tuple(desired.topics))


async def ensure(desired: Desired, before: TopicsSeen | None, *, now: float) -> TopicsSeen:
    """Create, grow and alter what is needed, then tell what is there. Doesn't raise: what fails is in `error`."""
    names = [topic.name for topic in desired.topics]
    try:
        async with connected(desired.bootstrap, access=desired.access) as broker:
            states = await broker.read(names)
            todo = plan_topics(desired.topics, _found(states))
            if todo.create:
                await broker.create(todo.create)
            for topic in todo.grow:
                await broker.grow(topic)
            for topic in todo.alter:
                await broker.alter(topic, states[topic.name])
            if not todo.settled:
                log.info("topics: created %d, grew %d, altered %d", len(todo.create), len(todo.grow), len(todo.alter))
                states = await broker.read(names)
    except BrokerError as error:
        same = before is not None and before.wanted == _wish(desired)
        return TopicsSeen(
            wanted=_wish(desired),
            asked_at=now,
            ready=before.ready if before and same else False,  # topics don't vanish because nobody answers
            found=before.found if before else {},
            error=f"The broker can't be asked about topics: {error}",
        )
    found = _found(states)
    remaining = plan_topics(desired.topics, found)
    return TopicsSeen(
        wanted=_wish(desired),
        asked_at=now,
        ready=remaining.settled,
        found=found,
        problems=remaining.problems,
        error="" if remaining.settled else "The broker has not finished changing the topics.",
    )


async def remove(desired: Desired) -> str:
    """Delete the topics with their events; returns what went wrong, in words."""
    try:
        async with connected(desired.bootstrap, access=desired.access) as broker:
            await broker.delete([topic.name for topic in desired.topics])
    except BrokerError as error:
        return str(error)
    log.info("topics: deleted %d", len(desired.topics))
    return ""


def _found(states: Mapping[str, TopicState]) -> Mapping[str, FoundTopic]:
    return {name: FoundTopic(state.partitions, state.retention_ms) for name, state in states.items()}


def _clock() -> float:
    return asyncio.get_running_loop().time()
