"""Negative controls: with a rule of the engine switched off, the judge must object. A suite that can't fail shows
nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from taskora_operator.cluster.apiserver import ApiServer
from taskora_operator.cluster.permissions import Resource
from taskora_operator.cluster.transport import Response
from taskora_operator.desired.model import Action, Desired, Facts, Gate, Key, Object
from taskora_operator.engine import looking
from taskora_operator.profiles import Instance
from taskora_operator.reconcile import plan as plan_
from taskora_operator.reconcile.found import Found

from tests.component.operator.faults.judge import judge
from tests.component.operator.faults.scenarios import SCENARIOS, Scenario, Worlds
from tests.component.operator.faults.wire import Call, Send
from tests.component.operator.faults.world import DEADLINE
from tests.component.operator.small import small

SOON = 4.0  # seconds after which a world that never comes to rest is given up
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


async def objection(
    worlds: Worlds,
    scenario: Scenario,
    patch: pytest.MonkeyPatch,
    *switched_off: tuple[Any, str, Any],
    deadline: float = DEADLINE,
) -> str:
    """What the judge says of a scenario that ran with something switched off."""
    undisturbed = await worlds.undisturbed(scenario)
    async with worlds.before(scenario) as world:
        with patch.context() as off:
            for where, name, instead in switched_off:
                off.setattr(where, name, instead)
            try:
                await scenario.change(world)
                await world.settled(deadline=deadline)
                judge(await world.end(), undisturbed=undisturbed)
            except AssertionError as objected:
                return str(objected)
    pytest.fail("the judge had nothing against it")


async def test_without_gates_the_order_is_noticed(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    real = plan_.plan

    def at_once(wanted: Sequence[plan_.Wanted], found: Mapping[Key, Found], **more: Any) -> plan_.Plan:
        return real([replace(each, gate=Gate.FOUNDATION) for each in wanted], found, **more)

    told = await objection(worlds, BY_NAME["create"], monkeypatch, (looking, "plan", at_once))
    assert "before its time" in told


async def test_a_change_that_is_not_seen_is_noticed(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    told = await objection(worlds, BY_NAME["scale"], monkeypatch, (plan_, "as_wanted", lambda *_: True))
    assert "ended otherwise" in told


async def test_a_change_that_is_always_seen_is_noticed(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    told = await objection(worlds, BY_NAME["scale"], monkeypatch, (plan_, "as_wanted", lambda *_: False), deadline=SOON)
    assert "did not come about" in told or "written when all was settled" in told


async def test_pruning_what_is_not_owned_is_noticed(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    told = await objection(worlds, BY_NAME["take away"], monkeypatch, (Found, "owned_by", Found.belongs_to))
    assert "ConfigMap/bystander" in told


async def test_pruning_nothing_is_noticed(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    told = await objection(worlds, BY_NAME["take away"], monkeypatch, (plan_, "_prune", lambda *_, **__: []))
    assert "Ingress/taskora" in told


async def test_secrets_that_are_applied_like_the_rest_are_noticed(worlds: Worlds) -> None:
    def always(instance: Instance, facts: Facts) -> Desired:
        wanted = small(instance, facts)
        return replace(wanted, objects=[_applied(each, instance) for each in wanted.objects])

    def _applied(each: Object, instance: Instance) -> Object:
        if each.action is not Action.CREATE_ONCE:
            return each
        drawn = {"password": f"drawn for {instance.spec.version}"}
        return replace(each, action=Action.APPLY, manifest={**each.manifest, "stringData": drawn})

    scenario = BY_NAME["upgrade"]
    undisturbed = await worlds.undisturbed(scenario)
    async with worlds.before(scenario, always) as world:
        await scenario.change(world)
        await world.settled()
        with pytest.raises(AssertionError, match=r"data was touched|Secret/taskora-admin"):
            judge(await world.end(), undisturbed=undisturbed)


@pytest.mark.parametrize("preconditions", [True, False], ids=["with", "without"])
async def test_a_delete_without_preconditions_takes_another_object_with_it(
    worlds: Worlds, monkeypatch: pytest.MonkeyPatch, preconditions: bool
) -> None:
    """Just before the Ingress is deleted somebody makes another of the same name, which is theirs."""

    async def delete(
        self: ApiServer, resource: Resource, namespace: str, name: str, *, uid: str, resource_version: str
    ) -> None:
        await self._write("DELETE", resource, resource.path(namespace, name), {})

    if not preconditions:
        monkeypatch.setattr(ApiServer, "delete", delete)
    async with worlds.before(BY_NAME["take away"]) as world:
        replaced = asyncio.Event()

        async def meddle(call: Call, send: Send) -> Response:
            if call.name.startswith("DELETE") and call.plural == "ingresses" and not replaced.is_set():
                replaced.set()
                await world.cluster.delete("Ingress", "taskora")
                backend = {"service": {"name": "theirs", "port": {"number": 80}}}
                await world.cluster.make(
                    {
                        "apiVersion": "networking.k8s.io/v1",
                        "kind": "Ingress",
                        "metadata": {"name": "taskora", "namespace": world.namespace},
                        "spec": {"defaultBackend": backend},
                    }
                )
            return await send()

        world.wire.arm(meddle)
        await world.edit(ingress={"enabled": False})
        await world.settled()
        end = await world.end()
        assert replaced.is_set()
        assert ("Ingress/taskora" in end.objects) == preconditions
