"""`logs`: what all roles said, in the order they said it."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from taskora_operator.cluster.apiserver import ApiError
from taskora_operator.cluster.transport import Request

from kubectl_taskora import logs as lines
from kubectl_taskora.answer import Answer
from kubectl_taskora.connection import Connection
from kubectl_taskora.errors import CommandError
from kubectl_taskora.logs import Line
from kubectl_taskora.manifests import part
from kubectl_taskora.reading import PODS, instance_here, pods_of
from kubectl_taskora.session import Session
from kubectl_taskora.text import counted, duration

MOST_BYTES = 20 * 2**20  # of one pod's log


async def logs(session: Session, asked: Namespace) -> Answer:
    here = await instance_here(session.connection)
    pods = [pod for pod in await pods_of(session.connection, here.name) if _wanted(pod, asked.role)]
    read = await asyncio.gather(*(_log(session, pod, since=asked.since) for pod in pods))
    found = lines.merged(read, request=asked.request_id)
    if not found:
        about = f" about {asked.request_id}" if asked.request_id else ""
        span = duration(timedelta(seconds=asked.since))
        session.say(f"{counted(len(pods), 'pod')} said nothing{about} in the last {span}: --since looks further back.")
    if session.json:
        for line in found:
            session.show(lines.data(line))
        return Answer("", None)
    return Answer("\n".join(lines.told(found, width=session.line_width)), None)


def _role(pod: Any) -> str:
    return part(pod, "metadata", "labels").get("app.kubernetes.io/component", "")


def _wanted(pod: Any, roles: Sequence[str]) -> bool:
    runs = any(container["name"] == "app" for container in pod["spec"]["containers"])
    return runs and (not roles or _role(pod) in roles)


async def _log(session: Session, pod: Any, *, since: float) -> Sequence[Line]:
    name = pod["metadata"]["name"]
    try:
        text = await pod_log(session.connection, name, container="app", sinceSeconds=str(max(int(since), 1)))
    except CommandError as error:
        session.say(f"{name}: {error}")
        return []
    return list(lines.parsed(text, pod=name, role=_role(pod)))


async def pod_log(connection: Connection, pod: str, **query: str) -> str:
    """With timestamps. Raises `CommandError` where there is none to read (yet, or any more)."""
    path = PODS.path(connection.namespace, pod, "log")
    request = Request("GET", path, {"timestamps": "true", "limitBytes": str(MOST_BYTES), **query}, accept="*/*")
    answer = await connection.transport.send(request)
    if answer.status != 200:
        raise CommandError(f"its log can't be read: {ApiError(request, answer).message}")
    return answer.body.decode(errors="replace")
