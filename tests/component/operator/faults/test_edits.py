"""A spec is edited badly: it is told, and taking it back recovers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from taskora_operator.desired import desired
from taskora_operator.desired.model import Manifest

from tests.component.operator.faults.judge import End, differences
from tests.component.operator.faults.scenarios import Worlds
from tests.component.operator.faults.wire import pass_on
from tests.component.operator.faults.world import SPEC, World

DEADLINE = 120.0


def kept(end: End) -> Mapping[str, Manifest]:
    """Without what tells of the past: releases, and migrations, which may go once they are done."""
    return {name: child for name, child in end.objects.items() if not name.startswith(("ControllerRevision/", "Job/"))}


def assert_same(end: End, other: End, what: str) -> None:
    one, two = kept(other), kept(end)
    assert two.keys() == one.keys(), f"{what}: other objects: {sorted(one.keys() ^ two.keys())}"
    for name, child in one.items():
        assert two[name] == child, f"{what}: {name}: {'; '.join(differences(child, two[name]))}"


async def edited(world: World, spec: Mapping[str, Any]) -> End:
    await world.put(spec)
    await world.settled(deadline=DEADLINE)
    end = await world.end()
    assert end.afterwards == [], "nothing is written once all is settled"
    return end


# What no schema can refuse, and a word of what is told.
BAD: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "an ingress class that does not exist": ({"ingress": {"className": "none-such"}}, "none-such"),
    "a storage class that does not exist": (
        {"broker": {"inCluster": {"storage": {"className": "none-such"}}}}, "none-such"
    ),
    "a Secret that does not exist": (
        {"cache": {"mode": "External", "external": {"secretRef": {"name": "none-such"}}}}, "none-such"
    ),
    "a limit below what is requested": (
        {"backend": {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}}}, "memory"
    ),
    "a label that is none": ({"backend": {"podLabels": {"example.org/team": "no blanks, please"}}}, "blanks"),
    "a node selector that is none": ({"audit": {"nodeSelector": {"disk": "no blanks, please"}}}, "blanks"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
async def test_a_bad_edit_is_told_and_taking_it_back_recovers(worlds: Worlds, what: str) -> None:
    change, word = BAD[what]
    async with worlds.new(desired) as world:
        await world.start()
        await world.make()
        await world.settled(deadline=DEADLINE)
        await world.snapshot()
        world.wire.arm(pass_on)
        before = await world.end()
        await world.put({**SPEC, **change})

        async def told() -> bool:
            conditions = {c["type"]: c for c in (await world.cluster.status()).get("conditions", ())}
            return conditions["Ready"]["status"] == "False" and any(word in c["message"] for c in conditions.values())

        await world.until(told, f"a condition that tells of {what}")
        await world.idle()
        after = await edited(world, SPEC)
        assert_same(after, before, "taken back, and as it was")
        assert after.status["conditions"] == before.status["conditions"]
        assert after.altered == frozenset(), "data was touched"
