"""What a hand that plays the kubelet says of workloads."""

from __future__ import annotations

from taskora_operator.desired.model import Manifest


def running(item: Manifest) -> Manifest:
    generation, spec = item["metadata"].get("generation", 1), item["spec"]
    replicas = spec.get("replicas", 1)
    if item["kind"] == "Deployment":
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        return {"observedGeneration": generation, **dict.fromkeys(counts, replicas)}
    if item["kind"] == "StatefulSet":
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "currentReplicas")
        return {
            "observedGeneration": generation,
            "currentRevision": "r",
            "updateRevision": "r",
            **dict.fromkeys(counts, replicas),
        }
    at = "2026-01-01T00:00:00Z"
    condition = {"status": "True", "lastProbeTime": at, "lastTransitionTime": at}
    return {
        "startTime": at,
        "completionTime": at,
        "succeeded": 1,
        "uncountedTerminatedPods": {},
        "conditions": [{"type": each, **condition} for each in ("SuccessCriteriaMet", "Complete")],
    }


def failing(item: Manifest, *, why: str) -> Manifest:
    """The status of a Job that gave up, or of a Deployment whose new pods don't become ready while old ones serve."""
    at = item["metadata"]["creationTimestamp"]
    if item["kind"] == "Job":
        told = {"status": "True", "reason": "BackoffLimitExceeded", "message": why}
        told |= {"lastProbeTime": at, "lastTransitionTime": at}
        return {"startTime": at, "failed": 1, "conditions": [{"type": t, **told} for t in ("FailureTarget", "Failed")]}
    told = {"status": "False", "reason": "ProgressDeadlineExceeded", "message": why}
    told |= {"lastUpdateTime": at, "lastTransitionTime": at}
    replicas = item["spec"].get("replicas", 1)
    return {
        "observedGeneration": item["metadata"]["generation"],
        "replicas": replicas + 1,
        "updatedReplicas": 1,
        "readyReplicas": replicas,
        "availableReplicas": replicas,
        "conditions": [{"type": "Progressing", **told}],
    }
