"""What the cluster shows of a release that is being rolled out: its pods are read only while they do not yet serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from taskora_operator.desired.model import Gate, Key
from taskora_operator.engine.pods import PodReader
from taskora_operator.reconcile import pods as pods_
from taskora_operator.reconcile.found import Found
from taskora_operator.reconcile.plan import Wanted, current
from taskora_operator.reconcile.revisions import stated
from taskora_operator.reconcile.rollout import Outcome, Revision, Schema, Seen, Trouble


async def look(
    reader: PodReader,
    *,
    target: Revision,
    wanted: Sequence[Wanted],
    found: Mapping[Key, Found],
    now: datetime,
    deadline: timedelta,
) -> Seen:
    """`wanted` renders the target. Raises `ApiError` and `UnreachableError`."""
    rolled = pods_.rolled(wanted)
    waiting = pods_.waiting(wanted, found)
    migration = next((item for item in rolled if item.gate is Gate.SCHEMA and _serves(item, found)), None)
    unstated = target.schema is None and migration is not None
    pods = await reader.read() if waiting or unstated else None
    schema: Schema | None = None
    if migration is not None and unstated and pods is not None:
        schema = stated(pods_.termination_message(pods_.pods_of(migration, pods)))
    trouble = pods_.trouble(wanted, found, pods, now=now, deadline=deadline)
    if trouble is not None and target.outcome is Outcome.PROGRESSING:
        trouble = await _with_last_lines(reader, trouble)
    return Seen(healthy=all(_serves(item, found) for item in rolled), trouble=trouble, schema=schema)


def _serves(item: Wanted, found: Mapping[Key, Found]) -> bool:
    have = found.get(item.key)
    return have is not None and current(item, have) and have.health.ok and not have.deleting


async def _with_last_lines(reader: PodReader, trouble: Trouble) -> Trouble:
    """A log that can't be read any more takes nothing from what is known."""
    if not trouble.pod:
        return trouble
    lines = await reader.last_lines(trouble.pod, container=trouble.container, previous=trouble.previous)
    return replace(trouble, message=f"{trouble.message}. Its last lines:\n{lines}") if lines else trouble
