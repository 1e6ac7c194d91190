"""Kubernetes events about an instance: few, and only about transitions."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from taskora_operator.cluster.apiserver import MANAGER, ApiError, ApiServer, Manifest, UnreachableError
from taskora_operator.cluster.permissions import EVENTS

NOTE_LIMIT = 1024  # the API server's

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    type: Literal["Normal", "Warning"]
    reason: str
    note: str


async def announce(api: ApiServer, about: Manifest, event: Event, *, identity: str) -> None:
    """An event that can't be posted is logged and given up: the condition says the same."""
    metadata = about["metadata"]
    body: Manifest = {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {"generateName": f"{metadata['name']}-", "namespace": metadata["namespace"]},
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": event.type,
        "reason": event.reason,
        "action": "Reconcile",
        "note": event.note[:NOTE_LIMIT],
        "reportingController": MANAGER,
        "reportingInstance": identity,
        "regarding": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
        },
    }
    try:
        await api.create(body)
    except (ApiError, UnreachableError) as error:
        log.warning("the event %s could not be posted: %s", event.reason, error)
