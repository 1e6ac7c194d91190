"""What is told of pods that fail: Kubernetes' own controllers count them, a real Prometheus fires and is silent again.

A hand plays nodes and kube-state-metrics; time is short as in tests/component/app/test_watching.py.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from taskora_operator.desired import alerts

from tests.cluster.envtest import ApiServer, Controllers
from tests.cluster.services import Prometheus
from tests.component.app.conftest import until
from tests.component.nodes import STATES, Nodes
from tests.component.operator.cluster import Cluster
from tests.component.operator.kinds import install_crd, install_dapr_crds
from tests.component.operator.process import WITHOUT_BROKER
from tests.component.watching import Operator, Watched, hastened

NAMESPACE = "tasks"
CONTROLLERS = [f"{name}-controller" for name in ("deployment", "replicaset", "statefulset", "job", "cronjob")]
INSTANCE = {"profile": "Local", "version": "1.0.0", "host": "taskora.localhost", "backup": {"schedule": "* * * * *"}}


@dataclass(frozen=True, kw_only=True)
class Cared(Watched):
    nodes: Nodes

    def write(self, **spec: object) -> None:
        made = {"apiVersion": "taskora.dev/v1alpha1", "kind": "TaskoraDeployment", "metadata": {"name": "taskora"}}
        text = json.dumps({**made, "spec": {**INSTANCE, **spec}})
        self.server.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=text)

    def condition(self, type_: str, field: str) -> str:
        path = f'{{.status.conditions[?(@.type=="{type_}")].{field}}}'
        return self.server.kubectl("get", "-n", NAMESPACE, "tkd/taskora", f"-ojsonpath={path}")

    def ready(self) -> bool:
        return self.condition("Ready", "status") == "True"


async def _prepare(server: ApiServer) -> None:
    async with Cluster.connect(server, namespace=NAMESPACE) as cluster:
        await cluster.install_dapr()


@pytest.fixture(scope="module")
def cared() -> Iterator[Cared]:
    """An instance of a cluster in which all is there but nodes."""
    with ExitStack() as running:
        server = running.enter_context(ApiServer())
        install_crd(server)
        install_dapr_crds(server)
        asyncio.run(_prepare(server))
        running.enter_context(Controllers(server, *CONTROLLERS))
        nodes = running.enter_context(Nodes(server))
        nodes.failing.update({"migrate", "backup"})
        operator = running.enter_context(Operator(server, [NAMESPACE], program=WITHOUT_BROKER))
        targets = {f"127.0.0.1:{nodes.port}": {}, f"127.0.0.1:{operator.metrics}": {"namespace": NAMESPACE}}
        where = f'namespace="{NAMESPACE}"'
        prometheus = running.enter_context(Prometheus(targets, rules=hastened(where)))
        made = Cared(where=where, operator=operator, server=server, prometheus=prometheus, nodes=nodes)
        made.write()
        yield made


async def test_a_new_instances_migration_that_fails_is_told(cared: Cared) -> None:
    await until(lambda: cared.tells("TaskoraMigrationFailed"), seconds=180)
    cared.nodes.failing.remove("migrate")
    cared.server.kubectl("delete", "jobs", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=migrate")
    await until(cared.ready, seconds=60)
    await cared.silent("TaskoraMigrationFailed")


@pytest.mark.parametrize("how", ["MigrationFailed", "NotStarted"])
async def test_an_upgrade_that_was_taken_back_is_told_until_its_version_is(cared: Cared, how: str) -> None:
    await cared.silent("TaskoraInstanceStalled")
    ill = cared.nodes.failing if how == "MigrationFailed" else cared.nodes.stuck
    ill.add("migrate")
    cared.write(version="1.1.0", update={"progressDeadlineSeconds": 30})
    await until(lambda: "TaskoraInstanceStalled" in cared.firing(), seconds=180)
    (stalled,) = cared.series("taskora_operator_instance_stalled")
    assert stalled["metric"].items() >= {"instance_name": "taskora", "reason": "RolledBack"}.items()
    assert f" {how}: Job/taskora-migrate-1-1-0-" in cared.condition("Stalled", "message")
    ill.remove("migrate")
    cared.write()
    await cared.silent("TaskoraInstanceStalled")


async def test_a_backup_that_fails_is_told(cared: Cared) -> None:
    """A schedule of every minute: the first one is due within one."""
    await until(lambda: cared.tells("TaskoraBackupMissed"), seconds=180)
    cared.nodes.failing.remove("backup")
    await cared.silent("TaskoraBackupMissed")


async def test_a_role_that_ends_again_and_again_is_told_as_down_and_by_its_restarts(cared: Cared) -> None:
    cared.nodes.failing.add("backend")
    await until(lambda: cared.tells("TaskoraRoleDown", "TaskoraPodsRestart"), seconds=60)
    cared.nodes.failing.clear()
    await cared.silent("TaskoraRoleDown")


async def test_every_alert_that_asks_kube_state_metrics_has_fired_and_ends(cared: Cared) -> None:
    asking = {alert.name for alert in alerts.INSTANCE if any(metric in alert.expression for metric in STATES)}
    assert cared.fired == asking
    await until(lambda: cared.ready() and not cared.firing(), seconds=120)
