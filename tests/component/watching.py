"""A Prometheus that has the rules of instances and of the operator in short time, and what is seen of them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from taskora_operator.desired import alerts

from tests.cluster.envtest import ApiServer
from tests.cluster.process import Process, Service, answers, free_port
from tests.cluster.services import Prometheus
from tests.component.app.conftest import until
from tests.component.operator.process import AS_IT_IS

ROOT = Path(__file__).parents[2]
NAME = "taskora"
LONGEST = 20_000  # ms of patience


class Operator(Service):
    """The operator as its pod runs it, over some namespaces, one instance at a time."""

    name = "operator"

    def __init__(self, server: ApiServer, namespaces: Sequence[str], *, program: Sequence[str] = AS_IT_IS) -> None:
        super().__init__()
        self.metrics, self.log = free_port(), self.folder / "operator.log"
        environment = {
            "KUBECONFIG": str(server.kubeconfig),
            "TASKORA_OPERATOR_NAMESPACE": namespaces[0],
            "TASKORA_OPERATOR_WATCH_NAMESPACES": ",".join(namespaces),
            "TASKORA_OPERATOR_IDENTITY": "watched",
            "TASKORA_OPERATOR_WORKERS": "1",
            "TASKORA_OPERATOR_PROBE_PORT": str(free_port()),
            "TASKORA_OPERATOR_METRICS_PORT": str(self.metrics),
            "PYTHONPATH": str(ROOT),
        }
        self.process = Process(sys.executable, *program, log=self.log, env={**os.environ, **environment})

    def start(self) -> None:
        self.process.start(lambda: answers(self.metrics))

    def stop(self) -> None:
        self.process.stop(kill=True)


@dataclass(frozen=True, kw_only=True)
class Watched:
    """`where`: the labels that choose the instance's series. `fired`: the alerts that were seen to fire."""

    where: str
    operator: Operator
    server: ApiServer
    prometheus: Prometheus
    fired: set[str] = field(default_factory=set[str])

    def ask(self, path: str, **parameters: str) -> Any:
        return self.prometheus.ask(path, **parameters)

    def series(self, query: str) -> list[dict[str, Any]]:
        """What an instance's query gives now."""
        return self.ask("query", query=query.replace("{where}", self.where).replace("{name}", NAME))["result"]

    def firing(self) -> set[str]:
        return self.prometheus.firing()

    async def silent(self, *names: str) -> None:
        """Until none of these fires any more."""
        await until(lambda: not self.firing() & set(names), seconds=90)

    def tells(self, *names: str) -> bool:
        """Do all of these fire by now?"""
        told = self.firing() >= set(names)
        self.fired.update(names if told else ())
        return told


def hastened(where: str) -> list[dict[str, Any]]:
    """All rules, with ranges of a thirtieth and a hundredth of the patience, at most `LONGEST`."""

    def sooner(found: re.Match[str]) -> str:
        return f"[{int(found[1]) * {'m': 60, 'h': 3600}[found[2]] // 30}s]"

    def soon(rule: Mapping[str, Any]) -> dict[str, Any]:
        expression = re.sub(r"\[(\d+)([mh])\]", sooner, rule["expr"])
        if "for" not in rule:
            return {**rule, "expr": expression}
        return {**rule, "expr": expression, "for": f"{min(int(rule['for'].removesuffix('m')) * 600, LONGEST)}ms"}

    return [soon(rule) for rule in alerts.rules((*alerts.INSTANCE, *alerts.OPERATOR), where=where, name=NAME)]
