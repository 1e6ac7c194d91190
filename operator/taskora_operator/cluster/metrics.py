"""What the operator tells about itself, on port 9090."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

WRITES = Counter(
    "taskora_operator_writes",
    "Writes to the API server, answered or not; the Lease, a leader's pulse, apart.",
    ["verb", "kind"],
)
READS = Counter("taskora_operator_reads", "Reads from the API server but for watches.", ["kind"])
RECONCILES = Counter("taskora_operator_reconciles", "Reconciles by result.", ["result"])
RECONCILE_SECONDS = Histogram(
    "taskora_operator_reconcile_seconds",
    "Seconds a reconcile took.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)
QUEUE = Gauge("taskora_operator_queue_depth", "Instances that wait to be reconciled.")
LEADER = Gauge("taskora_operator_leader", "1 on the replica that leads.")
INSTANCES = Gauge("taskora_operator_instances", "TaskoraDeployments known.")
STALLED = Gauge(
    "taskora_operator_instance_stalled",
    "1 for each instance that waits for somebody, by the reason its condition Stalled gives.",
    ["instance_namespace", "instance_name", "reason"],
)
