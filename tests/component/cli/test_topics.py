"""`events`: the command that runs in the broker's pod, on a real Apache Kafka."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from kubectl_taskora.tailing import reader
from taskora_operator.api.services import Engine

from tests.cluster import binaries
from tests.cluster.services import Kafka


@pytest.fixture(scope="module")
def kafka() -> Iterator[Kafka]:
    with Kafka() as server:
        yield server


async def test_the_reader_prints_every_event_of_the_topics_asked_for_and_no_others(kafka: Kafka) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    names = ["tasks.task-events", "tasks.user-events", "tasksXtask-events"]
    await admin.create_topics([NewTopic(name, 1, 1) for name in names])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    for name in names:
        await producer.send_and_wait(name, f'{{"type": "{name}"}}'.encode())
    await producer.stop()
    words = reader(Engine.KAFKA, names[:2], bootstrap=kafka.bootstrap, beginning=True)
    jars = [f"{binaries.kafka()}/*" if word == "/opt/kafka/libs/*" else word for word in words]
    run = await asyncio.create_subprocess_exec(*jars, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert run.stdout is not None
    try:
        async with asyncio.timeout(60):
            seen = {(await run.stdout.readline()).decode().strip() for _ in range(2)}
    finally:
        run.kill()
        await run.wait()
    assert seen == {f'{{"type": "{name}"}}' for name in names[:2]}
