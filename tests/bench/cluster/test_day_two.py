"""A running instance is changed while people use it: what works comes, what is broken goes back, nobody notices."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.bench.cluster.changing import become_ready, change
from tests.e2e.images import made_from
from tests.e2e.load import Load
from tests.e2e.outside import NAME, Kubectl, Person, wait_until

ROLLBACK_SECONDS = 120

# The application's image, spoiled: a script that runs before its entry point, for the migration (`$1` names it) or for
# all the others.
BROKEN = {
    "crashes at start": '[ "$1" = migrate ] || { echo no such module: taskora.gone; exit 1; }',
    "never becomes ready": '[ "$1" = migrate ] || exec sleep 100000',
    "fails to migrate": '[ "$1" = migrate ] && { echo the migration fails; exit 3; }',
}
Make = Callable[[str, str], dict[str, Any]]


@pytest.fixture
def image(spec: dict[str, Any]) -> Iterator[Make]:
    """Makes an image from the instance's own and puts it into the nodes: `image(tag, lines)` → `spec.image`."""
    own = spec["image"]
    with ExitStack() as images:

        def make(tag: str, lines: str) -> dict[str, Any]:
            images.enter_context(made_from(f"{own['repository']}:{own['tag']}", tag=tag, lines=lines))
            return own | {"tag": tag}

        yield make


def test_an_image_is_changed_without_a_failed_request(
    kubectl: Kubectl, url: str, spec: dict[str, Any], image: Make
) -> None:
    other = image("another", "")
    with Load(url).running() as load:
        change(kubectl, {"image": other})
        wait_until(
            lambda: _images(kubectl),
            "every role on the other image",
            good=lambda seen: seen == {other["tag"]},
            seconds=240,
        )
        become_ready(kubectl)
    print(f"image change: {load}")
    assert not load.failed, load


def test_an_upgrade_fails_no_request_and_is_told_in_status(
    kubectl: Kubectl, url: str, spec: dict[str, Any], image: Make
) -> None:
    newer = image("newer", "")
    with Load(url).running() as load:
        change(kubectl, {"version": "1.0.1", "image": newer})
        become_ready(kubectl)
    print(f"upgrade: {load}")
    version = kubectl.get("tkd", NAME)["status"]["version"]
    assert (version["current"], version["previous"]) == ("1.0.1", spec["version"])
    assert not load.failed, load


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_release_is_taken_back_while_the_old_one_serves(
    how: str, kubectl: Kubectl, url: str, spec: dict[str, Any], image: Make
) -> None:
    version = f"1.0.{2 + list(BROKEN).index(how)}"  # what one has migrated, the next would find done
    script = f'{BROKEN[how]}; exec python -m taskora "$@"'
    broken = image(how.replace(" ", "-"), f"ENTRYPOINT {json.dumps(['sh', '-c', script, 'taskora'])}")
    be_taken_back(kubectl, url, spec, version, broken)


def test_a_release_without_its_image_is_taken_back(kubectl: Kubectl, url: str, spec: dict[str, Any]) -> None:
    message = be_taken_back(kubectl, url, spec, "1.0.8", spec["image"] | {"tag": "none-such"})
    assert "migrate" in message, "nothing of it ran"


def test_a_migration_that_waits_for_a_lock_is_taken_back_and_told_with_who_has_it(
    kubectl: Kubectl, url: str, spec: dict[str, Any], image: Make
) -> None:
    newer = image("locked-out", "")
    with locked(kubectl, "alembic_version"):
        message = be_taken_back(kubectl, url, spec, "1.0.9", newer)
    assert "alembic_version by process" in message
    assert "nightly-report" in message


def test_a_migration_for_which_there_is_no_room_is_taken_back(
    kubectl: Kubectl, url: str, spec: dict[str, Any], image: Make
) -> None:
    newer = image("no-room", "")
    kubectl("create", "quota", "full", "--hard=pods=0")
    try:
        message = be_taken_back(kubectl, url, spec, "1.0.10", newer)
    finally:
        kubectl("delete", "quota", "full")
    assert "it gets no pod" in message


