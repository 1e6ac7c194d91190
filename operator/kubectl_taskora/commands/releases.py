"""`upgrade` and `rollback`."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime

from taskora_operator.cluster.permissions import BY_KIND
from taskora_operator.reconcile.found import observe
from taskora_operator.reconcile.revisions import API, KIND

from kubectl_taskora.answer import Answer
from kubectl_taskora.commands.changes import edit
from kubectl_taskora.reading import instance_here, read_spec
from kubectl_taskora.releases import back, forward
from kubectl_taskora.session import Session


async def upgrade(session: Session, asked: Namespace) -> Answer:
    here = await instance_here(session.connection)
    spec = read_spec(here.body).spec
    step = forward(spec, asked.version, tag=asked.tag, digest=asked.digest)
    return await edit(session, asked, here, step.change, step.told, nothing=f"is asked to run {spec.version} already")


async def rollback(session: Session, asked: Namespace) -> Answer:
    here = await instance_here(session.connection)
    spec = read_spec(here.body).spec
    found, _ = await session.connection.api.list(
        BY_KIND[API, KIND],
        namespace=session.connection.namespace,
        selector="app.kubernetes.io/managed-by=taskora-operator",
    )
    seen = [observe(body) for body in found]
    ledger = [
        each.traits.revision for each in seen if each.traits.revision and each.owner_uid == here.body["metadata"]["uid"]
    ]
    step = back(spec, ledger, to=asked.to, now=datetime.now(UTC))
    return await edit(session, asked, here, step.change, step.told, nothing=f"is asked to run {spec.version} already")
