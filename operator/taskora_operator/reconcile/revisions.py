"""A release that was attempted, as a ControllerRevision: written with what became of it, and read back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from taskora_operator.api.schema import VERSION
from taskora_operator.desired.kube import digest, labels_of, manifest, present
from taskora_operator.desired.model import Facts, Gate, Manifest, Object
from taskora_operator.reconcile.rollout import Outcome, Release, Revision, Schema

KIND, API = "ControllerRevision", "apps/v1"
COMPONENT = "release"
PREFIX = "taskora.dev/"


def record(revision: Revision, facts: Facts) -> Object:
    """What decides the name is immutable in the cluster; all else is in annotations."""
    release, schema = revision.release, revision.schema
    version = release.version.lower().replace(".", "-")[:20].rstrip("-")
    notes = {
        "attempt": revision.attempt,
        "outcome": str(revision.outcome),
        "since": revision.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **present(
            schema=str(schema.number) if schema else "",
            failure=revision.reason,
            message=revision.message,
        ),
        **({"oldest-release": schema.oldest} if schema and schema.oldest else {}),
    }
    made = manifest(
        KIND,
        f"{facts.name}-{version}-{digest(release.version, release.image)[:8]}",
        api=API,
        labels=labels_of(release.version, facts, COMPONENT),
        annotations={PREFIX + key: value for key, value in notes.items()},
        data={"version": release.version, "image": release.image},
        revision=revision.number,
    )
    return Object(made, Gate.FOUNDATION, COMPONENT)


def read(found: Manifest) -> Revision | None:
    """None where somebody's hand left what can't be read: such a release counts as never attempted."""
    notes: Mapping[str, str] = found["metadata"].get("annotations") or {}
    data: Mapping[str, Any] = found.get("data") or {}
    try:
        return Revision(
            release=Release(data["version"], data["image"]),
            number=found["revision"],
            attempt=notes.get(PREFIX + "attempt", ""),
            outcome=Outcome(notes[PREFIX + "outcome"]),
            since=datetime.fromisoformat(notes[PREFIX + "since"]),
            schema=_schema(notes.get(PREFIX + "schema"), notes.get(PREFIX + "oldest-release", "")),
            reason=notes.get(PREFIX + "failure", ""),
            message=notes.get(PREFIX + "message", ""),
        )
    except (KeyError, ValueError):
        return None


def stated(message: str) -> Schema:
    """What a migration left as its termination message: `{"schema": 3, "oldest": "1.0.0"}`, or nothing of use."""
    try:
        said = json.loads(message)
        return _schema(str(said["schema"]), str(said["oldest"])) or Schema(0)
    except (KeyError, ValueError, TypeError):
        return Schema(0)


def _schema(number: str | None, oldest: str) -> Schema | None:
    if number is None or not number.isdigit():
        return None
    return Schema(int(number), oldest if re.fullmatch(VERSION, oldest) else "")
