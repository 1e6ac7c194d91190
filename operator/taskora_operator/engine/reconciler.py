"""One instance: read facts → desired → plan → execute → status, round by round until nothing is left to write now.

Nothing is remembered that can't be found again: what is kept here only spares calls.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from taskora_operator.api.resource import TaskoraDeployment
from taskora_operator.api.spec import DeletionPolicy
from taskora_operator.api.status import Status
from taskora_operator.cluster.apiserver import ApiError, ApiServer, UnreachableError
from taskora_operator.cluster.children import ChildStore
from taskora_operator.cluster.events import Event
from taskora_operator.cluster.permissions import INSTANCES
from taskora_operator.desired.model import Desired, Gate, Key, Manifest, Problem
from taskora_operator.engine import rotation
from taskora_operator.engine.backups import BackupReader
from taskora_operator.engine.instances import InstanceKey, Instances
from taskora_operator.engine.looking import Look, Looker
from taskora_operator.engine.pods import PodReader
from taskora_operator.engine.telling import Teller
from taskora_operator.engine.topics import Topics
from taskora_operator.engine.writing import Entropy, Writer
from taskora_operator.profiles import Instance, resolve
from taskora_operator.reconcile import pods
from taskora_operator.reconcile import status as status_
from taskora_operator.reconcile.drawing import Desire
from taskora_operator.reconcile.found import Found
from taskora_operator.reconcile.plan import Verb
from taskora_operator.reconcile.rollout import Verdict

log = logging.getLogger(__name__)

ROUNDS = 2 * len(Gate) + 2  # each gate may take a write and a look; more than that is a loop

PATIENCE = 4  # tries that fail in a row before what passes by itself is told

UNSEEN_SECONDS = 2.0

FINALIZER = "taskora.dev/topics"

LACKS = "The operator lacks a permission; upgrade its chart"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the queue has to know. `retry`: something was refused or unreachable and is tried again with pauses that
    grow. `lacking`: the cluster or the user has to bring something, which no watch would tell of. `again_in`: seconds
    after which there will be something to say."""

    retry: bool = False
    lacking: bool = False
    again_in: float | None = None


