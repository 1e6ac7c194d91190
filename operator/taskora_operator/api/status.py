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
    status: Literal["True", "False", "Unknown"]
    observed_generation: Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})] | None = None
    last_transition_time: datetime
    reason: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    message: Annotated[str, StringConstraints(max_length=32768)] = ""


class Versions(StatusModel):
    current: str | None = None
    """The release that serves."""

    target: str | None = None
    """The release asked for."""

    previous: str | None = None
    """The release before the current one."""


class Component(StatusModel):
    name: str
    kind: str
    ready: Annotated[int, Field(json_schema_extra={"format": "int32"})] = 0
    desired: Annotated[int, Field(json_schema_extra={"format": "int32"})] = 0
    message: str = ""
    """What keeps it from being ready."""


class TopicStatus(StatusModel):
    name: str
    partitions: Annotated[int, Field(json_schema_extra={"format": "int32"})]
    retention_hours: Annotated[int, Field(json_schema_extra={"format": "int64"})]


class HistoryEntry(StatusModel):
    version: str
    time: datetime
    outcome: Literal["Succeeded", "Failed", "RolledBack", "Superseded"]
    message: str = ""


class LastBackup(StatusModel):
    name: str
    """What restoreFrom.name takes."""

    time: datetime
    """When it was done."""

    bytes: Annotated[int, Field(json_schema_extra={"format": "int64"})]
    sha256: str


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
    url: str | None = None
    """Where browsers reach Taskora."""

    ready: str | None = None
    """Ready components of all, as 9/9."""

    database: str | None = None
    """What the database is, in a word or two."""

    broker: str | None = None
    """What the broker is, in a word or two."""

    version: Versions = Field(default_factory=Versions)
    components: Annotated[list[Component], Field(max_length=64, json_schema_extra=map_list("name"))] = Field(
        default_factory=list[Component]
    )
    topics: Annotated[list[TopicStatus], Field(max_length=64, json_schema_extra=map_list("name"))] = Field(
        default_factory=list[TopicStatus]
    )
    last_backup: LastBackup | None = None
    """The last one that was made, verified and stored."""

    last_rotation: datetime | None = None
    """When the last rotation of credentials was over."""

    next_rotation: datetime | None = None
    """When the next is due."""

    history: Annotated[list[HistoryEntry], Field(max_length=32)] = Field(default_factory=list[HistoryEntry])
    """Releases that were rolled out, newest first."""
