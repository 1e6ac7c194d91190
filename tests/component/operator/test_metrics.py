"""What the operator tells of itself is what its alerts and its dashboard read, and it is true."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from taskora_operator.cluster.permissions import LEASES
from taskora_operator.desired import dashboard
from taskora_operator.desired.alerts import OPERATOR

from tests.component.operator.cluster import Cluster, until
from tests.component.operator.process import WITHOUT_BROKER, Process

PATCHED = 'taskora_operator_writes_total{kind="Deployment",verb="patch"}'


@pytest.fixture
async def settled(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Process]:
    """An operator whose only instance is Ready."""
    await cluster.make_instance()
    async with Process(cluster, tmp_path, "one", program=WITHOUT_BROKER) as process:

        async def ready() -> str:
            await cluster.play_kubelet()
            return (await cluster.condition("Ready"))["status"]

        await until(ready, "Ready", good=lambda status: status == "True", deadline=120)
        yield process


async def renewals(cluster: Cluster) -> str:
    lease = await cluster.api.get(LEASES, cluster.namespace, "taskora-operator")
    return lease["spec"]["renewTime"] if lease else ""


async def test_everything_that_alerts_and_dashboard_read_is_told(settled: Process) -> None:
    told = {re.sub(r"\{.*", "", name) for name in await settled.samples()}
    asked = " ".join([alert.expression for alert in OPERATOR] + [str(panel) for panel in dashboard.OPERATOR])
    names = set(re.findall(r"taskora_operator_[a-z_]+", asked))
    assert len(names) >= 5
    assert names - told == {"taskora_operator_instance_stalled"}, "a settled instance waits for nobody"


async def test_a_settled_operator_writes_nothing_but_its_lease_which_is_not_counted(
    cluster: Cluster, settled: Process
) -> None:
    before, renewed = await settled.writes(), await renewals(cluster)
    for _ in range(2):
        renewed = await until(lambda: renewals(cluster), "another renewal", good=lambda at, was=renewed: at != was)
    assert await settled.writes() == before
    assert not [name for name in before if "Lease" in name]


async def test_reconciles_are_counted_and_timed_and_nothing_waits_when_all_is_settled(settled: Process) -> None:
    samples = await settled.samples()
    assert samples["taskora_operator_instances"] == 1
    assert samples["taskora_operator_queue_depth"] == 0
    assert samples['taskora_operator_reconciles_total{result="ok"}'] >= 1
    timed = samples["taskora_operator_reconcile_seconds_count"]
    assert timed == sum(v for name, v in samples.items() if name.startswith("taskora_operator_reconciles_total{"))
    assert 0 < samples["taskora_operator_reconcile_seconds_sum"] < 60 * timed


async def test_who_fights_over_a_field_is_counted_by_verb_and_kind(cluster: Cluster, settled: Process) -> None:
    """What the runaway alert sees: every time somebody else changes what is the operator's, it writes once."""

    async def replicas() -> int:
        return (await cluster.get("Deployment", "taskora-audit"))["spec"]["replicas"]

    before, wanted = (await settled.writes())[PATCHED], await replicas()
    for times in range(1, 4):
        await cluster.edit("Deployment", "taskora-audit", {"spec": {"replicas": 3}})
        await until(replicas, "the number as it was", good=lambda found: found == wanted)
        assert (await settled.writes())[PATCHED] == before + times
