"""A world: one namespace with one instance, and everything that was written in it, in order."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

from taskora_operator.api.resource import TaskoraDeployment
from taskora_operator.cluster.children import older
from taskora_operator.cluster.permissions import CHILDREN
from taskora_operator.cluster.transport import Response
from taskora_operator.desired.model import Desired, Facts, Gate, Manifest
from taskora_operator.engine import Engine
from taskora_operator.engine.instances import InstanceKey
from taskora_operator.profiles import Instance, resolve
from taskora_operator.reconcile.drawing import Desire
from taskora_operator.reconcile.rotation import REQUEST

from tests.component.operator.cluster import Cluster
from tests.component.operator.faults.judge import End, shape, status_of
from tests.component.operator.faults.kubelet import Kubelet
from tests.component.operator.faults.wire import Call, MeddledWire
from tests.component.operator.harness import QUICK, Operator

DEADLINE = 60.0  # of everything that is waited for; many worlds share the machine
NAME = "taskora"
SPEC: Mapping[str, Any] = {"profile": "Local", "version": "1.0.0", "host": "taskora.localhost"}
BROKEN = "1.1.0"  # the release that fails, in a scenario in which one does
PACE = replace(QUICK, rolling=0.5)


def placed(desired: Desire) -> Desire:
    """The same wherever it is: without the namespace in its contents two worlds can be compared; and no broker runs."""

    def made(instance: Instance, facts: Facts) -> Desired:
        return replace(desired(instance, replace(facts, namespace="somewhere", uid="some-uid")), bootstrap="")

    return made


class World:
    def __init__(self, cluster: Cluster, kubelet: Kubelet, desired: Desire) -> None:
        self.cluster, self.kubelet, self.desired = cluster, kubelet, desired
        self.namespace = cluster.namespace
        self.key = InstanceKey(self.namespace, NAME)
        self.operators: list[Operator] = []
        self.generation = 0
        self.turns = 0  # how often credentials were to be rotated
        self.fails = ""  # how "Kind/name" begins of the workload at which BROKEN fails, so that it is taken back
        self._running = AsyncExitStack()
        self._log: list[tuple[Call, Response] | Spec] = []  # a Spec: the kubelet runs it
        self._before: Mapping[str, Manifest] = {}
        kubelet.ready[self.namespace] = self._waits
        kubelet.fails[self.namespace] = self._fails
        kubelet.told[self.namespace] = lambda name, item: self._log.append(_spec(name, item))

    # The operator

    async def start(self, *, desired: Desire | None = None, also: Sequence[Cluster] = ()) -> MeddledWire:
        """Begins an operator, and returns its wire."""
        self.prepare(desired=desired, also=also)
        return await self.begin()

    async def begin(self) -> MeddledWire:
        """The operator that was prepared."""
        await self._running.enter_async_context(self.operators[-1])
        return self.wire

    def prepare(self, *, desired: Desire | None = None, also: Sequence[Cluster] = ()) -> MeddledWire:
        """An operator that has not begun."""
        operator = Operator(
            self.cluster,
            desired=placed(desired or self.desired),
            also=also,
            wire=MeddledWire,
            pace=PACE,
            entropy=lambda n: bytes([7 + self.turns]) * n,
        )
        self.operators.append(operator)
        self.wire.told.append(self._hear)
        return self.wire

    @property
    def wire(self) -> MeddledWire:
        """The last operator's."""
        wire = self.operators[-1].wire
        assert isinstance(wire, MeddledWire)
        return wire

    async def stop(self) -> None:
        """All operators end, as processes do."""
        await self._running.aclose()
        self.operators.clear()

    def _hear(self, call: Call, response: Response) -> None:
        if call.namespace == self.namespace or not call.namespace:
            self._log.append((call, response))

    # A person's hand

    async def make(self, **spec: Any) -> None:
        self._tell(await self.cluster.make_instance(NAME, **{**SPEC, **spec}))

    async def edit(self, **spec: Any) -> None:
        """A merge patch: None takes a field out."""
        self._tell(await self.cluster.edit("TaskoraDeployment", NAME, {"spec": spec}))

    async def rotate(self) -> None:
        annotations = {REQUEST: "2026-01-01T00:00:00Z"}
        self.turns += 1
        self._tell(await self.cluster.edit("TaskoraDeployment", NAME, {"metadata": {"annotations": annotations}}))

    async def put(self, spec: Mapping[str, Any]) -> None:
        """The whole spec."""
        body = await self.cluster.get("TaskoraDeployment", NAME)
        self._tell(await self.cluster.replace({**body, "spec": dict(spec)}))

    async def delete(self) -> None:
        """The instance; then what the garbage collector would do, and what takes the finalizers off volumes."""
        body = await self.cluster.get("TaskoraDeployment", NAME)
        await self.cluster.delete("TaskoraDeployment", NAME)
        for operator in self.operators:
            operator.engine.observe(body, gone=True)
        gone: set[str] = set()
        for name, child in (await self.cluster.children()).items():
            if any(o["uid"] == body["metadata"]["uid"] for o in child["metadata"].get("ownerReferences", ())):
                await self.cluster.delete(*name.split("/"))
                if child["metadata"].get("finalizers"):
                    await self.cluster.edit(*name.split("/"), {"metadata": {"finalizers": None}})
                gone.add(_uid(child))

        async def noticed() -> bool:
            stores = [operator.engine.children.of(self.namespace) for operator in self.operators]
            return not any(found.uid in gone for store in stores for found in store.values())

        await self.until(noticed, "the operator noticing what is gone")

    def _tell(self, body: Manifest) -> None:
        """As kopf's watch does."""
        self.generation = body["metadata"]["generation"]
        for operator in self.operators:
            if operator.engine.ready.is_set():
                operator.engine.observe(body)

    # What is seen

    async def until(self, good: Callable[[], Awaitable[Any]], what: str, *, deadline: float = DEADLINE) -> None:
        end = time.monotonic() + deadline
        while not await good():
            assert time.monotonic() < end, f"{what} did not come about; {self.seen()}"
            await asyncio.sleep(0.01)

    async def settled(self, *, deadline: float = DEADLINE) -> None:
        """Until every living operator sees the instance Ready as it was asked for, and has nothing left to do."""

        async def calm() -> bool:
            operators = self.operators
            return (
                all(self._calm(each.engine) for each in operators) and self.kubelet.idle(self.namespace) and operators
            )

        await self.until(calm, f"{self.namespace} being Ready", deadline=deadline)

    async def up_to_date(self) -> bool:
        """Whether the operators know of just what is there."""
        there = {_uid(child) for child in (await self.cluster.children()).values()}
        stores = [operator.engine.children.of(self.namespace) for operator in self.operators]
        return all({found.uid for found in store.values()} == there for store in stores)

    async def idle(self) -> None:
        """Until nothing moves, whether the instance is Ready or not."""

        async def still() -> bool:
            queues = [operator.engine.queue for operator in self.operators]
            return all(queue.idle for queue in queues) and self.kubelet.idle(self.namespace)

        for _ in range(3):  # what was written may yet come back through a watch
            await self.until(still, f"{self.namespace} coming to rest")
            await self.cluster.status()

    def _waits(self) -> bool:
        """Pods start when the operator has done all it would do without them, which shows what it waits for."""
        wires = [(operator.wire, operator.engine.queue) for operator in self.operators]
        return all(queue.idle for wire, queue in wires if not (isinstance(wire, MeddledWire) and wire.dead))

    def _fails(self, item: Manifest) -> str:
        image: str = item["spec"]["template"]["spec"]["containers"][0]["image"]
        name = f"{item['kind']}/{item['metadata']['name']}"
        return "no good" if self.fails and name.startswith(self.fails) and image.endswith(f":{BROKEN}") else ""

    def _calm(self, engine: Engine) -> bool:
        if not (engine.ready.is_set() and engine.children.knows(self.namespace) and engine.queue.idle):
            return False
        if self.ready(engine) != self.generation:
            return False
        seen = {str(key): found.resource_version for key, found in engine.children.of(self.namespace).items()}
        written = self.kubelet.versions[self.namespace]
        return not any(older(seen[name], version) for name, version in written.items() if name in seen)

    def ready(self, engine: Engine) -> int | None:
        """The generation for which the instance is Ready, as the operator last saw or wrote it; or taken back."""
        status: Manifest = (engine.instances.get(self.key) or {}).get("status", {})
        conditions = {c["type"]: (c["status"], c["reason"]) for c in status.get("conditions", ())}
        is_ready = conditions.get("Ready", ("", ""))[0] == "True"
        if self.fails:
            serves = conditions.get("WorkloadsAvailable", ("", ""))[0] == "True"
            is_ready = serves and conditions.get("Ready") == ("False", "RolledBack")
        turned = not self.turns or conditions.get("SecretsRotated") == ("True", "Rotated")
        return status.get("observedGeneration") if is_ready and turned else None

    def seen(self) -> str:
        told: list[str] = []
        for operator in self.operators:
            engine = operator.engine
            status: Manifest = (engine.instances.get(self.key) or {}).get("status", {})
            conditions = [
                f"{c['type']} {c['reason']}: {c['message']}"
                for c in status.get("conditions", ())
                if c["status"] != "True"
            ]
            told.append(f"ready {engine.ready.is_set()}, idle {engine.queue.idle}, not {conditions}")
        return f"wanted generation {self.generation}; operators: {told}; last: {self.writes()[-5:]}"

    def writes(self, *, since: int = 0) -> list[str]:
        return [f"{call} → {response.status}" for call, response in self._answered(since) if call.writes]

    def _answered(self, since: int = 0) -> list[tuple[Call, Response]]:
        return [entry for entry in self._log[since:] if not isinstance(entry, Spec)]

    # How it ended

    async def snapshot(self) -> None:
        """What is compared with from here on."""
        self._before = await self.cluster.children()
        self._log.clear()

    async def end(self) -> End:
        """Looks at it all once more, and tells how it ended."""
        mark = len(self._log)
        for operator in self.operators:
            operator.engine.queue.add(self.key)
        await self.settled()
        afterwards = self.writes(since=mark)
        found = await self.cluster.children()
        instance = await self.cluster.get("TaskoraDeployment", NAME)
        gates = self._gates(instance)
        return End(
            objects={name: shape(child, owner=instance) for name, child in found.items()},
            status=status_of(instance),
            made=self._count(201),
            gone=self._count(200, verb="DELETE"),
            replaced=frozenset(n for n, was in self._before.items() if n not in found or _uid(found[n]) != _uid(was)),
            altered=frozenset(n for n, was in self._before.items() if _data(was) and _data(found.get(n)) != _data(was)),
            early=self._early(gates),
            afterwards=afterwards,
            calls=[call for call, _ in self._answered()],
        )

    def _count(self, code: int, verb: str = "") -> Counter[str]:
        return Counter(
            call.name.split()[1]
            for call, response in self._answered()
            if call.about_children and response.status == code and call.name.startswith(verb)
        )

    def _gates(self, instance: Manifest) -> Mapping[str, Gate]:
        resource = TaskoraDeployment.model_validate(instance)
        engine = self.operators[-1].engine
        facts = Facts(self.namespace, NAME, "some-uid", 1, engine.reconciler.looker.capabilities)
        return {str(o.key): o.gate for o in self.desired(resolve(resource.spec), facts).objects}

    def _early(self, gates: Mapping[str, Gate]) -> Sequence[str]:
        """Writes at a gate while a workload below had been written and was not yet said to run."""
        kinds = {resource.path(): resource.kind for resource in CHILDREN}
        waiting: dict[str, Gate] = {}
        run: set[Spec] = set()
        early: list[str] = []
        for entry in self._log:
            if isinstance(entry, Spec):
                run.add(entry)
                waiting.pop(entry.name, None)
                continue
            call, response = entry
            verb, path = call.name.split()
            if response.status not in (200, 201) or verb not in ("PATCH", "POST") or not call.about_children:
                continue
            name = f"{kinds.get(path.rpartition('/')[0])}/{path.rpartition('/')[2]}"
            gate = gates.get(name)
            if gate is None:
                continue
            early += [f"{name} before {each}" for each, below in waiting.items() if below < gate]
            if name.startswith(("Deployment/", "StatefulSet/", "Job/")):
                written = json.loads(response.body)
                if not _runs(written) and _spec(name, written) not in run:
                    waiting[name] = gate
        return early


@dataclass(frozen=True, slots=True)
class Spec:
    """A workload's spec as it was written at one moment."""

    name: str
    uid: str
    generation: int


def _spec(name: str, item: Manifest) -> Spec:
    return Spec(name, item["metadata"]["uid"], item["metadata"].get("generation", 1))


def _runs(workload: Manifest) -> bool:
    status = workload.get("status", {})
    if workload["kind"] == "Job":
        return bool(status.get("conditions"))
    return status.get("observedGeneration") == workload["metadata"]["generation"]


def _uid(child: Manifest) -> str:
    return child["metadata"]["uid"]


def _data(child: Manifest | None) -> Any:
    """What must neither be replaced nor hold anything else; None where that does not matter."""
    is_data = child is not None and child["kind"] in ("Secret", "PersistentVolumeClaim")
    return (_uid(child), child.get("data")) if child and is_data else None
