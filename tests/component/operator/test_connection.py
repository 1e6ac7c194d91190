"""The API server goes away and comes back; the token that it asks for is another one."""

from __future__ import annotations

import asyncio
from pathlib import Path

from taskora_operator.cluster.transport import HttpTransport, Request

from tests.cluster.envtest import ApiServer as EnvTest
from tests.component.operator.cluster import Cluster, credentials, until
from tests.component.operator.harness import Operator


async def test_an_outage_of_the_api_server_is_survived(cluster: Cluster, envtest: EnvTest) -> None:
    await cluster.make_instance()
    async with Operator(cluster) as operator:
        await operator.settle()
        before = operator.counted()
        await asyncio.to_thread(envtest.stop_api, kill=True)
        await asyncio.to_thread(envtest.start_api)
        await operator.rest()
        assert operator.counted() == before
        await cluster.edit("Deployment", "taskora-backend", {"spec": {"replicas": 3}})
        await until(
            lambda: cluster.get("Deployment", "taskora-backend"), "replicas", good=lambda d: d["spec"]["replicas"] == 1
        )


async def test_a_token_that_was_rotated_is_read_again(envtest: EnvTest, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("stale")
    held = credentials(envtest)
    held.token_file = file
    assert held.token() == "stale"
    file.write_text(envtest.token)
    transport = HttpTransport(held)
    try:
        assert (await transport.send(Request("GET", "/version"))).status == 200
    finally:
        await transport.close()
