"""What every model of the resource shares: camelCase names, descriptions from docstrings, and rules for the API server.

Rules are declared beside the fields they guard and end up in the CRD, so that `kubectl apply` refuses a mistake with a
sentence. Kubernetes 1.28 must accept them: no `quantity()`, no optional types.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic.alias_generators import to_camel

from taskora_operator.api.quantity import PATTERN, canonical


class SpecModel(BaseModel):
    """A part of `spec`. A field this release does not know is an error, not something to overlook."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )


class StatusModel(BaseModel):
    """A part of `status`. What another release wrote there and this one does not know is dropped at the next write."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )


def rule(expression: str, message: str) -> dict[str, str]:
    """One CEL rule; `message` is a sentence that says what to write instead."""
    return {"rule": expression, "message": message}


def rules(*checks: dict[str, str]) -> dict[str, Any]:
    """Rules of a field or a model, for `json_schema_extra`."""
    return {"x-kubernetes-validations": list(checks)}


def map_list(key: str) -> dict[str, Any]:
    """A list whose items are told apart by `key`, so that server-side apply merges them."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


Quantity = Annotated[
    str,
    BeforeValidator(lambda value: canonical(str(value))),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
            "pattern": PATTERN,
            "maxLength": 32,
        }
    ),
]
"""A Kubernetes quantity, in the API server's canonical form after validation."""


def _count(value: object) -> object:
    """A number stays a number whether it was quoted or not, as in the API server's own objects."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


IntOrPercent = Annotated[
    int | str,
    BeforeValidator(_count),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
            "pattern": r"^[0-9]{1,3}%?$",
            "maxLength": 4,
            "minimum": 0,
        }
    ),
]
"""A number of pods, or a share of them as in `25%`."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]
"""The name of another Kubernetes object."""

VERSION = r"^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z]+([.-][0-9A-Za-z]+)*)?$"
"""The pattern of a release's version."""

Strings = Annotated[
    dict[str, Annotated[str, StringConstraints(max_length=4096)]], Field(json_schema_extra={"maxProperties": 64})
]
"""Labels, annotations and the like."""


class SecretRef(SpecModel):
    name: Name
    """A Secret in the instance's namespace."""


class SecretKeyRef(SecretRef):
    key: Annotated[str, StringConstraints(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253)] = "ca.crt"
    """The key in it that holds the certificates, in PEM."""
