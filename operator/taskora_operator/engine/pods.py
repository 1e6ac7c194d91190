"""Pods, read only where Deployments and Jobs tell too late or not at all; they are not watched."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from taskora_operator.cluster.apiserver import ApiError, ApiServer
from taskora_operator.cluster.children import explain
from taskora_operator.cluster.permissions import PODS
from taskora_operator.desired.model import Key, Manifest
from taskora_operator.engine.instances import InstanceKey
from taskora_operator.reconcile.found import Found

log = logging.getLogger(__name__)


async def read_pods(api: ApiServer, key: InstanceKey) -> Sequence[Manifest] | None:
    """An instance's pods; None where they may not be read."""
    try:
        pods, _ = await api.list(PODS, namespace=key.namespace, selector=f"app.kubernetes.io/instance={key.name}")
    except ApiError as error:
        if error.code != 403:
            raise
        log.warning("pods can't be read: %s", explain(error, PODS), extra={"instance": str(key)})
        return None
    return pods


async def running(api: ApiServer, key: InstanceKey, found: Mapping[Key, Found]) -> frozenset[str]:
    """The components that have pods, also such as are ending, which their Deployments no longer count."""
    scaled = {
        each.name.removeprefix(f"{key.name}-")
        for each, have in found.items()
        if each.kind in ("Deployment", "StatefulSet") and (have.replicas or have.pods)
    }
    if not scaled:
        return frozenset()
    pods = await read_pods(api, key) or ()
    ended = ("Succeeded", "Failed")
    return frozenset(scaled) | {
        pod["metadata"]["labels"].get("app.kubernetes.io/component", "")
        for pod in pods
        if pod.get("status", {}).get("phase") not in ended
    }
