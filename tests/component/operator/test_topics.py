"""Topics on a real broker: made, grown, kept longer; never shrunk."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from taskora_operator.cluster.kafka import TopicState, connected
from taskora_operator.desired.model import Desired, Facts, Topic
from taskora_operator.engine.reconciler import FINALIZER
from taskora_operator.profiles import Instance
from taskora_operator.reconcile.drawing import Desire

from tests.cluster.envtest import ApiServer as EnvTest
from tests.cluster.services import Kafka
from tests.component.operator.cluster import Cluster, until
from tests.component.operator.harness import Operator
from tests.component.operator.small import small

DAY = 86_400_000


@pytest.fixture(scope="module")
def kafka() -> Iterator[Kafka]:
    with Kafka() as broker:
        yield broker


def with_topics(bootstrap: str, *topics: Topic) -> Desire:
    def wanted(instance: Instance, facts: Facts) -> Desired:
        return replace(small(instance, facts), bootstrap=bootstrap, topics=topics)

    return wanted


async def read(kafka: Kafka, *names: str) -> dict[str, TopicState]:
    async with connected(kafka.bootstrap) as broker:
        return dict(await broker.read(names))


async def test_topics_are_made_grown_and_kept_longer_and_what_others_set_stays(cluster: Cluster, kafka: Kafka) -> None:
    await cluster.make_instance()
    async with Operator(cluster, desired=with_topics(kafka.bootstrap, Topic("a", 1, DAY), Topic("b", 2, DAY))) as one:
        status = await one.settle()
    assert status["topics"] == [
        {"name": "a", "partitions": 1, "retentionHours": 24},
        {"name": "b", "partitions": 2, "retentionHours": 24},
    ]
    async with connected(kafka.bootstrap) as broker:
        state = (await broker.read(["a"]))["a"]
        await broker.alter(Topic("a", 1, DAY), replace(state, configuration={"max.message.bytes": "12345"}))
    async with Operator(
        cluster, desired=with_topics(kafka.bootstrap, Topic("a", 3, DAY), Topic("b", 2, 7 * DAY))
    ) as two:
        await until_topics(cluster, [3, 2], two)
    states = await read(kafka, "a", "b")
    assert (states["a"].partitions, states["b"].retention_ms) == (3, 7 * DAY)
    assert states["a"].configuration["max.message.bytes"] == "12345"


async def until_topics(cluster: Cluster, partitions: Sequence[int], operator: Operator) -> None:
    async def seen() -> list[int]:
        await operator.look()
        return [topic["partitions"] for topic in (await cluster.status()).get("topics", [])]

    await until(seen, "the topics", good=lambda found: found == list(partitions))


async def test_fewer_partitions_than_there_are_is_refused_in_words(cluster: Cluster, kafka: Kafka) -> None:
    await cluster.make_instance()
    async with Operator(cluster, desired=with_topics(kafka.bootstrap, Topic("c", 2, DAY))) as operator:
        await operator.settle()
    async with Operator(cluster, desired=with_topics(kafka.bootstrap, Topic("c", 1, DAY))):
        told = await until(
            lambda: cluster.condition("TopicsReady"), "TopicShrink", good=lambda c: c["reason"] == "TopicShrink"
        )
        assert "at least 2" in told["message"]
        assert (await cluster.condition("WorkloadsAvailable"))["status"] == "True"
    assert (await read(kafka, "c"))["c"].partitions == 2


async def test_a_settled_instance_asks_the_broker_nothing_until_the_next_resync(
    cluster: Cluster, kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.make_instance()
    async with Operator(cluster, desired=with_topics(kafka.bootstrap, Topic("d", 1, DAY))) as operator:
        await operator.settle()
        kafka.stop()
        try:
            await operator.look()
            await operator.rest()
            assert (await cluster.condition("TopicsReady"))["status"] == "True"
        finally:
            kafka.process.start(kafka.ready)


async def test_topics_elsewhere_go_with_an_instance_that_is_to_leave_nothing(cluster: Cluster, kafka: Kafka) -> None:
    await cluster.make_instance(deletionPolicy="Delete")
    wanted = elsewhere(kafka.bootstrap, Topic("g", 1, DAY))
    async with Operator(cluster, desired=wanted) as operator:
        await operator.settle()
        assert await finalizers(cluster) == [FINALIZER]
        kafka.stop()
        await cluster.delete("TaskoraDeployment", "taskora")
        await operator.look()
        try:
            told = await until(lambda: cluster.condition("Ready"), "news", good=lambda c: c["reason"] == "TopicsLeft")
            assert "set metadata.finalizers to null" in told["message"]
        finally:
            kafka.process.start(kafka.ready)
        await until(lambda: gone(cluster), "the instance going")
    assert await read(kafka, "g") == {}


async def test_topics_elsewhere_stay_where_data_is_retained_and_nothing_holds_the_instance(
    cluster: Cluster, kafka: Kafka
) -> None:
    await cluster.make_instance(deletionPolicy="Delete")
    async with Operator(cluster, desired=elsewhere(kafka.bootstrap, Topic("h", 1, DAY))) as operator:
        await operator.settle()
        await cluster.edit("TaskoraDeployment", "taskora", {"spec": {"deletionPolicy": "Retain"}})
        await operator.settle()
        assert await finalizers(cluster) == []
        before = operator.counted()
        await operator.look()
        await operator.rest()
        assert operator.counted() == before
        await cluster.delete("TaskoraDeployment", "taskora")
        assert await gone(cluster)
    assert "h" in await read(kafka, "h")


def elsewhere(bootstrap: str, *topics: Topic) -> Desire:
    """On a broker that is not the instance's own."""

    def wanted(instance: Instance, facts: Facts) -> Desired:
        return replace(with_topics(bootstrap, *topics)(instance, facts), topics_outlive=True)

    return wanted


