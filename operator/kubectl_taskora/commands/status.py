"""`status`: the instance as a tree with its health."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime

from kubectl_taskora import health
from kubectl_taskora.answer import Answer
from kubectl_taskora.commands.waiting import wait_for_ready
from kubectl_taskora.reading import instance_here, pods_of
from kubectl_taskora.session import Session


async def status(session: Session, asked: Namespace) -> Answer:
    here = await instance_here(session.connection)
    if asked.wait:
        await wait_for_ready(session, here.name, generation=here.body["metadata"]["generation"], seconds=asked.timeout)
        here = await instance_here(session.connection)
    pods = await pods_of(session.connection, here.name)
    screen = health.Screen(here.body, here.status, pods, datetime.now(UTC), others=here.others, width=session.width)
    return Answer(health.tree(screen), health.data(screen))
