"""Each of the command's tests has a namespace of its own, and runs it as people do."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from kubectl_taskora.__main__ import run

from tests.cluster.envtest import ApiServer as EnvTest
from tests.component.operator.cluster import Cluster

NUMBERS = count(1)


@dataclass(frozen=True)
class Ended:
    """How the command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


class Command:
    """`kubectl taskora` in the test's namespace, by the kubeconfig of its API server."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def __call__(self, *words: str, namespace: str | None = None) -> Ended:
        where = ["--kubeconfig", str(self._cluster.server.kubeconfig), "-n", namespace or self._cluster.namespace]
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = await asyncio.to_thread(_run, [*words, *where])
        for line in out.getvalue().splitlines() + err.getvalue().splitlines():
            assert len(line) <= 80 or "-o" in words or line.startswith("      "), f"too wide for a terminal: {line!r}"
        return Ended(code, out.getvalue(), err.getvalue())


def _run(words: list[str]) -> int:
    try:
        return run(words)
    except SystemExit as error:
        return int(error.code or 0)


@pytest.fixture
async def cluster(envtest: EnvTest) -> AsyncIterator[Cluster]:
    """The cluster as a person sees it, in an empty namespace, with Dapr's control plane and an ingress class."""
    async with Cluster.connect(envtest, namespace=f"c{next(NUMBERS)}") as connected:
        await connected.install_dapr()
        yield connected


@pytest.fixture
def taskora(cluster: Cluster) -> Command:
    return Command(cluster)
