"""What is worth waking somebody for, as data: rules for Prometheus, runbooks and their tests come from here.

`{where}` in an expression stands for the labels that choose the instance's series. Numbers are the specification's:
99.9 % of requests answered (SC-007), changes in other tabs within 2 s (SC-002), P95 below 500 ms (SC-009),
reminders within 60 s (SC-004).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["critical", "warning"]


@dataclass(frozen=True, slots=True)
class Alert:
    """`minutes`: how long the expression must hold. `runbook`: its page's name."""

    name: str
    expression: str
    minutes: int
    severity: Severity
    summary: str
    meaning: str
    runbook: str


def _failing(window: str) -> str:
    """The share of requests that were answered with 5xx."""
    failed = f'sum(rate(taskora_http_requests_total{{{{where}},status=~"5.."}}[{window}]))'
    return f"{failed} / sum(rate(taskora_http_requests_total{{{{where}}}}[{window}]))"


def _burning(*, times: float, long: str, short: str) -> str:
    """Both windows spend the error budget of 99.9 % this many times too fast: it is much, and it goes on."""
    return f"({_failing(long)} > {times:g} * 0.001) and ({_failing(short)} > {times:g} * 0.001)"


def _slowest(histogram: str, *, more: str = "", by: str = "le") -> str:
    return f"histogram_quantile(0.95, sum by ({by}) (rate({histogram}_bucket{{{{where}}{more}}}[5m])))"


_BACKUPS = 'kube_cronjob_status_{}_time{{{{where}},cronjob="{{name}}-backup"}}'

INSTANCE: Sequence[Alert] = (
    Alert(
        name="TaskoraRequestsFail",
        expression=_burning(times=14.4, long="1h", short="5m"),
        minutes=2,
        severity="critical",
        summary="Requests fail so often that a month's error budget is gone in two days.",
        meaning="More than 1.4 % of requests were answered with 5xx during the last hour and the last five minutes.",
        runbook="requests-fail",
    ),
    Alert(
        name="TaskoraRequestsFailSlowly",
        expression=_burning(times=6, long="6h", short="30m"),
        minutes=15,
        severity="warning",
        summary="Requests fail so often that a month's error budget is gone in five days.",
        meaning="More than 0.6 % of requests were answered with 5xx during the last six hours and the last half hour.",
        runbook="requests-fail",
    ),
    Alert(
        name="TaskoraRequestsSlow",
        expression=_slowest("taskora_http_request_seconds", more=',role="backend"') + " > 0.5",
        minutes=10,
        severity="warning",
        summary="One request in twenty takes the backend longer than 500 ms.",
        meaning="The database is the usual reason: look at its load before adding backends.",
        runbook="requests-slow",
    ),
    Alert(
        name="TaskoraEventsLate",
        expression="max(taskora_outbox_lag_seconds{{where}}) > 60",
        minutes=5,
        severity="critical",
        summary="Events wait in the outbox for longer than a minute.",
        meaning="No task is lost, but other tabs, reminders and the audit log don't hear of changes: the broker or the "
        "sidecars don't take them.",
        runbook="events-late",
    ),
    Alert(
        name="TaskoraEventsRefused",
        expression="sum by (topic) (rate(taskora_outbox_failed_total{{where}}[5m])) > 0",
        minutes=10,
        severity="warning",
        summary="The broker refuses events for {{ $labels.topic }}, again and again.",
        meaning="They are offered again for ever. The topic may be missing, full, or not allowed to the role.",
        runbook="events-late",
    ),
    Alert(
        name="TaskoraConsumerBehind",
        expression="max by (consumer, topic) (taskora_consumer_lag_seconds{{where}}) > 60",
        minutes=5,
        severity="critical",
        summary="{{ $labels.consumer }} takes events of {{ $labels.topic }} more than a minute late, or none.",
        meaning="The broker has them, and nothing is lost. But notifications, the audit log or the statistics stand "
        "still.",
        runbook="consumer-behind",
    ),
    Alert(
        name="TaskoraDeadLetters",
        expression='sum by (role, topic) (increase(taskora_events_consumed_total{{where},outcome="buried"}[15m])) > 0',
        minutes=0,
        severity="warning",
        summary="An event of {{ $labels.topic }} became a dead letter of {{ $labels.role }}.",
        meaning="It can never have its effect, or is no event at all. It is kept, and can be replayed.",
        runbook="dead-letters",
    ),
    Alert(
        name="TaskoraSyncSlow",
        expression=_slowest("taskora_sync_fanout_seconds") + " > 2",
        minutes=10,
        severity="warning",
        summary="Changes take longer than 2 s to reach other tabs.",
        meaning="Pages notice by themselves and fetch what they missed, but not at once.",
        runbook="sync-slow",
    ),
    Alert(
        name="TaskoraRemindersLate",
        expression=_slowest("taskora_claim_lateness_seconds", by="le, what") + " > 60",
        minutes=5,
        severity="warning",
        summary="What is due ({{ $labels.what }}) happens more than a minute late.",
        meaning="Nothing is left out: what waits is made up for. The schedulers or the database are at their limit.",
        runbook="reminders-late",
    ),
    Alert(
        name="TaskoraRoleDown",
        expression='kube_deployment_status_replicas_available{{where},deployment=~"{name}-.+"} == 0 '
        'and kube_deployment_spec_replicas{{where},deployment=~"{name}-.+"} > 0',
        minutes=2,
        severity="critical",
        summary="{{ $labels.deployment }} has no pod that serves.",
        meaning="`kubectl describe tkd` says what keeps it.",
        runbook="role-down",
    ),
    Alert(
        name="TaskoraPodsRestart",
        expression='increase(kube_pod_container_status_restarts_total{{where},pod=~"{name}-.+"}[30m]) > 3',
        minutes=0,
        severity="warning",
        summary="{{ $labels.container }} of {{ $labels.pod }} keeps restarting.",
        meaning="Its last words are in `kubectl logs --previous`.",
        runbook="role-down",
    ),
    Alert(
        name="TaskoraMigrationFailed",
        expression='kube_job_failed{{where},job_name=~"{name}-migrate-.+",condition="true"} > 0',
        minutes=0,
        severity="critical",
        summary="The schema could not be brought to the release.",
        meaning="The Job's last log lines say why. TaskoraInstanceStalled tells of an upgrade that was taken back.",
        runbook="migration-failed",
    ),
    Alert(
        name="TaskoraVolumeFills",
        expression='kubelet_volume_stats_available_bytes{{where},persistentvolumeclaim=~"(data-)?{name}-.+"} '
        '/ kubelet_volume_stats_capacity_bytes{{where},persistentvolumeclaim=~"(data-)?{name}-.+"} < 0.15',
        minutes=10,
        severity="critical",
        summary="The volume {{ $labels.persistentvolumeclaim }} has less than 15 % left.",
        meaning="A full volume stops its service. Write a larger storage.size into the spec.",
        runbook="volume-fills",
    ),
    Alert(
        name="TaskoraBackupMissed",
        expression=f"{_BACKUPS.format('last_schedule')} > "
        f"({_BACKUPS.format('last_successful')} or 0 * {_BACKUPS.format('last_schedule')})",
        minutes=360,  # as long as a backup may take
        severity="warning",
        summary="The last backup that was due has not succeeded.",
        meaning="The backups before it are there. The condition BackupsHealthy says what became of it.",
        runbook="backup-missed",
    ),
)

