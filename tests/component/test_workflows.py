"""The workflows as GitHub would read them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.cluster.binaries import go_programs

ROOT = Path(__file__).parent.parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))


def test_actionlint_finds_nothing() -> None:
    program = go_programs("actionlint")["actionlint"]
    done = subprocess.run(
        [program, "-shellcheck=", "-pyflakes=", *WORKFLOWS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_workflow_only_calls_what_runs_anywhere(file: Path) -> None:
    """One command a step: what needs more belongs into the Makefile or .ci/."""
    jobs = yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"]
    steps = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert steps
    assert [run for run in steps if "\n" in run.strip()] == []


def test_the_five_workflows_of_the_specification_are_there() -> None:
    names = {yaml.safe_load(file.read_text(encoding="utf-8"))["name"] for file in WORKFLOWS}
    assert names == {"CI", "Build Images", "Deploy Staging", "Deploy Production", "Rollback"}
