"""For Prometheus' operator and Grafana: what to scrape, when to alert, a dashboard.

Made where the cluster knows these kinds, or where the spec insists; the rest of an instance never waits for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from taskora_operator.desired import alerts
from taskora_operator.desired.dashboard import INSTANCE, dashboard
from taskora_operator.desired.kube import digest, labels, manifest
from taskora_operator.desired.model import Facts, Gate, Manifest, Object, Problem
from taskora_operator.profiles import Instance

COMPONENT = "monitoring"
API = "monitoring.coreos.com/v1"
# Its chart by itself lets it look at nothing but what came with it.
INSTALL = (
    "`helm upgrade --install monitoring kube-prometheus-stack --repo "
    "https://prometheus-community.github.io/helm-charts --namespace monitoring --create-namespace "
    "--set prometheus.prometheusSpec.podMonitorSelectorNilUsesHelmValues=false "
    "--set prometheus.prometheusSpec.ruleSelectorNilUsesHelmValues=false`"
)


def objects(instance: Instance, facts: Facts) -> Sequence[Object]:
    written = instance.spec.observability
    scraped, ruled = facts.capabilities.has(API, "PodMonitor"), facts.capabilities.has(API, "PrometheusRule")
    made: list[Manifest] = []
    if scraped and written.metrics is not False:
        made.append(_pod_monitor(instance, facts))
    if ruled and written.alerts is not False:
        made.append(_rules(instance, facts))
    if written.dashboards or (scraped and written.dashboards is None):
        made.append(_dashboard(instance, facts))
    return [Object(each, Gate.MONITORING, COMPONENT) for each in made]


def problems(instance: Instance, facts: Facts) -> Sequence[Problem]:
    """What was asked for in so many words and can't be made."""
    written = instance.spec.observability
    asked = {"PodMonitor": written.metrics, "PrometheusRule": written.alerts}
    missing = [kind for kind, wanted in asked.items() if wanted and not facts.capabilities.has(API, kind)]
    if not missing:
        return []
    message = (
        f"The cluster does not know {' and '.join(missing)} ({API}): install Prometheus' operator ({INSTALL}), "
        "or take metrics and alerts out of spec.observability."
    )
    return [Problem("Ready", "MonitoringMissing", message)]


def _where(facts: Facts) -> str:
    return f'namespace="{facts.namespace}"'


def _pod_monitor(instance: Instance, facts: Facts) -> Manifest:
    """Both of a pod's ports; a role's series are told apart by `role`."""
    role = {
        "action": "replace",
        "sourceLabels": ["__meta_kubernetes_pod_label_app_kubernetes_io_component"],
        "targetLabel": "role",
    }
    return manifest(
        "PodMonitor",
        facts.name,
        api=API,
        labels=labels(instance, facts, COMPONENT),
        spec={
            "selector": {
                "matchLabels": {"app.kubernetes.io/name": "taskora", "app.kubernetes.io/instance": facts.name},
            },
            "podMetricsEndpoints": [
                {"port": port, "path": "/metrics", "interval": "30s", "relabelings": [role]}
                for port in ("metrics", "dapr-metrics")  # the second is what Dapr calls its sidecar's
            ],
        },
    )


def _rules(instance: Instance, facts: Facts) -> Manifest:
    rules = alerts.rules(alerts.INSTANCE, where=_where(facts), name=facts.name)
    return manifest(
        "PrometheusRule",
        facts.name,
        api=API,
        labels=labels(instance, facts, COMPONENT),
        spec={"groups": [{"name": f"{facts.namespace}/{facts.name}", "rules": rules}]},
    )


def _dashboard(instance: Instance, facts: Facts) -> Manifest:
    text = dashboard(
        INSTANCE,
        title=f"Taskora {facts.namespace}/{facts.name}",
        uid=f"taskora-{digest(facts.namespace, facts.name)}",
        where=_where(facts),
        name=facts.name,
    )
    return manifest(
        "ConfigMap",
        f"{facts.name}-dashboard",
        api="v1",
        labels={**labels(instance, facts, COMPONENT), "grafana_dashboard": "1"},  # what Grafana's sidecar looks for
        data={f"taskora-{facts.namespace}-{facts.name}.json": text},
    )
