"""What the cluster must bring, each with what to do about it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from taskora_operator.desired.model import Capabilities, Desired, Gate, Object, Problem
from taskora_operator.reconcile.prerequisites import prerequisites

COMPONENT = Object(
    {"apiVersion": "dapr.io/v1alpha1", "kind": "Component", "metadata": {"name": "a"}}, Gate.MESSAGING, "dapr"
)
INGRESS = Object(
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "a"},
        "spec": {"ingressClassName": "nginx"},
    },
    Gate.INGRESS,
    "ingress",
)
WHOLE = Capabilities(
    kinds=frozenset({"dapr.io/v1alpha1/Component", "dapr.io/v2alpha1/Subscription", "networking.k8s.io/v1/Ingress"}),
    dapr="1.18.0",
    ingress_classes=frozenset({"nginx"}),
)


@pytest.mark.parametrize(
    ("capabilities", "reasons", "remedy"),
    [
        (WHOLE, [], ""),
        (replace(WHOLE, dapr=None), ["DaprMissing"], "dapr init -k"),
        (replace(WHOLE, dapr_silent=("dapr-sentry",)), ["DaprUnavailable"], "no available pod of dapr-sentry"),
        (replace(WHOLE, dapr="1.12.9"), ["DaprTooOld"], "1.13"),
        (replace(WHOLE, dapr="1.13.0"), [], ""),
        (replace(WHOLE, dapr="edge"), [], ""),
        (replace(WHOLE, dapr_mtls=False), ["DaprMTLSOff"], "global.mtls.enabled=true"),
        (replace(WHOLE, ingress_classes=frozenset({"traefik"})), ["IngressClassMissing"], "traefik"),
        (replace(WHOLE, kinds=WHOLE.kinds - {"networking.k8s.io/v1/Ingress"}), ["KindMissing"], "1.28"),
    ],
)
def test_each_missing_part_is_named_once_with_what_to_do(
    capabilities: Capabilities, reasons: list[str], remedy: str
) -> None:
    found = prerequisites(Desired(objects=[COMPONENT, COMPONENT, INGRESS]), capabilities)
    assert [problem.reason for problem in found] == reasons
    assert all(remedy in problem.message for problem in found)


def test_what_nothing_wanted_needs_is_not_asked_for() -> None:
    found: list[Problem] = list(prerequisites(Desired(objects=[]), Capabilities(kinds=frozenset())))
    assert found == []
