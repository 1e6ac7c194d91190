"""Writes status where it differs, and tells of transitions as events; of who waits for somebody as a metric, too."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import ValidationError

from taskora_operator.api.status import Status
from taskora_operator.cluster.apiserver import ApiError, ApiServer
from taskora_operator.cluster.events import Event, announce
from taskora_operator.cluster.metrics import STALLED
from taskora_operator.cluster.permissions import INSTANCES
from taskora_operator.desired.model import Manifest, Problem
from taskora_operator.engine.instances import InstanceKey, Instances
from taskora_operator.reconcile import status as status_


class Teller:
    """`identity` is who tells, in events. Raises `ApiError` and `UnreachableError`."""

    def __init__(self, api: ApiServer, *, instances: Instances, identity: str) -> None:
        self._api = api
        self._instances = instances
        self._identity = identity
        self._stalled: dict[InstanceKey, str] = {}

    async def report(self, key: InstanceKey, body: Manifest, status: Status) -> None:
        self._count(key, status_.stalled(status))
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
            await self.announce(body, Event("Normal" if good else "Warning", reason, note))

    async def refuse(self, key: InstanceKey, body: Manifest, problem: Problem) -> None:
        """That nothing is done for the instance, and why."""
        try:
            previous = Status.model_validate(body.get("status", {}))
        except ValidationError:
            previous = Status()
        await self.report(key, body, status_.refuse(previous, problem, now=datetime.now(UTC)))

    def forget(self, key: InstanceKey) -> None:
        self._count(key, None)

    def _count(self, key: InstanceKey, reason: str | None) -> None:
        before = self._stalled.pop(key, None)
        if before is not None and before != reason:
            STALLED.remove(key.namespace, key.name, before)
        if reason is not None:
            self._stalled[key] = reason
            STALLED.labels(key.namespace, key.name, reason).set(1)

    async def announce(self, body: Manifest, event: Event) -> None:
        await announce(self._api, body, event, identity=self._identity)
