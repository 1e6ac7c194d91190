"""Pods and their containers, as Pod Security `restricted` asks. One without an account of its own has no token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from taskora_operator.api.pods import Resources
from taskora_operator.desired.kube import present
from taskora_operator.desired.model import Manifest
from taskora_operator.profiles import Instance


def pod(instance: Instance, *, uid: int, writes: bool = False, **parts: Any) -> Manifest:
    """A pod's spec. `writes`: to a volume of its own; `parts`: containers, volumes and whatever else it has."""
    return {
        **({} if "serviceAccountName" in parts else {"automountServiceAccountToken": False}),
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": uid,
            "runAsGroup": uid,
            "seccompProfile": {"type": "RuntimeDefault"},
            **({"fsGroup": uid, "fsGroupChangePolicy": "OnRootMismatch"} if writes else {}),
        },
        **present(imagePullSecrets=[{"name": name} for name in instance.spec.image.pull_secrets]),
        **parts,
    }


def container(instance: Instance, name: str, image: str, wanted: Resources, **parts: Any) -> Manifest:
    """`parts`: command or args, env, ports, probes, volumeMounts."""
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": instance.spec.image.pull_policy,
        **present(resources=present(requests=dict(wanted.requests), limits=dict(wanted.limits))),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        **parts,
    }


def variables(values: Mapping[str, str]) -> list[Manifest]:
    return [{"name": name, "value": value} for name, value in values.items()]


def from_secrets(sources: Mapping[str, tuple[str, str]]) -> list[Manifest]:
    """`sources`: of each variable the Secret's name and its key."""
    return [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
        for name, (secret, key) in sources.items()
    ]


def empty_dirs(**mounts: str) -> tuple[list[Manifest], list[Manifest]]:
    """Volumes and mounts of directories that live as long as the pod: `tmp="/tmp"`."""
    return (
        [{"name": name, "emptyDir": {}} for name in mounts],
        [{"name": name, "mountPath": path} for name, path in mounts.items()],
    )


def spread(pods: Mapping[str, str], *, revision: str = "") -> list[Manifest]:
    """Over nodes and zones, as far as there are any. `revision`: the label that pods of one revision share, so that a
    rollout ends evenly, too."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(pods)},
            **({"matchLabelKeys": [revision]} if revision else {}),
        }
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]
