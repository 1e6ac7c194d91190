"""Runs a workflow on this machine by `act`, without an engine of its own: every `run:` step for real.

Actions of others are put in place by what they do here: nothing, because what they bring is there already. `checkout`
takes from a clone of what is committed, so that it is a clean checkout and a tag may be made.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.cluster.binaries import go_programs

ROOT = Path(__file__).parents[2]
NOTHING = """name: nothing
description: What it brings is there.
runs: {using: composite, steps: [{run: "true", shell: bash}]}
"""
CHECKOUT = """name: checkout
description: What is committed.
inputs: {ref: {required: false}}
runs:
  using: composite
  steps:
    - run: git init --quiet . && git fetch --quiet --tags CLONE '+refs/heads/*:refs/remotes/origin/*' && git checkout --quiet --force "$REF"
      shell: bash
      env: {REF: "${{ inputs.ref || github.sha }}"}
"""  # noqa: E501 -- one command


def git(*words: str | Path, cwd: Path) -> str:
    name = ("-c", "user.name=act", "-c", "user.email=act@example.org")
    return subprocess.run(["git", *name, *words], cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


def checkout(folder: Path) -> Path:
    """What is committed, on a branch main, as a runner has it."""
    place = folder / "taskora"
    git("clone", "--quiet", "--no-hardlinks", ROOT, place, cwd=folder)
    git("checkout", "--quiet", "-B", "main", cwd=place)
    return place


def used(folder: Path) -> set[tuple[str, str]]:
    """Every action of others that a workflow or an action of ours names: its name and its commit."""
    files = [*(folder / ".github").rglob("*.yaml")]
    return {pair for file in files for pair in re.findall(r"uses: ([\w./-]+)@(\w+)", file.read_text(encoding="utf-8"))}


def action(folder: Path, text: str) -> Path:
    """A repository that holds one action."""
    folder.mkdir()
    (folder / "action.yml").write_text(text)
    git("init", "--quiet", cwd=folder)
    git("add", ".", cwd=folder)
    git("commit", "--quiet", "-m", "an action", cwd=folder)
    return folder


class Act:
    """`variables` are the repository's and the environment's, `environment` the runner's."""

    def __init__(self, folder: Path, *, variables: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self.folder, self.place = folder, checkout(folder)
        self.sha = git("rev-parse", "HEAD", cwd=self.place)
        self.variables, self.environment = dict(variables), dict(environment)
        nothing = action(folder / "nothing", NOTHING)
        theirs = {"actions/checkout": action(folder / "checkout", CHECKOUT.replace("CLONE", str(self.place)))}
        self._others = [
            f"--local-repository={name}@{ref}={theirs.get(name, nothing)}" for name, ref in sorted(used(self.place))
        ]

    def tag(self, name: str) -> None:
        """A release, as somebody pushes it."""
        git("tag", "--force", name, cwd=self.place)

    def command(self, workflow: str, event: str, payload: Mapping[str, Any], *, more: Iterable[str] = ()) -> list[str]:
        file = self.folder / "event.json"
        file.write_text(json.dumps({"repository": {"default_branch": "main"}, **payload}))
        program = go_programs("act")["act"]
        where = ["--workflows", f".github/workflows/{workflow}.yaml", "--eventpath", str(file)]
        runner = ["--platform", "ubuntu-latest=-self-hosted", "--secret", "GITHUB_TOKEN=of this rehearsal alone"]
        told = [f"--var={name}={value}" for name, value in self.variables.items()]
        told += [f"--env={name}={value}" for name, value in self.environment.items()]
        return [str(program), event, *where, *runner, *told, *self._others, *more]

    def run(self, workflow: str, event: str, payload: Mapping[str, Any], *, more: Iterable[str] = ()) -> str:
        """What it printed; fails with the end of that unless every job succeeded."""
        words = self.command(workflow, event, payload, more=more)
        done = subprocess.run(words, cwd=self.place, capture_output=True, text=True, check=False, timeout=3000)
        said = done.stdout + done.stderr
        assert done.returncode == 0, "\n".join(said.splitlines()[-80:])
        return said
