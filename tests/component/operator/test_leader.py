"""One leader at a time, and an end in good order."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from taskora_operator.cluster.apiserver import ApiServer
from taskora_operator.cluster.lease import Leadership, LeadershipLostError, Timing
from taskora_operator.cluster.permissions import LEASES
from taskora_operator.cluster.transport import HttpTransport, Request, Response

from tests.component.operator.cluster import Cluster, credentials, until
from tests.component.operator.harness import Wire
from tests.component.operator.process import Process

SHORT = Timing(lease=1.5, renew_deadline=1.0, retry=0.2)


@asynccontextmanager
async def candidate(cluster: Cluster, identity: str) -> AsyncIterator[tuple[Leadership, Wire]]:
    wire = Wire(HttpTransport(credentials(cluster.server)))
    yield Leadership(ApiServer(wire), namespace=cluster.namespace, identity=identity, timing=SHORT), wire
    await wire.inner.close()


async def test_a_standby_takes_over_when_the_leader_stops_renewing_and_not_before(cluster: Cluster) -> None:
    async with candidate(cluster, "a") as (a, _), candidate(cluster, "b") as (b, _):
        await a.acquire()
        renewing = asyncio.create_task(a.keep())
        waiting = asyncio.create_task(b.acquire())
        done, _ = await asyncio.wait([waiting], timeout=3 * SHORT.lease)
        assert not done, "a leader that renews is not replaced"
        renewing.cancel()
        begun = time.monotonic()
        await asyncio.wait_for(waiting, timeout=10)
        assert time.monotonic() - begun >= SHORT.lease - 2 * SHORT.retry
        await asyncio.wait([renewing])


async def test_a_released_lease_is_taken_at_once(cluster: Cluster) -> None:
    async with candidate(cluster, "a") as (a, _), candidate(cluster, "b") as (b, _):
        await a.acquire()
        waiting = asyncio.create_task(b.acquire())
        await asyncio.wait([waiting], timeout=SHORT.retry * 2)
        await a.release()
        await asyncio.wait_for(waiting, timeout=SHORT.lease)


async def test_leadership_ends_when_the_lease_cannot_be_renewed(cluster: Cluster) -> None:
    async with candidate(cluster, "a") as (a, wire):
        await a.acquire()

        async def cut(request: Request, /) -> Response:
            raise OSError("the wire is cut")

        wire.inner.send = cut  # type: ignore[method-assign]
        with pytest.raises(LeadershipLostError):
            await asyncio.wait_for(a.keep(), timeout=5 * SHORT.renew_deadline)
        assert not a.held


async def test_of_many_candidates_one_leads(cluster: Cluster) -> None:
    async with candidate(cluster, "a") as (a, _), candidate(cluster, "b") as (b, _), candidate(cluster, "c") as (c, _):
        racing = [asyncio.create_task(each.acquire()) for each in (a, b, c)]
        await asyncio.wait(racing, timeout=SHORT.lease / 2)
        assert sum(each.held for each in (a, b, c)) == 1
        for task in racing:
            task.cancel()
        await asyncio.wait(racing)


async def test_a_second_leader_writes_nothing_and_takes_over_from_one_that_ends(
    cluster: Cluster, tmp_path: Path
) -> None:
    async with Process(cluster, tmp_path, "one") as one:
        await until(one.leads, "the first leading", deadline=60)
        async with Process(cluster, tmp_path, "two") as two:
            await until(two.healthy, "the standby being healthy", deadline=60)
            await cluster.make_instance()
            await until(
                cluster.children, "the instance's objects", good=lambda seen: "StatefulSet/taskora-postgres" in seen
            )
            assert not await two.leads()
            assert not await two.writes()
            one.process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(one.process.wait(), timeout=30) == 0
            await until(two.leads, "the standby leading")
            await cluster.delete("ConfigMap", "taskora-postgres")
            await until(
                cluster.children, "the ConfigMap made again", good=lambda seen: "ConfigMap/taskora-postgres" in seen
            )
        assert two.process.returncode is not None


async def test_a_process_that_loses_its_lease_ends_with_a_failure(cluster: Cluster, tmp_path: Path) -> None:
    async with Process(cluster, tmp_path, "one") as one:
        await until(one.leads, "leading", deadline=60)
        lease = await cluster.get("Lease", "taskora-operator")
        spec = {**lease["spec"], "holderIdentity": "someone", "renewTime": "2099-01-01T00:00:00.000000Z"}
        stealing = asyncio.create_task(_hold(cluster, {**lease, "spec": spec}))
        try:
            assert await asyncio.wait_for(one.process.wait(), timeout=30) == 1
        finally:
            stealing.cancel()
            await asyncio.wait([stealing])
        assert "could not be renewed" in one.log.read_text()


async def _hold(cluster: Cluster, lease: dict[str, object]) -> None:
    """Somebody else renews, as a leader does."""
    number = 0
    while True:
        number += 1
        change = {"spec": {"holderIdentity": "someone", "leaseDurationSeconds": 15, "leaseTransitions": number}}
        await cluster.patch(LEASES.path(cluster.namespace, "taskora-operator"), change)
        await asyncio.sleep(0.2)
