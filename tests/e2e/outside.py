"""What can be seen of a running instance from outside: kubectl, HTTP through the ingress, SQL, a topic."""

from __future__ import annotations

import itertools
import json
import ssl
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import pytest

NAMESPACE, NAME = "taskora", "taskora"
OPERATOR_NAMESPACE = "taskora-system"
T = TypeVar("T")


def wait_until(
    see: Callable[[], T], what: str, *, seconds: float = 60, good: Callable[[T], bool] = bool, every: float = 0.25
) -> T:
    """Looks until `good(see())`; fails after `seconds` with what was seen last.

    An error of the cluster or of the network counts as not yet.
    """
    end = time.monotonic() + seconds
    last: object = "nothing"
    while time.monotonic() < end:
        try:
            if good(seen := see()):
                return seen
            last = seen
        except (AssertionError, httpx.HTTPError, subprocess.CalledProcessError, KeyError, IndexError) as error:
            last = getattr(error, "stderr", None) or repr(error)
        time.sleep(every)
    pytest.fail(f"{what}: not within {seconds:.0f} s; last seen: {last}")


class KubectlError(subprocess.CalledProcessError):
    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.stdout}{self.stderr}"


@dataclass(frozen=True)
class Kubectl:
    kubeconfig: str
    namespace: str = NAMESPACE

    def __call__(self, *args: str, stdin: str | None = None, check: bool = True, timeout: float = 120) -> str:
        command = ["kubectl", "--kubeconfig", self.kubeconfig, "-n", self.namespace, *args]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=timeout)
        if check and done.returncode:
            raise KubectlError(done.returncode, command, done.stdout, done.stderr)
        return done.stdout if done.returncode == 0 else done.stdout + done.stderr

    def get(self, *args: str) -> Any:
        return json.loads(self("get", *args, "-o", "json"))

    def apply(self, *manifests: dict[str, Any], check: bool = True) -> str:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
        return self("apply", "-f", "-", stdin=text, check=check)

    def condition(self, kind: str, name: str = NAME, resource: str = "tkd") -> dict[str, Any]:
        """The condition `kind` of an instance; an empty dict where it has none yet."""
        conditions = self.get(resource, name).get("status", {}).get("conditions", [])
        return next((c for c in conditions if c["type"] == kind), {})

    def inside(self, namespace: str) -> Kubectl:
        return Kubectl(self.kubeconfig, namespace)

    def pod(self, component: str) -> dict[str, Any]:
        """The one running pod of a component of the instance."""
        pods = self.get("pods", "-l", f"app.kubernetes.io/component={component}")["items"]
        alive = [p for p in pods if p["status"]["phase"] == "Running" and "deletionTimestamp" not in p["metadata"]]
        assert len(alive) == 1, f"{component}: {[p['metadata']['name'] for p in alive]}"
        return alive[0]


class _Named(httpx.HTTPTransport):
    """Asks for a certificate of the name in the Host header, whatever address is dialled."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["sni_hostname"] = request.headers["Host"]
        return super().handle_request(request)


def as_browser(url: str, *, address: str = "127.0.0.1", authority: str | None = None) -> httpx.Client:
    """HTTP through the ingress; not every resolver knows the name, so the address is dialled and the name sent.

    `authority`: the one (PEM) that signed the name's certificate; no other is believed.
    """
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    return httpx.Client(
        base_url=f"{parts.scheme}://{address}:{port}",
        headers={"Host": parts.netloc, "Origin": url},
        timeout=15,
        transport=_Named(verify=ssl.create_default_context(cadata=authority)),
    )


@dataclass(frozen=True)
class Person:
    """Somebody with an account, and a bearer token of theirs."""

    id: str
    email: str
    password: str
    http: httpx.Client

    def request(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        return self.http.request(method, f"/api/v1/{path}", **kwargs)

    def create(self, title: str, *, key: str | None = None, **fields: Any) -> dict[str, Any]:
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        answer = self.request("POST", "tasks", json={"title": title, **fields}, headers=headers)
        answer.raise_for_status()
        return answer.json()

    def titles(self) -> list[str]:
        """Every task's title, all pages."""
        found: list[str] = []
        cursor: str | None = None
        for _ in itertools.count():
            answer = self.request("GET", "tasks", params={"limit": 100} | ({"cursor": cursor} if cursor else {}))
            answer.raise_for_status()
            body = answer.json()
            found += [task["title"] for task in body["items"]]
            if not (cursor := body["next_cursor"]):
                break
        return found


_numbers = itertools.count(1)


def new_person(client: httpx.Client) -> Person:
    email, password = f"p{next(_numbers)}.{uuid.uuid4().hex[:8]}@example.org", "correct horse battery staple"
    account = {"email": email, "password": password, "display_name": "Lena", "time_zone": "Europe/Berlin"}
    origin = {"Origin": f"{client.base_url.scheme}://{client.headers['Host']}"}
    answer = client.post("/api/v1/auth/register", json=account, headers=origin)
    assert answer.status_code == 201, answer.text
    client.cookies.clear()
    token = client.post("/api/v1/auth/token", json={"email": email, "password": password}, headers=origin)
    assert token.is_success, token.text
    client.headers["Authorization"] = f"Bearer {token.json()['token']}"
    return Person(id=answer.json()["user"]["id"], email=email, password=password, http=client)


@dataclass(frozen=True)
class Database:
    kubectl: Kubectl

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Rows of a query, asked of the instance's PostgreSQL inside its own pod."""
        wrapped = f"SELECT coalesce(json_agg(q), '[]') FROM ({query}) q"
        pod = self.kubectl.pod("postgres")["metadata"]["name"]
        return json.loads(
            self.kubectl(
                "exec", pod, "--", "psql", "-h", "/run/taskora", "-U", "postgres", "-d", "taskora", "-Atc", wrapped
            )
        )


READ_TOPIC = """
import asyncio, json, sys
from aiokafka import AIOKafkaConsumer

async def main(server, topic):
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=server, auto_offset_reset="earliest", group_id=None)
    await consumer.start()
    parts = sorted(consumer.assignment())
    ends = await consumer.end_offsets(parts)
    while any([await consumer.position(p) < ends[p] for p in parts]):
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            for r in records:
                key = r.key.decode() if r.key else None
                print(json.dumps({"partition": r.partition, "key": key, "value": r.value.decode("utf-8", "replace")}))
    await consumer.stop()

asyncio.run(main(*sys.argv[1:]))
"""
