"""The queue and its workers. Whatever goes wrong with one instance sends its key back with a growing pause and touches
no other."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import Collection
from dataclasses import dataclass

from taskora_operator.cluster.apiserver import ApiError, ApiServer, UnreachableError
from taskora_operator.cluster.children import ChildStore
from taskora_operator.cluster.discovery import describe, discover
from taskora_operator.cluster.metrics import INSTANCES as INSTANCES_KNOWN
from taskora_operator.cluster.metrics import QUEUE, RECONCILE_SECONDS, RECONCILES
from taskora_operator.cluster.permissions import CHILDREN, INSTANCES
from taskora_operator.desired.model import Manifest
from taskora_operator.engine.instances import InstanceKey, Instances, key_of
from taskora_operator.engine.queue import QueueClosed, WorkQueue
from taskora_operator.engine.reconciler import Outcome, Reconciler
from taskora_operator.engine.writing import Entropy
from taskora_operator.reconcile.drawing import Desire
from taskora_operator.reconcile.found import Found, observe

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. `missing`: how often what the cluster or the user has yet to bring is looked for; `rolling`: how often
    pods are that do not yet serve."""

    resync: float = 300.0
    missing: float = 10.0
    rolling: float = 5.0
    first_retry: float = 1.0
    longest_retry: float = 300.0
    stopping: float = 3.0


class NotInstalledError(Exception):
    """Something without which there is nothing to do; the message says what to install."""


