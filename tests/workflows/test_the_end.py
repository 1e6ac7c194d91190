"""CI's part on a cluster, last: it makes a new one in place of the running one, and takes that away."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .act import Act

SOME = "-k 'test_story_deploy or test_end'"  # a file of tests/e2e, and all that `make test-down` has


def test_ci_tries_out_what_was_merged_on_a_cluster_of_its_own(tmp_path: Path) -> None:
    act = Act(tmp_path, variables={}, environment={"PATH": os.environ["PATH"], "PYTEST_ADDOPTS": SOME})
    said = act.run("ci", "push", {"ref": "refs/heads/main"}, more=["--matrix", "part:test-e2e test-down"])
    assert len(re.findall(r"\d+ passed", said)) == 2
