"""Every kind the operator touches and every verb it uses on it: the one table.

The child store watches what is here, the chart's ClusterRole is generated from it
(`python -m taskora_operator.cluster.permissions`), and component tests compare it with the verbs that were recorded.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

FILE = Path("manifests/operator/files/rules.yaml")

OWN = ("create", "delete", "get", "list", "patch", "watch")
"""Server-side apply needs `patch`, and `create` where it makes the object."""


@dataclass(frozen=True, slots=True)
class Resource:
    api_version: str
    kind: str
    plural: str

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    @property
    def name(self) -> str:
        """As discovery names kinds: `apps/v1/Deployment`."""
        return f"{self.api_version}/{self.kind}"

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"
        inside = f"/namespaces/{namespace}" if namespace else ""
        return root + inside + "".join(f"/{part}" for part in (self.plural, name, subresource) if part)


INSTANCES = Resource("taskora.dev/v1alpha1", "TaskoraDeployment", "taskoradeployments")
LEASES = Resource("coordination.k8s.io/v1", "Lease", "leases")
EVENTS = Resource("events.k8s.io/v1", "Event", "events")
INGRESS_CLASSES = Resource("networking.k8s.io/v1", "IngressClass", "ingressclasses")
STORAGE_CLASSES = Resource("storage.k8s.io/v1", "StorageClass", "storageclasses")
DEPLOYMENTS = Resource("apps/v1", "Deployment", "deployments")
SECRETS = Resource("v1", "Secret", "secrets")
PODS = Resource("v1", "Pod", "pods")
CONFIGURATIONS = Resource("dapr.io/v1alpha1", "Configuration", "configurations")

CHILDREN: Sequence[Resource] = (
    Resource("v1", "ConfigMap", "configmaps"),
    Resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    SECRETS,
    Resource("v1", "Service", "services"),
    Resource("v1", "ServiceAccount", "serviceaccounts"),
    Resource("apps/v1", "ControllerRevision", "controllerrevisions"),
    DEPLOYMENTS,
    Resource("apps/v1", "StatefulSet", "statefulsets"),
    Resource("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    Resource("batch/v1", "CronJob", "cronjobs"),
    Resource("batch/v1", "Job", "jobs"),
    Resource("cloud.google.com/v1", "BackendConfig", "backendconfigs"),
    Resource("dapr.io/v1alpha1", "Component", "components"),
    CONFIGURATIONS,
    Resource("dapr.io/v1alpha1", "Resiliency", "resiliencies"),
    Resource("dapr.io/v2alpha1", "Subscription", "subscriptions"),
    Resource("monitoring.coreos.com/v1", "PodMonitor", "podmonitors"),
    Resource("monitoring.coreos.com/v1", "PrometheusRule", "prometheusrules"),
    Resource("networking.gke.io/v1beta1", "FrontendConfig", "frontendconfigs"),
    Resource("networking.gke.io/v1", "ManagedCertificate", "managedcertificates"),
    Resource("networking.k8s.io/v1", "Ingress", "ingresses"),
    Resource("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    Resource("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Resource("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
    Resource("rbac.authorization.k8s.io/v1", "Role", "roles"),
)

BY_KIND: Mapping[tuple[str, str], Resource] = {
    (r.api_version, r.kind): r for r in (*CHILDREN, INSTANCES, LEASES, EVENTS, PODS, INGRESS_CLASSES, STORAGE_CLASSES)
}

Rule = dict[str, list[str]]


def _rule(resource: Resource, *verbs: str, subresource: str = "") -> Rule:
    name = f"{resource.plural}/{subresource}" if subresource else resource.plural
    return {"apiGroups": [resource.group], "resources": [name], "verbs": sorted(verbs)}


def rules() -> Mapping[str, Sequence[Rule]]:
    """`instances`: wherever there are instances. `cluster`: cluster-wide reading. `leader`: in our own namespace.

    Roles made for the application may only hold what the operator holds: `get` on Secrets, which is in the table.
    """
    return {
        "instances": [
            _rule(INSTANCES, "list", "patch", "watch"),  # patch: the finalizer of those with topics elsewhere
            _rule(INSTANCES, "patch", subresource="status"),
            *(_rule(child, *OWN) for child in CHILDREN),
            _rule(EVENTS, "create"),
            _rule(PODS, "list"),  # of what is rolled out and does not yet serve, and of backups
            _rule(PODS, "get", subresource="log"),
        ],
        "cluster": [
            _rule(DEPLOYMENTS, "list"),  # Dapr's control plane, in whichever namespace
            _rule(CONFIGURATIONS, "get"),  # whether its mTLS is on
            _rule(INGRESS_CLASSES, "list"),
            _rule(STORAGE_CLASSES, "list"),  # whether their volumes may grow
        ],
        "leader": [_rule(LEASES, "create", "get", "update")],
    }


def render() -> str:
    note = "# Generated by `python -m taskora_operator.cluster.permissions`; do not edit.\n"
    return note + yaml.safe_dump(dict(rules()), sort_keys=False, width=120)


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(), encoding="utf-8")
