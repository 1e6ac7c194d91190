"""Three Kafka nodes from the files the operator makes, but for addresses and folders: one is lost and not missed."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from taskora_operator.cluster.kafka import connected
from taskora_operator.desired import desired
from taskora_operator.desired.model import Topic
from taskora_operator.profiles import resolve

from tests.cluster import binaries, machine
from tests.cluster.process import Process, answers, free_port
from tests.component.operator.cluster import until
from tests.specs import facts, spec

DAY = 86_400_000
NODES = 3
SMALL = {"replicas": NODES, "resources": {"limits": {"memory": "400Mi"}}}


@dataclass(frozen=True)
class Node:
    process: Process
    port: int
    log: Path

    def start(self) -> None:
        begun = self.log.stat().st_size if self.log.exists() else 0

        def serves() -> bool:
            return b"Kafka Server started" in self.log.read_bytes()[begun:] and answers(self.port)

        self.process.start(serves, seconds=240)

    def kill(self) -> None:
        self.process.stop(kill=True)


def files() -> Mapping[str, str]:
    made = desired(resolve(spec("local-kafka", broker={"engine": "Kafka", "inCluster": SMALL})), facts())
    return next(
        o.manifest["data"] for o in made.objects if o.key.kind == "ConfigMap" and o.key.name == "taskora-broker"
    )


def node(number: int, folder: Path, ports: Sequence[tuple[int, int]], jars: Path) -> Node:
    """`ports`: each node's own and its controller's, which in the cluster are the same and the hosts differ."""
    port, controller = ports[number]
    host = "taskora-broker-{}.taskora-broker.tasks.svc"
    here = {
        f"{host.format(other)}:9093": f"127.0.0.1:{ports[other][1]}" for other in range(NODES)
    } | {
        "$HOSTNAME.taskora-broker.tasks.svc:9092": f"127.0.0.1:{port}",
        "PLAINTEXT://:9092,CONTROLLER://:9093": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "/etc/taskora": str(folder / "etc"),
        "/data/kafka": str(folder / "data"),
        "/tmp/server.properties": str(folder / "server.properties"),
        "/opt/kafka/libs": str(jars),
    }  # fmt: skip
    (folder / "etc").mkdir(parents=True)
    for name, text in files().items():
        moved = functools.reduce(lambda so_far, each: so_far.replace(*each), here.items(), text)
        (folder / "etc" / name).write_text(moved, encoding="utf-8")
    log = folder / "kafka.log"
    env = {"HOSTNAME": f"taskora-broker-{number}"}
    return Node(Process("/bin/sh", str(folder / "etc" / "start.sh"), log=log, env=env), port, log)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Node]]:
    jars = binaries.kafka()
    machine.packages("openjdk-17-jre-headless")
    ports = [(free_port(), free_port()) for _ in range(NODES)]
    made = [node(number, tmp_path_factory.mktemp(f"node{number}"), ports, jars) for number in range(NODES)]
    try:
        with ThreadPoolExecutor(NODES) as together:  # none waits for another
            list(together.map(Node.start, made))
        yield made
    finally:
        for each in made:
            each.kill()


def bootstrap(nodes: Sequence[Node]) -> str:
    return ",".join(f"127.0.0.1:{each.port}" for each in nodes)


async def in_sync(where: str, topic: str) -> Sequence[int]:
    """How many copies of each partition are up to date."""
    admin = AIOKafkaAdminClient(bootstrap_servers=where)
    await admin.start()
    try:
        [described] = await admin.describe_topics([topic])
        return [len(partition["isr"]) for partition in described["partitions"]]
    finally:
        await admin.close()


@asynccontextmanager
async def producing(where: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=where, acks="all", request_timeout_ms=20_000)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def everything(where: str, topic: str, count: int) -> set[bytes]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=where, auto_offset_reset="earliest")
    await consumer.start()
    try:
        return {(await asyncio.wait_for(consumer.getone(), 30)).value for _ in range(count)}
    finally:
        await consumer.stop()


async def test_three_nodes_copy_every_event_and_serve_on_when_one_is_lost(nodes: Sequence[Node]) -> None:
    where = bootstrap(nodes)
    async with connected(where) as broker:
        await broker.create([Topic("task-events", 3, DAY)])
    await until(
        lambda: in_sync(where, "task-events"), "three copies", good=lambda seen: seen == [3, 3, 3], deadline=120
    )
    async with producing(where) as producer:
        for number in range(10):
            await producer.send_and_wait("task-events", b"before %d" % number)
        nodes[0].kill()
        for number in range(10):
            await producer.send_and_wait("task-events", b"without %d" % number)
    left = bootstrap(nodes[1:])
    kept = await everything(left, "task-events", 20)
    assert kept == {b"before %d" % n for n in range(10)} | {b"without %d" % n for n in range(10)}
    nodes[0].start()
    await until(
        lambda: in_sync(left, "task-events"), "the third copy again", good=lambda seen: seen == [3, 3, 3], deadline=120
    )
