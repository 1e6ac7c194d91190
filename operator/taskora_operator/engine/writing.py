"""Carries out the steps of a plan, each as one write, and keeps what the API server made of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from taskora_operator.cluster.apiserver import ApiError, ApiServer
from taskora_operator.cluster.children import ChildStore, explain
from taskora_operator.cluster.permissions import BY_KIND
from taskora_operator.desired.model import Key, Manifest, Problem
from taskora_operator.desired.secrets import filled
from taskora_operator.engine.instances import InstanceKey, Instances
from taskora_operator.reconcile.found import Found, observe
from taskora_operator.reconcile.plan import CONDITION_OF, Remembered, Step, Verb, Wanted

Entropy = Callable[[int], bytes]

log = logging.getLogger(__name__)


class Writer:
    """Once it is `stopping`, no write is begun."""

    def __init__(self, api: ApiServer, *, instances: Instances, children: ChildStore[Found], entropy: Entropy) -> None:
        self._api = api
        self._instances = instances
        self._children = children
        self._entropy = entropy
        self._remembered: dict[str, dict[str, tuple[bytes, bytes]]] = {}
        self.stopping = False

    async def execute(
        self, key: InstanceKey, steps: Sequence[Step], strangers: dict[Key, Found], *, patient: bool
    ) -> Sequence[Problem]:
        """Carries out one round. Refusals that only a person can mend are returned as problems, and so are those that
        last, for who is no longer `patient`; the others are raised after the round, so that one object never keeps the
        rest from being written. What is there and not labelled as ours is put among the `strangers`."""
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
                if error.transient and patient:
                    later = error
                    continue
                words = explain(error, BY_KIND[step.key.api_version, step.key.kind])
                reason = {403: "Forbidden", 404: "KindMissing", 422: "Invalid"}.get(error.code, error.reason)
                refused.append(Problem(CONDITION_OF[step.gate], reason, f"{step.key} can't be written: {words}"))
        if later is not None:
            raise later
        return refused

    async def _write(self, key: InstanceKey, step: Step, strangers: dict[Key, Found]) -> None:
        resource, marks = BY_KIND[step.key.api_version, step.key.kind], self._instances.marks(key)
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
            self._children.put(await self._api.create(filled(step.wanted.birth, entropy=self._entropy)))
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

    def remembered(self, namespace: str) -> Remembered:
        """By UID, digests of what was written and of what was made of it; a restart would write those once more."""
        return self._remembered.get(namespace, {})

    def forget(self, namespace: str) -> None:
        self._remembered.pop(namespace, None)
