"""The running cluster: made by `make up`, found by `make -s kubeconfig` and `make -s url`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.e2e.outside import (
    NAME,
    NAMESPACE,
    OPERATOR_NAMESPACE,
    READ_TOPIC,
    Database,
    Kubectl,
    Person,
    as_browser,
    new_person,
    wait_until,
)

ROOT = Path(__file__).parents[2]

# For a change to reach another browser, on a cluster that does a great deal beside.
expect.set_options(timeout=30_000)


def _make(target: str) -> str:
    return subprocess.run(["make", "-s", target], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    return Kubectl(_make("kubeconfig"))


@pytest.fixture(scope="session")
def url() -> str:
    """The instance's address, as `make up` printed it: `http://taskora.localhost[:port]`."""
    return _make("url")


@pytest.fixture(scope="session")
def http(url: str) -> Iterator[httpx.Client]:
    with as_browser(url) as client:
        yield client


@pytest.fixture
def person(url: str) -> Iterator[Person]:
    with as_browser(url) as client:
        del client.headers["Origin"]
        yield new_person(client)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def database(kubectl: Kubectl) -> Database:
    return Database(kubectl)


@pytest.fixture(scope="session")
def topic(kubectl: Kubectl) -> Callable[[str], list[dict[str, Any]]]:
    """Reads a whole topic with a Kafka client in the operator's pod, which may reach the broker."""

    def read(name: str) -> list[dict[str, Any]]:
        server = f"{NAME}-broker.{NAMESPACE}.svc:9092"
        out = kubectl.inside(OPERATOR_NAMESPACE)(
            "exec", "deploy/taskora-operator", "--", "python", "-c", READ_TOPIC, server, name
        )
        return [json.loads(line) for line in out.splitlines()]

    return read


@pytest.fixture(autouse=True)
def ready(kubectl: Kubectl, url: str) -> None:
    """Every test starts from a Ready instance whose address answers: an ingress controller follows seconds later."""
    kubectl("wait", "--for=condition=Ready", f"tkd/{NAME}", "--timeout=180s", timeout=190)
    with as_browser(url) as stranger:
        wait_until(lambda: stranger.get("/sign-in").status_code, "the address to answer", good=lambda code: code == 200)
