"""Everything an operator would write until an instance is as wanted, in the order it would write it. Pure.

The operator plans one round and looks again; here the looking is imagined: what was written is there and healthy, so
the next gate opens. The planning itself is the operator's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from taskora_operator.desired.model import Capabilities, Facts, Gate, Key, Manifest, Problem
from taskora_operator.reconcile.found import Found
from taskora_operator.reconcile.health import Health
from taskora_operator.reconcile.plan import Step, Verb, Wanted, plan

_LONG_AGO = datetime.min.replace(tzinfo=UTC)  # failed Jobs are not up for another try
ROUNDS = 4 * len(Gate)


class Does(StrEnum):
    CREATE = "create"
    CHANGE = "change"
    REPLACE = "replace"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Move:
    """One write. `wanted` is None where the object goes."""

    does: Does
    key: Key
    gate: Gate
    wanted: Wanted | None

    @property
    def manifest(self) -> Manifest | None:
        """What would be written."""
        if self.wanted is None:
            return None
        return self.wanted.birth if self.wanted.birth and self.does is Does.CREATE else self.wanted.manifest


def moves(
    wanted: Sequence[Wanted], found: Mapping[Key, Found], *, facts: Facts
) -> tuple[Sequence[Move], Sequence[Problem]]:
    """The moves in order, and what keeps some from being made."""
    known = frozenset(f"{each.key.api_version}/{each.key.kind}" for each in wanted)
    facts = replace(facts, capabilities=_knowing(facts.capabilities, known))
    there = {key: replace(have, health=Health(ok=True)) for key, have in found.items()}
    open_, problems = list(wanted), list[Problem]()
    made: list[Move] = []
    for _ in range(ROUNDS):
        todo = plan(open_, there, facts=facts, remembered={}, problems=(), topics_ready=True, now=_LONG_AGO)
        if todo.problems:  # somebody else's objects stand where ours would: the rest goes on without them
            problems += todo.problems
            open_ = [w for w in open_ if w.gate != todo.closed or w.key not in there or there[w.key].belongs_to(facts)]
            continue
        if not todo.steps:
            break
        now = min((step.gate for step in todo.steps if step.wanted), default=Gate.INGRESS)
        for step in todo.steps:
            made.append(_move(step, now))
            if step.wanted is None:
                del there[step.key]
            else:
                there[step.key] = _as_wanted(step.wanted, facts)
    return made, problems


def _knowing(capabilities: Capabilities, kinds: frozenset[str]) -> Capabilities:
    """What the cluster lacks is told as a prerequisite; it is no reason to be silent about the rest."""
    return replace(capabilities, kinds=capabilities.kinds | kinds)


def _move(step: Step, now: Gate) -> Move:
    """What goes, goes beside what is written at the gate that is open `now`."""
    if step.wanted is None:
        return Move(Does.DELETE, step.key, now, None)
    if step.verb is Verb.DELETE:
        return Move(Does.REPLACE, step.key, step.gate, step.wanted)
    return Move(Does.CREATE if step.found is None else Does.CHANGE, step.key, step.gate, step.wanted)


def _as_wanted(item: Wanted, facts: Facts) -> Found:
    retained = not item.manifest["metadata"].get("ownerReferences")
    return Found(
        key=item.key,
        namespace=facts.namespace,
        uid=str(item.key),
        resource_version="0",
        instance=facts.name,
        made_by_us=True,
        owner=None,
        owner_uid=None if retained else facts.uid,
        wanted_hash=item.hash,
        owned=item.owned,
        deleting=False,
        health=Health(ok=True),
    )