class Engine:
    """`desired` is pure; `entropy(n)` gives n random bytes for Secrets that are made once."""

    def __init__(
        self,
        api: ApiServer,
        *,
        desired: Desire,
        namespaces: Collection[str] = (),
        workers: int = 4,
        pace: Pace | None = None,
        identity: str = "taskora-operator",
        entropy: Entropy = os.urandom,
    ) -> None:
        self._api = api
        self._namespaces = namespaces
        self._pace = pace or Pace()
        self.queue: WorkQueue[InstanceKey] = WorkQueue(
            first_retry=self._pace.first_retry, longest_retry=self._pace.longest_retry
        )
        QUEUE.set_function(self.queue.__len__)
        self.instances = Instances()
        self.children: ChildStore[Found] = ChildStore(
            api, observe=observe, changed=self._touched, namespaces=namespaces
        )
        self.reconciler = Reconciler(
            api,
            desired=desired,
            instances=self.instances,
            children=self.children,
            wake=self.queue.add,
            entropy=entropy,
            identity=identity,
            keep=self._pace.resync,
            ask_again=self._pace.first_retry / 2,
            rolling=self._pace.rolling,
        )
        self._lacking: set[InstanceKey] = set()
        self._workers = workers
        self._tasks: list[asyncio.Task[None]] = []
        self.ready = asyncio.Event()

    def observe(self, body: Manifest, *, gone: bool = False) -> None:
        """A TaskoraDeployment as a watch tells of it."""
        key = key_of(body)
        if self._namespaces and key.namespace not in self._namespaces:
            return
        if gone:
            self.instances.drop(key)
        else:
            self.instances.put(body)
        INSTANCES_KNOWN.set(len(self.instances))
        self.queue.add(key)
        self._touched(key.namespace)  # another may be the one that is served now

    def _touched(self, namespace: str | None) -> None:
        for key in list(self.instances) if namespace is None else self.instances.inside(namespace):
            self.queue.add(key)

    async def run(self) -> None:
        """Works until `stop` is called. Raises what no retry can mend."""
        pause = self._pace.first_retry
        while not await self._first_look():
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._pace.missing)
        self._tasks = [asyncio.create_task(self._work(), name=f"worker {n}") for n in range(self._workers)]
        self.ready.set()
        looking = [asyncio.create_task(self._keep_discovering()), asyncio.create_task(self._keep_relisting())]
        try:
            await asyncio.gather(*self._tasks)
        finally:
            for task in looking:
                task.cancel()

    async def _first_look(self) -> bool:
        try:
            await self._discover()
            if INSTANCES.name not in self.reconciler.looker.capabilities.kinds:
                raise NotInstalledError(f"The cluster does not know {INSTANCES.kind}: apply the CRD in crds/ first.")
            await self._relist()
        except UnreachableError as error:
            log.warning("trying again: %s", error)
        except ApiError as error:
            if not error.transient:
                raise
            log.warning("trying again: %s", error)
        else:
            return True
        return False

    async def stop(self) -> None:
        """Finishes the write in flight and begins no other."""
        self.reconciler.stop()
        self.queue.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._pace.stopping)
        for task in self._tasks:
            task.cancel()
        await self.reconciler.close()
        await self.children.close()

    async def _work(self) -> None:
        while True:
            try:
                key = await self.queue.get()
            except QueueClosed:
                return
            begun = time.monotonic()
            try:
                result = self._schedule(key, await self.reconciler.reconcile(key))
            except ApiError as error:
                result = self._again(key, error, "refused", at_least=error.retry_after or 0.0)
            except UnreachableError as error:
                result = self._again(key, error, "unreachable")
            except Exception as error:  # one instance's error never delays another
                result = self._again(key, error, "error")
                log.exception("unforeseen", extra=self.instances.marks(key))
            finally:
                self.queue.done(key)
            RECONCILES.labels(result).inc()
            RECONCILE_SECONDS.observe(time.monotonic() - begun)

    def _schedule(self, key: InstanceKey, outcome: Outcome) -> str:
        """When to look again, should nothing happen that a watch tells of."""
        if self.instances.get(key) is None:
            self.queue.forget(key)
        (self._lacking.add if outcome.lacking else self._lacking.discard)(key)
        if outcome.retry:
            self.queue.failed(key)
            return "retry"
        self.queue.succeeded(key)
        if outcome.lacking:
            self.queue.add_after(key, self._pace.missing)
        if outcome.again_in is not None:
            self.queue.add_after(key, outcome.again_in)
        return "ok"

    def _again(self, key: InstanceKey, error: Exception, result: str, *, at_least: float = 0.0) -> str:
        pause = self.queue.failed(key, at_least=at_least)
        log.warning("trying again in %.1f s: %s", pause, error, extra=self.instances.marks(key))
        return result

    async def _keep_discovering(self) -> None:
        looked = time.monotonic()
        while True:
            await asyncio.sleep(self._pace.missing)
            if not self._lacking and time.monotonic() - looked < self._pace.resync:
                continue
            looked = time.monotonic()
            try:
                await self._discover()
            except (ApiError, UnreachableError) as error:
                log.warning("what the cluster can do could not be read again: %s", error)

    async def _discover(self) -> None:
        found = await discover(self._api)
        if found == self.reconciler.looker.capabilities:
            return
        log.info("the cluster: %s", describe(found))
        self.children.serve(child for child in CHILDREN if child.name in found.kinds)
        self.reconciler.looker.capabilities = found
        for key in self.instances:
            self.queue.add(key)

    async def _keep_relisting(self) -> None:
        while True:
            await asyncio.sleep(self._pace.resync)
            try:
                await self._relist()
            except (ApiError, UnreachableError) as error:
                log.warning("the instances could not be listed: %s", error)

    async def _relist(self) -> None:
        """Looks at everything again; what vanished while the watch was away is dropped."""
        known, present = set(self.instances), set[InstanceKey]()
        for scope in self._namespaces or (None,):
            async for page, _ in self._api.pages(INSTANCES, namespace=scope):
                for body in page:
                    self.instances.put(body)
                    present.add(key_of(body))
        for key in known - present:
            self.instances.drop(key)
        INSTANCES_KNOWN.set(len(self.instances))
        spread = self._pace.resync / 10 if self.ready.is_set() else 0.0
        for key in known | present:
            self.queue.add_after(key, random.uniform(0, spread))  # noqa: S311 - spreads load, keeps no secret
