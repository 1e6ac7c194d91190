"""No field of the spec is silently ignored: each leaf of the schema, set to another value, changes what is wanted."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from taskora_operator.api.spec import Spec
from taskora_operator.desired import desired
from taskora_operator.profiles import resolve

from tests.leaves import BESIDE, LEAVES, home, put, value
from tests.specs import SPECS, facts_of, spec

# What is acted on outside of `desired`, and by whom.
ELSEWHERE = {
    "paused": "the reconciler writes nothing",
    "update.rollback": "the reconciler, when a rollout fails",
    "secrets.rotateEvery": "the reconciler, by its clock",
    "profile": "can't be changed",
}


def wanted(name: str, body: dict[str, Any]) -> Any:
    made = desired(resolve(Spec.model_validate(body)), facts_of(name))
    return made.objects, made.topics, made.bootstrap, made.access, made.url, made.problems


def usual_of(body: dict[str, Any], path: str) -> Any:
    here: Any = spec_dump(body)
    for step in path.split("."):
        here = here.get(step) if isinstance(here, dict) else None
    return here


def spec_dump(body: dict[str, Any]) -> dict[str, Any]:
    return Spec.model_validate(body).model_dump(mode="json", by_alias=True)


@pytest.mark.parametrize("path", sorted(LEAVES.keys() - ELSEWHERE.keys()))
def test_a_leaf_that_is_set_changes_what_is_wanted(path: str) -> None:
    name = home(path)
    body = copy.deepcopy(SPECS[name])
    if path.startswith("ingress.tls.secretName"):
        body["ingress"] = {"tls": {"mode": "Secret", "secretName": "usual"}}
    if path.startswith("frontend.env[].") and path.endswith(".value"):
        put(body, "frontend.env[].value", "usual")
    # As it is without the leaf, but with what has to be beside it.
    without = copy.deepcopy(body)
    parent = path.rpartition(".")[0]
    if parent in BESIDE:
        put(without, parent, copy.deepcopy(BESIDE[parent]))
        if parent == "frontend.env[]":
            without["frontend"]["env"][0]["value"] = "usual"
        if parent == "ingress.tls":
            without["ingress"]["tls"] = {}
    changed = copy.deepcopy(without if parent in BESIDE and parent != "ingress.tls" else body)
    put(changed, path, value(path, LEAVES[path], usual_of(body, path)))
    assert wanted(name, changed) != wanted(name, without), f"{path} is ignored"


def test_what_is_acted_on_elsewhere_exists() -> None:
    assert ELSEWHERE.keys() <= LEAVES.keys()
    assert spec().profile == "Local"
