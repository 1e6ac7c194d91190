"""Argo CD's health of an instance: what the script in manifests/argo-cd.yaml says, in the Lua that Argo CD speaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st
from lupa.lua51 import LuaRuntime
from taskora_operator.api.status import Status
from taskora_operator.desired.model import Problem
from taskora_operator.reconcile import status as status_

from tests.unit.operator.test_plan import NOW, worlds
from tests.unit.operator.test_status import PROBLEM, by_type, observation

ROOT = Path(__file__).parent.parent.parent.parent
[SCRIPT] = yaml.safe_load((ROOT / "manifests" / "argo-cd.yaml").read_text(encoding="utf-8"))["data"].values()
REFUSED = Problem("Ready", "NamespaceOccupied", "Namespace tasks already has one.")


def health(status: dict[str, Any] | None, *, generation: int = 3, deleting: bool = False, **spec: bool) -> str:
    lua: Any = LuaRuntime()
    metadata = {"generation": generation, **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleting else {})}
    obj = {"metadata": metadata, "spec": spec, **({} if status is None else {"status": status})}
    lua.globals().obj = lua.table_from(obj, recursive=True)
    told = lua.execute(SCRIPT)
    assert isinstance(told.message, str), "a sentence goes with it"
    return told.status


@given(worlds, st.sampled_from([(), (PROBLEM,)]))
def test_healthy_is_what_is_ready_degraded_what_is_stalled_and_the_rest_progresses(
    drawn: object, problems: tuple[Problem, ...]
) -> None:
    folded = status_.fold(Status(), observation(drawn, problems=problems), now=NOW)
    said, status = by_type(folded), status_.dump(folded)
    assert (health(status) == "Healthy") == (said["Ready"].status == "True")
    assert (health(status) == "Degraded") == (said["Stalled"].status == "True")
    assert health(status) in ("Healthy", "Degraded", "Progressing")
    assert health(status, generation=4) == "Progressing", "an edit is waited for until it was acted on"
    assert health(status, deleting=True) == "Progressing"
    assert health(status, suspended=True) == ("Suspended" if said["Ready"].status == "True" else health(status))


@given(worlds, st.sampled_from([(), (PROBLEM,)]))
def test_what_is_paused_is_suspended_whatever_it_does(drawn: object, problems: tuple[Problem, ...]) -> None:
    folded = status_.fold(Status(), observation(drawn, problems=problems, paused=True), now=NOW)
    assert health(status_.dump(folded), paused=True) == "Suspended"


def test_what_nobody_has_looked_at_progresses() -> None:
    assert health(None) == "Progressing"
    assert health({"observedGeneration": -1}) == "Progressing"


def test_a_refusal_is_told_at_once_also_of_an_edit() -> None:
    acted_on = status_.fold(Status(), observation([]), now=NOW)
    for before in (Status(), acted_on):
        refused = status_.dump(status_.refuse(before, REFUSED, now=NOW))
        assert health(refused, generation=4) == "Degraded"
