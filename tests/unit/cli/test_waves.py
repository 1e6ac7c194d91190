"""The imagined course of an apply obeys the laws of the real one."""

from collections import Counter
from dataclasses import replace

import pytest
from kubectl_taskora.waves import Does, moves
from taskora_operator.api.spec import Spec
from taskora_operator.desired import desired
from taskora_operator.desired.model import Capabilities, Facts
from taskora_operator.profiles import resolve
from taskora_operator.reconcile.found import Found, observe
from taskora_operator.reconcile.plan import Wanted, seal

from tests.specs import SPECS, facts, spec

everything = facts(capabilities=Capabilities(kinds=frozenset(), kubernetes=(1, 34), dapr="1.18.0"))


def wanted(written: Spec, about: Facts = everything) -> list[Wanted]:
    return [seal(each, about) for each in desired(resolve(written), about).objects]


def there(objects: list[Wanted], **changes: object) -> dict[object, Found]:
    """As if every object had been applied and stood there."""
    found = {}
    for each in objects:
        uid = {"uid": f"u-{each.key}", "resourceVersion": "1"}
        body = {**each.manifest, "metadata": {**each.manifest["metadata"], **uid}}
        seen = replace(observe(body), owned=each.owned, made_by_us=True)
        found[each.key] = replace(seen, **changes)
    return found


@pytest.mark.parametrize("name", SPECS)
def test_from_nothing_everything_is_made_once_and_in_the_order_of_the_gates(name: str) -> None:
    objects = wanted(spec(name))
    made, problems = moves(objects, {}, facts=everything)
    assert not problems
    assert Counter(move.key for move in made) == Counter(each.key for each in objects)
    assert {move.does for move in made} == {Does.CREATE}
    assert [move.gate for move in made] == sorted(move.gate for move in made)


@pytest.mark.parametrize("name", SPECS)
def test_what_is_as_wanted_moves_nothing(name: str) -> None:
    objects = wanted(spec(name))
    assert moves(objects, there(objects), facts=everything) == ([], [])


def test_what_is_no_longer_wanted_goes() -> None:
    before, after = wanted(spec()), wanted(spec(networkPolicy={"enabled": False}))
    made, _ = moves(after, there(before), facts=everything)
    assert made
    assert {move.key.kind for move in made} == {"NetworkPolicy"}
    assert {move.does for move in made} == {Does.DELETE}


def test_a_stranger_under_a_wanted_name_is_told_and_holds_up_nothing_else() -> None:
    objects = wanted(spec())
    key = next(each.key for each in objects if each.key.kind == "Service")
    found = there(objects)
    strange = {key: replace(found[key], owner_uid="somebody", owner="Thing/else", made_by_us=False)}
    made, problems = moves(objects, strange, facts=everything)
    assert [problem.reason for problem in problems] == ["NameTaken"]
    assert len(made) == len(objects) - 1


def test_an_upgrade_migrates_before_any_pod_changes() -> None:
    made, _ = moves(wanted(spec(version="2.0.0")), there(wanted(spec())), facts=everything)
    kinds = [move.key.kind for move in made if move.does is not Does.DELETE]
    assert kinds.index("Job") < kinds.index("Deployment", kinds.index("Component"))