def be_taken_back(kubectl: Kubectl, url: str, spec: dict[str, Any], version: str, broken: dict[str, Any]) -> str:
    """Asks for a broken release under load; what status says of it once every role is on the old one again."""
    with Load(url, rate=10).running() as load:
        begun = time.monotonic()
        change(kubectl, {"version": version, "image": broken, "update": {"progressDeadlineSeconds": 60}})

        def verdict() -> tuple[str, str]:
            found = kubectl.get("tkd", NAME)
            ready = next(c for c in found["status"]["conditions"] if c["type"] == "Ready")
            current = found["status"]["observedGeneration"] == found["metadata"]["generation"]
            return (ready["reason"] if current else "", ready["message"])

        _, message = wait_until(
            verdict, "the verdict", good=lambda seen: seen[0] == "RolledBack", seconds=ROLLBACK_SECONDS
        )
        wait_until(
            lambda: _images(kubectl),
            "every role on the old image",
            good=lambda seen: seen == {spec["image"]["tag"]},
            seconds=60,
        )
        took = time.monotonic() - begun
    print(f"{broken['tag']}: taken back after {took:.0f} s; {load}; {message}")
    assert took < ROLLBACK_SECONDS
    assert not load.failed, load
    wait_until(lambda: kubectl.condition("WorkloadsAvailable")["status"], "all pods", good=lambda seen: seen == "True")
    assert kubectl.condition("Stalled")["status"] == "True"
    assert kubectl.get("tkd", NAME)["spec"]["version"] == version, "the spec is the user's"
    return message


@contextmanager
def locked(kubectl: Kubectl, table: str) -> Iterator[None]:
    """Somebody reads a table in a transaction without end."""
    psql = ["exec", kubectl.pod("postgres")["metadata"]["name"], "--", "env", "PGAPPNAME=nightly-report"]
    psql += ["psql", "-XAtq", "-h", "/run/taskora", "-U", "postgres", "-d", "taskora"]
    holds = ["-c", "BEGIN", "-c", f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE", "-c", "SELECT pg_sleep(900)"]
    there = "FROM pg_stat_activity WHERE application_name = 'nightly-report' AND wait_event = 'PgSleep'"
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(kubectl, *psql, *holds, check=False, timeout=960)
        try:
            wait_until(lambda: kubectl(*psql, "-c", f"SELECT pid {there}").strip(), "the lock")
            yield
        finally:
            kubectl(*psql, "-c", f"SELECT pg_terminate_backend(pid) {there}")
            held.result()


def test_a_killed_pod_is_back_within_30_seconds(kubectl: Kubectl) -> None:
    for role in ("frontend", "backend"):
        begun = time.monotonic()
        gone = kubectl.pod(role)["metadata"]["name"]
        kubectl("delete", "pod", gone, "--force", "--grace-period=0")
        wait_until(
            lambda role=role: kubectl.get("deployment", f"{NAME}-{role}")["status"].get("readyReplicas"),
            f"{role}'s return",
            seconds=30,
        )
        wait_until(
            lambda role=role, gone=gone: kubectl.pod(role)["metadata"]["name"] != gone, f"another {role}", seconds=30
        )
        print(f"{role} back after {time.monotonic() - begun:.1f} s")


def test_suspended_and_woken_everything_is_there(kubectl: Kubectl, spec: dict[str, Any], person: Person) -> None:
    task = person.create("Before the pause")
    change(kubectl, {"suspended": True})
    wait_until(
        lambda: kubectl.get("pods", "-l", f"app.kubernetes.io/instance={NAME}")["items"],
        "no pods",
        good=lambda pods: not [p for p in pods if p["status"]["phase"] == "Running"],
        seconds=120,
    )
    change(kubectl, {"suspended": None})
    become_ready(kubectl)
    wait_until(person.titles, "the task", good=lambda titles: titles == [task["title"]])


def _images(kubectl: Kubectl) -> set[str]:
    """The tags of the application's containers that run."""
    pods = kubectl.get("pods", "-l", f"app.kubernetes.io/instance={NAME}")["items"]
    return {
        container["image"].rpartition(":")[2]
        for pod in pods
        if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]
        for container in pod["spec"]["containers"]
        if container["name"] == "app"
    }
