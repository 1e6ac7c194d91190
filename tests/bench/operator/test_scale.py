"""A thousand instances with all their children against an API server and etcd, a hand playing the kubelet: how long
until all are as wanted, what the operator takes for it, and what it does once all is settled.

`TASKORA_BENCH_INSTANCES` asks for another number, `TASKORA_BENCH_SECONDS` for more time on a busy machine. The
operator runs in a process of its own, as in its pod, and is asked as Prometheus asks it; CPU and memory are what the
system says.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import urllib.request
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from prometheus_client.parser import text_string_to_metric_families
from taskora_operator.cluster.permissions import INSTANCES
from taskora_operator.cluster.transport import Request

from tests.cluster.envtest import ApiServer as EnvTest
from tests.cluster.process import free_port
from tests.component.operator.cluster import Cluster
from tests.component.operator.faults.kubelet import Kubelet
from tests.component.operator.kinds import install_crd, install_dapr_crds

HOW_MANY = int(os.environ.get("TASKORA_BENCH_INSTANCES", "1000"))
PATIENCE = float(os.environ.get("TASKORA_BENCH_SECONDS", 4 * HOW_MANY + 60))
RESYNC = 120.0  # seconds; 300 outside. What is looked at again is spread over a tenth of it
GOAL_MEGABYTES = 141  # a Go operator's with eight children for each of a thousand resources
AS_IN_ITS_IMAGE = f"""
import sys
sys.modules["kubernetes"] = None  # kopf takes it where it is
from tests.bench.operator.process import main
main(resync={RESYNC})
"""
TICKS = os.sysconf("SC_CLK_TCK")


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid: int) -> dict[str, float]:
    """Megabytes: now, and at most."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {what: int(lines[field].split()[0]) * 1024 / 1e6 for what, field in (("MB", "VmRSS"), ("peak MB", "VmHWM"))}


@dataclass(frozen=True)
class Counts:
    """What the operator has told of itself since it began."""

    writes: Mapping[str, float]  # by "verb Kind"
    reads: Mapping[str, float]  # by kind, without watches
    waiting: float
    reconciles: Mapping[float, float]  # so many took no longer than so many seconds

    @classmethod
    def none(cls) -> Counts:
        return cls({}, {}, 0, {})

    @property
    def reconciled(self) -> float:
        return max(self.reconciles.values(), default=0)

    def since(self, before: Counts) -> Counts:
        return Counts(
            {what: count for what, count in less(self.writes, before.writes).items() if count},
            {what: count for what, count in less(self.reads, before.reads).items() if count},
            self.waiting,
            less(self.reconciles, before.reconciles),
        )

    def quantile(self, share: float) -> float:
        """Milliseconds, read between the bounds as Prometheus does."""
        rank, low, below = share * self.reconciled, 0.0, 0.0
        for bound, count in sorted(self.reconciles.items()):
            if count >= rank and count > below and bound != float("inf"):
                return 1000 * (low + (bound - low) * (rank - below) / (count - below))
            low, below = bound, count
        return 1000 * low

    def told(self) -> dict[str, float]:
        return {
            "writes": sum(self.writes.values()),
            "reads": sum(self.reads.values()),
            "reconciles": self.reconciled,
            "p50 ms": self.quantile(0.5),
            "p99 ms": self.quantile(0.99),
        }


class Process:
    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path) -> None:
        self.process, self.pid, self._port, self._log = process, process.pid, port, log

    def lives(self) -> None:
        assert self.process.returncode is None, f"the operator has ended: {self._log.read_text()[-2000:]}"

    async def counts(self) -> Counts:
        self.lives()
        try:
            text = await asyncio.to_thread(self._metrics)
        except OSError:  # it has only begun
            return Counts.none()
        samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
        named: dict[str, float] = {s.name.removeprefix("taskora_operator_"): s.value for s in samples}
        return Counts(
            writes={
                f"{s.labels['verb']} {s.labels['kind']}": s.value
                for s in samples
                if s.name == "taskora_operator_writes_total"
            },
            reads={
                s.labels["kind"]: s.value
                for s in samples
                if s.name == "taskora_operator_reads_total" and s.labels["kind"] != "Lease"
            },
            waiting=named["queue_depth"],
            reconciles={
                float(s.labels["le"]): s.value for s in samples if s.name == "taskora_operator_reconcile_seconds_bucket"
            },
        )

    def _metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=30) as answer:
            return answer.read().decode()

    async def rest(self) -> Counts:
        """Until everything was looked at and nothing has been for ten seconds."""
        before, since = await self.counts(), time.monotonic()
        while before.reconciled < HOW_MANY or time.monotonic() - since < 10:
            await asyncio.sleep(1)
            now = await self.counts()
            if now.reconciled != before.reconciled or now.waiting:
                before, since = now, time.monotonic()
        return before


