"""SC-010: a part is killed with SIGKILL while people write; it returns, and nothing accepted is lost or doubled."""

from __future__ import annotations

import subprocess
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.e2e.outside import NAME, OPERATOR_NAMESPACE, Database, Kubectl, Person, as_browser, new_person, wait_until


def kill(pod: dict[str, Any], container: str) -> None:
    """SIGKILL to a container's first process, from the node: what the kernel does when memory runs out."""
    statuses = pod["status"]["containerStatuses"] + pod["status"].get("initContainerStatuses", [])
    identity = next(s["containerID"] for s in statuses if s["name"] == container).removeprefix("containerd://")
    task = ["ctr", "-n", "k8s.io", "task", "kill", "-s", "SIGKILL", identity]
    subprocess.run(["docker", "exec", pod["spec"]["nodeName"], *task], check=True, capture_output=True, timeout=30)


class Writer:
    """A person who goes on adding tasks, each repeated under its idempotency key until it is accepted."""

    def __init__(self, person: Person) -> None:
        self.person, self.accepted, self.refused = person, [], Counter[int | str]()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        while not self._stop.is_set():
            title, key = f"Task {len(self.accepted)}", str(uuid.uuid4())
            while not self._accepted(title, key):
                if self._stop.wait(0.2):
                    return
            self.accepted.append(title)

    def _accepted(self, title: str, key: str) -> bool:
        try:
            self.person.create(title, key=key)
        except httpx.HTTPStatusError as error:
            self.refused[error.response.status_code] += 1
            return False
        except httpx.TransportError as error:
            self.refused[type(error).__name__] += 1
            return False
        return True

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join(60)


PARTS = {
    "backend": ("backend", "app"),
    "frontend": ("frontend", "app"),
    "the backend's sidecar": ("backend", "daprd"),
    "the broker": ("broker", "broker"),
    "PostgreSQL": ("postgres", "postgres"),
    "Redis": ("redis", "redis"),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_part_returns_and_nothing_accepted_is_lost(
    part: str, kubectl: Kubectl, database: Database, url: str
) -> None:
    component, container = PARTS[part]
    with as_browser(url) as client:
        person = new_person(client)
        writer = Writer(person)
        with writer.writing():
            wait_until(lambda: len(writer.accepted), "writes before the kill", good=lambda n: n >= 20)
            pod = kubectl.pod(component)
            kill(pod, container)
            at_kill = len(writer.accepted)
            wait_until(
                lambda: len(writer.accepted), "writes after the kill", good=lambda n: n >= at_kill + 20, seconds=120
            )
        assert {status for status in writer.refused if isinstance(status, int)} <= {429, 502, 503, 504}
        kubectl("wait", "--for=condition=Ready", f"tkd/{NAME}", "--timeout=180s", timeout=190)
        accepted = Counter(writer.accepted)
        wait_until(lambda: Counter(person.titles()), "every accepted task, once", good=lambda found: found >= accepted)
        found = Counter(person.titles())
        assert set(found.values()) == {1}, "a task is there twice"

        def audited() -> list[int]:
            query = (
                f"SELECT count(*) AS n, count(DISTINCT event_id) AS once FROM audit_log WHERE user_id = '{person.id}'"
            )
            query += " AND action = 'dev.taskora.task.created.v1'"
            (row,) = database.rows(query)
            return [row["n"], row["once"]]

        wait_until(audited, "one audit row for every task", seconds=180, good=lambda seen: seen == [len(found)] * 2)
    print(f"{part}: {len(accepted)} accepted, refused and repeated {dict(writer.refused)}, lost 0, doubled 0")


def test_a_killed_operator_returns_and_goes_on(kubectl: Kubectl) -> None:
    system = kubectl.inside(OPERATOR_NAMESPACE)
    pods = system.get("pods", "-l", "app.kubernetes.io/name=taskora-operator")["items"]
    uids = {p["metadata"]["uid"]: p["status"]["containerStatuses"][0]["restartCount"] for p in pods}
    workloads = {d["metadata"]["name"]: d["metadata"]["uid"] for d in kubectl.get("deployments")["items"]}
    for pod in pods:
        kill(pod, pod["spec"]["containers"][0]["name"])

    def restarted() -> bool:
        now = system.get("pods", "-l", "app.kubernetes.io/name=taskora-operator")["items"]
        return all(
            p["status"]["containerStatuses"][0]["restartCount"] > uids.get(p["metadata"]["uid"], -1)
            and p["status"]["containerStatuses"][0]["ready"]
            for p in now
        )

    wait_until(restarted, "the operator's return", seconds=60)
    kubectl("delete", "service", f"{NAME}-frontend")
    wait_until(lambda: kubectl.get("service", f"{NAME}-frontend"), "the service put back", seconds=60)
    assert workloads == {d["metadata"]["name"]: d["metadata"]["uid"] for d in kubectl.get("deployments")["items"]}
