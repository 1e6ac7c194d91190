"""What the cluster can do: kinds, versions, Dapr's control plane, ingress classes. Three or four cheap reads."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

from taskora_operator.cluster.apiserver import ApiError, ApiServer, Manifest
from taskora_operator.cluster.permissions import CONFIGURATIONS, DEPLOYMENTS, INGRESS_CLASSES, STORAGE_CLASSES
from taskora_operator.cluster.transport import Request
from taskora_operator.desired.model import Capabilities

# Kubernetes 1.28 has the beta form of aggregated discovery, 1.30 the final one.
AGGREGATED = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")
)
DAPR_PARTS = ("dapr-operator", "dapr-sentry", "dapr-sidecar-injector")
DAPR_LABELS = f"app in ({','.join(DAPR_PARTS)})"


async def discover(api: ApiServer) -> Capabilities:
    """Raises `ApiError` or `UnreachableError`; what the operator may not read counts as absent."""
    version, core, groups = await asyncio.gather(
        api.request(Request("GET", "/version")),
        api.request(Request("GET", "/api", accept=AGGREGATED)),
        api.request(Request("GET", "/apis", accept=AGGREGATED)),
    )
    kinds = frozenset([*_kinds(core), *_kinds(groups)])
    dapr, silent, mtls = await _dapr(api) if "dapr.io/v1alpha1/Component" in kinds else (None, (), True)
    classes, _ = await api.list(INGRESS_CLASSES)
    storage, _ = await api.list(STORAGE_CLASSES)
    return Capabilities(
        kinds=kinds,
        kubernetes=(_number(version["major"]), _number(version["minor"])),
        dapr=dapr,
        dapr_silent=silent,
        dapr_mtls=mtls,
        ingress_classes=frozenset(item["metadata"]["name"] for item in classes),
        storage_classes={item["metadata"]["name"]: bool(item.get("allowVolumeExpansion")) for item in storage},
    )


def _kinds(groups: Manifest) -> Iterator[str]:
    for group in groups["items"]:
        prefix = f"{group['metadata']['name']}/" if group["metadata"].get("name") else ""
        for version in group["versions"]:
            if version.get("freshness") == "Stale":  # an aggregated API server that does not answer
                continue
            for resource in version.get("resources", ()):
                yield f"{prefix}{version['version']}/{resource['responseKind']['kind']}"


async def _dapr(api: ApiServer) -> tuple[str | None, tuple[str, ...], bool]:
    """The version of the control plane (None where there is none), its parts without a pod that is available, and
    whether its mTLS is on."""
    found, _ = await api.list(DEPLOYMENTS, selector=DAPR_LABELS)
    parts = {part["metadata"]["labels"]["app"]: part for part in found}
    if len(parts) < len(DAPR_PARTS):
        return None, (), True
    operator = parts["dapr-operator"]
    try:
        settings = await api.get(CONFIGURATIONS, operator["metadata"]["namespace"], "daprsystem")
    except ApiError as error:
        if error.code != 403:
            raise
        settings = None
    mtls: dict[str, Any] = (settings or {}).get("spec", {}).get("mtls") or {}
    silent = tuple(name for name in DAPR_PARTS if not _available(parts[name]))
    return _version(operator), silent, mtls.get("enabled", True) is not False


def _available(deployment: Manifest) -> bool:
    return deployment.get("status", {}).get("availableReplicas", 0) > 0


def _version(deployment: Manifest) -> str:
    """From the chart's label, or the tag of the image."""
    label = deployment["metadata"]["labels"].get("app.kubernetes.io/version")
    if label:
        return label
    image: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    tag = re.search(r":(\d+\.\d+(?:\.\d+)?)", image)
    return tag.group(1) if tag else "unknown"


def _number(text: str) -> int:
    """Some clouds write "28+"."""
    digits = re.match(r"\d+", text)
    return int(digits.group()) if digits else 0


def describe(capabilities: Capabilities) -> str:
    """One line for the log."""
    facts = {
        "kubernetes": ".".join(map(str, capabilities.kubernetes)),
        "dapr": capabilities.dapr,
        "daprSilent": capabilities.dapr_silent,
        "mtls": capabilities.dapr_mtls,
        "ingressClasses": sorted(capabilities.ingress_classes),
        "storageClasses": sorted(capabilities.storage_classes),
    }
    return json.dumps(facts)
