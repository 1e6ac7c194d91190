"""`status` of a TaskoraDeployment: what was observed, never what is remembered."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from taskora_operator.api.schema import StatusModel, map_list


class ConditionType(StrEnum):
    READY = "Ready"
    PROGRESSING = "Progressing"
    STALLED = "Stalled"
    PREREQUISITES_MET = "PrerequisitesMet"
    DATA_SERVICES_READY = "DataServicesReady"
    TOPICS_READY = "TopicsReady"
    DAPR_READY = "DaprReady"
    SCHEMA_MIGRATED = "SchemaMigrated"
    WORKLOADS_AVAILABLE = "WorkloadsAvailable"
    INGRESS_READY = "IngressReady"
    BACKUPS_HEALTHY = "BackupsHealthy"
    SECRETS_ROTATED = "SecretsRotated"


class Condition(StatusModel):
    type: Annotated[str, StringConstraints(max_length=316)]
    """What it is about: Ready, Progressing and Stalled of the whole, the others of a layer each."""

    status: Literal["True", "False", "Unknown"]
    """Whether that holds."""

    observed_generation: Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})] | None = None
    """The generation of the spec it speaks about."""

    last_transition_time: datetime
    """When status last changed."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    """Why, in one word for programs."""

    message: Annotated[str, StringConstraints(max_length=32768)] = ""
    """Why, in a sentence that says what to do."""


class Versions(StatusModel):
    current: str | None = None
    """The release that serves."""

    target: str | None = None
    """The release asked for."""

    previous: str | None = None
    """The release before the current one."""


class Component(StatusModel):
    name: str
    """A role, or a data service."""

    kind: str
    """Deployment or StatefulSet."""

    ready: Annotated[int, Field(json_schema_extra={"format": "int32"})] = 0
    """Pods that serve and are of the newest revision."""

    desired: Annotated[int, Field(json_schema_extra={"format": "int32"})] = 0
    """Pods that are wanted."""

    message: str = ""
    """What keeps it from being ready."""


class TopicStatus(StatusModel):
    name: str
    """As the broker knows it."""

    partitions: Annotated[int, Field(json_schema_extra={"format": "int32"})]
    """As many as there are."""

    retention_hours: Annotated[int, Field(json_schema_extra={"format": "int64"})]
    """How long events are kept."""


class HistoryEntry(StatusModel):
    version: str
    """The release."""

    time: datetime
    """When it came to that outcome."""

    outcome: Literal["Succeeded", "Failed", "RolledBack", "Superseded"]
    """What became of it. Superseded: another was asked for before it was through."""

    message: str = ""
    """Why it failed."""


class LastBackup(StatusModel):
    name: str
    """What restoreFrom.name takes."""

    time: datetime
    """When it was done."""

    bytes: Annotated[int, Field(json_schema_extra={"format": "int64"})]
    """How large it is."""

    sha256: str
    """Of the file as it is stored."""


NOT_YET = -1
"""The API server's default of `observedGeneration`: without it kstatus takes an instance nobody has seen for done."""


class Status(StatusModel):
    observed_generation: Annotated[
        Annotated[int, Field(ge=0, json_schema_extra={"format": "int64", "minimum": NOT_YET})] | None,
        BeforeValidator(lambda given: None if given == NOT_YET else given),
    ] = None
    """The generation of the spec that was last acted on."""

    conditions: Annotated[list[Condition], Field(max_length=32, json_schema_extra=map_list("type"))] = Field(
        default_factory=list[Condition]
    )
    """What holds and what doesn't, with why."""

    url: str | None = None
    """Where browsers reach Taskora."""

    ready: str | None = None
    """Ready components of all, as 9/9."""

    database: str | None = None
    """What the database is, in a word or two."""

    broker: str | None = None
    """What the broker is, in a word or two."""

    version: Versions = Field(default_factory=Versions)
    """Releases."""

    components: Annotated[list[Component], Field(max_length=64, json_schema_extra=map_list("name"))] = Field(
        default_factory=list[Component]
    )
    """What runs pods."""

    topics: Annotated[list[TopicStatus], Field(max_length=64, json_schema_extra=map_list("name"))] = Field(
        default_factory=list[TopicStatus]
    )
    """As the broker has them."""

    last_backup: LastBackup | None = None
    """The last one that was made, verified and stored."""

    last_rotation: datetime | None = None
    """When the last rotation of credentials was over."""

    next_rotation: datetime | None = None
    """When the next is due."""

    history: Annotated[list[HistoryEntry], Field(max_length=32)] = Field(default_factory=list[HistoryEntry])
    """Releases that were rolled out, newest first."""
