"""What keeps the data: database, broker and cache, in the cluster or outside of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from taskora_operator.api.pods import Resources
from taskora_operator.api.schema import Name, Quantity, SecretKeyRef, SecretRef, SpecModel, map_list, rule, rules

Image = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][A-Za-z0-9._:/@-]*$", max_length=512)]


class Mode(StrEnum):
    IN_CLUSTER = "InCluster"
    EXTERNAL = "External"


class Engine(StrEnum):
    REDPANDA = "Redpanda"
    KAFKA = "Kafka"
    CLOUD_PUBSUB = "CloudPubSub"
    EVENT_HUBS = "EventHubs"


class SaslMechanism(StrEnum):
    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


class Storage(SpecModel):
    size: Quantity | None = None
    """Defaults by profile. Can grow where the storage class allows it; never shrinks."""

    class_name: Name | None = Field(
        default=None,
        json_schema_extra=rules(
            rule(
                "self == oldSelf", "a volume keeps its storage class: write the old one, or restore into a new instance"
            )
        ),
    )
    """Defaults by profile; under Local the cluster's default class."""


_NEEDS_SECRET = rule(
    "!has(self.mode) || self.mode != 'External' || (has(self.external) && has(self.external.secretRef))",
    "mode External needs external.secretRef.name: write the name of the Secret with the credentials",
)


class InClusterDatabase(SpecModel):
    image: Image = "postgres:15"
    """Any image with the programs of PostgreSQL 15 or newer."""

    storage: Storage = Field(default_factory=Storage)
    """The volume with the data."""

    resources: Resources | None = None
    """Of PostgreSQL's container. Defaults by profile."""

    parameters: dict[str, Annotated[str, StringConstraints(max_length=256)]] = Field(
        default_factory=dict,
        json_schema_extra={
            "maxProperties": 64,
            **rules(
                rule(
                    "self.all(key, key.matches('^[a-z_.]+$'))",
                    "names of parameters are lower case, as max_connections",
                ),
                rule(
                    "self.all(key, !(key in ['listen_addresses', 'port', 'data_directory', 'hba_file', 'ident_file', "
                    "'config_file', 'external_pid_file', 'unix_socket_directories', 'password_encryption']))",
                    "the operator sets where PostgreSQL listens and keeps its files: take that parameter out",
                ),
            ),
        },
    )
    """Of postgresql.conf, for example `{max_connections: "200"}`. A change restarts the database."""


class ExternalDatabase(SpecModel):
    secret_ref: SecretRef | None = None
    """Keys: `url` (login taskora_app) and `owner-url` (login taskora_owner), both `postgresql://…`."""

    ca_secret_ref: SecretKeyRef | None = None
    """The authority that signed the server's certificate. With it every connection is encrypted and the server's name
    checked (`sslmode=verify-full`), unless the addresses say otherwise."""


class Database(SpecModel):
    model_config = ConfigDict(json_schema_extra=rules(_NEEDS_SECRET))

    mode: Mode | None = None
    """Defaults by profile. Can't be changed later: the data would stay behind."""

    in_cluster: InClusterDatabase = Field(default_factory=InClusterDatabase)
    """How the operator's own runs, for mode InCluster."""

    external: ExternalDatabase = Field(default_factory=ExternalDatabase)
    """How yours is reached, for mode External."""


class InClusterBroker(SpecModel):
    image: Image | None = None
    """Defaults by engine."""

    replicas: Literal[1, 3] = 1
    """Nodes, each with a volume of its own: 1, or 3 to go on serving when one is lost. Can't be changed later."""

    storage: Storage = Field(default_factory=Storage)
    """The volume of each node."""

    resources: Resources | None = None
    """Of each node's container. Defaults by profile."""


class BrokerAuth(SpecModel):
    """SASL: how clients say who they are."""

    mechanism: SaslMechanism = SaslMechanism.PLAIN
    secret_ref: SecretRef
    """Keys: `username` and `password`. For EventHubs `password` is the namespace's connection string, and `username`
    may be left out."""


class BrokerTLS(SpecModel):
    enabled: bool = True
    """Encrypt; always on for EventHubs."""

    ca_secret_ref: SecretKeyRef | None = None
    """The authority that signed the broker's certificates, where no public one did."""


