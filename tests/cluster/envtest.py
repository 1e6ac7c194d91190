"""A Kubernetes API server and its etcd, alone: no nodes, no controllers, ready in a few seconds.

    from tests.cluster.envtest import ApiServer

    with ApiServer() as api:
        api.url, api.ca, api.token        # as cluster-admin
        api.kubeconfig                    # a file
        api.kubectl("get", "namespaces")
        api.audit_log                     # a line of JSON for every write; see files/kubernetes/audit-policy.yaml
        api.stop_api(); api.start_api()   # an outage: the same address, the same data

Several may run at once. RBAC is on; service accounts are not injected into pods, since nothing would make their
tokens. Without controllers nothing is garbage-collected and no namespace ends: `Controllers` are those one wants.
With TASKORA_KUBERNETES=oldest in the environment it is the oldest that is supported.
"""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from . import binaries, cache, machine
from .process import Process, Service, answers, free_port
from .progress import Failure, output

TOKEN = "admin"  # of this server alone, which listens on 127.0.0.1 only


class ApiServer(Service):
    """`flags` are added to the API server's; a later one wins over an earlier one."""

    name = "api"
    token = TOKEN

    def __init__(self, *flags: str) -> None:
        super().__init__()
        self._flags = flags
        program = "oldest-apiserver" if os.environ.get("TASKORA_KUBERNETES") == "oldest" else "kube-apiserver"
        found = binaries.go_programs(program, "etcd", "kubectl")
        self._program, self._etcd, self._kubectl = found[program], found["etcd"], found["kubectl"]
        self.url = ""
        self.ca = self.folder / "pki" / "apiserver.crt"
        self.kubeconfig = self.folder / "kubeconfig"
        self.audit_log = self.folder / "audit.log"
        self.log, self.etcd_log = self.folder / "apiserver.log", self.folder / "etcd.log"
        self.etcd: Process
        self.api: Process

    def start(self) -> None:
        for attempt in range(3):  # another program may take a free port before ours does
            try:
                self._start_etcd()
                self._start_api()
                break
            except Failure as failure:
                self.stop()
                if attempt == 2 or "address already in use" not in str(failure):
                    raise

    def _start_etcd(self) -> None:
        client, peer = free_port(), free_port()
        self._etcd_url = f"http://127.0.0.1:{client}"
        peers = f"http://127.0.0.1:{peer}"
        self.etcd = Process(
            self._etcd,
            f"--data-dir={self.folder / 'etcd'}",
            "--unsafe-no-fsync",
            "--log-level=warn",
            f"--listen-client-urls={self._etcd_url}",
            f"--advertise-client-urls={self._etcd_url}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            log=self.etcd_log,
        )
        self.etcd.start(lambda: answers(client))

    def _start_api(self) -> None:
        port = free_port()
        self.url = f"https://127.0.0.1:{port}"
        key = self.folder / "service-accounts.key"
        if not key.exists():
            machine.packages("openssl")
            output("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        tokens = self.folder / "tokens.csv"
        tokens.write_text(f'{TOKEN},admin,admin,"system:masters"\n')
        self.api = Process(
            self._program,
            f"--etcd-servers={self._etcd_url}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={self.folder / 'pki'}",  # it signs a certificate for itself there
            f"--token-auth-file={tokens}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-cluster-ip-range=10.0.0.0/16",
            "--disable-admission-plugins=ServiceAccount",
            f"--audit-policy-file={cache.HERE / 'files' / 'kubernetes' / 'audit-policy.yaml'}",
            f"--audit-log-path={self.audit_log}",
            "--endpoint-reconciler-type=none",  # an endpoint must not be a loopback address
            *self._flags,
            log=self.log,
        )
        self.start_api()
        self.kubeconfig.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "test",
                    "clusters": [
                        {"name": "test", "cluster": {"server": self.url, "certificate-authority": str(self.ca)}}
                    ],
                    "users": [{"name": "admin", "user": {"token": TOKEN}}],
                    "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
                }
            )
        )

    def start_api(self) -> None:
        """Starts the API server (again), and returns once it is ready and has its default namespace."""
        self.api.start(lambda: self._sees("/readyz") and self._sees("/api/v1/namespaces/default"))

    def stop_api(self, *, kill: bool = False) -> None:
        """An outage of the API server; its data stays in etcd."""
        self.api.stop(kill=kill, seconds=5)

    def stop(self) -> None:
        for process in (getattr(self, name, None) for name in ("api", "etcd")):
            if process:
                process.stop(kill=True)

    def _sees(self, path: str) -> bool:
        try:
            self.get(path)
        except (OSError, ValueError):  # refused, not yet ready, no certificate yet
            return False
        return True

    def get(self, path: str) -> Any:
        """What the API server answers to GET, as JSON or text; raises `urllib.error.HTTPError`."""
        return self._ask("GET", path)

    def patch(self, path: str, change: object) -> Any:
        """What became of it by a merge patch, also of a subresource; raises `urllib.error.HTTPError`."""
        return self._ask("PATCH", path, json.dumps(change).encode())

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/merge-patch+json"}
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        context = ssl.create_default_context(cafile=str(self.ca))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(request, timeout=10) as answer:
            told = answer.read()
        return json.loads(told) if told[:1] in b"{[" else told.decode()

    def kubectl(self, *words: str | Path, stdin: str | None = None) -> str:
        return output(self._kubectl, f"--kubeconfig={self.kubeconfig}", *words, stdin=stdin)


class Controllers(Service):
    """Kubernetes' own controllers of these names, as `kube-controller-manager` has them, at work on a server."""

    name = "controllers"

    def __init__(self, server: ApiServer, *names: str) -> None:
        super().__init__()
        self._port = free_port()
        self.process = Process(
            binaries.go_programs("kube-controller-manager")["kube-controller-manager"],
            f"--kubeconfig={server.kubeconfig}",
            f"--controllers={','.join(names)}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--cert-dir={self.folder}",
            log=self.folder / "log",
        )

    def start(self) -> None:
        self.process.start(lambda: answers(self._port))

    def stop(self) -> None:
        self.process.stop()
