"""Many worlds in one API server, and a count of everything that was tried."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from tests.cluster.envtest import ApiServer as EnvTest
from tests.component.operator.cluster import Cluster
from tests.component.operator.faults.kubelet import Kubelet
from tests.component.operator.faults.points import TRIED
from tests.component.operator.faults.scenarios import Worlds


@pytest.fixture
async def worlds(envtest: EnvTest, cluster: Cluster, names: Callable[[], str]) -> AsyncIterator[Worlds]:
    async with Kubelet.at_work(envtest) as kubelet:
        yield Worlds(envtest, kubelet, names)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if TRIED:
        terminalreporter.write_sep("-", "faults that were tried")
        for what, (tried, there) in TRIED.items():
            terminalreporter.write_line(f"{tried:6d} of {there:4d}  {what}")
        tried, there = (sum(numbers) for numbers in zip(*TRIED.values(), strict=True))
        terminalreporter.write_line(f"{tried:6d} of {there:4d}  in all")
