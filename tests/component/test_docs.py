"""kubectl and helm know what the documents type; an API server takes what they write."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from tests.cluster.binaries import go_programs
from tests.cluster.envtest import ApiServer
from tests.docs import ROOT, Command, commands, samples

COMMANDS = [each for each in dict.fromkeys(commands()) if each.program in {"kubectl", "helm"} and not each.plugin]


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_is_one_that_exists(command: Command) -> None:
    """With `--help` it does nothing, but only after its flags were understood."""
    program = go_programs(command.program)[command.program]
    words = command.words[1 : command.words.index("--")] if "--" in command.words else command.words[1:]
    done = subprocess.run([program, *words, "--help"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage:" in done.stdout
    charts = [word for word in words if word.startswith("manifests/")]
    assert all((ROOT / chart).exists() for chart in charts)


@pytest.mark.parametrize("text", [pytest.param(text, id=where) for where, text in samples()])
def test_a_sample_is_taken_by_the_api_server(envtest: ApiServer, text: str) -> None:
    body = yaml.safe_load(text)
    body["metadata"]["namespace"] = "default"
    envtest.kubectl("apply", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(body))
