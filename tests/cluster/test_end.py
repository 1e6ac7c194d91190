"""The last of the tests: a cluster that was killed from outside comes back, and one that goes leaves nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

from tests.cluster.clean import leftovers, processes
from tests.e2e.outside import as_browser, new_person, wait_until


def cluster(*words: str, timeout: float = 300) -> str:
    command = [sys.executable, "tests/cluster", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=timeout).stdout.strip()


def kill_everything() -> None:
    """SIGKILL to all that runs in the nodes; to the engine too, where it is ours."""
    killed: set[int] = set()
    while found := processes().keys() - killed:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed |= found
    if not killed:
        nodes = ["docker", "ps", "-q", "--filter", "label=io.x-k8s.kind.cluster=taskora"]
        found = subprocess.run(nodes, check=True, capture_output=True, text=True).stdout.split()
        subprocess.run(["docker", "kill", *found], check=True, capture_output=True)


def test_after_every_process_was_killed_up_brings_back_the_cluster_and_what_people_wrote() -> None:
    cluster("up", timeout=900)
    with as_browser(cluster("url")) as browser:
        person = new_person(browser)
        person.create("Written before everything was killed")
        kill_everything()
        cluster("up", timeout=900)
        titles = wait_until(person.titles, "the task", seconds=60)
    assert titles == ["Written before everything was killed"]


def test_down_leaves_no_process_mount_link_rule_or_setting() -> None:
    cluster("down")
    assert leftovers() == []
