"""What is wanted, as data: the one shape that `desired` makes, `reconcile` compares and the engine carries out.

Nothing here does I/O. An `Object` is a whole manifest in the API server's canonical forms, so that comparing it with
what was found needs no defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

Manifest = dict[str, Any]


class Gate(IntEnum):
    """What must hold before a *change* to an object is applied; what already runs is never taken away by a closed gate.

    A gate opens when every object of the gates below it that `health` can judge is healthy.
    """

    FOUNDATION = 0  # accounts, roles, secrets, configuration, policies: nothing to wait for
    DATA = 1  # PostgreSQL, Redis, the broker
    MESSAGING = 2  # topics, Dapr components, subscriptions, resiliency
    RESTORE = 3  # a new instance's beginning
    SCHEMA = 4  # the migration Job
    BACKEND = 5  # the backend and the workers
    FRONTEND = 6
    INGRESS = 7
    MONITORING = 8  # what looks at the rest


class Action(StrEnum):
    APPLY = "apply"  # server-side apply, kept equal
    CREATE_ONCE = "create-once"  # made when missing, never compared; fill its marks with `secrets.filled` first
    REPLACE = (
        "replace"  # immutable kinds (Jobs): made when missing, deleted and made again when the wanted hash differs
    )
    RUN_ONCE = "run-once"  # a Job that is done for good once it has ended well, however else it would be wanted later


@dataclass(frozen=True, slots=True)
class Key:
    """Names an object within the instance's namespace."""

    api_version: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Object:
    manifest: Manifest
    gate: Gate
    component: str  # `app.kubernetes.io/component`: postgres, redis, broker, backend, …; what status.components counts
    action: Action = Action.APPLY
    retained: bool = False  # no owner reference: survives the instance under deletionPolicy Retain

    @property
    def key(self) -> Key:
        return Key(self.manifest["apiVersion"], self.manifest["kind"], self.manifest["metadata"]["name"])


@dataclass(frozen=True, slots=True)
class Topic:
    """A Kafka topic. `retention_ms` in milliseconds. Source: the specification's Kafka Topics table."""

    name: str
    partitions: int
    retention_ms: int


@dataclass(frozen=True, slots=True)
class BrokerAccess:
    """How the admin client reaches a broker that asks who comes. Holds a password, so it is never shown."""

    tls: bool = False
    ca: str = ""  # PEM; empty where a public authority signed
    mechanism: str = ""  # PLAIN, SCRAM-SHA-256, SCRAM-SHA-512; empty without SASL
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the cluster can do, as discovery found it; kinds are `group/version/Kind` (`v1/Pod` for the core group)."""

    kinds: frozenset[str]
    kubernetes: tuple[int, int] = (1, 28)  # major, minor
    dapr: str | None = None  # version of the control plane; None where there is none
    dapr_silent: tuple[str, ...] = ()  # its parts without a pod that is available
    dapr_mtls: bool = True
    ingress_classes: frozenset[str] = frozenset()
    storage_classes: Mapping[str, bool] = field(default_factory=dict[str, bool])  # name -> volumes may grow

    def has(self, api_version: str, kind: str) -> bool:
        return f"{api_version}/{kind}" in self.kinds

    @property
    def dapr_version(self) -> tuple[int, int] | None:
        """Major and minor; None where no control plane answers, or with a version that can't be read."""
        parts = (self.dapr or "").lstrip("v").split(".")
        return (int(parts[0]), int(parts[1])) if len(parts) > 1 and parts[0].isdigit() and parts[1].isdigit() else None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything observed that what is wanted depends on.

    `secrets` maps Secret names to their decoded keys, for the names that `desired.secrets.needed` tells.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    capabilities: Capabilities
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    observed_replicas: Mapping[str, int] = field(default_factory=dict[str, int])  # Deployment name -> spec.replicas
    scaled_by_others: frozenset[str] = frozenset()  # Deployments whose replicas a scale subresource's user has set
    running: frozenset[str] = frozenset()  # components with pods, told of an instance that is suspended
    unproved: frozenset[str] = frozenset()  # Secrets with a fresh idle login, to be proved before it is used


@dataclass(frozen=True, slots=True)
class Problem:
    """Something the user must put right, as it appears in a condition. `message` is a sentence that says what to do."""

    condition: str  # PrerequisitesMet, DataServicesReady, …
    reason: str  # CamelCase
    message: str
    passes_until: datetime | None = None  # before then it may pass by itself, and nobody has to act


@dataclass(frozen=True, slots=True)
class Desired:
    objects: Sequence[Object]
    topics: Sequence[Topic] = ()
    bootstrap: str = ""  # the broker's address for the admin client; empty where topics are not ours to make
    topics_outlive: bool = False  # they are on a broker that is not the instance's own
    access: BrokerAccess = BrokerAccess()
    url: str = ""
    problems: Sequence[Problem] = ()
