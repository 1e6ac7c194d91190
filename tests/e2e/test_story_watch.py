"""Story 7: a request that failed is found in the logs of all roles by the id that its answer bore."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

from tests.e2e.outside import NAMESPACE, Kubectl, Person


def test_a_request_that_failed_is_found_within_half_a_minute(kubectl: Kubectl, person: Person) -> None:
    """As docs/watching.md says: one command, with the context of each role that had to do with it."""
    answer = person.request("GET", "tasks/nowhere")
    assert not answer.is_success
    begun = time.monotonic()
    words = ["logs", "--request-id", answer.headers["X-Request-Id"], "--since", "5m", "-n", NAMESPACE, "-o", "json"]
    told = subprocess.run(
        [sys.executable, "-m", "kubectl_taskora", *words],
        env={**os.environ, "KUBECONFIG": kubectl.kubeconfig},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert time.monotonic() - begun < 30
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    assert {line["role"] for line in lines if line.get("status") == answer.status_code} == {"frontend", "backend"}
