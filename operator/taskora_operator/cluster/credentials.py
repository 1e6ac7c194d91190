"""Where the API server is and how to prove who we are: the pod's service account, or a kubeconfig.

Tokens on disk are rotated under our feet, so a token that came from a file is read again, as client-go does.
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
REREAD_SECONDS = 60.0


class NoCredentialsError(Exception):
    """Says what is missing and where it was looked for."""


@dataclass(slots=True)
class Credentials:
    server: str
    ca: str | None = None  # PEM
    certificate: str | None = None  # PEM
    key: str | None = None  # PEM
    insecure: bool = False
    token_file: Path | None = None
    _token: str | None = None
    _read_at: float = field(default=float("-inf"))

    def token(self, *, fresh: bool = False) -> str | None:
        """The bearer token; read anew once a minute, or at once when it was just refused."""
        if self.token_file and (fresh or time.monotonic() - self._read_at > REREAD_SECONDS):
            self._token = self.token_file.read_text(encoding="utf-8").strip()
            self._read_at = time.monotonic()
        return self._token

    def ssl_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.ca)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate and self.key:  # the standard library loads a pair from files only
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
                pair.write(f"{self.certificate}\n{self.key}\n")
                pair.flush()
                context.load_cert_chain(pair.name)
        return context


def find_credentials(environment: Mapping[str, str] = os.environ) -> Credentials:
    """`KUBECONFIG` first, then the service account of the pod, then `~/.kube/config`.

    Raises `NoCredentialsError`.
    """
    if environment.get("KUBECONFIG"):
        return from_kubeconfig(Path(environment["KUBECONFIG"]))
    if environment.get("KUBERNETES_SERVICE_HOST"):
        return _from_service_account(environment)
    default = Path.home() / ".kube" / "config"
    if default.exists():
        return from_kubeconfig(default)
    raise NoCredentialsError("No cluster to talk to: run in a pod with a service account, or set KUBECONFIG.")


def _from_service_account(environment: Mapping[str, str]) -> Credentials:
    host, port = environment["KUBERNETES_SERVICE_HOST"], environment.get("KUBERNETES_SERVICE_PORT", "443")
    try:
        ca = (SERVICE_ACCOUNT / "ca.crt").read_text(encoding="utf-8")
    except OSError as error:
        raise NoCredentialsError(
            f"{SERVICE_ACCOUNT} can't be read ({error.strerror}): let the pod mount its service account's token."
        ) from error
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    return Credentials(server=server, ca=ca, token_file=SERVICE_ACCOUNT / "token")


def from_kubeconfig(path: Path) -> Credentials:
    """The current context of a kubeconfig; client certificates, tokens and token files, no plugins."""
    try:
        config: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise NoCredentialsError(f"The kubeconfig {path} can't be read: {error.strerror}.") from error
    context = _named(config, "context", config.get("current-context"), path)
    cluster = _named(config, "cluster", context.get("cluster"), path)
    user = _named(config, "user", context.get("user"), path)
    if "exec" in user or "auth-provider" in user:
        raise NoCredentialsError(
            f"The user in {path} logs in with a plugin, which the operator does not run: use a token or certificate, "
            "or run the operator in the cluster."
        )
    token_file = user.get("tokenFile")
    return Credentials(
        server=cluster["server"].rstrip("/"),
        ca=_pem(cluster, "certificate-authority", path),
        certificate=_pem(user, "client-certificate", path),
        key=_pem(user, "client-key", path),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        token_file=path.parent / token_file if token_file else None,
        _token=user.get("token"),
    )


def _named(config: Mapping[str, Any], kind: str, name: str | None, path: Path) -> Mapping[str, Any]:
    for entry in config.get(f"{kind}s") or ():
        if entry["name"] == name:
            return entry[kind] or {}
    raise NoCredentialsError(f"The kubeconfig {path} names no {kind} {name!r}: set its current-context.")


def _pem(entry: Mapping[str, Any], key: str, path: Path) -> str | None:
    if f"{key}-data" in entry:
        return base64.b64decode(entry[f"{key}-data"]).decode()
    if key in entry:
        return (path.parent / entry[key]).read_text(encoding="utf-8")
    return None
