"""Kinds whose own schemas can't be had where the tests run, as far as the operator writes them.

Google keeps the CRDs of its ingress controller inside of GKE and publishes no module of them. These say no more than
the names and types of its reference; they are closed, so that a field of another name is refused.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def _object(**fields: Schema) -> Schema:
    return {"type": "object", "properties": fields}


_NUMBER: Schema = {"type": "integer", "format": "int64"}
_TEXT: Schema = {"type": "string"}


def _crd(group: str, version: str, kind: str, plural: str, spec: Schema) -> Schema:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, a stand-in for tests"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": _object(spec=spec)},
                }
            ],
        },
    }


# cloud.google.com/kubernetes-engine/docs/how-to/ingress-configuration, …/managed-certs
GKE = (
    _crd(
        "cloud.google.com",
        "v1",
        "BackendConfig",
        "backendconfigs",
        _object(
            timeoutSec=_NUMBER,
            connectionDraining=_object(drainingTimeoutSec=_NUMBER),
            healthCheck=_object(
                type=_TEXT,
                requestPath=_TEXT,
                port=_NUMBER,
                checkIntervalSec=_NUMBER,
                timeoutSec=_NUMBER,
                healthyThreshold=_NUMBER,
                unhealthyThreshold=_NUMBER,
            ),
        ),
    ),
    _crd(
        "networking.gke.io",
        "v1beta1",
        "FrontendConfig",
        "frontendconfigs",
        _object(sslPolicy=_TEXT, redirectToHttps=_object(enabled={"type": "boolean"}, responseCodeName=_TEXT)),
    ),
    _crd(
        "networking.gke.io",
        "v1",
        "ManagedCertificate",
        "managedcertificates",
        _object(domains={"type": "array", "maxItems": 100, "items": {**_TEXT, "maxLength": 63}}),
    ),
)

# Answered by metrics-server in a real cluster; here it only has to be known.
METRICS = _crd("metrics.k8s.io", "v1beta1", "PodMetrics", "pods", _object())
