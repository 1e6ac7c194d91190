"""The Ingress: one host, everything to the frontend; and what each cloud's controller wants beside it.

A stream of live updates stays open for as long as a page does, so every controller is told to wait for an hour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from taskora_operator.api.platform import TLSMode
from taskora_operator.desired.kube import labels, manifest, present
from taskora_operator.desired.model import Facts, Gate, Manifest, Object
from taskora_operator.desired.workloads import WEB
from taskora_operator.profiles import Door, Instance

COMPONENT = "ingress"
SECONDS = 3600

_ANNOTATIONS: Mapping[Door | None, Mapping[str, str]] = MappingProxyType(
    {
        Door.NGINX: {
            "nginx.ingress.kubernetes.io/proxy-read-timeout": str(SECONDS),
            "nginx.ingress.kubernetes.io/proxy-send-timeout": str(SECONDS),
            "nginx.ingress.kubernetes.io/proxy-buffering": "off",
            "nginx.ingress.kubernetes.io/proxy-body-size": "10m",
        },
        Door.GKE: {"kubernetes.io/ingress.class": "gce"},  # its controller reads no ingressClassName
        Door.APPLICATION_GATEWAY: {
            "appgw.ingress.kubernetes.io/request-timeout": str(SECONDS),
            "appgw.ingress.kubernetes.io/health-probe-path": "/healthz",
            "appgw.ingress.kubernetes.io/connection-draining": "true",
            "appgw.ingress.kubernetes.io/connection-draining-timeout": "30",
        },
        None: {},
    }
)


def objects(instance: Instance, facts: Facts) -> Sequence[Object]:
    if not instance.spec.ingress.enabled:
        return []
    made = [_ingress(instance, facts)]
    if instance.door is Door.GKE:
        made = [*_google(instance, facts), *made]
    return [Object(each, Gate.INGRESS, COMPONENT) for each in made]


def _ingress(instance: Instance, facts: Facts) -> Manifest:
    host, tls = instance.spec.host, instance.spec.ingress.tls
    service = {"service": {"name": f"{facts.name}-frontend", "port": {"name": "web"}}}
    from_secret = instance.tls in (TLSMode.SECRET, TLSMode.CERT_MANAGER)
    return manifest(
        "Ingress",
        facts.name,
        api="networking.k8s.io/v1",
        labels=labels(instance, facts, COMPONENT),
        annotations={
            **_ANNOTATIONS[instance.door],
            **_certificate(instance, facts),
            **instance.spec.ingress.annotations,
        },
        spec={
            **present(
                ingressClassName=instance.ingress_class,
                tls=[{"hosts": [host], "secretName": tls.secret_name or f"{facts.name}-tls"}] if from_secret else [],
            ),
            "rules": [{"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": service}]}}],
        },
    )


def _certificate(instance: Instance, facts: Facts) -> dict[str, str]:
    """Annotations about TLS."""
    tls = instance.spec.ingress.tls
    said: dict[str, str] = {}
    if instance.tls is TLSMode.CERT_MANAGER and tls.issuer_ref:
        kind = "cluster-issuer" if tls.issuer_ref.kind == "ClusterIssuer" else "issuer"
        said[f"cert-manager.io/{kind}"] = tls.issuer_ref.name
        if instance.door is Door.GKE:  # a second Ingress for the challenge would get an address of its own
            said["acme.cert-manager.io/http01-edit-in-place"] = "true"
    if instance.door is Door.GKE and instance.tls is not TLSMode.NONE:
        said["networking.gke.io/v1beta1.FrontendConfig"] = facts.name
    if instance.door is Door.GKE and instance.tls is TLSMode.MANAGED:
        said["networking.gke.io/managed-certificates"] = facts.name
    if instance.door is Door.APPLICATION_GATEWAY and instance.tls is not TLSMode.NONE:
        said["appgw.ingress.kubernetes.io/ssl-redirect"] = "true"
    if instance.door is Door.APPLICATION_GATEWAY and instance.tls is TLSMode.MANAGED:
        said["appgw.ingress.kubernetes.io/appgw-ssl-certificate"] = tls.secret_name or ""
    return said


def _google(instance: Instance, facts: Facts) -> Sequence[Manifest]:
    """cloud.google.com/kubernetes-engine/docs/how-to/ingress-configuration"""
    marks = labels(instance, facts, COMPONENT)
    made = [
        manifest(
            "BackendConfig",
            f"{facts.name}-frontend",
            api="cloud.google.com/v1",
            labels=marks,
            spec={
                "timeoutSec": SECONDS,
                "connectionDraining": {"drainingTimeoutSec": 30},
                "healthCheck": {"type": "HTTP", "requestPath": "/healthz", "port": WEB, "checkIntervalSec": 5},
            },
        )
    ]
    if instance.tls is not TLSMode.NONE:
        redirect = {"redirectToHttps": {"enabled": True}}
        made.append(
            manifest("FrontendConfig", facts.name, api="networking.gke.io/v1beta1", labels=marks, spec=redirect)
        )
    if instance.tls is TLSMode.MANAGED:
        domains = {"domains": [instance.spec.host]}
        made.append(manifest("ManagedCertificate", facts.name, api="networking.gke.io/v1", labels=marks, spec=domains))
    return made
