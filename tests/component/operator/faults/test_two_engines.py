"""Two engines at work on one instance: two leaders at once, and the operator's own upgrade and the way back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from taskora_operator.desired import desired
from taskora_operator.desired.model import Desired, Facts, Manifest
from taskora_operator.profiles import Instance
from taskora_operator.reconcile.drawing import Desire

from tests.component.operator.faults.judge import differences, judge
from tests.component.operator.faults.points import tried
from tests.component.operator.faults.scenarios import SCENARIOS, Scenario, Worlds
from tests.component.operator.small import small


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_two_leaders_at_once_do_no_harm(worlds: Worlds, scenario: Scenario) -> None:
    for desire in (small, desired):
        undisturbed = await worlds.undisturbed(scenario, desire)
        async with worlds.before(scenario, desire) as world:
            await world.start()
            if scenario.spec is not None:
                await world.settled()
            await scenario.change(world)
            await world.settled()
            judge(await world.end(), undisturbed=undisturbed)
        tried("scenarios with two leaders", 1)


def newer(desire: Desire) -> Desire:
    """What the next release of the operator wants: another label on every object, another part in a ConfigMap."""

    def made(instance: Instance, facts: Facts) -> Desired:
        wanted = desire(instance, facts)
        return replace(wanted, objects=[replace(o, manifest=_relabelled(o.manifest)) for o in wanted.objects])

    return made


def _relabelled(manifest: Manifest) -> Manifest:
    metadata = manifest["metadata"]
    labels = {**metadata["labels"], "example.org/made-by": "the-next-release", "app.kubernetes.io/part-of": "renamed"}
    return {**manifest, "metadata": {**metadata, "labels": labels}}


@pytest.mark.parametrize("desire", [small, desired], ids=["small", "whole"])
async def test_old_operator_new_and_old_again_leave_running_pods_alone(worlds: Worlds, desire: Desire) -> None:
    async with worlds.before(SCENARIOS[0], desire) as world:
        await world.make()
        await world.settled()
        first = await world.end()
        templates = _templates(await world.cluster.children())
        for release in (newer(desire), desire):
            await world.stop()
            await world.snapshot()
            await world.start(desired=release)
            await world.settled()
            end = await world.end()
            assert end.afterwards == []
            assert end.made == {}, "nothing is made anew"
            assert all(name.startswith("Job/") for name in end.replaced), "of a migration that is done the Job may go"
            assert end.altered == frozenset()
            children = await world.cluster.children()
            assert _templates(children) == templates, "pods go on"
            labels = [child["metadata"]["labels"] for name, child in children.items() if name.startswith("Deployment/")]
            assert all(("example.org/made-by" in each) == (release is not desire) for each in labels)
        for name, child in end.objects.items():
            for each in (child, first.objects[name]):
                each["metadata"].pop("fields")  # of a Secret, labels that were once created are now applied
            assert child == first.objects[name], differences(first.objects[name], child)
        assert {name for name in first.objects.keys() - end.objects.keys() if not name.startswith("Job/")} == set()


def _templates(children: Mapping[str, Manifest]) -> dict[str, str]:
    return {
        name: json.dumps(child["spec"]["template"])
        for name, child in children.items()
        if name.startswith(("Deployment/", "StatefulSet/"))
    }
