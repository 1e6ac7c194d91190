"""Each of the operator's tests has a namespace of its own, and ends what it began."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from tests.cluster.envtest import ApiServer as EnvTest
from tests.component.operator.cluster import Cluster


@pytest.fixture(scope="session")
def names() -> Callable[[], str]:
    numbers = iter(range(1, 10_000))
    return lambda: f"t{next(numbers)}"


@pytest.fixture
async def cluster(envtest: EnvTest, names: Callable[[], str]) -> AsyncIterator[Cluster]:
    """The cluster as a person sees it, in an empty namespace, with Dapr's control plane and an ingress class."""
    async with Cluster.connect(envtest, namespace=names()) as connected:
        await connected.install_dapr()
        yield connected


@pytest.fixture(autouse=True)
async def nothing_left_running() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    left = {task.get_name() for task in asyncio.all_tasks() - before - {asyncio.current_task()}}
    assert not left, f"tasks that the test began still run: {left}"
