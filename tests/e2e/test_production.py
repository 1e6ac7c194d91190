"""An instance as DigitalOcean's profile makes it: a managed database, HTTPS, and a backup that outlives the database.

Stand-ins, because there is no cloud here: the managed database is a PostgreSQL in a namespace of its own that takes
TLS connections alone, the storage class has the cloud's name, and the certificate is put where cert-manager would.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import secrets
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.e2e.outside import NAME, Kubectl, Person, as_browser, new_person, wait_until

HOST = "tasks.example.org"
DATABASE = "database.managed.svc"
PASSWORDS = {"taskora_owner": secrets.token_hex(16), "taskora_app": secrets.token_hex(16)}
SMALL = {"resources": {"requests": {"cpu": "10m", "memory": "96Mi"}}}

MANAGED = """
set -e
export PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
initdb --pgdata=/data/pg --username=postgres --encoding=UTF8 --locale=C.UTF-8 >/dev/null
install -m 600 /tls/tls.key /data/key
printf 'local all all trust\\nhostssl all all all scram-sha-256\\n' > /data/hba
exec postgres -D /data/pg -c listen_addresses='*' -c unix_socket_directories=/data -c hba_file=/data/hba \\
  -c ssl=on -c ssl_cert_file=/tls/tls.crt -c ssl_key_file=/data/key
