"""Carries out the steps of turns: sees what they are decided by, and writes each in one go."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from taskora_operator.api.resource import TaskoraDeployment
from taskora_operator.cluster.apiserver import ApiServer
from taskora_operator.cluster.permissions import SECRETS
from taskora_operator.desired.model import Facts, Gate, Key, Manifest
from taskora_operator.desired.secrets import filled
from taskora_operator.desired.turns import Turn, turns
from taskora_operator.engine.instances import InstanceKey
from taskora_operator.engine.pods import PodReader
from taskora_operator.profiles import Instance
from taskora_operator.reconcile import pods as pods_
from taskora_operator.reconcile import rotation as rotation_
from taskora_operator.reconcile.found import Found
from taskora_operator.reconcile.plan import Plan, Wanted, current
from taskora_operator.reconcile.rotation import Evidence, Rotation, Rotations, Step

log = logging.getLogger(__name__)


def turning(instance: Instance, facts: Facts, found: Mapping[Key, Found]) -> Sequence[tuple[Turn, Found, Rotation]]:
    """The Secrets that take turns, as far as they are there and ours."""
    return [
        (turn, have, have.traits.rotation)
        for turn in turns(instance, facts)
        for have in [found.get(Key("v1", "Secret", turn.secret))]
        if have is not None and have.traits.rotation is not None and have.belongs_to(facts) and not have.deleting
    ]


def told(resource: TaskoraDeployment, turning: Sequence[tuple[Turn, Found, Rotation]]) -> Rotations:
    return rotation_.told(
        [(turn, rotation) for turn, _, rotation in turning], every=rotation_.period(resource.spec.secrets.rotate_every)
    )


async def advance(
    api: ApiServer,
    key: InstanceKey,
    resource: TaskoraDeployment,
    turning: Sequence[tuple[Turn, Found, Rotation]],
    reader: PodReader,
    *,
    facts: Facts,
    wanted: Sequence[Wanted],
    found: Mapping[Key, Found],
    plan: Plan,
    rolls: bool,
    entropy: Callable[[int], bytes],
    now: datetime,
) -> Sequence[Manifest]:
    """Takes the steps it is time for, and returns the Secrets as they are then. `plan` has nothing to be written;
    `rolls`: a release is on its way. Raises `ApiError` (409 when a Secret has changed since it was looked at) and
    `UnreachableError`."""
    evidence = Evidence(
        calm=plan.settled and not rolls and not _jobs_run(found, facts),
        proved=_proved(turning, wanted, found),
        everywhere=await _everywhere(reader, wanted, plan, [rotation for _, _, rotation in turning]),
    )
    written: list[Manifest] = []
    for turn, have, rotation in turning:
        change = rotation_.advance(
            rotation,
            turn,
            facts.secrets.get(turn.secret, {}),
            evidence,
            every=rotation_.period(resource.spec.secrets.rotate_every),
            request=rotation_.requested(resource.metadata.annotations),
            now=now,
        )
        if change is None:
            continue
        state = {"uid": have.uid, "resourceVersion": have.resource_version}
        note = {rotation_.NOTE: rotation_.noted(change.rotation)}
        body = {"metadata": {**state, "annotations": note}, "stringData": dict(change.contents)}
        written.append(await api.merge(SECRETS, key.namespace, turn.secret, filled(body, entropy=entropy)))
        log.info("%s: %s", turn.secret, change.rotation.step, extra={"instance": str(key)})
    return written


def _proved(
    turning: Sequence[tuple[Turn, Found, Rotation]], wanted: Sequence[Wanted], found: Mapping[Key, Found]
) -> bool:
    """All that wait for a proof, so that pods go over to what is fresh in one rollout."""
    ended = {
        item.component
        for item in wanted
        if item.key in found and current(item, found[item.key]) and found[item.key].health.ok
    }
    waiting = {turn.proof for turn, _, rotation in turning if turn.proof and rotation.step is Step.PREPARED}
    return waiting <= ended


def _jobs_run(found: Mapping[Key, Found], facts: Facts) -> bool:
    """A dump or a migration that has begun may yet have to log in again."""
    return any(
        have.key.kind == "Job" and have.instance == facts.name and not have.health.ok and have.health.failed_at is None
        for have in found.values()
    )


async def _everywhere(reader: PodReader, wanted: Sequence[Wanted], plan: Plan, rotations: Sequence[Rotation]) -> bool:
    """Pods that are ending count: they drain with what they were given at their start."""
    moving = any(rotation.step is not Step.SETTLED for rotation in rotations)
    if not moving or not plan.past(Gate.FRONTEND):
        return False
    pods = await reader.read()
    return pods is not None and not pods_.left_behind(wanted, pods)
