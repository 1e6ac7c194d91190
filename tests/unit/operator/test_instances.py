"""Which of a namespace's instances is served."""

from __future__ import annotations

from typing import Any

import pytest
from taskora_operator.engine.instances import InstanceKey, Instances


def body(name: str, created: str, *, acted_on: bool = False) -> dict[str, Any]:
    metadata = {"namespace": "tasks", "name": name, "uid": name, "resourceVersion": "1", "creationTimestamp": created}
    return {"metadata": metadata, "status": {"observedGeneration": 1} if acted_on else {}}


@pytest.mark.parametrize("newcomer", ["a", "z"])
def test_one_made_in_the_same_second_does_not_displace_the_one_that_is_served(newcomer: str) -> None:
    instances = Instances()
    instances.put(body(newcomer, "2026-01-01T00:00:00Z"))
    instances.put(body("m", "2026-01-01T00:00:00Z", acted_on=True))
    assert instances.served("tasks") == InstanceKey("tasks", "m")


def test_the_oldest_is_served_whatever_became_of_it() -> None:
    instances = Instances()
    instances.put(body("young", "2026-01-01T00:00:01Z", acted_on=True))
    instances.put(body("old", "2026-01-01T00:00:00Z"))
    assert instances.served("tasks") == InstanceKey("tasks", "old")
