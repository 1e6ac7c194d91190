"""One look at an instance: what is there, what is wanted of it, and what is to be done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from taskora_operator.api.resource import TaskoraDeployment
from taskora_operator.cluster.apiserver import ApiServer
from taskora_operator.cluster.children import ChildStore
from taskora_operator.desired.model import Capabilities, Desired, Facts, Gate, Key, Problem
from taskora_operator.desired.secrets import needed
from taskora_operator.engine import rollout
from taskora_operator.engine.instances import InstanceKey
from taskora_operator.engine.pods import PodReader
from taskora_operator.engine.secrets import SecretReader
from taskora_operator.engine.topics import Topics, none_wanted
from taskora_operator.profiles import Instance
from taskora_operator.reconcile.drawing import Desire, draw, recorded, wish_of
from taskora_operator.reconcile.found import Found, unproved
from taskora_operator.reconcile.plan import Plan, Remembered, Wanted, plan
from taskora_operator.reconcile.prerequisites import prerequisites
from taskora_operator.reconcile.rollout import Decision, Verdict, decide


@dataclass(frozen=True, slots=True)
class Look:
    """Everything observed, wanted and planned at one moment."""

    facts: Facts
    found: Mapping[Key, Found]
    desired: Desired
    wanted: Sequence[Wanted]
    problems: Sequence[Problem]
    topics_ready: bool
    plan: Plan
    decision: Decision
    at: datetime

    @property
    def ending(self) -> bool:
        """Pods of a suspended instance, whose end nothing tells of."""
        return bool(self.facts.running)


class Looker:
    """`remembered` gives, by UID, what the API server keeps in another form than it was written. What can't be watched
    is good for `keep` seconds. Raises `ApiError` and `UnreachableError`."""

    def __init__(
        self,
        api: ApiServer,
        *,
        desired: Desire,
        children: ChildStore[Found],
        topics: Topics,
        remembered: Callable[[str], Remembered],
        keep: float,
    ) -> None:
        self._desired = desired
        self._children = children
        self._topics = topics
        self._remembered = remembered
        self._secrets = SecretReader(api, keep=keep)
        self.capabilities = Capabilities(kinds=frozenset())

    async def look(
        self,
        key: InstanceKey,
        resource: TaskoraDeployment,
        instance: Instance,
        pods: PodReader,
        strangers: Mapping[Key, Found],
    ) -> Look:
        """What is asked for may not be what is rendered: a release that failed is not."""
        found = {**self._children.of(key.namespace), **strangers}
        facts = await self.facts(key, resource, instance, pods, found)
        now = datetime.now(UTC)
        wish, known = wish_of(instance), recorded(found.values(), facts)
        decision = decide(wish, known, None, now=now)
        look = self._drawn(key, instance, facts, found, decision, now)
        target = decision.revisions[0]
        open_ = decision.verdict is not Verdict.KEEP or target.schema is None
        at_rest = instance.spec.suspended or instance.spec.paused
        # Else what is not well below the release would count as its fault.
        if open_ and decision.release == target.release and look.plan.past(Gate.MESSAGING) and not at_rest:
            seen = await rollout.look(
                pods,
                target=target,
                wanted=look.wanted,
                found=found,
                now=now,
                deadline=timedelta(seconds=instance.spec.update.progress_deadline_seconds),
            )
            judged = decide(wish, known, seen, now=now)
            if judged != decision:
                look = self._drawn(key, instance, facts, found, judged, now)
        return look

    def _drawn(
        self,
        key: InstanceKey,
        instance: Instance,
        facts: Facts,
        found: Mapping[Key, Found],
        decision: Decision,
        now: datetime,
    ) -> Look:
        """What a decision wants, and what is to be done for it."""
        desired, wanted = draw(self._desired, instance, facts, found=found, decision=decision)
        problems = [*prerequisites(desired, facts.capabilities), *desired.problems]
        topics_ready = none_wanted(desired) or self._topics.ready(key, desired)
        todo = plan(
            wanted,
            found,
            facts=facts,
            remembered=self._remembered(key.namespace),
            problems=problems,
            topics_ready=topics_ready,
            now=now,
        )
        return Look(facts, found, desired, wanted, problems, topics_ready, todo, decision, now)

    async def facts(
        self,
        key: InstanceKey,
        resource: TaskoraDeployment,
        instance: Instance,
        pods: PodReader,
        found: Mapping[Key, Found],
    ) -> Facts:
        facts = Facts(
            namespace=key.namespace,
            name=key.name,
            uid=resource.metadata.uid,
            generation=resource.metadata.generation,
            capabilities=self.capabilities,
            observed_replicas={
                each.name: have.traits.replicas
                for each, have in found.items()
                if each.kind == "Deployment" and have.traits.replicas is not None
            },
            scaled_by_others=frozenset(
                each.name for each, have in found.items() if each.kind == "Deployment" and have.traits.scaled_by_others
            ),
            unproved=unproved(found),
        )
        if instance.spec.suspended:
            facts = replace(facts, running=await pods.running(found))
        names, now = needed(instance, facts), asyncio.get_running_loop().time()
        return replace(facts, secrets=await self._secrets.read(key.namespace, names, found=found, now=now))

    def forget(self, namespace: str) -> None:
        self._secrets.forget(namespace)
