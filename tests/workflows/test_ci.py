"""CI without a cluster, each `run:` step for real: lint and unit tests whole, of component tests one file."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from .act import Act


@pytest.mark.parametrize(("part", "some"), [("lint test-unit", ""), ("test-component", "-k test_charts")])
def test_ci_lints_and_tests_what_was_merged(part: str, some: str, tmp_path: Path) -> None:
    act = Act(tmp_path, variables={}, environment={"PATH": os.environ["PATH"], "PYTEST_ADDOPTS": some})
    said = act.run("ci", "push", {"ref": "refs/heads/main"}, more=["--matrix", f"part:{part}"])
    assert re.search(r"\d+ passed", said)
