"""What the cluster must bring, checked against what is wanted of it, with the command that helps."""

from __future__ import annotations

from collections.abc import Sequence

from taskora_operator.desired.model import Capabilities, Desired, Problem

INSTALL_DAPR = (
    "`dapr init -k --wait`, or `helm upgrade --install dapr dapr --repo https://dapr.github.io/helm-charts "
    "--namespace dapr-system --create-namespace --wait`"
)
OLDEST_DAPR = (1, 13)
_OF_GKE = ("cloud.google.com", "networking.gke.io")


def prerequisites(desired: Desired, capabilities: Capabilities) -> Sequence[Problem]:
    """Missing parts; each kind of the cluster that is missing is reported once, whatever needs it."""
    kinds = {(o.manifest["apiVersion"], o.manifest["kind"]) for o in desired.objects}
    unknown = sorted(f"{kind} ({api})" for api, kind in kinds if not capabilities.has(api, kind))
    problems: list[Problem] = []
    if any(api.startswith("dapr.io/") for api, _ in kinds):
        problems += _dapr(capabilities)
    google = [name for name in unknown if any(f"({group}/" in name for group in _OF_GKE)]
    if google:
        message = (
            f"The cluster does not know {', '.join(google)}, which come with GKE: write spec.ingress.className for "
            "another ingress controller."
        )
        problems.append(Problem("IngressReady", "KindMissing", message))
    other = [name for name in unknown if "(dapr.io/" not in name and name not in google]
    if other:
        problems.append(
            Problem(
                "PrerequisitesMet",
                "KindMissing",
                f"The cluster does not know {', '.join(other)}: use Kubernetes 1.28 or newer.",
            )
        )
    return [*problems, *_metrics(desired, capabilities), *_ingress_class(desired, capabilities)]


def _metrics(desired: Desired, capabilities: Capabilities) -> Sequence[Problem]:
    """What a HorizontalPodAutoscaler decides by."""
    scaled = any(o.key.kind == "HorizontalPodAutoscaler" for o in desired.objects)
    if not scaled or capabilities.has("metrics.k8s.io/v1beta1", "PodMetrics"):
        return []
    message = (
        "The cluster does not measure its pods, so no role scales by itself. Install metrics-server "
        "(`helm upgrade --install metrics-server metrics-server --repo "
        "https://kubernetes-sigs.github.io/metrics-server --namespace kube-system`), or write replicas in the place of "
        "autoscaling."
    )
    return [Problem("WorkloadsAvailable", "MetricsMissing", message)]


def _dapr(capabilities: Capabilities) -> Sequence[Problem]:
    if capabilities.dapr is None:
        message = f"The cluster has no Dapr. Install it: {INSTALL_DAPR}."
        return [Problem("PrerequisitesMet", "DaprMissing", message)]
    if capabilities.dapr_silent:
        names = " and ".join(capabilities.dapr_silent)
        message = (
            f"Dapr {capabilities.dapr} has no available pod of {names}. What runs goes on; changes wait. "
            "See why: `kubectl get pods -A -l app.kubernetes.io/part-of=dapr`."
        )
        return [Problem("PrerequisitesMet", "DaprUnavailable", message)]
    version = capabilities.dapr_version  # one that can't be read is given the benefit of the doubt
    if (version and version < OLDEST_DAPR) or not capabilities.has("dapr.io/v2alpha1", "Subscription"):
        message = f"Dapr {capabilities.dapr} is too old; Taskora needs 1.13 or newer. Upgrade it: {INSTALL_DAPR}."
        return [Problem("PrerequisitesMet", "DaprTooOld", message)]
    if not capabilities.dapr_mtls:
        message = (
            "Dapr's mTLS is off, so nothing proves who calls whom. Turn it on: `dapr mtls -k` shows it, "
            "`helm upgrade dapr dapr --repo https://dapr.github.io/helm-charts --namespace dapr-system --reuse-values "
            "--set global.mtls.enabled=true` sets it; then restart the control plane."
        )
        return [Problem("PrerequisitesMet", "DaprMTLSOff", message)]
    return []


def _ingress_class(desired: Desired, capabilities: Capabilities) -> Sequence[Problem]:
    names = {o.manifest.get("spec", {}).get("ingressClassName") for o in desired.objects if o.key.kind == "Ingress"}
    known = ", ".join(sorted(capabilities.ingress_classes)) or "none"
    return [
        Problem(
            "IngressReady",
            "IngressClassMissing",
            f"The cluster has no ingress class {name} (it has: {known}). Install its controller, or write "
            "spec.ingress.className.",
        )
        for name in sorted(names - {None})
        if name not in capabilities.ingress_classes
    ]
