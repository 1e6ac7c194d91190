"""A running instance's spec is changed, and put back at the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.outside import NAME, Kubectl


@pytest.fixture
def spec(kubectl: Kubectl) -> Iterator[dict[str, Any]]:
    """The instance's spec; put back at the end, whatever became of it."""
    before = kubectl.get("tkd", NAME)["spec"]
    yield before
    now = kubectl.get("tkd", NAME)["spec"]
    if now != before:
        change(kubectl, {key: before.get(key) for key in now.keys() | before.keys()})
    kubectl("wait", "--for=condition=Ready", f"tkd/{NAME}", "--timeout=300s", timeout=310)


def change(kubectl: Kubectl, merge: dict[str, Any]) -> None:
    kubectl("patch", "tkd", NAME, "--type=merge", "-p", json.dumps({"spec": merge}))


def become_ready(kubectl: Kubectl) -> None:
    kubectl("wait", "--for=condition=Ready", f"tkd/{NAME}", "--timeout=300s", timeout=310)
