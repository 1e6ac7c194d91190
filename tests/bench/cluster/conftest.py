"""Measured on the running cluster; the fixtures are those of the end-to-end tests."""

from tests.bench.cluster.changing import spec  # noqa: F401 - a fixture
from tests.e2e.conftest import *  # noqa: F403
