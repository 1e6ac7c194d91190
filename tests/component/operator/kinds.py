"""Kinds that a cluster is to know: the operator's, Dapr's, and those of what may be around."""

from __future__ import annotations

import json
import time
from pathlib import Path

from taskora_operator.api.crd import FILE

from tests.cluster import versions
from tests.cluster.binaries import module_folder
from tests.cluster.envtest import ApiServer as EnvTest
from tests.component import stand_ins
from tests.component.operator.cluster import DEADLINE

ROOT = Path(__file__).parent.parent.parent.parent
PROMETHEUS = "github.com/prometheus-operator/prometheus-operator"
MONITORING = ("podmonitors", "prometheusrules")


def install_crd(server: EnvTest) -> None:
    _create_crds(server, ROOT / FILE)


def install_dapr_crds(server: EnvTest) -> None:
    dapr = module_folder(f"github.com/dapr/dapr@v{versions.DAPR}") / "charts" / "dapr" / "crds"
    _create_crds(server, dapr)


def install_surroundings(server: EnvTest) -> None:
    """What a whole cloud has: Prometheus' operator, GKE's ingress controller, metrics of pods; their kinds alone."""
    prometheus = module_folder(f"{PROMETHEUS}@v{versions.PROMETHEUS_OPERATOR}") / "example" / "prometheus-operator-crd"
    _create_crds(server, *(prometheus / f"monitoring.coreos.com_{each}.yaml" for each in MONITORING))
    others = {"apiVersion": "v1", "kind": "List", "items": [*stand_ins.GKE, stand_ins.METRICS]}
    server.kubectl("create", "-f", "-", stdin=json.dumps(others))
    _established(server)


def install_metrics(server: EnvTest) -> None:
    """As if metrics-server were there."""
    server.kubectl("create", "-f", "-", stdin=json.dumps(stand_ins.METRICS))
    _established(server)


def _create_crds(server: EnvTest, *where: Path) -> None:
    server.kubectl("create", *(f"--filename={each}" for each in where))
    _established(server)


def _established(server: EnvTest) -> None:
    """`kubectl wait` fails on a CRD whose status nobody has written yet, so the conditions are read here."""
    end = time.monotonic() + DEADLINE
    while True:
        crds = server.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")["items"]
        conditions = [{c["type"]: c["status"] for c in crd["status"].get("conditions") or ()} for crd in crds]
        if all(each.get("Established") == "True" for each in conditions):
            return
        assert time.monotonic() < end, f"not established: {conditions}"
        time.sleep(0.05)
