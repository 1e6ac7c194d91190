"""One instance: read facts → desired → plan → execute → status, round by round until nothing is left to write now.

Nothing is remembered that can't be found again: what is kept here only spares calls.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from taskora_operator.api.resource import TaskoraDeployment
from taskora_operator.api.spec import DeletionPolicy
from taskora_operator.api.status import Status
from taskora_operator.cluster.apiserver import ApiError, ApiServer, UnreachableError
from taskora_operator.cluster.children import ChildStore, explain
from taskora_operator.cluster.events import Event, announce
from taskora_operator.cluster.permissions import BY_KIND, INSTANCES
from taskora_operator.desired import secrets as wanted_secrets
from taskora_operator.desired.model import Capabilities, Desired, Facts, Gate, Key, Manifest, Problem
from taskora_operator.engine import pods as pods_
from taskora_operator.engine import rollout, rotation
from taskora_operator.engine.backups import BackupReader
from taskora_operator.engine.instances import InstanceKey, Instances
from taskora_operator.engine.secrets import SecretReader
from taskora_operator.engine.topics import Topics, none_wanted
from taskora_operator.profiles import Instance, resolve
from taskora_operator.reconcile import pods
from taskora_operator.reconcile import status as status_
from taskora_operator.reconcile.drawing import Desire, draw, recorded, wish_of
from taskora_operator.reconcile.found import Found, observe, unproved
from taskora_operator.reconcile.plan import CONDITION_OF, Plan, Step, Verb, Wanted, plan
from taskora_operator.reconcile.prerequisites import prerequisites
from taskora_operator.reconcile.rollout import Decision, Verdict, decide

log = logging.getLogger(__name__)

ROUNDS = 2 * len(Gate) + 2  # each gate may take a write and a look; more than that is a loop

PATIENCE = 4  # tries that fail in a row before what passes by itself is told

UNSEEN_SECONDS = 2.0

FINALIZER = "taskora.dev/topics"

LACKS = "The operator lacks a permission; upgrade its chart"

Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the queue has to know. `retry`: something was refused or unreachable and is tried again with pauses that
    grow. `lacking`: the cluster or the user has to bring something, which no watch would tell of. `again_in`: seconds
    after which there will be something to say."""

    retry: bool = False
    lacking: bool = False
    again_in: float | None = None


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
        self._identity = identity
        self._rolling = rolling
        self._secrets = SecretReader(api, keep=keep)
        self._backups = BackupReader(api)
        self._topics = Topics(wake=wake, keep=keep, ask_again=ask_again)
        self._remembered: dict[str, dict[str, tuple[str, str]]] = {}
        self._unseen_since: dict[InstanceKey, float] = {}
        self._failures: dict[InstanceKey, int] = {}
        self.capabilities = Capabilities(kinds=frozenset())
        self.stopping = False

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
        strangers: dict[Key, Found] = {}
        refused: Sequence[Problem] = ()
        look = await self._look(key, resource, instance, strangers)
        has = FINALIZER in resource.metadata.finalizers
        if has != _leaves_topics(instance, look.desired) and not resource.spec.paused:
            body = await self._finalize(body, wanted=not has)
        for _ in range(ROUNDS):
            if resource.spec.paused or self.stopping:
                break
            if not look.plan.steps:
                if await self._turn(key, resource, instance, look):
                    look = await self._look(key, resource, instance, strangers)
                    continue
                if _past_data(look.plan):
                    self._topics.ask(key, look.desired)
                break
            refused = await self._execute(key, look.plan.steps, strangers)
            final = refused or any(step.verb is Verb.DELETE for step in look.plan.steps)
            look = await self._look(key, resource, instance, strangers)
            if final:  # a watch tells when what was deleted is gone
                break
        else:
            log.warning("%d rounds did not settle it", ROUNDS, extra=self.marks(key))
            return Outcome(retry=True)
        if self.stopping:
            return Outcome()
        seen = self._topics.seen(key, look.desired)
        unseen = [Problem("PrerequisitesMet", "Forbidden", words) for words in self._children.forbidden(key.namespace)]
        lacking = [*look.problems, *look.plan.problems, *refused, *unseen, *(seen.problems if seen else ())]
        problems = [*lacking, *([look.decision.problem] if look.decision.problem else ())]
        spec = resource.spec
        rotations = rotation.told(resource, rotation.turning(instance, look.facts, look.found))
        observation = status_.Observation(
            generation=resource.metadata.generation,
            version=resource.spec.version,
            wanted=look.wanted,
            found=look.found,
            plan=look.plan,
            problems=problems,
            decision=look.decision,
            topics=seen.found if seen else {},
            topics_ready=look.topics_ready,
            topics_error=seen.error if seen else "",
            url=look.desired.url,
            backups=await self._backups.look(key, spec.backup, look.found, before=resource.status.last_backup)
            if spec.backup
            else None,
            rotations=rotations,
            paused=resource.spec.paused,
            suspended=resource.spec.suspended,
            ending=look.ending,
            database=instance.database_summary,
            broker=instance.broker_summary,
        )
        status = status_.fold(resource.status, observation, now=look.at)
        if self._too_early(key, resource, status, look):
            return Outcome(again_in=UNSEEN_SECONDS)
        await self._report(key, body, status)
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

    async def _look(
        self, key: InstanceKey, resource: TaskoraDeployment, instance: Instance, strangers: Mapping[Key, Found]
    ) -> Look:
        """What is asked for may not be what is rendered: a release that failed is not."""
        found = {**self._children.of(key.namespace), **strangers}
        facts = await self._facts(key, resource, instance, found)
        now = datetime.now(UTC)
        wish, known = wish_of(instance), recorded(found.values(), facts)
        decision = decide(wish, known, None, now=now)
        look = self._drawn(key, instance, facts, found, decision, now)
        target = decision.revisions[0]
        open_ = decision.verdict is not Verdict.KEEP or target.schema is None
        if open_ and decision.release == target.release and _past_messaging(look.plan) and not _at_rest(instance):
            seen = await rollout.look(
                self._api,
                key,
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
            remembered=self._remembered.get(key.namespace, {}),
            problems=problems,
            topics_ready=topics_ready,
            now=now,
        )
        return Look(facts, found, desired, wanted, problems, topics_ready, todo, decision, now)

    async def _facts(
        self, key: InstanceKey, resource: TaskoraDeployment, instance: Instance, found: Mapping[Key, Found]
    ) -> Facts:
        facts = Facts(
            namespace=key.namespace,
            name=key.name,
            uid=resource.metadata.uid,
            generation=resource.metadata.generation,
            capabilities=self.capabilities,
            observed_replicas={
                each.name: have.replicas
                for each, have in found.items()
                if each.kind == "Deployment" and have.replicas is not None
            },
            scaled_by_others=frozenset(
                each.name for each, have in found.items() if each.kind == "Deployment" and have.scaled_by_others
            ),
            unproved=unproved(found),
        )
        if instance.spec.suspended:
            facts = replace(facts, running=await pods_.running(self._api, key, found))
        names = wanted_secrets.needed(instance, facts)
        contents = await self._secrets.read(key.namespace, names, found=found, now=_clock())
        return replace(facts, secrets=contents)

    # Writing

    async def _turn(self, key: InstanceKey, resource: TaskoraDeployment, instance: Instance, look: Look) -> bool:
        """Whether credentials were turned one step further."""
        if instance.spec.suspended:
            return False
        turned = await rotation.advance(
            self._api,
            key,
            resource,
            rotation.turning(instance, look.facts, look.found),
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

    async def _execute(self, key: InstanceKey, steps: Sequence[Step], strangers: dict[Key, Found]) -> Sequence[Problem]:
        """Carries out one round. Refusals that only a person can mend, or that last, are returned as problems; the
        others are raised after the round, so that one object never keeps the rest from being written."""
        refused: list[Problem] = []
        later: ApiError | None = None
        for step in steps:
            if self.stopping:
                break
            try:
                await self._write(key, step, strangers)
            except ApiError as error:
                if error.code == 429:
                    raise
                if error.transient and self._failures.get(key, 0) < PATIENCE:
                    later = error
                    continue
                words = explain(error, BY_KIND[step.key.api_version, step.key.kind])
                reason = {403: "Forbidden", 404: "KindMissing", 422: "Invalid"}.get(error.code, error.reason)
                refused.append(Problem(CONDITION_OF[step.gate], reason, f"{step.key} can't be written: {words}"))
        if later is not None:
            raise later
        return refused

    async def _write(self, key: InstanceKey, step: Step, strangers: dict[Key, Found]) -> None:
        resource, marks = BY_KIND[step.key.api_version, step.key.kind], self.marks(key)
        if step.wanted is None or step.verb is Verb.DELETE:
            have = step.found
            assert have is not None, "only what was found is deleted"
            await self._api.delete(
                resource, key.namespace, step.key.name, uid=have.uid, resource_version=have.resource_version
            )
            log.info("deleted %s", step.key, extra=marks)
            return
        if step.found is None:
            there = await self._api.get(resource, key.namespace, step.key.name)
            if there is not None:  # and not labelled as ours: plan again, knowing whose it is
                strangers[step.key] = observe(there)
                return
        if step.wanted.birth is not None and step.found is None:
            filled = wanted_secrets.filled(step.wanted.birth, entropy=self._entropy)
            self._children.put(await self._api.create(filled))
            log.info("created %s", step.key, extra=marks)
            return
        returned = await self._apply(step.wanted.manifest, step.found)
        strangers.pop(step.key, None)
        self._remember(step.wanted, self._children.put(returned))
        log.info("applied %s", step.key, extra=marks)

    async def _apply(self, manifest: Manifest, found: Found | None) -> Manifest:
        try:
            return await self._api.apply(manifest, uid=found.uid if found else None)
        except ApiError as error:
            if error.code != 422 or found is None:
                raise
            resource = BY_KIND[manifest["apiVersion"], manifest["kind"]]
            there = await self._api.get(resource, found.namespace, found.key.name)
            if there is None or there["metadata"]["uid"] != found.uid:
                raise
            return await self._api.overwrite(manifest, there)

    def _remember(self, wanted: Wanted, seen: Found) -> None:
        """What an apply returned where that isn't what was written, so that it is not taken for drift."""
        remembered = self._remembered.setdefault(seen.namespace, {})
        remembered.pop(seen.uid, None)
        if seen.owned != wanted.owned:
            remembered[seen.uid] = (wanted.owned, seen.owned)
            log.debug("the API server keeps %s in another form than it was written", wanted.key)

    def not_canonical(self, namespace: str) -> Sequence[str]:
        """UIDs of objects that a restart would write once more."""
        return list(self._remembered.get(namespace, {}))

    # The end

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
        facts = await self._facts(key, resource, instance, self._children.of(key.namespace))
        desired = self._desired(instance, facts)
        if _leaves_topics(instance, desired):
            if any(problem.reason == "SecretMissing" for problem in desired.problems):
                note = "The topics stay: the Secret with the broker's credentials was deleted before them."
                log.warning(note, extra=self.marks(key))
                await announce(self._api, body, Event("Warning", "TopicsLeft", note), identity=self._identity)
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

    async def close(self) -> None:
        await self._topics.close()

    # Status

    async def _refuse(self, key: InstanceKey, body: Manifest, problem: Problem) -> Outcome:
        try:
            previous = Status.model_validate(body.get("status", {}))
        except ValidationError:
            previous = Status()
        await self._report(key, body, status_.refuse(previous, problem, now=datetime.now(UTC)))
        return Outcome()

    async def _report(self, key: InstanceKey, body: Manifest, status: Status) -> None:
        """Writes status where it differs, then tells of transitions as events."""
        found: Manifest = body.get("status", {})
        patch = status_.patch(found, status)
        if not patch:
            return
        try:
            updated = await self._api.patch_status(INSTANCES, key.namespace, key.name, patch)
        except ApiError as error:
            if error.code == 404:  # deleted meanwhile
                return
            raise
        self._instances.put(updated)
        for good, reason, note in status_.transitions(found, status):
            event = Event("Normal" if good else "Warning", reason, note)
            await announce(self._api, body, event, identity=self._identity)

    def _forget(self, key: InstanceKey) -> None:
        self._topics.forget(key)
        self._backups.forget(key)
        self._unseen_since.pop(key, None)
        self._failures.pop(key, None)
        if not self._instances.inside(key.namespace):
            self._remembered.pop(key.namespace, None)
            self._secrets.forget(key.namespace)

    def marks(self, key: InstanceKey) -> dict[str, object]:
        """What every line of the log about an instance carries."""
        body = self._instances.get(key)
        return {"instance": str(key), "generation": body["metadata"].get("generation") if body else None}


def _past_data(todo: Plan) -> bool:
    """Whether the broker is worth asking: everything below it is as wanted."""
    return todo.closed is None or todo.closed >= Gate.MESSAGING


def _leaves_topics(instance: Instance, desired: Desired) -> bool:
    """Whether something stays behind that is to go: nothing else is outside the cluster."""
    return desired.topics_outlive and instance.spec.deletion_policy is DeletionPolicy.DELETE


def _past_messaging(todo: Plan) -> bool:
    """Whether all is well below the release: else what it does not do is not its fault."""
    return todo.closed is None or todo.closed >= Gate.RESTORE


def _rolls(look: Look) -> bool:
    """Whether pods that are to become healthy don't yet serve, which their Deployments tell too late or not at all."""
    return look.decision.verdict is Verdict.GO_ON and bool(pods.waiting(look.wanted, look.found))


def _at_rest(instance: Instance) -> bool:
    return instance.spec.suspended or instance.spec.paused


def _in_words(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())


def _clock() -> float:
    return asyncio.get_running_loop().time()
