"""Whether an object does what it is for, by kind, read from the object alone.

Kinds without a state of their own (Services, ConfigMaps, Dapr's objects) are healthy as soon as they exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from taskora_operator.desired.model import Manifest


@dataclass(frozen=True, slots=True)
class Health:
    """`ready` of `desired` units serve. `failed_at` is set when nothing more will happen by itself."""

    ok: bool
    ready: int = 1
    desired: int = 1
    reason: str = "Ready"
    message: str = ""
    failed_at: datetime | None = None
    unseen: bool = False  # the controller has not yet read the spec that is there


_NONE: Mapping[str, Any] = {}


def health(found: Manifest) -> Health:
    judge = _JUDGES.get((found["apiVersion"].rpartition("/")[0], found["kind"]))
    return judge(found) if judge else Health(ok=True)


def _condition(found: Manifest, type_: str) -> Mapping[str, Any]:
    conditions: list[dict[str, Any]] = found.get("status", {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == type_ and c["status"] == "True"), _NONE)


def _seen(found: Manifest) -> bool:
    """Whether the status speaks about the spec that is there."""
    return found.get("status", {}).get("observedGeneration", 0) >= found["metadata"].get("generation", 0)


def _workload(found: Manifest, *, available: str, finished: bool) -> Health:
    status = found.get("status", {})
    desired = found["spec"].get("replicas", 1)
    ready = min(status.get("updatedReplicas", 0), status.get(available, 0)) if _seen(found) else 0
    ok = _seen(found) and ready >= desired and finished
    message = "" if ok else f"{ready} of {desired} ready" if ready < desired else "old pods are still being replaced"
    return Health(
        ok=ok,
        ready=ready,
        desired=desired,
        reason="Ready" if ok else "NotReady",
        message=message,
        unseen=not _seen(found),
    )


def _deployment(found: Manifest) -> Health:
    status = found.get("status", {})
    result = _workload(
        found,
        available="availableReplicas",
        finished=status.get("replicas", 0) <= found["spec"].get("replicas", 1),
    )
    conditions: list[dict[str, Any]] = status.get("conditions", [])
    stuck = next(
        (
            c
            for c in conditions
            if c["type"] == "Progressing" and c["status"] == "False" and c.get("reason") == "ProgressDeadlineExceeded"
        ),
        None,
    )
    if stuck is None or result.ok or not _seen(found):
        return result
    return Health(
        ok=False,
        ready=result.ready,
        desired=result.desired,
        reason="ProgressDeadlineExceeded",
        message=f"{result.message}; {stuck.get('message', 'the deadline for progress has passed')}",
        failed_at=_time(stuck),
    )


def _stateful_set(found: Manifest) -> Health:
    status = found.get("status", {})
    settled = status.get("currentRevision") == status.get("updateRevision")
    return _workload(found, available="readyReplicas", finished=settled)


def _job(found: Manifest) -> Health:
    if _condition(found, "Complete"):
        return Health(ok=True, reason="Complete")
    failed = _condition(found, "Failed")
    if failed:
        message = failed.get("message") or "the Job failed"
        reason = failed.get("reason") or "JobFailed"
        return Health(ok=False, ready=0, reason=reason, message=message, failed_at=_time(failed))
    status: Mapping[str, Any] = found.get("status", {})
    begun = f"; it began at {status['startTime']}" if status.get("startTime") else ""
    failed = f"; pods of it that failed: {status['failed']}" if status.get("failed") else ""
    return Health(ok=False, ready=0, reason="Running", message=f"the Job has not finished{begun}{failed}")


def _claim(found: Manifest) -> Health:
    """A claim that waits for its first consumer is as it should be; a lost one is not."""
    lost = found.get("status", {}).get("phase") == "Lost"
    message = "the volume behind the claim is gone; restore it or delete the claim" if lost else ""
    return Health(ok=not lost, ready=int(not lost), reason="Lost" if lost else "Ready", message=message)


def _time(condition: Mapping[str, Any]) -> datetime | None:
    stamp = condition.get("lastTransitionTime")
    return datetime.fromisoformat(stamp) if stamp else None


_JUDGES: Mapping[tuple[str, str], Callable[[Manifest], Health]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("batch", "Job"): _job,
    ("", "PersistentVolumeClaim"): _claim,
}
