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

LAST_LINES, LAST_CHARACTERS = 10, 2000

log = logging.getLogger(__name__)


class PodReader:
    """An instance's pods, for one reconcile. `refused` is why they may not be read, in words; empty when they may, or
    nobody has asked. Raises `ApiError` and `UnreachableError`."""

    def __init__(self, api: ApiServer, key: InstanceKey) -> None:
        self._api = api
        self._key = key
        self.refused = ""

    async def read(self) -> Sequence[Manifest] | None:
        """None where they may not be read."""
        namespace, name = self._key
        try:
            pods, _ = await self._api.list(PODS, namespace=namespace, selector=f"app.kubernetes.io/instance={name}")
        except ApiError as error:
            if error.code != 403:
                raise
            self.refused = explain(error, PODS)
            log.warning("pods can't be read: %s", self.refused, extra={"instance": str(self._key)})
            return None
        return pods

    async def last_lines(self, pod: str, *, container: str, previous: bool) -> str:
        """What a container said last; nothing where that can't be read any more."""
        try:
            said = await self._api.last_lines(
                self._key.namespace, pod, container=container, previous=previous, lines=LAST_LINES
            )
        except ApiError as error:
            log.info("the log of pod %s could not be read: %s", pod, error, extra={"instance": str(self._key)})
            return ""
        return said.strip()[-LAST_CHARACTERS:]

    async def running(self, found: Mapping[Key, Found]) -> frozenset[str]:
        """The components that have pods, also such as are ending, which their Deployments no longer count."""
        scaled = {
            each.name.removeprefix(f"{self._key.name}-")
            for each, have in found.items()
            if each.kind in ("Deployment", "StatefulSet") and (have.traits.replicas or have.traits.pods)
        }
        if not scaled:
            return frozenset()
        ended = ("Succeeded", "Failed")
        return frozenset(scaled) | {
            pod["metadata"]["labels"].get("app.kubernetes.io/component", "")
            for pod in await self.read() or ()
            if pod.get("status", {}).get("phase") not in ended
        }