@asynccontextmanager
async def operator(server: EnvTest, folder: Path) -> AsyncGenerator[Process]:
    port = free_port()
    environment = {
        **os.environ,
        "KUBECONFIG": str(server.kubeconfig),
        "TASKORA_OPERATOR_PROBE_PORT": str(free_port()),
        "TASKORA_OPERATOR_METRICS_PORT": str(port),
        "TASKORA_OPERATOR_LOG_LEVEL": "warning",
    }
    path = folder / "operator.log"
    with path.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", AS_IN_ITS_IMAGE, env=environment, stdout=log, stderr=log
        )
    try:
        yield Process(process, port, path)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.fixture
def server() -> Iterator[EnvTest]:
    with EnvTest("--service-cluster-ip-range=10.0.0.0/12", "--audit-policy-file=", "--audit-log-path=") as running:
        install_crd(running)
        install_dapr_crds(running)
        yield running


async def make(cluster: Cluster, number: int) -> None:
    namespace = f"bench-{number}"
    await cluster.make_namespace(namespace)
    body = {
        "apiVersion": INSTANCES.api_version,
        "kind": INSTANCES.kind,
        "metadata": {"name": "taskora", "namespace": namespace},
        "spec": {"profile": "Local", "version": "1.0.0", "host": f"t{number}.localhost"},
    }
    path = INSTANCES.path(namespace)
    await cluster.api.request(Request("POST", path, {}, json.dumps(body).encode()))


def is_ready(body: Mapping[str, Any]) -> bool:
    status = body.get("status", {})
    return status.get("observedGeneration") == body["metadata"]["generation"] and any(
        c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", ())
    )


async def all_ready(cluster: Cluster, process: Process, *, seconds: float) -> float:
    """Seconds until they are."""
    begun = told = time.monotonic()
    while True:
        process.lives()
        bodies, _ = await cluster.api.list(INSTANCES)
        there, now = sum(map(is_ready, bodies)), time.monotonic()
        if there == HOW_MANY:
            return now - begun
        assert now - begun < seconds, f"{there} of {HOW_MANY} are Ready"
        if now - told > 30:
            print(f"  {there} Ready after {now - begun:.0f} s", flush=True)
            told = now
        await asyncio.sleep(2)


async def test_a_thousand_instances(server: EnvTest, tmp_path: Path) -> None:
    def usage(process: Process) -> dict[str, float]:
        return {
            "operator CPU s": cpu(process.pid),
            "API server CPU s": cpu(server.api.pid),
            "etcd CPU s": cpu(server.etcd.pid),
        }

    async with Cluster.connect(server, namespace="taskora-system") as cluster, Kubelet.at_work(server):
        await cluster.install_dapr()
        for first in range(0, HOW_MANY, 20):
            await asyncio.gather(*(make(cluster, n) for n in range(first, min(first + 20, HOW_MANY))))
        async with operator(server, tmp_path) as process:
            begun = {**usage(process), "operator CPU s": 0.0}
            taken = await all_ready(cluster, process, seconds=PATIENCE)
            spent = less(usage(process), begun)
            made = await process.rest()
            report("until all are Ready", {"s": taken, **memory(process.pid), **spent, **made.told()})
            report("written", made.writes)
            begun = usage(process)
            await asyncio.sleep(RESYNC)
            settled = (await process.rest()).since(made)
            report("settled, with a resync", {**memory(process.pid), **less(usage(process), begun), **settled.told()})
            report("read", settled.reads)
            resident = memory(process.pid)["MB"]
        async with operator(server, tmp_path) as process:
            restarted = await process.rest()
            report("started anew", {**memory(process.pid), "CPU s": cpu(process.pid), **restarted.told()})
        cluster.namespace = "bench-0"
        report("there", {"instances": HOW_MANY, "children of each": len(await cluster.children())})
        assert settled.reconciled >= HOW_MANY, "everything was looked at again"
        assert not settled.writes, "nothing is written once all is settled"
        assert sum(settled.reads.values()) < 20 + HOW_MANY / 100, "nor read for each instance"
        assert not restarted.writes, "a start is no reason to write"
        assert resident < GOAL_MEGABYTES
        assert spent["operator CPU s"] < spent["API server CPU s"]


K = TypeVar("K")


def less(now: Mapping[K, float], before: Mapping[K, float]) -> dict[K, float]:
    return {what: value - before.get(what, 0) for what, value in now.items()}


def report(what: str, figures: Mapping[str, float]) -> None:
    told = ", ".join(f"{name} {value:,.{1 if value < 10 and value % 1 else 0}f}" for name, value in figures.items())
    print(f"\n{what}: {told}", flush=True)
