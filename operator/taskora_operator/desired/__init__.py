"""Spec and facts in, every object that is wanted out. No I/O, no clock, no randomness."""

from __future__ import annotations

from taskora_operator.desired import (
    accounts,
    backup,
    broker,
    dapr,
    ingress,
    migration,
    monitoring,
    network,
    postgres,
    redis,
    secrets,
    workloads,
)
from taskora_operator.desired import topics as topics_
from taskora_operator.desired.model import Desired, Facts
from taskora_operator.profiles import Instance

__all__ = ["desired"]


def desired(instance: Instance, facts: Facts) -> Desired:
    """Everything a TaskoraDeployment wants. `instance` comes from `profiles.resolve`."""
    parts = (
        accounts, secrets, network, postgres, redis, broker, dapr, backup, migration, workloads, ingress, monitoring
    )  # fmt: skip
    return Desired(
        objects=[made for part in parts for made in part.objects(instance, facts)],
        topics=[] if instance.spec.suspended else topics_.topics(instance),
        bootstrap="" if instance.spec.suspended else broker.bootstrap(instance, facts),
        topics_outlive=instance.broker is None and bool(broker.bootstrap(instance, facts)),
        url=instance.url,
        access=broker.access(instance, facts),
        problems=[made for part in (secrets, dapr, backup, monitoring) for made in part.problems(instance, facts)],
    )
