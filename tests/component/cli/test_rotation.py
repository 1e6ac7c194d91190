"""`rotate`: asked for, waited for, and refused where it would do nothing."""

from __future__ import annotations

import json

from taskora_operator.desired import desired
from taskora_operator.reconcile.rotation import NOTE

from tests.component.cli.conftest import Command, Ended
from tests.component.cli.test_changes import living
from tests.component.operator.cluster import Cluster, until
from tests.component.operator.harness import no_broker


async def test_a_rotation_is_waited_for_and_told(cluster: Cluster, taskora: Command) -> None:
    await cluster.make_instance()
    async with living(cluster, desired=no_broker(desired)):
        before, cache = [await cluster.get("Secret", f"taskora-{name}") for name in ("database", "cache")]
        ended = await taskora("rotate", "--wait", "--timeout", "30s")
        assert ended.code == 0, ended.err
        assert "taskora-database, taskora-cache and taskora-session-keys are turned" in " ".join(ended.out.split())
        after = await cluster.get("Secret", "taskora-database")
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert not set(after["data"].values()) & set(before["data"].values())
        assert (await cluster.get("Secret", "taskora-cache"))["data"]["password"] != cache["data"]["password"]

        async def another() -> Ended:  # times of requests are told in seconds, so it takes one
            return await taskora("rotate", "-o", "json")

        again = await until(another, "another rotation", good=lambda ended: ended.code == 0)
        assert again.data["rotated"] == ["taskora-database", "taskora-cache"]
        assert list(again.data["notBefore"]) == ["taskora-session-keys"], "cookies must stay good"
        assert "Credentials" in (await taskora("status")).out


async def test_a_rotation_that_would_change_nothing_is_not_asked_for(cluster: Cluster, taskora: Command) -> None:
    database = {"url": "postgresql://a:1@db/taskora", "owner-url": "postgresql://o:2@db/taskora"}
    cache = {"host": "cache.example.org", "port": "6380", "password": "3"}
    metadata = {"name": "managed", "namespace": cluster.namespace}
    await cluster.make({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": database | cache})
    external = {"mode": "External", "external": {"secretRef": {"name": "managed"}}}
    await cluster.make_instance(database=external, cache=external)
    async with living(cluster, desired=no_broker(desired)):
        note = {"step": "Settled", "since": "2999-01-01T00:00:00Z", "ended": "2999-01-01T00:00:00Z"}
        await cluster.edit("Secret", "taskora-session-keys", {"metadata": {"annotations": {NOTE: json.dumps(note)}}})
        ended = await taskora("rotate")
        assert ended.code == 1
        assert "taskora-session-keys not before 2999-01-31" in " ".join(ended.err.split())
    assert "annotations" not in (await cluster.get("TaskoraDeployment", "taskora"))["metadata"]
