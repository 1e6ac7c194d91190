"""Walking through manifests, where anything may be missing or null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]

_NOTHING: Json = {}


def part(body: Json, *path: str) -> Json:
    """The map at a path; an empty one where there is none."""
    for key in path:
        body = body.get(key) or _NOTHING
    return body


def items(body: Json, *path: str) -> Sequence[Json]:
    """The list of maps at a path; an empty one where there is none."""
    found: Sequence[Json] | None = part(body, *path[:-1]).get(path[-1])
    return found or ()


def condition(body: Json, type_: str) -> Json:
    """A condition of an object's status by its type; empty where it is not told."""
    return next((each for each in items(body, "status", "conditions") if each["type"] == type_), _NOTHING)
