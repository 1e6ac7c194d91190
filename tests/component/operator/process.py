"""The operator as a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster.process import free_port
from tests.component.operator.cluster import Cluster

AS_IT_IS = ("-m", "taskora_operator")
WITHOUT_BROKER = ("-c", "from tests.bench.operator.process import main; main(resync=600)")


class Process:
    """The operator as it runs in its pod, but for where it finds the API server."""

    def __init__(self, cluster: Cluster, folder: Path, name: str, *, program: Sequence[str] = AS_IT_IS) -> None:
        self.cluster, self.name, self.log = cluster, name, folder / f"{name}.log"
        self._program = program
        self.probe, self.metrics = free_port(), free_port()

    async def __aenter__(self) -> Process:
        environment = {
            **os.environ,
            "KUBECONFIG": str(self.cluster.server.kubeconfig),
            "TASKORA_OPERATOR_NAMESPACE": self.cluster.namespace,
            "TASKORA_OPERATOR_WATCH_NAMESPACES": self.cluster.namespace,
            "TASKORA_OPERATOR_IDENTITY": self.name,
            "TASKORA_OPERATOR_PROBE_PORT": str(self.probe),
            "TASKORA_OPERATOR_METRICS_PORT": str(self.metrics),
        }
        with self.log.open("w") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, *self._program, env=environment, stdout=log, stderr=log
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def get(self, port: int, path: str) -> str:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return ""
        writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        answer = (await reader.read()).decode()
        writer.close()
        return answer

    async def healthy(self) -> bool:
        return " 200 " in await self.get(self.probe, "/healthz") and " 200 " in await self.get(self.probe, "/readyz")

    async def samples(self) -> Mapping[str, float]:
        """What it tells, by name and labels as they are written: `name{a="b"}`."""
        lines = (await self.get(self.metrics, "/metrics")).splitlines()
        told = [line.rsplit(" ", 1) for line in lines if line.startswith("taskora_operator_")]
        return {name: float(value) for name, value in told}

    async def leads(self) -> bool:
        return (await self.samples()).get("taskora_operator_leader") == 1

    async def writes(self) -> Mapping[str, float]:
        return {n: v for n, v in (await self.samples()).items() if n.startswith("taskora_operator_writes_total{")}
