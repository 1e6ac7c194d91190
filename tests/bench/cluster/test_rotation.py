"""Credentials are replaced while people use the instance, and nobody notices."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any

from taskora_operator.reconcile.rotation import REQUEST

from tests.e2e.load import Load
from tests.e2e.outside import NAME, Kubectl, Person, wait_until

DATABASE, KEYS = f"{NAME}-database", f"{NAME}-session-keys"


def contents(kubectl: Kubectl, secret: str) -> dict[str, str]:
    data: dict[str, str] = kubectl.get("secret", secret)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def rotate(kubectl: Kubectl) -> dict[str, Any]:
    """Asks as `kubectl taskora rotate` does, and returns the status when it is over."""
    asked = datetime.now(UTC).replace(microsecond=0)
    change = {"metadata": {"annotations": {REQUEST: asked.isoformat()}}}
    kubectl("patch", "tkd", NAME, "--type=merge", "-p", json.dumps(change))

    def status() -> dict[str, Any]:
        found: dict[str, Any] = kubectl.get("tkd", NAME)["status"]
        turned = next((c for c in found["conditions"] if c["type"] == "SecretsRotated"), {"message": "not begun"})
        return {**found, "turned": turned}

    def over(found: dict[str, Any]) -> bool:
        last = found.get("lastRotation")
        return bool(last) and datetime.fromisoformat(last) >= asked and found["turned"]["status"] == "True"

    return wait_until(status, "the rotation's end", good=over, seconds=600, every=1)


def test_credentials_are_rotated_without_a_failed_request(kubectl: Kubectl, url: str, person: Person) -> None:
    task = person.create("Before the rotation")
    before, keys = contents(kubectl, DATABASE), contents(kubectl, KEYS)
    postgres = kubectl.pod("postgres")["metadata"]["uid"]
    begun = time.monotonic()
    with Load(url).running() as load:
        rotate(kubectl)
        took = time.monotonic() - begun
    print(f"rotation: {took:.0f} s; {load}")
    after = contents(kubectl, DATABASE)
    assert not set(before.values()) & set(after.values()), "every password is another"
    assert contents(kubectl, KEYS)["previous"] in (keys["current"], keys["previous"])
    assert kubectl.pod("postgres")["metadata"]["uid"] == postgres, "PostgreSQL was not restarted"
    assert person.titles() == [task["title"]], "who was signed in still is"
    wait_until(
        lambda: let_in(kubectl, before["url"]), "the old password refused", good=lambda in_: not in_, seconds=120
    )
    assert let_in(kubectl, after["url"])
    assert not load.failed, load


def let_in(kubectl: Kubectl, url: str) -> bool:
    """Asked inside the database's pod, over TCP, where passwords count."""
    pod = kubectl.pod("postgres")["metadata"]["name"]
    login = url.rpartition("@")[0]
    words = ["psql", "--no-psqlrc", "-AtX", "-c", "SELECT 'let in'", f"{login}@127.0.0.1:5432/taskora"]
    said = kubectl("exec", pod, "--", *words, check=False)
    assert "let in" in said or "password authentication failed" in said, said
    return "let in" in said
