"""`events`: what passes over the topics, read inside the broker's pod: nothing has to be reachable from here."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from datetime import timedelta

from taskora_operator.desired import broker
from taskora_operator.desired.model import Capabilities, Facts
from taskora_operator.desired.topics import TOPICS
from taskora_operator.profiles import resolve

from kubectl_taskora.answer import Answer
from kubectl_taskora.errors import CommandError, Exit
from kubectl_taskora.manifests import Json, part
from kubectl_taskora.reading import instance_here, pods_of, read_spec
from kubectl_taskora.session import Session
from kubectl_taskora.tailing import reader, told
from kubectl_taskora.text import duration


async def events(session: Session, asked: Namespace) -> Answer:
    here = await instance_here(session.connection)
    spec = read_spec(here.body).spec
    instance = resolve(spec)
    unknown = [topic for topic in asked.topics if topic not in TOPICS]
    if unknown:
        raise CommandError(f"There is no topic {unknown[0]}: write {', '.join(TOPICS)}.", code=Exit.USAGE)
    facts = Facts(session.connection.namespace, here.name, "", 0, Capabilities(kinds=frozenset()))
    address = broker.bootstrap(instance, facts)
    topics = [f"{spec.broker.topic_prefix or ''}{topic}" for topic in asked.topics or ["task-events"]]
    if instance.broker is None:
        raise CommandError(
            f"The broker is outside of the cluster: read it there, as with `kcat -C -b {address or 'HOST:PORT'} -t "
            f"{topics[0]}`."
        )
    pods = [p for p in await pods_of(session.connection, here.name) if _is_broker(p)]
    if not pods:
        raise CommandError("The broker has no pod that runs: `kubectl taskora status` tells why.")
    words = reader(spec.broker.engine, topics, bootstrap=address, beginning=asked.beginning)
    end = "; end it with Ctrl-C" if asked.seconds is None else f" for {duration(timedelta(seconds=asked.seconds))}"
    session.say(f"Reading {', '.join(topics)} in pod {pods[0]['metadata']['name']}{end}.")
    await asyncio.to_thread(_follow, session, pods[0]["metadata"]["name"], words, asked.seconds)
    return Answer("", None)


def _is_broker(pod: Json) -> bool:
    component = part(pod, "metadata", "labels").get("app.kubernetes.io/component")
    return component == broker.COMPONENT and part(pod, "status").get("phase") == "Running"


def _follow(session: Session, pod: str, words: list[str], seconds: float | None) -> None:
    for line in session.connection.lines_of(pod, words, container=broker.COMPONENT, seconds=seconds):
        session.show(line if session.json else told(line, width=session.line_width))
