"""Each alert fires on its condition and not otherwise, and each query is PromQL: promtool is the judge.

A case is what Prometheus would have scraped once a minute, in promtool's notation (`0+60x120`: from 0, 60 more each
time, 120 times), and the minute at which it is looked.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from taskora_operator.desired import alerts, dashboard
from taskora_operator.desired.alerts import Alert, rules

from tests.cluster.binaries import go_programs

ALERTS = {alert.name: alert for alert in (*alerts.INSTANCE, *alerts.OPERATOR)}
WHERE = 'namespace="tasks"'


@dataclass(frozen=True)
class Case:
    """`labels`: those of the alert that fires, None where none may."""

    claim: str
    alert: str
    series: Mapping[str, str]
    minute: int
    labels: Mapping[str, str] | None = None


def answered(failing: str, *, rest: str = "0+1000x600") -> dict[str, str]:
    """Requests each minute: those that were answered with 500, and those with 200."""
    return {requests("500"): failing, requests("200"): rest}


def requests(status: str) -> str:
    return f'taskora_http_requests_total{{namespace="tasks",role="backend",status="{status}"}}'


def slow(
    histogram: str, *, bound: str, within: int, beyond: str = "10", role: str = "backend", **labels: str
) -> dict[str, str]:
    """Of 100 a minute, so many are within the bound, and all within `beyond`."""
    made: dict[str, str] = {}
    for le, count in {bound: within, beyond: 100, "+Inf": 100}.items():
        made |= one(f"{histogram}_bucket", f"0+{count}x60", role=role, le=le, **labels)
    return made


def pods(available: int, *, wanted: int) -> dict[str, str]:
    labels = '{namespace="tasks",deployment="taskora-backend"}'
    return {
        f"kube_deployment_status_replicas_available{labels}": f"{available}x60",
        f"kube_deployment_spec_replicas{labels}": f"{wanted}x60",
    }


def volume(name: str, *, left: int) -> dict[str, str]:
    labels = f'{{namespace="tasks",persistentvolumeclaim="{name}"}}'
    return {
        f"kubelet_volume_stats_available_bytes{labels}": f"{left}x60",
        f"kubelet_volume_stats_capacity_bytes{labels}": "100x60",
    }


def backups(**when: str) -> dict[str, str]:
    """When the last one was `due`, and when the last one `succeeded`."""
    names = {"due": "kube_cronjob_status_last_schedule_time", "succeeded": "kube_cronjob_status_last_successful_time"}
    told = [one(names[what], values, **NIGHTLY) for what, values in when.items()]
    return {name: values for each in told for name, values in each.items()}


def one(metric: str, values: str, **labels: str) -> dict[str, str]:
    told = ",".join(f'{name}="{value}"' for name, value in {"namespace": "tasks", **labels}.items())
    return {f"{metric}{{{told}}}": values}


CONSUMED, RESTARTS = "taskora_events_consumed_total", "kube_pod_container_status_restarts_total"
LATE = "taskora_consumer_lag_seconds"
POSTGRES = {"namespace": "tasks", "persistentvolumeclaim": "data-taskora-postgres-0"}
BACKEND = {"namespace": "tasks", "deployment": "taskora-backend"}
POD = {"namespace": "tasks", "pod": "taskora-backend-5d7", "container": "backend"}
NIGHTLY = {"namespace": "tasks", "cronjob": "taskora-backup"}
JOB = {"namespace": "tasks", "job_name": "taskora-migrate-1-1-0"}
BACK = {"instance_namespace": "tasks", "instance_name": "taskora", "reason": "RolledBack"}

CASES = (
    Case("2 % fail", "TaskoraRequestsFail", answered("0+20x600"), 70, {}),
    Case("1 % fails", "TaskoraRequestsFail", answered("0+10x600"), 70),
    Case("20 % failed, and it is over", "TaskoraRequestsFail", answered("0+200x40 8000x600"), 55),
    Case("a minute's failures in a good hour", "TaskoraRequestsFail", answered("0x60 0+100x600"), 62),
    Case("nobody asks", "TaskoraRequestsFail", answered("5x600", rest="5x600"), 70),
    Case("1 % fails for hours", "TaskoraRequestsFailSlowly", answered("0+10x600"), 380, {}),
    Case("one in two hundred fails", "TaskoraRequestsFailSlowly", answered("0+5x600"), 380),
    Case("1 % failed, and it is over", "TaskoraRequestsFailSlowly", answered("0+10x360 3600x600"), 400),
    Case(
        "a tenth takes longer",
        "TaskoraRequestsSlow",
        slow("taskora_http_request_seconds", bound="0.5", within=90),
        20,
        {},
    ),
    Case(
        "one in fifty takes longer",
        "TaskoraRequestsSlow",
        slow("taskora_http_request_seconds", bound="0.5", within=98),
        20,
    ),
    Case(
        "streams of pages last",
        "TaskoraRequestsSlow",
        slow("taskora_http_request_seconds", bound="0.5", within=10, role="frontend"),
        20,
    ),
    Case(
        "one of two relays is behind",
        "TaskoraEventsLate",
        {**one("taskora_outbox_lag_seconds", "61x60", pod="a"), **one("taskora_outbox_lag_seconds", "0x60", pod="b")},
        10,
        {},
    ),
    Case("a minute is not late", "TaskoraEventsLate", one("taskora_outbox_lag_seconds", "60x60"), 10),
    Case("it caught up", "TaskoraEventsLate", one("taskora_outbox_lag_seconds", "90x8 0x60"), 10),
    Case(
        "refused and refused",
        "TaskoraEventsRefused",
        one("taskora_outbox_failed_total", "0+1x60", topic="task-events"),
        20,
        {"topic": "task-events"},
    ),
    Case(
        "refused long ago", "TaskoraEventsRefused", one("taskora_outbox_failed_total", "7x60", topic="task-events"), 20
    ),
    Case(
        "one of two schedulers sees a topic that nobody takes",
        "TaskoraConsumerBehind",
        {
            **one(LATE, "0+60x60", consumer="audit", topic="task-events", pod="a"),
            **one(LATE, "0x60", consumer="audit", topic="task-events", pod="b"),
            **one(LATE, "0x60", consumer="notifier", topic="task-events", pod="a"),
        },
        10,
        {"consumer": "audit", "topic": "task-events"},
    ),
    Case(
        "a minute is not behind", "TaskoraConsumerBehind", one(LATE, "60x60", consumer="audit", topic="task-events"), 10
    ),
    Case("it goes on", "TaskoraConsumerBehind", one(LATE, "0+60x8 0x60", consumer="audit", topic="task-events"), 10),
    Case(
        "the first dead letter",
        "TaskoraDeadLetters",
        one(CONSUMED, "0x9 1x60", role="audit", topic="dead-letters", outcome="buried"),
        12,
        {"role": "audit", "topic": "dead-letters"},
    ),
    Case(
        "what had its effect",
        "TaskoraDeadLetters",
        one(CONSUMED, "0+9x60", role="audit", topic="task-events", outcome="done"),
        12,
    ),
    Case(
        "a dead letter of yesterday",
        "TaskoraDeadLetters",
        one(CONSUMED, "0x9 1x60", role="audit", topic="dead-letters", outcome="buried"),
        30,
    ),
    Case("a tenth is late", "TaskoraSyncSlow", slow("taskora_sync_fanout_seconds", bound="2", within=90), 20, {}),
    Case("one in fifty is late", "TaskoraSyncSlow", slow("taskora_sync_fanout_seconds", bound="2", within=98), 20),
    Case(
        "a tenth is two minutes late",
        "TaskoraRemindersLate",
        slow("taskora_claim_lateness_seconds", bound="60", within=90, beyond="300", what="reminders"),
        20,
        {"what": "reminders"},
    ),
    Case(
        "one in fifty is late",
        "TaskoraRemindersLate",
        slow("taskora_claim_lateness_seconds", bound="60", within=98, beyond="300", what="reminders"),
        20,
    ),
    Case("nobody serves", "TaskoraRoleDown", pods(0, wanted=2), 5, BACKEND),
    Case("one of two serves", "TaskoraRoleDown", pods(1, wanted=2), 5),
    Case("suspended", "TaskoraRoleDown", pods(0, wanted=0), 5),
    Case("ends every five minutes", "TaskoraPodsRestart", one(RESTARTS, "0x4 1x4 2x4 3x4 4x4 5x60", **POD), 25, POD),
    Case("ended twice", "TaskoraPodsRestart", one(RESTARTS, "0x4 1x4 2x60", **POD), 25),
    Case(
        "the Job gave up",
        "TaskoraMigrationFailed",
        one("kube_job_failed", "1x60", **JOB, condition="true"),
        1,
        {**JOB, "condition": "true"},
    ),
    Case("the Job did its work", "TaskoraMigrationFailed", one("kube_job_failed", "0x60", **JOB, condition="true"), 1),
    Case(
        "somebody else's Job gave up",
        "TaskoraMigrationFailed",
        one("kube_job_failed", "1x60", job_name="report-1", condition="true"),
        1,
    ),
    Case("14 % left", "TaskoraVolumeFills", volume("data-taskora-postgres-0", left=14), 15, POSTGRES),
    Case("a fifth left", "TaskoraVolumeFills", volume("data-taskora-postgres-0", left=20), 15),
    Case("somebody else's volume", "TaskoraVolumeFills", volume("data-wiki-0", left=1), 15),
    Case("the last one failed", "TaskoraBackupMissed", backups(due="86400x600", succeeded="100x600"), 360, NIGHTLY),
    Case("none has ever succeeded", "TaskoraBackupMissed", backups(due="86400x600"), 360, NIGHTLY),
    Case("the next one succeeded", "TaskoraBackupMissed", backups(due="86400x600", succeeded="100x358 90000x9"), 360),
    Case("none was due yet", "TaskoraBackupMissed", backups(), 360),
    Case(
        "two that wait",
        "TaskoraOperatorLeaderless",
        {**one("taskora_operator_leader", "0x60", pod="a"), **one("taskora_operator_leader", "0x60", pod="b")},
        10,
        {},
    ),
    Case("no operator at all", "TaskoraOperatorLeaderless", {}, 10, {"namespace": "tasks"}),
    Case(
        "one leads, one waits",
        "TaskoraOperatorLeaderless",
        {**one("taskora_operator_leader", "1x60", pod="a"), **one("taskora_operator_leader", "0x60", pod="b")},
        10,
    ),
    Case(
        "a release was taken back",
        "TaskoraInstanceStalled",
        one("taskora_operator_instance_stalled", "1x60", **BACK),
        15,
        {"namespace": "tasks", **BACK},
    ),
    Case(
        "an ingress class came after five minutes",
        "TaskoraInstanceStalled",
        one("taskora_operator_instance_stalled", "1x5 stale", **{**BACK, "reason": "IngressClassMissing"}),
        15,
    ),
    Case(
        "a write a second for three instances",
        "TaskoraOperatorRunaway",
        {
            **one("taskora_operator_writes_total", "0+60x90", kind="Service"),
            **one("taskora_operator_instances", "3x90"),
        },
        65,
        {"kind": "Service"},
    ),
    Case(
        "twenty instances made at once",
        "TaskoraOperatorRunaway",
        {
            **one("taskora_operator_writes_total", "0x5 100+100x10 1200x90", kind="Service"),
            **one("taskora_operator_instances", "20x90"),
        },
        65,
    ),
    Case(
        "refused again and again",
        "TaskoraOperatorFails",
        one("taskora_operator_reconciles_total", "0+1x60", result="refused"),
        35,
        {"result": "refused"},
    ),
    Case("all goes well", "TaskoraOperatorFails", one("taskora_operator_reconciles_total", "0+9x60", result="ok"), 35),
    Case("eleven wait", "TaskoraOperatorBehind", one("taskora_operator_queue_depth", "11x60"), 20, {}),
    Case("ten wait", "TaskoraOperatorBehind", one("taskora_operator_queue_depth", "10x60"), 20),
)
FIRING = [case for case in CASES if case.labels is not None]


def promtool(*words: object) -> subprocess.CompletedProcess[str]:
    program = go_programs("promtool")["promtool"]
    return subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False, timeout=60)


def judge(
    folder: Path, alert: Alert, series: Mapping[str, str], expected: Mapping[int, list[Mapping[str, str]]]
) -> str:
    """Empty when promtool sees the alerts with these labels, by the minute; else what it says."""
    (rule,) = rules([alert], where=WHERE, name="taskora")
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "taskora", "rules": [rule]}]}))

    def told(text: str, labels: Mapping[str, str]) -> str:
        return re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels[found[1]], text)

    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {
                "eval_time": f"{minute}m",
                "alertname": alert.name,
                "exp_alerts": [
                    {
                        "exp_labels": {**rule["labels"], **labels},
                        "exp_annotations": {name: told(text, labels) for name, text in rule["annotations"].items()},
                    }
                    for labels in fires
                ],
            }
            for minute, fires in expected.items()
        ],
    }
    told_to = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]}
    (folder / "test.yaml").write_text(yaml.safe_dump(told_to))
    done = promtool("test", "rules", folder / "test.yaml")
    return "" if done.returncode == 0 else done.stdout + done.stderr


def names(case: Case) -> str:
    return f"{case.alert}: {case.claim}"


@pytest.mark.parametrize("case", CASES, ids=names)
def test_an_alert_fires_on_its_condition_and_not_otherwise(case: Case, tmp_path: Path) -> None:
    expected = {case.minute: [case.labels] if case.labels is not None else []}
    assert judge(tmp_path, ALERTS[case.alert], case.series, expected) == ""


@pytest.mark.parametrize("case", [case for case in FIRING if ALERTS[case.alert].minutes], ids=names)
def test_an_alert_waits_before_it_wakes_anybody(case: Case, tmp_path: Path) -> None:
    alert = ALERTS[case.alert]
    assert judge(tmp_path, alert, case.series, {alert.minutes - 1: []}) == ""


@pytest.mark.parametrize("case", [case for case in FIRING if case.series], ids=names)
def test_what_happens_in_another_namespace_is_not_this_instances_alert(case: Case, tmp_path: Path) -> None:
    elsewhere = {name.replace('namespace="tasks"', 'namespace="other"'): values for name, values in case.series.items()}
    alone = {**elsewhere, **one("taskora_operator_leader", "1x600")}
    assert judge(tmp_path, ALERTS[case.alert], alone, {case.minute: []}) == ""


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    for fires in (True, False):
        assert {case.alert for case in CASES if (case.labels is not None) is fires} == set(ALERTS)


def test_every_query_is_promql_and_every_rule_is_one(tmp_path: Path) -> None:
    panels = (*dashboard.INSTANCE, *dashboard.OPERATOR)
    drawn = json.loads(dashboard.dashboard(panels, title="Taskora", uid="taskora", where=WHERE, name="taskora"))
    queries = [target["expr"] for panel in drawn["panels"] for target in panel["targets"]]
    groups = [
        {"name": "alerts", "rules": rules([*ALERTS.values()], where=WHERE, name="taskora")},
        {"name": "dashboards", "rules": [{"record": f"drawn:{n}", "expr": query} for n, query in enumerate(queries)]},
    ]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", tmp_path / "rules.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(ALERTS) + sum(len(panel.lines) for panel in panels)} rules found" in done.stdout
