"""Credentials are replaced while people use the instance, and nobody notices."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from taskora_operator.reconcile.rotation import NOTE, REQUEST, Step

from tests.e2e.load import Load
from tests.e2e.outside import NAME, Kubectl, Person, wait_until

DATABASE, CACHE, KEYS = f"{NAME}-database", f"{NAME}-cache", f"{NAME}-session-keys"


def contents(kubectl: Kubectl, secret: str) -> dict[str, str]:
    data: dict[str, str] = kubectl.get("secret", secret)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def rotate(kubectl: Kubectl, look: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Asks as `kubectl taskora rotate` does, and returns the status when it is over. Meanwhile `look`s every second."""
    asked = datetime.now(UTC).replace(microsecond=0)
    change = {"metadata": {"annotations": {REQUEST: asked.isoformat()}}}
    kubectl("patch", "tkd", NAME, "--type=merge", "-p", json.dumps(change))

    def status() -> dict[str, Any]:
        look()
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
    password = contents(kubectl, CACHE)["password"]
    servers = {name: kubectl.pod(name)["metadata"]["uid"] for name in ("postgres", "redis")}
    refused = Refused(kubectl)
    begun = time.monotonic()
    with Load(url).running() as load:
        rotate(kubectl, refused.look)
        took = time.monotonic() - begun
    print(f"rotation: {took:.0f} s; {load}; Redis refused by step: {refused.at}")
    assert refused.count() == refused.at[Step.SWAPPED], "no sidecar came to Redis with a password it does not take"
    after, cache = contents(kubectl, DATABASE), contents(kubectl, CACHE)
    assert not set(before.values()) & set(after.values()), "every password is another"
    assert cache["password"] != password
    assert cache["standby-password"] == ""
    assert contents(kubectl, KEYS)["previous"] in (keys["current"], keys["previous"])
    now = {name: kubectl.pod(name)["metadata"]["uid"] for name in servers}
    assert now == servers, "PostgreSQL and Redis were not restarted"
    assert person.titles() == [task["title"]], "who was signed in still is"
    wait_until(lambda: let_in(kubectl, before["url"]), "the old login refused", good=lambda in_: not in_, seconds=120)
    wait_until(lambda: redis(kubectl, "ping", password=password), "the old password refused", good=wrong, seconds=120)
    assert let_in(kubectl, after["url"])
    assert redis(kubectl, "ping", password=cache["password"]).strip() == "PONG"
    assert not load.failed, load


class Refused:
    """How often Redis had refused a password when its Secret was first seen at each step. Until the swap those are the
    proof's tries: everybody else comes with the password that was good all along."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self.at: dict[str, int] = {}

    def look(self) -> None:
        notes = self._kubectl.get("secret", CACHE)["metadata"].get("annotations", {})
        step = json.loads(notes.get(NOTE, "{}")).get("step", Step.SETTLED)
        if step not in self.at:
            self.at[step] = self.count()

    def count(self) -> int:
        said = redis(self._kubectl, "info", "errorstats", password=contents(self._kubectl, CACHE)["password"])
        assert "# Errorstats" in said, said
        found = re.search(r"errorstat_WRONGPASS:count=(\d+)", said)
        return int(found[1]) if found else 0


def redis(kubectl: Kubectl, *words: str, password: str) -> str:
    """What Redis answers to one who logs in anew, in its own pod."""
    pod = kubectl.pod("redis")["metadata"]["name"]
    return kubectl("exec", pod, "--", "env", f"REDISCLI_AUTH={password}", "redis-cli", *words, check=False)


def wrong(said: str) -> bool:
    return "NOAUTH" in said


def let_in(kubectl: Kubectl, url: str) -> bool:
    """Asked inside the database's pod, over TCP, where passwords count."""
    pod = kubectl.pod("postgres")["metadata"]["name"]
    login = url.rpartition("@")[0]
    words = ["psql", "--no-psqlrc", "-AtX", "-c", "SELECT 'let in'", f"{login}@127.0.0.1:5432/taskora"]
    said = kubectl("exec", pod, "--", *words, check=False)
    assert "let in" in said or "password authentication failed" in said, said
    return "let in" in said
