"""The part of CI that needs no cluster, each `run:` step for real."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .act import Act


def test_ci_lints_and_tests_what_was_merged(tmp_path: Path) -> None:
    act = Act(tmp_path, variables={}, environment={"PATH": os.environ["PATH"]})
    said = act.run("ci", "push", {"ref": "refs/heads/main"}, more=["--matrix", "part:lint test-unit"])
    assert re.search(r"\d+ passed", said)
