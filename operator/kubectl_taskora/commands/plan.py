"""`plan`: what applying a file would change, from the operator's own functions and a dry run of every write."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from taskora_operator.api.resource import TaskoraDeployment
from taskora_operator.api.status import TopicStatus
from taskora_operator.cluster.apiserver import ApiError, ApiServer
from taskora_operator.cluster.discovery import discover
from taskora_operator.cluster.permissions import BY_KIND, INSTANCES
from taskora_operator.desired import desired
from taskora_operator.desired.model import Capabilities, Desired, Key, Manifest, Problem
from taskora_operator.reconcile.drawing import draw, recorded, wish_of
from taskora_operator.reconcile.found import observe
from taskora_operator.reconcile.plan import Wanted
from taskora_operator.reconcile.prerequisites import prerequisites
from taskora_operator.reconcile.rollout import Decision, decide
from taskora_operator.reconcile.status import MILLISECONDS_PER_HOUR
from taskora_operator.reconcile.topics import FoundTopic, TopicPlan, plan_topics

from kubectl_taskora import proposal as proposal_
from kubectl_taskora.answer import Answer
from kubectl_taskora.applying import dry_apply, dry_run, from_file, merged
from kubectl_taskora.differences import differences
from kubectl_taskora.errors import Exit
from kubectl_taskora.proposal import Change, Proposal
from kubectl_taskora.reading import facts_for, instance_here, objects_of, read_spec
from kubectl_taskora.session import Session
from kubectl_taskora.waves import Does, Move, moves

AT_ONCE = 8  # dry runs


async def plan(session: Session, asked: Namespace) -> Answer:
    """Without a file: what the operator has yet to do about the spec that is there."""
    api = session.connection.api
    if asked.file is None:
        before = after = (await instance_here(session.connection)).body
    else:
        written = from_file(asked.file, namespace=session.connection.namespace, said=asked.namespace)
        before = await api.get(INSTANCES, written["metadata"]["namespace"], written["metadata"]["name"])
        after = await dry_apply(api, written, before)
    proposal = await propose(api, before, after)
    return Answer(
        proposal_.render(proposal, width=session.width, fields=not asked.brief),
        proposal_.data(proposal),
        Exit.OK if proposal.empty else Exit.CHANGES,
    )


async def propose(api: ApiServer, before: Manifest | None, after: Manifest) -> Proposal:
    """`before` and `after`: the TaskoraDeployment as it is (None where there is none) and as it would be."""
    resource = read_spec(after)
    namespace = resource.metadata.namespace
    capabilities = await discover(api)
    objects = await objects_of(api, namespace=namespace, capabilities=capabilities)
    instance, facts = await facts_for(api, resource, namespace=namespace, objects=objects, capabilities=capabilities)
    seen = {key: observe(body) for key, body in objects.items()}
    decision = decide(wish_of(instance), recorded(seen.values(), facts), None, now=datetime.now(UTC))
    wish, listed = draw(desired, instance, facts, found=seen, decision=decision)
    wanted = {each.key: each for each in listed}
    there = {**objects, **await _unlabelled(api, wanted, objects, namespace=namespace, capabilities=capabilities)}
    steps, taken = moves(listed, {key: observe(body) for key, body in there.items()}, facts=facts)
    runs = await _dry_runs(api, steps, there, capabilities=capabilities)
    return Proposal(
        name=resource.metadata.name,
        namespace=namespace,
        new=before is None,
        spec=differences({"spec": before["spec"]}, {"spec": after["spec"]}) if before else (),
        changes=[change for step in steps if (change := _change(step, there.get(step.key), runs.after.get(step.key)))],
        topics=_topics(wish, resource, new=before is None),
        problems=[*prerequisites(wish, capabilities), *wish.problems, *taken, *_about(decision)],
        notes=[*_notes(resource), *runs.notes],
    )


def _change(move: Move, before: Manifest | None, after: Manifest | None) -> Change | None:
    """None where the dry run shows no difference: then only the operator's own bookkeeping would be written."""
    fields = differences(before, after) if before and after else ()
    if move.does is Does.CHANGE and after is not None and not fields:
        return None
    component = move.wanted.component if move.wanted else ""
    effect = "" if move.wanted is None else proposal_.effect(move.key, component=component, before=before, after=after)
    return Change(move.does, move.key, move.gate, effect, fields)


def _about(decision: Decision) -> Sequence[Problem]:
    """What the operator says of the release, where it will not run the one that is asked for."""
    return [decision.problem] if decision.problem else []


def _notes(resource: TaskoraDeployment) -> Sequence[str]:
    if resource.spec.paused:
        return ["The instance is paused: none of this happens before `kubectl taskora resume`."]
    return []


def _topics(wish: Desired, resource: TaskoraDeployment, *, new: bool) -> TopicPlan:
    """Against what the status says of the broker, which this command can't ask; nothing where it says nothing."""

    def found(topic: TopicStatus) -> FoundTopic:
        return FoundTopic(topic.partitions, topic.retention_hours * MILLISECONDS_PER_HOUR)

    known = {topic.name: found(topic) for topic in resource.status.topics}
    return plan_topics(wish.topics if wish.bootstrap and (known or new) else (), known)


async def _unlabelled(
    api: ApiServer,
    wanted: Mapping[Key, Wanted],
    objects: Mapping[Key, Manifest],
    *,
    namespace: str,
    capabilities: Capabilities,
) -> Mapping[Key, Manifest]:
    """Objects under a wanted name that don't bear our label."""
    missing = [key for key in wanted if key not in objects and capabilities.has(key.api_version, key.kind)]
    found = await asyncio.gather(*(api.get(BY_KIND[k.api_version, k.kind], namespace, k.name) for k in missing))
    return {key: body for key, body in zip(missing, found, strict=True) if body is not None}


@dataclass(frozen=True, slots=True)
class DryRuns:
    after: Mapping[Key, Manifest]
    notes: Sequence[str]


async def _dry_runs(
    api: ApiServer, steps: Sequence[Move], there: Mapping[Key, Manifest], *, capabilities: Capabilities
) -> DryRuns:
    """What the API server would make of every write. What it refuses becomes a note."""
    limit = asyncio.Semaphore(AT_ONCE)
    after: dict[Key, Manifest] = {}
    notes: list[str] = []
    forbidden: set[str] = set()

    async def run(move: Move) -> None:
        manifest = move.manifest
        if manifest is None or not capabilities.has(move.key.api_version, move.key.kind):
            return
        async with limit:
            try:
                after[move.key] = await dry_run(api, manifest)
            except ApiError as error:
                if error.code != 403:
                    notes.append(f"{move.key} would be refused: {error.message.splitlines()[0]}")
                    return
                forbidden.add(move.key.kind)
                if move.key in there:
                    after[move.key] = merged(there[move.key], manifest)

    await asyncio.gather(*(run(move) for move in steps if move.does is not Does.REPLACE))
    if forbidden:
        notes.append(
            f"You may not write objects of kind {', '.join(sorted(forbidden))}. They are compared here, not by the API "
            "server: its defaults and webhooks are left out."
        )
    return DryRuns(after, notes)
