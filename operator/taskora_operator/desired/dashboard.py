"""Dashboards of an instance and of the operator, told as data and rendered as Grafana's JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT, COLUMNS = 8, 7, 24


@dataclass(frozen=True, slots=True)
class Panel:
    """`lines` maps a legend to an expression; `{where}` stands for the labels that choose the instance's series."""

    title: str
    unit: str  # Grafana's names: reqps, s, percentunit, bytes, short
    lines: Mapping[str, str]


# A page's stream of events lasts as long as the page.
_ANSWERED = ',route!="/api/v1/events"'


def _quantile(share: float, histogram: str, *, by: str, more: str = "") -> str:
    return f"histogram_quantile({share}, sum by (le, {by}) (rate({histogram}_bucket{{{{where}}{more}}}[5m])))"


INSTANCE: Sequence[Panel] = (
    Panel("Requests", "reqps", {"{{role}}": "sum by (role) (rate(taskora_http_requests_total{{where}}[5m]))"}),
    Panel(
        "Requests that failed",
        "percentunit",
        {
            # Where none failed there is no such series; a line at nothing says more than no line.
            "{{role}}": 'sum by (role) (rate(taskora_http_requests_total{{where},status=~"5.."}[5m])) '
            "/ sum by (role) (rate(taskora_http_requests_total{{where}}[5m])) "
            "or 0 * sum by (role) (rate(taskora_http_requests_total{{where}}[5m]))"
        },
    ),
    Panel(
        "Time of requests, 95 %",
        "s",
        {"{{role}}": _quantile(0.95, "taskora_http_request_seconds", by="role", more=_ANSWERED)},
    ),
    Panel(
        "Slowest routes, 95 %",
        "s",
        {"{{route}}": f"topk(10, {_quantile(0.95, 'taskora_http_request_seconds', by='route', more=_ANSWERED)})"},
    ),
    Panel(
        "Events",
        "short",
        {
            "published to {{topic}}": "sum by (topic) (rate(taskora_outbox_published_total{{where}}[5m]))",
            "{{outcome}} of {{topic}}": "sum by (topic, outcome) (rate(taskora_events_consumed_total{{where}}[5m]))",
        },
    ),
    Panel(
        "Events that wait",
        "s",
        {"oldest in the outbox": "max(taskora_outbox_lag_seconds{{where}})"},
    ),
    Panel(
        "Consumers, late by",
        "s",
        {"{{consumer}}, {{topic}}": "max by (consumer, topic) (taskora_consumer_lag_seconds{{where}})"},
    ),
    Panel(
        "Sync",
        "s",
        {"to other tabs, 95 %": _quantile(0.95, "taskora_sync_fanout_seconds", by="namespace")},
    ),
    Panel(
        "Reminders and recurring tasks, late by",
        "s",
        {"{{what}}, 95 %": _quantile(0.95, "taskora_claim_lateness_seconds", by="what")},
    ),
    Panel("Open streams", "short", {"{{pod}}": "taskora_sync_streams{{where}}"}),
    Panel(
        "Pods that serve",
        "short",
        {"{{deployment}}": 'kube_deployment_status_replicas_available{{where},deployment=~"{name}-.+"}'},
    ),
    Panel(
        "CPU",
        "short",
        {
            "{{pod}} {{container}}": "sum by (pod, container) (rate(container_cpu_usage_seconds_total"
            '{{where},pod=~"{name}-.+",container!=""}[5m]))'
        },
    ),
    Panel(
        "Memory",
        "bytes",
        {
            "{{pod}} {{container}}": "sum by (pod, container) (container_memory_working_set_bytes"
            '{{where},pod=~"{name}-.+",container!=""})'
        },
    ),
    Panel(
        "Volumes, used",
        "percentunit",
        {
            "{{persistentvolumeclaim}}": "1 - kubelet_volume_stats_available_bytes"
            '{{where},persistentvolumeclaim=~"(data-)?{name}-.+"} '
            '/ kubelet_volume_stats_capacity_bytes{{where},persistentvolumeclaim=~"(data-)?{name}-.+"}'
        },
    ),
)


OPERATOR: Sequence[Panel] = (
    Panel("Instances", "short", {"known": "max(taskora_operator_instances{{where}})"}),
    Panel("Replicas that lead", "short", {"{{pod}}": "taskora_operator_leader{{where}}"}),
    Panel("Instances that wait", "short", {"{{pod}}": "taskora_operator_queue_depth{{where}}"}),
    Panel(
        "Reconciles", "ops", {"{{result}}": "sum by (result) (rate(taskora_operator_reconciles_total{{where}}[5m]))"}
    ),
    Panel(
        "Time of reconciles, 95 %",
        "s",
        {"{{pod}}": _quantile(0.95, "taskora_operator_reconcile_seconds", by="pod")},
    ),
    Panel(
        "Writes to the API server",
        "ops",
        {"{{verb}} {{kind}}": "sum by (verb, kind) (rate(taskora_operator_writes_total{{where}}[5m]))"},
    ),
)


def dashboard(panels: Sequence[Panel], *, title: str, uid: str, where: str, name: str = "") -> str:
    """The JSON that Grafana imports. `uid`: at most 40 characters, the same for the same instance."""
    source = {"type": "prometheus", "uid": "${source}"}

    def panel(index: int, told: Panel) -> dict[str, Any]:
        across = COLUMNS // WIDTH
        return {
            "id": index + 1,
            "type": "timeseries",
            "title": told.title,
            "datasource": source,
            "gridPos": {"x": index % across * WIDTH, "y": index // across * HEIGHT, "w": WIDTH, "h": HEIGHT},
            "fieldConfig": {"defaults": {"unit": told.unit, "min": 0}, "overrides": []},
            "targets": [
                {
                    "refId": chr(ord("A") + number),
                    "datasource": source,
                    "legendFormat": legend,
                    "expr": expression.replace("{where}", where).replace("{name}", name),
                }
                for number, (legend, expression) in enumerate(told.lines.items())
            ],
        }

    made = {
        "title": title,
        "uid": uid,
        "tags": ["taskora"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [{"name": "source", "type": "datasource", "query": "prometheus", "label": "Source"}]},
        "panels": [panel(index, told) for index, told in enumerate(panels)],
    }
    return json.dumps(made, indent=1)