OPERATOR: Sequence[Alert] = (
    Alert(
        name="TaskoraOperatorLeaderless",
        expression="sum(taskora_operator_leader{{where}}) < 1 or absent(taskora_operator_leader{{where}})",
        minutes=5,
        severity="critical",
        summary="No replica of the operator leads.",
        meaning="Instances go on serving, but nothing is put right and no change is acted on.",
        runbook="operator-down",
    ),
    Alert(
        name="TaskoraInstanceStalled",
        expression="taskora_operator_instance_stalled{{where}} == 1",
        minutes=10,
        severity="warning",
        summary="{{ $labels.instance_name }} in {{ $labels.instance_namespace }} waits for somebody: "
        "{{ $labels.reason }}.",
        meaning="The operator can do no more by itself. What serves goes on; the condition Stalled says what to do.",
        runbook="instance-stalled",
    ),
    Alert(
        name="TaskoraOperatorRunaway",
        expression="sum by (kind) (rate(taskora_operator_writes_total{{where}}[30m])) "
        "> 0.1 * scalar(max(taskora_operator_instances{{where}}))",
        minutes=30,
        severity="warning",
        summary="The operator writes {{ $labels.kind }} again and again.",
        meaning="A settled instance costs no write: somebody else changes the same fields.",
        runbook="operator-runaway",
    ),
    Alert(
        name="TaskoraOperatorFails",
        expression='sum by (result) (rate(taskora_operator_reconciles_total{{where},result!="ok"}[10m])) > 0',
        minutes=20,
        severity="warning",
        summary="Reconciling ends with {{ $labels.result }}, again and again.",
        meaning="The operator's log names the instance and the reason.",
        runbook="operator-fails",
    ),
    Alert(
        name="TaskoraOperatorBehind",
        expression="max(taskora_operator_queue_depth{{where}}) > 10",
        minutes=15,
        severity="warning",
        summary="Instances wait for the operator.",
        meaning="It has more to do than it gets done: give it CPU, or look why reconciling takes so long.",
        runbook="operator-fails",
    ),
)


def rules(alerts: Sequence[Alert], *, where: str, name: str = "") -> list[dict[str, Any]]:
    """As a PrometheusRule's group has them. `where`: labels that choose the series, as `namespace="tasks"`."""
    return [
        {
            "alert": alert.name,
            "expr": alert.expression.replace("{where}", where).replace("{name}", name),
            **({"for": f"{alert.minutes}m"} if alert.minutes else {}),
            "labels": {"severity": alert.severity},
            "annotations": {"summary": alert.summary, "description": alert.meaning, "runbook": alert.runbook},
        }
        for alert in alerts
    ]
