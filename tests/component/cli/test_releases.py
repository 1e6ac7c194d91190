"""`upgrade` and `rollback` with the operator that carries them out."""

from __future__ import annotations

from tests.component.cli.conftest import Command
from tests.component.cli.test_changes import living
from tests.component.operator.cluster import Cluster


async def test_an_upgrade_is_waited_for_and_taken_back(cluster: Cluster, taskora: Command) -> None:
    await cluster.make_instance()
    async with living(cluster):
        first = await taskora("rollback")
        assert first.code == 1
        assert "no earlier release" in first.err
        up = await taskora("upgrade", "1.1.0", "--wait", "--timeout", "60s")
        assert up.code == 0, up.err
        assert (await cluster.status())["version"]["current"] == "1.1.0"
        assert (await taskora("upgrade", "1.0.0")).code == 1
        back = await taskora("rollback", "--wait", "--timeout", "60s")
        assert back.code == 0, back.err
        assert (await cluster.status())["version"]["current"] == "1.0.0"
        assert (await cluster.get("TaskoraDeployment", "taskora"))["spec"]["version"] == "1.0.0"
