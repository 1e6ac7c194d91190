"""FR-012, 015, 022, 023: sessions only through Dapr, the backend only for the frontend, mutual TLS."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from tests.e2e.outside import Kubectl, Person, as_browser, wait_until

SERVER = "import http.server as h; h.ThreadingHTTPServer(('0.0.0.0', 8080), h.SimpleHTTPRequestHandler).serve_forever()"
INVOKE = """
import sys, urllib.request as u
try: print(u.urlopen('http://127.0.0.1:3500/v1.0/invoke/backend/method/api/v1/me', timeout=20).status)
except u.HTTPError as e: print(e.code, e.read().decode())
"""
PLAIN_TLS = """
import socket, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
context.set_alpn_protocols(["h2"])
connection = context.wrap_socket(socket.create_connection((sys.argv[1], 50002), 10))
connection.sendall(b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + bytes(9))
try: print("answered", connection.recv(100) and connection.recv(100))
except (ssl.SSLError, ConnectionError) as error: print("refused", error)
"""


@pytest.fixture
def stranger(kubectl: Kubectl) -> Iterator[str]:
    """Another application beside the instance, with a sidecar of its own; the target of `kubectl exec`."""
    image = kubectl.pod("backend")["spec"]["containers"][0]["image"]
    restricted = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    labels = {"app": "stranger"}
    annotations = {
        "dapr.io/enabled": "true",
        "dapr.io/app-id": "stranger",
        "dapr.io/app-port": "8080",
        "dapr.io/sidecar-seccomp-profile-type": "RuntimeDefault",
    }
    app = {"name": "app", "image": image, "command": ["python", "-c", SERVER], "securityContext": restricted}
    kubectl.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",  # Dapr gives a sidecar only to what a controller makes
            "metadata": {"name": "stranger"},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels, "annotations": annotations},
                    "spec": {"terminationGracePeriodSeconds": 1, "containers": [app]},
                },
            },
        }
    )
    kubectl("rollout", "status", "deployment/stranger", "--timeout=90s")
    yield "deployment/stranger"
    kubectl("delete", "deployment", "stranger", "--wait=true", "--cascade=foreground")


def test_the_backends_sidecar_refuses_everybody_but_the_frontend(kubectl: Kubectl, stranger: str) -> None:
    answer = kubectl("exec", stranger, "-c", "app", "--", "python", "-c", INVOKE)
    assert answer.startswith("403"), answer
    assert "PERMISSION" in answer.upper(), answer


def test_a_sidecar_speaks_only_mutual_tls(kubectl: Kubectl, stranger: str) -> None:
    address = kubectl.pod("backend")["status"]["podIP"]
    answer = kubectl("exec", stranger, "-c", "app", "--", "python", "-c", PLAIN_TLS, address)
    assert answer.startswith("refused"), answer


def test_a_session_is_in_redis_under_the_instances_prefix_and_no_role_knows_redis(
    kubectl: Kubectl, person: Person, url: str
) -> None:
    redis = kubectl.pod("redis")["metadata"]["name"]
    script = 'redis-cli --no-auth-warning -a "$(cat /credentials/password)" --scan'

    def sessions() -> set[str]:
        return set(kubectl("exec", redis, "--", "sh", "-c", script).split())

    before = sessions()
    with as_browser(url) as browser:
        body = {"email": person.email, "password": person.password}
        assert browser.post("/api/v1/auth/login", json=body).is_success
    new = wait_until(lambda: sessions() - before, "the session in Redis")
    assert all(key.startswith("taskora-taskora||session:") for key in new), new
    for role in ["frontend", "backend"]:
        spec = json.dumps(kubectl.get("deployment", f"taskora-{role}")["spec"]["template"]["spec"])
        assert "taskora-cache" not in spec


def test_no_secret_value_stands_in_a_manifest_or_a_log(kubectl: Kubectl) -> None:
    values: set[str] = set()
    for name in ["database", "cache", "dapr-api-token", "dapr-app-token", "session-keys", "admin"]:
        for key, value in kubectl.get("secret", f"taskora-{name}")["data"].items():
            text = base64.b64decode(value).decode()
            if key not in {"email", "host", "port", "username"} and text:
                values.add(text)
    shown = kubectl("get", "deployments,statefulsets,jobs,configmaps,components.dapr.io,tkd", "-o", "yaml")
    for role in ["frontend", "backend", "audit", "postgres", "redis"]:
        shown += kubectl("logs", kubectl.pod(role)["metadata"]["name"], "--all-containers", "--tail=-1")
    shown += kubectl.inside("taskora-system")("logs", "deploy/taskora-operator", "--tail=-1")
    assert [v[:3] + "…" for v in values if v in shown] == []
