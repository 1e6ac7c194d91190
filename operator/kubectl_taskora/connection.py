"""The way to the cluster: kubectl's own configuration and logins, the operator's own calls.

`kubernetes` is what knows how people log in (certificates, tokens, plugins); everything asked is asked through the
operator's `ApiServer`, so both read the cluster alike.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import kubernetes
import urllib3
from taskora_operator.cluster.apiserver import ApiServer
from taskora_operator.cluster.transport import Request, Response

from kubectl_taskora.errors import CommandError
from kubectl_taskora.tailing import bound

_kubernetes: Any = kubernetes  # it has no types to speak of

CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 60.0
QUIET_SECONDS = 0.5
AT_ONCE = 32  # connections
BUSY = (429, 503)
SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class KubeconfigTransport:
    """Each call in a thread of its own; logins that expire are refreshed, a server too busy is asked again."""

    def __init__(self, api_client: Any) -> None:
        self._client = api_client
        self._pool = cast(urllib3.PoolManager, api_client.rest_client.pool_manager)
        self.server: str = api_client.configuration.host.rstrip("/")

    @property
    def client(self) -> Any:
        """For what only `kubernetes` can do: a command in a pod."""
        return self._client

    async def send(self, request: Request, /) -> Response:
        for pause in (0.5, 1.0, 2.0, None):
            answer = await asyncio.to_thread(self._call, request)
            body = await asyncio.to_thread(answer.read)
            answer.release_conn()
            if answer.status not in BUSY or pause is None:
                return Response(answer.status, answer.headers, body)
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def stream(self, request: Request, /) -> AsyncIterator[Response | bytes]:
        answer = await asyncio.to_thread(self._call, request, None)
        try:
            if answer.status != 200:
                yield Response(answer.status, answer.headers, await asyncio.to_thread(answer.read))
                return
            yield Response(answer.status, answer.headers, b"")
            rest = b""
            while chunk := await asyncio.to_thread(answer.read1, 65536):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield line
            if rest:
                yield rest
        finally:
            answer.close()

    def _call(self, request: Request, silence: float | None = ANSWER_SECONDS) -> urllib3.BaseHTTPResponse:
        headers: dict[str, str] = {"Accept": request.accept, "User-Agent": "kubectl-taskora"}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        self._client.update_params_for_auth(headers, [], ["BearerToken"], request.path, request.method, None)
        query = f"?{urlencode(request.query)}" if request.query else ""
        try:
            return self._pool.request(
                request.method,
                f"{self.server}{request.path}{query}",
                body=request.body,
                headers=headers,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=silence),
                retries=urllib3.Retry(0, redirect=3),
                preload_content=False,
            )
        except urllib3.exceptions.HTTPError as error:
            reason = getattr(error, "reason", None) or error
            raise CommandError(f"The API server at {self.server} does not answer: {reason}") from error


class Connection:
    """A cluster and the namespace that commands are about."""

    def __init__(self, transport: KubeconfigTransport, *, namespace: str) -> None:
        self.transport = transport
        self.api = ApiServer(transport)
        self.namespace = namespace

    @classmethod
    def open(
        cls, *, kubeconfig: str | None = None, context: str | None = None, namespace: str | None = None
    ) -> Connection:
        """As kubectl finds it: the flag, `KUBECONFIG`, `~/.kube/config`, the pod's service account."""
        client, config = _kubernetes.client, _kubernetes.config
        file: str = kubeconfig or os.environ.get("KUBECONFIG") or config.KUBE_CONFIG_DEFAULT_LOCATION
        settings: Any = client.Configuration()
        settings.connection_pool_maxsize = AT_ONCE
        usual: str = "default"
        try:
            if _in_pod(file):
                config.load_incluster_config(client_configuration=settings)
                usual = SERVICE_ACCOUNT_NAMESPACE.read_text(encoding="utf-8").strip()
            else:
                config.load_kube_config(
                    config_file=file, context=context, client_configuration=settings, persist_config=False
                )
                contexts, current = config.list_kube_config_contexts(config_file=file)
                chosen = next((c for c in contexts if c["name"] == context), current) if context else current
                usual = chosen["context"].get("namespace") or usual
        except config.ConfigException as error:
            raise CommandError(
                f"No cluster to talk to: {error}. Set KUBECONFIG, or name one of `kubectl config get-contexts` "
                "with --context."
            ) from error
        return cls(KubeconfigTransport(client.ApiClient(configuration=settings)), namespace=namespace or usual)

    def lines_of(self, pod: str, words: list[str], *, container: str, seconds: float | None = None) -> Iterator[str]:
        """What a command in a pod prints, line by line, until it ends or time is up.

        Raises `CommandError` with its last words on standard error, where it ended by itself.
        """
        wire: Any = _kubernetes.stream.stream(
            _kubernetes.client.CoreV1Api(self.transport.client).connect_get_namespaced_pod_exec,
            pod,
            self.namespace,
            container=container,
            command=bound(words),
            stdin=True,
            stdout=True,
            stderr=True,
            tty=False,
            _preload_content=False,
        )
        end = None if seconds is None else time.monotonic() + seconds
        rest = complaints = ""
        while wire.is_open() and (end is None or time.monotonic() < end):
            wire.update(timeout=QUIET_SECONDS)
            rest += wire.read_stdout() if wire.peek_stdout() else ""
            complaints += wire.read_stderr() if wire.peek_stderr() else ""
            *lines, rest = rest.split("\n")
            yield from lines
        if not wire.is_open() and complaints.strip():
            raise CommandError(f"{words[0]} in pod {pod} ended: {complaints.strip().splitlines()[-1]}")
        wire.close()


def _in_pod(file: str) -> bool:
    there = any(Path(part).expanduser().exists() for part in file.split(os.pathsep) if part)
    return not there and "KUBERNETES_SERVICE_HOST" in os.environ
