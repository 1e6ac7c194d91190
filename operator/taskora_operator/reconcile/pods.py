"""Why new pods do not come up, by what the kubelet says of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from taskora_operator.desired.kube import CONFIG_HASH
from taskora_operator.desired.migration import LAST_WORDS
from taskora_operator.desired.model import Gate, Key, Manifest
from taskora_operator.reconcile.found import Found
from taskora_operator.reconcile.plan import Wanted
from taskora_operator.reconcile.rollout import Trouble

CRASHES = 3
"""Fewer restarts may be a part of starting: a sidecar that waits for its broker, a login that is not there yet."""

# A pull or a mount may succeed a moment later, and room may be made: these wait for the deadline.
_STUCK = frozenset(
    {
        "ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError",
        "RegistryUnavailable", "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
    }
)  # fmt: skip


_FAILED_JOBS = {Gate.RESTORE: "RestoreFailed", Gate.SCHEMA: "MigrationFailed"}


def rolled(wanted: Sequence[Wanted]) -> Sequence[Wanted]:
    """What a release rolls: its migration and its workloads; for a new instance, what it begins with."""
    return [
        item for item in wanted if Gate.RESTORE <= item.gate <= Gate.FRONTEND and item.key.kind in ("Job", "Deployment")
    ]


def waiting(wanted: Sequence[Wanted], found: Mapping[Key, Found]) -> Sequence[Wanted]:
    """Of what is rolled, what was applied and does not yet serve."""
    return [
        item
        for item in rolled(wanted)
        for have in [found.get(item.key)]
        if have is not None and have.wanted_hash == item.hash and not have.health.ok and not have.deleting
    ]


def pods_of(item: Wanted, pods: Sequence[Manifest]) -> Sequence[Manifest]:
    """The pods that were made of what is wanted now, told from older ones by their image."""
    template = item.manifest["spec"]["template"]
    images = {container["name"]: container["image"] for container in template["spec"]["containers"]}
    of_deployment: dict[str, str] = item.manifest["spec"].get("selector", {}).get("matchLabels", {})
    labels = {"job-name": item.key.name} if item.key.kind == "Job" else of_deployment
    return [
        pod
        for pod in pods
        if labels.items() <= (pod["metadata"].get("labels") or {}).items()
        and "deletionTimestamp" not in pod["metadata"]
        and images.items() <= {c["name"]: c["image"] for c in pod["spec"]["containers"]}.items()
    ]


def left_behind(wanted: Sequence[Wanted], pods: Sequence[Manifest]) -> Sequence[str]:
    """Pods of Deployments that were made of another configuration than is wanted now, until they have ended."""
    templates = [item.manifest["spec"] for item in wanted if item.key.kind == "Deployment"]
    live = [pod for pod in pods if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")]
    return [
        pod["metadata"]["name"]
        for spec in templates
        for pod in live
        if spec["selector"]["matchLabels"].items() <= (pod["metadata"].get("labels") or {}).items()
        and _configuration(pod["metadata"]) != _configuration(spec["template"]["metadata"])
    ]


def _configuration(metadata: Mapping[str, Any]) -> str:
    annotations: Mapping[str, str] = metadata.get("annotations") or {}
    return annotations.get(CONFIG_HASH, "")


def trouble(
    wanted: Sequence[Wanted],
    found: Mapping[Key, Found],
    pods: Sequence[Manifest] | None,
    *,
    now: datetime,
    deadline: timedelta,
) -> Trouble | None:
    """The first thing that will not mend by itself; None while there is hope. `pods` are None where they can't be read;
    `deadline` is how long anything may take to start."""
    for item in waiting(wanted, found):
        health = found[item.key].health
        mine = pods_of(item, pods or ())
        why = next((each for pod in mine for each in _why(item.key, pod, now, deadline)), None)
        if health.failed_at is not None:
            reason = _FAILED_JOBS[item.gate] if item.key.kind == "Job" else health.reason
            why = why or _not_ready(mine)
            told = f"{item.key}: {health.message}" + (f"; {why.message}" if why else "")
            return replace(why or Trouble(reason, ""), reason=reason, message=told)
        if why is None and item.key.kind == "Job" and pods is not None:
            why = _overdue(item, found[item.key], mine, now, deadline)
        if why is not None:
            return why
    return None


def _overdue(job: Wanted, have: Found, pods: Sequence[Manifest], now: datetime, deadline: timedelta) -> Trouble | None:
    """A Job may run for as long as it was given, but it has to start: nothing else tells that it does not."""
    age = now - have.traits.made_at if have.traits.made_at else timedelta(0)
    if not pods:
        if have.traits.pods or age < deadline:
            return None
        return Trouble("NotStarted", f"{job.key}: it gets no pod; `kubectl describe job {job.key.name}` tells why")
    pod = max(pods, key=_made_at)
    name = pod["metadata"]["name"]
    begun = [each for each in _containers(pod) if each.get("state", {}).keys() - {"waiting"}]
    limit = job.manifest["spec"]["activeDeadlineSeconds"] - LAST_WORDS
    if not begun and now - _made_at(pod) >= deadline:
        return Trouble("NotStarted", f"{job.key}: pod {name} does not start; `kubectl describe pod {name}` tells why")
    if begun and age >= timedelta(seconds=limit):
        message = f"{job.key}: it has not ended within {limit} s, which is what it was given"
        return Trouble("DeadlineExceeded", message, name, begun[-1]["name"])
    return None


def _why(key: Key, pod: Manifest, now: datetime, deadline: timedelta) -> Iterator[Trouble]:
    name = pod["metadata"]["name"]
    late = now - _made_at(pod) >= deadline
    unplaced = _condition(pod, "PodScheduled", "False")
    if late and unplaced.get("reason") == "Unschedulable":
        said = unplaced.get("message", "").rstrip(".")
        yield Trouble("Unschedulable", f"{key}: no node takes pod {name} ({said}): add one that fits, or ask for less")
    for container in _containers(pod):
        state: Mapping[str, str] = container.get("state", {}).get("waiting") or {}
        reason, restarts = state.get("reason", ""), container.get("restartCount", 0)
        if reason == "CrashLoopBackOff" and restarts >= CRASHES:
            message = f"{key}: {container['name']} in pod {name} has ended {restarts} times in a row{_ended(container)}"
            yield Trouble("CrashLoop", message, name, container["name"], previous=True)
        elif reason in _STUCK and late:
            said = f": {state['message']}" if state.get("message") else ""
            yield Trouble(reason, f"{key}: {container['name']} in pod {name} can't start{said}")


def _not_ready(pods: Sequence[Manifest]) -> Trouble | None:
    """Which container keeps a pod from being ready: first of all one that has failed."""
    for pod in pods:
        unready = [each for each in _containers(pod) if not each.get("ready")]
        if not unready or _condition(pod, "Ready", "True"):
            continue
        one = max(unready, key=lambda each: (bool(_exit_code(each)), "running" in (each.get("state") or {})))
        if code := _exit_code(one):
            does = f"has ended with status {code}"
        elif restarts := one.get("restartCount"):
            does = f"has ended {restarts} times{_ended(one)}"
        else:
            does = "does not become ready"
        name = pod["metadata"]["name"]
        return Trouble("NotReady", f"{one['name']} in pod {name} {does}", name, one["name"])
    return None


def _condition(pod: Manifest, type_: str, status: str) -> Mapping[str, str]:
    conditions: Sequence[Mapping[str, str]] = pod.get("status", {}).get("conditions") or ()
    return next((c for c in conditions if c["type"] == type_ and c["status"] == status), dict[str, str]())


def _made_at(pod: Manifest) -> datetime:
    return datetime.fromisoformat(pod["metadata"]["creationTimestamp"])


def _containers(pod: Manifest) -> Iterator[dict[str, Any]]:
    for field in ("initContainerStatuses", "containerStatuses"):
        yield from pod.get("status", {}).get(field) or ()


def _exit_code(container: Mapping[str, Any]) -> int | None:
    ended: Mapping[str, Any] = container.get("state", {}).get("terminated") or {}
    return ended.get("exitCode")


def _ended(container: Mapping[str, Any]) -> str:
    ended: Mapping[str, Any] = container.get("lastState", {}).get("terminated") or {}
    if not ended:
        return ""
    return f", last with status {ended.get('exitCode')}" + (f" ({ended['reason']})" if ended.get("reason") else "")


def termination_message(pods: Sequence[Manifest]) -> str:
    """What a pod that ended well left as its last words."""
    return next((str(ended.get("message", "")) for ended in ended_in(pods) if ended.get("exitCode") == 0), "")


def ended_in(pods: Iterable[Manifest]) -> Iterator[Mapping[str, Any]]:
    """How each container that has ended did, pod by pod."""
    for pod in pods:
        for container in _containers(pod):
            state: Mapping[str, Any] = container.get("state") or {}
            if state.get("terminated"):
                yield state["terminated"]
