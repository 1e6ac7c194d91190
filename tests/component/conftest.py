"""One real API server, with Taskora's and Dapr's kinds, for all who take a namespace of their own in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.envtest import ApiServer as EnvTest
from tests.component.operator.kinds import install_crd, install_dapr_crds


@pytest.fixture(scope="session")
def envtest() -> Iterator[EnvTest]:
    with EnvTest() as server:
        install_crd(server)
        install_dapr_crds(server)
        yield server