async def finalizers(cluster: Cluster) -> list[str]:
    return (await cluster.get("TaskoraDeployment", "taskora"))["metadata"].get("finalizers", [])


async def gone(cluster: Cluster) -> bool:
    return not await cluster.exists("TaskoraDeployment", "taskora")


async def test_an_unreachable_broker_is_told_and_asked_again(cluster: Cluster, kafka: Kafka) -> None:
    await cluster.make_instance()
    kafka.stop()
    async with Operator(cluster, desired=with_topics(kafka.bootstrap, Topic("e", 1, DAY))) as operator:

        async def told() -> dict[str, str]:
            await cluster.play_kubelet()
            return await cluster.condition("TopicsReady")

        try:
            unreachable = await until(told, "the news", good=lambda c: c["reason"] == "BrokerUnreachable")
            assert kafka.bootstrap in unreachable["message"]
            assert "Job/taskora-migrate" not in await cluster.children()
        finally:
            kafka.process.start(kafka.ready)
        await operator.settle()


async def test_a_broker_that_does_not_answer_holds_no_other_instance_up(cluster: Cluster, envtest: EnvTest) -> None:
    """Its address takes connections and says nothing; there are fewer workers than such instances."""
    async with AsyncExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        stuck = [
            await stack.enter_async_context(Cluster.connect(envtest, namespace=f"{cluster.namespace}-{n}"))
            for n in range(3)
        ]
        for each in stuck:
            await each.make_instance()

        def wanted(instance: Instance, facts: Facts) -> Desired:
            bootstrap = "" if facts.namespace == cluster.namespace else address
            return replace(small(instance, facts), bootstrap=bootstrap, topics=[Topic("f", 1, DAY)])

        async with Operator(cluster, desired=wanted, also=stuck) as operator:
            for each in stuck:
                await until(each.children, "the data services", good=lambda seen: "StatefulSet/taskora-data" in seen)
                await each.play_kubelet()
                await until(each.children, "messaging", good=lambda seen: "Component/taskora-pubsub" in seen)
            await cluster.make_instance()
            begun = time.monotonic()
            await operator.settle()
            assert time.monotonic() - begun < 8, "less than the broker's time-out"