class ExternalBroker(SpecModel):
    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.tls) || (has(self.tls.enabled) && !self.tls.enabled) || has(self.auth) || "
                "has(self.tls.caSecretRef)",
                "tls without auth needs tls.caSecretRef.name: write the Secret with the authority's certificate, "
                "or auth.secretRef.name",
            )
        )
    )

    bootstrap_servers: Annotated[
        list[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+:[0-9]{1,5}$", max_length=260)]],
        Field(max_length=16),
    ] = Field(default_factory=list)
    """Kafka addresses, `host:port` each."""

    auth: BrokerAuth | None = None
    """SASL: how clients say who they are. Left out: nobody asks."""

    tls: BrokerTLS | None = None
    """Left out: plain connections."""


class TopicOverride(SpecModel):
    name: Literal["task-events", "reminder-events", "user-events", "chat-events", "system-events", "dead-letters"]
    """Without topicPrefix."""

    partitions: Annotated[int, Field(ge=1, le=100, json_schema_extra={"format": "int32"})] | None = None
    """Can grow, never shrinks."""

    retention_hours: Annotated[int, Field(ge=1, le=87600, json_schema_extra={"format": "int32"})] | None = None
    """How long events are kept."""


_MANAGED = "(has(self.engine) && self.engine in ['CloudPubSub', 'EventHubs'])"


class Broker(SpecModel):
    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                f"!has(self.mode) || self.mode != 'External' || {_MANAGED} || "
                "(has(self.external) && has(self.external.bootstrapServers) && self.external.bootstrapServers != [])",
                "mode External needs external.bootstrapServers: write at least one host:port",
            ),
            rule(
                f"!has(self.mode) || self.mode == 'External' || !{_MANAGED}",
                "CloudPubSub and EventHubs run outside the cluster: take mode out, or choose the engine Redpanda or "
                "Kafka",
            ),
            rule(
                "!has(self.engine) || self.engine != 'EventHubs' || (has(self.external) && has(self.external.auth))",
                "EventHubs needs external.auth.secretRef.name: write the name of a Secret whose key `password` holds "
                "the namespace's connection string",
            ),
            rule(
                f"!{_MANAGED} || !has(self.external) || !has(self.external.bootstrapServers)",
                "the addresses of CloudPubSub and EventHubs follow from spec.cloud: take external.bootstrapServers out",
            ),
            rule(
                "!has(self.engine) || self.engine != 'CloudPubSub' || (!has(self.topics) && !has(self.external))",
                "topics of Cloud Pub/Sub are made with Google's tools and its access comes from workload identity: "
                "take topics and external out",
            ),
        )
    )

    mode: Mode | None = None
    """Defaults by profile. Can't be changed later: events not yet read would stay behind."""

    engine: Engine = Engine.REDPANDA
    """Redpanda and Kafka run in the cluster or outside of it; CloudPubSub (Google) and EventHubs (Azure) are services
    of their clouds. Can't be changed later: one can't read the other's data."""

    topic_prefix: Annotated[str, StringConstraints(pattern=r"^([a-z0-9][a-z0-9._-]*)?$", max_length=64)] = ""
    """Put before every topic's name, where several instances share a broker. Can't be changed later."""

    in_cluster: InClusterBroker = Field(default_factory=InClusterBroker)
    """How the operator's own runs, for mode InCluster."""

    external: ExternalBroker = Field(default_factory=ExternalBroker)
    """How yours is reached, for mode External."""

    topics: Annotated[list[TopicOverride], Field(max_length=6, json_schema_extra=map_list("name"))] = Field(
        default_factory=list[TopicOverride]
    )
    """Other sizes than the specified ones."""


class InClusterCache(SpecModel):
    image: Image = "redis:7"
    """Any image of Redis 7 or newer."""

    storage: Storage = Field(default_factory=Storage)
    """The volume with what outlives a restart: sessions."""

    resources: Resources | None = None
    """Of Redis' container. Defaults by profile."""


class ExternalCache(SpecModel):
    secret_ref: SecretRef | None = None
    """Keys: `host`, `port`, `username`, `password`, and `ca` (the authority in PEM, where no public one signed the
    server's certificate). The last three may be empty; without a password and with spec.cloud.azure.clientID the
    sidecars sign in as that identity."""

    tls: bool | None = None
    """Whether the server expects TLS. Defaults by profile: yes under GKE and AKS."""


class Cache(SpecModel):
    model_config = ConfigDict(json_schema_extra=rules(_NEEDS_SECRET))

    mode: Mode | None = None
    """Defaults by profile. When it is changed, people sign in again."""

    in_cluster: InClusterCache = Field(default_factory=InClusterCache)
    """How the operator's own runs, for mode InCluster."""

    external: ExternalCache = Field(default_factory=ExternalCache)
    """How yours is reached, for mode External."""
