"""The broker's admin API: read topics, create, grow, alter. What to do is decided elsewhere."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from taskora_operator.desired.model import BrokerAccess, Topic

RETENTION = "retention.ms"
REQUEST_MS = 10_000
ALL_SECONDS = 30.0
SET_ON_TOPIC = 1  # source of a configuration entry: not the broker's default
MOST_REPLICAS = 3


class BrokerError(Exception):
    """The broker can't be reached or refuses; the message says which."""


@dataclass(frozen=True, slots=True)
class TopicState:
    """`configuration` holds what was set on the topic itself."""

    partitions: int
    retention_ms: int
    configuration: Mapping[str, str]


class TopicAdmin:
    """One connection. Raises `BrokerError` within `connected`, whatever goes wrong."""

    def __init__(self, client: AIOKafkaAdminClient) -> None:
        self._client: Any = client  # the library's own types say too little

    async def read(self, names: Sequence[str]) -> Mapping[str, TopicState]:
        """Of those topics that exist. Asks for all, since asking for one by name can make it."""
        described = await self._client.describe_topics()
        partitions = {t["topic"]: len(t["partitions"]) for t in described if t["topic"] in names}
        if not partitions:
            return {}
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in partitions]
        states: dict[str, TopicState] = {}
        for answer in await self._client.describe_configs(asked):
            for code, message, _, name, entries in answer.resources:
                _check(name, code, message)
                values = {entry[0]: entry[1] for entry in entries}
                own = {entry[0]: entry[1] for entry in entries if entry[3] == SET_ON_TOPIC}
                states[name] = TopicState(partitions[name], int(values[RETENTION]), own)
        return states

    async def create(self, topics: Iterable[Topic]) -> None:
        cluster = await self._client.describe_cluster()
        replicas = min(len(cluster["brokers"]), MOST_REPLICAS)
        new = [NewTopic(t.name, t.partitions, replicas, topic_configs={RETENTION: str(t.retention_ms)}) for t in topics]
        answer = await self._client.create_topics(new)
        for name, code, *message in answer.topic_errors:
            _check(name, code, *message, allowed="TopicAlreadyExistsError")

    async def grow(self, topic: Topic) -> None:
        await self._client.create_partitions({topic.name: NewPartitions(topic.partitions)})

    async def delete(self, names: Sequence[str]) -> None:
        """With all their events; those that are not there are no error."""
        answer = await self._client.delete_topics(list(names))
        for name, code, *message in answer.topic_error_codes:
            _check(name, code, *message, allowed="UnknownTopicOrPartitionError")

    async def alter(self, topic: Topic, state: TopicState) -> None:
        """Sets the retention; this API replaces the whole configuration, so what others set is written back."""
        wanted = {**state.configuration, RETENTION: str(topic.retention_ms)}
        for answer in await self._client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, wanted)]):
            for code, message, _, name in answer.resources:
                _check(name, code, message)


def _check(name: str, code: int, message: str | None = None, allowed: str = "") -> None:
    error = for_code(code)
    if code and error.__name__ != allowed:
        raise error(f"{name}: {message or error.description}")


@asynccontextmanager
async def connected(bootstrap: str, *, access: BrokerAccess | None = None) -> AsyncGenerator[TopicAdmin]:
    """A connection to the broker at `bootstrap` (`host:port,…`); everything within takes at most 30 s."""
    try:
        client = AIOKafkaAdminClient(
            bootstrap_servers=bootstrap,
            client_id="taskora-operator",
            request_timeout_ms=REQUEST_MS,
            **_security(access or BrokerAccess()),
        )
    except (KafkaError, OSError, ValueError) as error:  # a certificate or a password that can't be one
        raise BrokerError(f"{bootstrap}: {error}") from error
    try:
        async with asyncio.timeout(ALL_SECONDS):
            await client.start()
            yield TopicAdmin(client)
    except (KafkaError, OSError, TimeoutError, AttributeError) as error:  # the last: no controller is elected yet
        raise BrokerError(f"{bootstrap}: {str(error) or type(error).__name__}") from error
    finally:
        await client.close()


def _security(access: BrokerAccess) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "security_protocol": f"{'SASL_' if access.mechanism else ''}{'SSL' if access.tls else 'PLAINTEXT'}"
    }
    if access.tls:
        parts["ssl_context"] = ssl.create_default_context(cadata=access.ca or None)
    if access.mechanism:
        parts |= {
            "sasl_mechanism": access.mechanism,
            "sasl_plain_username": access.username,
            "sasl_plain_password": access.password,
        }
    return parts
