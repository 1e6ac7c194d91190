"""CI without a cluster, each `run:` step for real: lint and unit tests whole, of component tests one file."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from .act import Act


@pytest.mark.parametrize(
    ("matrix", "some"),
    [(["part:lint test-unit"], ""), (["part:test-component", "share:2/6"], "-k test_charts")],
)
def test_ci_lints_and_tests_what_was_merged(matrix: list[str], some: str, tmp_path: Path) -> None:
    act = Act(tmp_path, variables={}, environment={"PATH": os.environ["PATH"], "PYTEST_ADDOPTS": some})
    said = act.run("ci", "push", {"ref": "refs/heads/main"}, more=[f"--matrix={one}" for one in matrix])
    assert re.search(r"\d+ passed", said)