"""
LOGINS = "".join(f"CREATE ROLE {login} LOGIN PASSWORD '{word}';" for login, word in PASSWORDS.items())
DROP = "DROP DATABASE taskora WITH (FORCE)"
CREATE = "CREATE DATABASE taskora OWNER taskora_owner"


@dataclass(frozen=True)
class Certificates:
    """An authority and the certificates it signed, all PEM."""

    authority: str
    signed: dict[str, dict[str, str]]


def certificates(*names: str) -> Certificates:
    def signed(subject: str, key: ec.EllipticCurvePublicKey, *, authority: bool) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority")]))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
        return builder.sign(root, hashes.SHA256())

    root = ec.generate_private_key(ec.SECP256R1())
    text = serialization.Encoding.PEM
    made: dict[str, dict[str, str]] = {}
    for name in names:
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(text, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        certificate = signed(name, key.public_key(), authority=False).public_bytes(text)
        made[name] = {"tls.crt": certificate.decode(), "tls.key": private.decode()}
    return Certificates(signed("An authority", root.public_key(), authority=True).public_bytes(text).decode(), made)


def secret(name: str, *, kind: str = "Opaque", **data: str) -> dict[str, Any]:
    coded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": kind, "data": coded}


@dataclass(frozen=True)
class Production:
    kubectl: Kubectl
    managed: Kubectl
    authority: str
    file: Path

    def browser(self) -> httpx.Client:
        node = self.kubectl.get("nodes", "-l", "node-role.kubernetes.io/control-plane")["items"][0]
        address = next(a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP")
        return as_browser(f"https://{HOST}", address=address, authority=self.authority)

    def sql(self, *statements: str) -> None:
        words = [word for statement in statements for word in ("-c", statement)]
        self.managed("exec", "database", "--", "psql", "-h", "/data", "-U", "postgres", "-v", "ON_ERROR_STOP=1", *words)

    def taskora(self, *words: str) -> str:
        """`kubectl taskora`, as people run it."""
        command = [sys.executable, "-m", "kubectl_taskora", *words, "-n", self.kubectl.namespace]
        environment = {**os.environ, "KUBECONFIG": self.kubectl.kubeconfig}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def production(kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    here, managed = kubectl.inside("production"), kubectl.inside("managed")
    made = certificates(HOST, DATABASE)
    local = kubectl.get("tkd", NAME)["spec"]
    postgres = kubectl.get("statefulset", f"{NAME}-postgres")["spec"]["template"]["spec"]["containers"][0]["image"]
    address = {login: f"postgresql://{login}:{word}@{DATABASE}:5432/taskora" for login, word in PASSWORDS.items()}
    roles = dict.fromkeys(("backend", "frontend", "scheduler", "audit", "notifier", "insights"), SMALL)
    instance = {
        "apiVersion": "taskora.dev/v1alpha1",
        "kind": "TaskoraDeployment",
        "metadata": {"name": NAME, "namespace": here.namespace},
        "spec": {
            **{key: local[key] for key in ("version", "image") if key in local},
            "profile": "DOKS",
            "host": HOST,
            "ingress": {"tls": {"issuerRef": {"name": "letsencrypt"}}},
            "database": {
                "external": {
                    "secretRef": {"name": "managed-database"},
                    "caSecretRef": {"name": "managed-database-ca", "key": "ca.crt"},
                },
            },
            "broker": {"engine": local["broker"]["engine"], "inCluster": SMALL},
            "cache": {"inCluster": SMALL},
            "dapr": {"sidecarResources": SMALL["resources"]},
            "backup": {"schedule": "@daily", "image": postgres},
            **roles,
            **{role: {"replicas": 1, **SMALL} for role in ("audit", "notifier", "insights")},
            "backend": {"replicas": 2, **SMALL},
        },
    }
    file = tmp_path_factory.mktemp("production") / "taskora.json"
    file.write_text(json.dumps(instance))
    shelf = kubectl.get("storageclass", "standard")
    for name in (here.namespace, managed.namespace):
        kubectl("create", "namespace", name)
    try:
        kubectl("label", "namespace", here.namespace, "pod-security.kubernetes.io/enforce=restricted")
        kubectl.apply({**shelf, "metadata": {"name": "do-block-storage"}})
        managed.apply(secret("tls", kind="kubernetes.io/tls", **made.signed[DATABASE]), *_managed_database(postgres))
        here.apply(
            secret("managed-database", url=address["taskora_app"], **{"owner-url": address["taskora_owner"]}),
            secret("managed-database-ca", **{"ca.crt": made.authority}),
            secret(f"{NAME}-tls", kind="kubernetes.io/tls", **made.signed[HOST]),
        )
        managed("wait", "--for=condition=Ready", "pod/database", "--timeout=120s", timeout=130)
        found = Production(here, managed, made.authority, file)
        found.sql(LOGINS, CREATE)
        here("apply", "-f", str(file))
        here("wait", "--for=condition=Ready", f"tkd/{NAME}", "--timeout=480s", timeout=490)
        yield found
    finally:
        here("delete", "tkd", NAME, "--ignore-not-found", "--timeout=120s", timeout=130)
        for name in (here.namespace, managed.namespace):
            kubectl("delete", "namespace", name, "--ignore-not-found", "--timeout=180s", timeout=190)
        kubectl("delete", "storageclass", "do-block-storage", "--ignore-not-found")


def _managed_database(image: str) -> list[dict[str, Any]]:
    marks = {"app": "database"}
    probe = {"exec": {"command": ["sh", "-c", "test -S /data/.s.PGSQL.5432"]}, "periodSeconds": 1}
    container = {
        "name": "database",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", MANAGED],
        "readinessProbe": probe,
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "tls", "mountPath": "/tls"}],
    }
    volumes = [{"name": "data", "emptyDir": {}}, {"name": "tls", "secret": {"secretName": "tls"}}]
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "database", "labels": marks},
            "spec": {
                "containers": [container],
                "volumes": volumes,
                "securityContext": {"runAsUser": 999, "runAsGroup": 999, "fsGroup": 999},
                "terminationGracePeriodSeconds": 1,
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "database"},
            "spec": {"selector": marks, "ports": [{"port": 5432}]},
        },
    ]


def test_it_answers_over_https_with_its_certificate_and_sends_plain_http_there(
    production: Production, url: str
) -> None:
    assert production.kubectl.get("tkd", NAME)["status"]["url"] == f"https://{HOST}"
    with production.browser() as browser:
        answer = browser.get("/sign-in")
        assert answer.status_code == 200
        assert "max-age" in answer.headers["Strict-Transport-Security"]
    with as_browser(url) as plain:
        moved = plain.get("/sign-in", headers={"Host": HOST})
        assert (moved.status_code, moved.headers["Location"]) == (308, f"https://{HOST}/sign-in")


def test_every_connection_to_the_managed_database_is_encrypted(production: Production) -> None:
    clear = (
        "SELECT 1 / count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'taskora_app' AND ssl"
    )
    production.sql(clear)  # divides by zero where there is none; others the server does not let in


def test_more_than_one_pod_of_a_role_is_kept_through_a_drain(production: Production) -> None:
    budgets = {b["metadata"]["name"]: b["status"] for b in production.kubectl.get("pdb")["items"]}
    assert budgets[f"{NAME}-backend"]["disruptionsAllowed"] == 1
    assert budgets[f"{NAME}-frontend"]["disruptionsAllowed"] == 1


def test_a_backup_brings_back_every_task_after_the_instance_and_its_database_are_gone(production: Production) -> None:
    with production.browser() as browser:
        person = new_person(browser)
        for number in range(30):
            write(person, f"Task {number}")
        before = sorted(person.titles())
        made = json.loads(production.taskora("backup", "--wait", "--timeout", "5m", "-o", "json"))
        write(person, "Written after the backup, so lost with the database")
    assert made["name"] in production.taskora("backup", "--list")
    production.kubectl("delete", "tkd", NAME, "--timeout=120s", timeout=130)
    wait_until(lambda: not production.kubectl.get("pods")["items"], "the instance to be gone", seconds=180)
    production.sql(DROP, CREATE)
    production.taskora("restore", made["name"], "-f", str(production.file), "--wait", "--timeout", "8m")
    with production.browser() as browser:
        account = {"email": person.email, "password": person.password}
        token = wait_until(lambda: browser.post("/api/v1/auth/token", json=account), "signing in", good=_is_success)
        browser.headers["Authorization"] = f"Bearer {token.json()['token']}"
        again = Person(id=person.id, email=person.email, password=person.password, http=browser)
        assert sorted(again.titles()) == before
        write(again, "Life goes on")
        assert len(again.titles()) == len(before) + 1


def write(person: Person, title: str) -> None:
    """As a page does: repeated under one key until it is accepted."""
    key = str(uuid.uuid4())
    wait_until(lambda: person.create(title, key=key), f"{title} to be accepted")


def _is_success(answer: httpx.Response) -> bool:
    return answer.is_success
