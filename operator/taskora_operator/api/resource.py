"""The whole object, as it comes from and goes to the API server."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from taskora_operator.api.spec import Spec
from taskora_operator.api.status import Status


class Metadata(BaseModel):
    """The parts of metadata the operator reads."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    finalizers: list[str] = Field(default_factory=list)
    annotations: dict[str, str] = Field(default_factory=dict)


class TaskoraDeployment(BaseModel):
    """`model_validate(object)` raises pydantic's ValidationError where this release can't read the spec."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    metadata: Metadata
    spec: Spec
    status: Status = Field(default_factory=Status)