class Reconciler:
    def __init__(
        self,
        api: ApiServer,
        *,
        desired: Desire,
        instances: Instances,
        children: ChildStore[Found],
        wake: Callable[[InstanceKey], None],
        entropy: Entropy,
        identity: str,
        keep: float,
        ask_again: float,
        rolling: float,
    ) -> None:
        """`wake` is told of instances that have something new to be reconciled for. Seconds: `keep`, that what can't be
        watched is good for; `ask_again`, that the lack of an answer is; `rolling`, that a look at pods is."""
        self._api = api
        self._desired = desired
        self._instances = instances
        self._children = children
        self._entropy = entropy
        self._rolling = rolling
        self._backups = BackupReader()
        self._topics = Topics(wake=wake, keep=keep, ask_again=ask_again)
        self._teller = Teller(api, instances=instances, identity=identity)
        self.writer = Writer(api, instances=instances, children=children, entropy=entropy)
        self.looker = Looker(
            api,
            desired=desired,
            children=children,
            topics=self._topics,
            remembered=self.writer.remembered,
            keep=keep,
        )
        self._unseen_since: dict[InstanceKey, float] = {}
        self._failures: dict[InstanceKey, int] = {}

    async def reconcile(self, key: InstanceKey) -> Outcome:
        """Brings one instance as near to what is wanted as can be done now.

        Raises `ApiError` and `UnreachableError` where trying again is all that helps.
        """
        body = self._instances.get(key)
        if body is None:
            self._forget(key)
            return Outcome()
        if "deletionTimestamp" in body["metadata"]:
            return await self._part(key, body)
        try:
            resource = TaskoraDeployment.model_validate(body)
        except ValidationError as error:
            return await self._refuse(key, body, Problem("Ready", "InvalidSpec", _in_words(error)))
        first = self._instances.served(key.namespace)
        if first != key:
            message = (
                f"Namespace {key.namespace} already has the instance {first.name}, and there can be one in each. "
                "Delete this one, or make it in another namespace."
            )
            return await self._refuse(key, body, Problem("Ready", "NamespaceOccupied", message))
        if not self._children.knows(key.namespace):
            return Outcome()  # woken when they are
        try:
            outcome = await self._converge(key, body, resource)
        except (ApiError, UnreachableError) as error:
            self._failures[key] = self._failures.get(key, 0) + 1
            if isinstance(error, UnreachableError) or error.transient:
                raise
            reason, words = ("Forbidden", LACKS) if error.code == 403 else (error.reason, "The API server refuses")
            await self._refuse(key, body, Problem("Ready", reason, f"{words}: {error.message}"))
            return Outcome(retry=True)
        self._failures[key] = self._failures.get(key, 0) + 1 if outcome.retry else 0
        return outcome

    async def _converge(self, key: InstanceKey, body: Manifest, resource: TaskoraDeployment) -> Outcome:
        instance = resolve(resource.spec)
        reader = PodReader(self._api, key)
        strangers: dict[Key, Found] = {}
        refused: Sequence[Problem] = ()
        look = await self.looker.look(key, resource, instance, reader, strangers)
        has = FINALIZER in resource.metadata.finalizers
        if has != _leaves_topics(instance, look.desired) and not resource.spec.paused:
            body = await self._finalize(body, wanted=not has)
        for _ in range(ROUNDS):
            if resource.spec.paused or self.writer.stopping:
                break
            if not look.plan.steps:
                if await self._turn(key, resource, instance, reader, look):
                    look = await self.looker.look(key, resource, instance, reader, strangers)
                    continue
                if look.plan.past(Gate.DATA):  # else there is no broker to ask
                    self._topics.ask(key, look.desired)
                break
            patient = self._failures.get(key, 0) < PATIENCE
            refused = await self.writer.execute(key, look.plan.steps, strangers, patient=patient)
            final = refused or any(step.verb is Verb.DELETE for step in look.plan.steps)
            look = await self.looker.look(key, resource, instance, reader, strangers)
            if final:  # a watch tells when what was deleted is gone
                break
        else:
            log.warning("%d rounds did not settle it", ROUNDS, extra=self._instances.marks(key))
            return Outcome(retry=True)
        if self.writer.stopping:
            return Outcome()
        seen = self._topics.seen(key, look.desired)
        spec, before = resource.spec, resource.status.last_backup
        backups = await self._backups.look(key, spec.backup, reader, look.found, before=before) if spec.backup else None
        unread = [*self._children.forbidden(key.namespace), *([reader.refused] if reader.refused else ())]
        unseen = [Problem("PrerequisitesMet", "Forbidden", words) for words in unread]
        lacking = [*look.problems, *look.plan.problems, *refused, *unseen, *(seen.problems if seen else ())]
        problems = [*lacking, *([look.decision.problem] if look.decision.problem else ())]
        rotations = rotation.told(resource, rotation.turning(instance, look.facts, look.found))
        observation = status_.Observation(
            generation=resource.metadata.generation,
            version=spec.version,
            wanted=look.wanted,
            found=look.found,
            plan=look.plan,
            problems=problems,
            decision=look.decision,
            topics=seen.found if seen else {},
            topics_ready=look.topics_ready,
            topics_error=seen.error if seen else "",
            url=look.desired.url,
            backups=backups,
            rotations=rotations,
            paused=spec.paused,
            suspended=spec.suspended,
            ending=look.ending,
            database=instance.database_summary,
            broker=instance.broker_summary,
        )
        status = status_.fold(resource.status, observation, now=look.at)
        if self._too_early(key, resource, status, look):
            return Outcome(again_in=UNSEEN_SECONDS)
        await self._teller.report(key, body, status)
        return Outcome(
            retry=bool(refused or observation.topics_error),
            lacking=bool(lacking),
            again_in=self._rolling if _rolls(look) or look.ending or rotations.under_way else None,
        )

    def _too_early(self, key: InstanceKey, resource: TaskoraDeployment, status: Status, look: Look) -> bool:
        """Whether Ready would turn only because a controller has not yet read what was just written: an annotation on
        a Deployment is enough for that, and it is over in a moment."""
        was_ready = (
            status_.is_ready(resource.status) and resource.status.observed_generation == status.observed_generation
        )
        unseen = any(item.key in look.found and look.found[item.key].health.unseen for item in look.wanted)
        if not (was_ready and unseen and not status_.is_ready(status)):
            self._unseen_since.pop(key, None)
            return False
        return _clock() - self._unseen_since.setdefault(key, _clock()) < UNSEEN_SECONDS

    async def _turn(
        self, key: InstanceKey, resource: TaskoraDeployment, instance: Instance, reader: PodReader, look: Look
    ) -> bool:
        """Whether credentials were turned one step further."""
        if instance.spec.suspended:
            return False
        turned = await rotation.advance(
            self._api,
            key,
            resource,
            rotation.turning(instance, look.facts, look.found),
            reader,
            facts=look.facts,
            wanted=look.wanted,
            found=look.found,
            plan=look.plan,
            rolls=look.decision.verdict is Verdict.GO_ON,
            entropy=self._entropy,
            now=look.at,
        )
        for secret in turned:
            self._children.put(secret)
        return bool(turned)

    async def _finalize(self, body: Manifest, *, wanted: bool) -> Manifest:
        others = [name for name in body["metadata"].get("finalizers", ()) if name != FINALIZER]
        updated = await self._api.set_finalizers(INSTANCES, body, [*others, *([FINALIZER] if wanted else [])])
        self._instances.put(updated)
        return updated

    async def _part(self, key: InstanceKey, body: Manifest) -> Outcome:
        """What the garbage collector can't reach goes before the instance does."""
        if FINALIZER not in body["metadata"].get("finalizers", ()):
            return Outcome()
        resource = TaskoraDeployment.model_validate(body)
        instance = resolve(resource.spec.model_copy(update={"suspended": False}))
        reader = PodReader(self._api, key)
        facts = await self.looker.facts(key, resource, instance, reader, self._children.of(key.namespace))
        desired = self._desired(instance, facts)
        if _leaves_topics(instance, desired):
            if any(problem.reason == "SecretMissing" for problem in desired.problems):
                note = "The topics stay: the Secret with the broker's credentials was deleted before them."
                log.warning(note, extra=self._instances.marks(key))
                await self._teller.announce(body, Event("Warning", "TopicsLeft", note))
            else:
                error = self._topics.gone(key, desired)
                if error is None:
                    return Outcome()
                if error:
                    message = (
                        f"The topics can't be deleted: {error}. It is tried again; to leave them behind, set "
                        "metadata.finalizers to null."
                    )
                    await self._refuse(key, body, Problem("Ready", "TopicsLeft", message))
                    return Outcome(retry=True)
        await self._finalize(body, wanted=False)
        return Outcome()

    async def _refuse(self, key: InstanceKey, body: Manifest, problem: Problem) -> Outcome:
        await self._teller.refuse(key, body, problem)
        return Outcome()

    def stop(self) -> None:
        """Begins no other write."""
        self.writer.stopping = True

    async def close(self) -> None:
        await self._topics.close()

    def _forget(self, key: InstanceKey) -> None:
        self._topics.forget(key)
        self._backups.forget(key)
        self._teller.forget(key)
        self._unseen_since.pop(key, None)
        self._failures.pop(key, None)
        if not self._instances.inside(key.namespace):
            self.writer.forget(key.namespace)
            self.looker.forget(key.namespace)


def _leaves_topics(instance: Instance, desired: Desired) -> bool:
    """Whether something stays behind that is to go: nothing else is outside the cluster."""
    return desired.topics_outlive and instance.spec.deletion_policy is DeletionPolicy.DELETE


def _rolls(look: Look) -> bool:
    """Whether pods that are to become healthy don't yet serve, which their Deployments tell too late or not at all."""
    return look.decision.verdict is Verdict.GO_ON and bool(pods.waiting(look.wanted, look.found))


def _in_words(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())


def _clock() -> float:
    return asyncio.get_running_loop().time()
