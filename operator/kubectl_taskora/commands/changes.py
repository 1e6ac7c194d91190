"""`scale`, `pause`, `resume`, `suspend`, `wake`: a field of the spec each, and what that does in words."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from taskora_operator.cluster.apiserver import MERGE
from taskora_operator.cluster.permissions import INSTANCES
from taskora_operator.cluster.transport import Request
from taskora_operator.desired.model import Manifest
from taskora_operator.profiles import RoleName, resolve

from kubectl_taskora.answer import Answer
from kubectl_taskora.commands.waiting import Seen, towards_paused, towards_ready, wait
from kubectl_taskora.errors import CommandError, Exit
from kubectl_taskora.manifests import part
from kubectl_taskora.reading import Here, instance_here, read_spec
from kubectl_taskora.session import Session
from kubectl_taskora.text import wrapped

FIELD_MANAGER = "kubectl-taskora"


async def scale(session: Session, asked: Namespace) -> Answer:
    here = await instance_here(session.connection)
    wanted = roles(asked.roles)
    for role in wanted:
        if part(here.spec, role).get("autoscaling"):
            raise CommandError(
                f"{role} scales by itself (spec.{role}.autoscaling): change its minReplicas and maxReplicas, "
                "or take autoscaling out first."
            )
    now = {str(role): settings.replicas for role, settings in resolve(read_spec(here.body).spec).roles.items()}
    change = {role: {"replicas": count} for role, count in wanted.items() if now[role] != count}
    told = ", ".join(f"{role} {now[role]} → {wanted[role]}" for role in change)
    if wanted.get("frontend") == 0 or wanted.get("backend") == 0:
        told += "; nobody can use it then: `kubectl taskora suspend` is meant for that"
    return await edit(session, asked, here, change, told, nothing="has as many pods already")


def roles(words: Sequence[str]) -> Mapping[str, int]:
    """`frontend=3 backend=5`; raises `CommandError`."""
    wanted: dict[str, int] = {}
    for word in words:
        role, equals, number = word.partition("=")
        if role not in {str(name) for name in RoleName}:
            raise CommandError(
                f"There is no role {role!r}: write {', '.join(RoleName)}, as backend=3.", code=Exit.USAGE
            )
        if not equals or not number.isdigit() or int(number) > 100:
            raise CommandError(f"{word!r} says no number of pods: write {role}=3 (0 to 100).", code=Exit.USAGE)
        wanted[role] = int(number)
    return wanted


async def pause(session: Session, asked: Namespace) -> Answer:
    return await _switch(
        session,
        asked,
        "paused",
        on=True,
        told="no change is acted on until `kubectl taskora resume`; what runs goes on",
    )


async def resume(session: Session, asked: Namespace) -> Answer:
    return await _switch(session, asked, "paused", on=False, told="what was changed meanwhile is acted on now")


async def suspend(session: Session, asked: Namespace) -> Answer:
    return await _switch(
        session,
        asked,
        "suspended",
        on=True,
        told="everything is scaled to zero, data is kept; `kubectl taskora wake` ends it",
    )


async def wake(session: Session, asked: Namespace) -> Answer:
    return await _switch(session, asked, "suspended", on=False, told="everything starts again, in order")


async def _switch(session: Session, asked: Namespace, field: str, *, on: bool, told: str) -> Answer:
    here = await instance_here(session.connection)
    same = bool(here.spec.get(field)) is on
    if field != "paused" and here.spec.get("paused"):
        told += ". It is paused, though: nothing happens before `kubectl taskora resume`"
    look = towards_paused if field == "paused" and on else towards_ready
    state = field if on else f"not {field}"
    change = {} if same else {field: on}
    return await edit(session, asked, here, change, f"{state}: {told}", nothing=f"is {state} already", look=look)


async def edit(
    session: Session,
    asked: Namespace,
    here: Here,
    change: Mapping[str, Any],
    told: str,
    *,
    nothing: str,
    look: Callable[..., Seen] = towards_ready,
) -> Answer:
    """Writes the change of the spec, and waits for it where that was asked for."""
    if not change:
        return Answer(f"{here.name} {nothing}.", {"changed": False, "spec": {}})
    after = await patch_spec(session, here, change)
    generation = after["metadata"]["generation"]
    if asked.wait:
        session.say(f"{here.name}: {told}")
        await wait(session, here.name, look, generation=generation, seconds=asked.timeout)
    text = "\n".join(wrapped(f"{here.name}: {told}.", width=session.width, rest="  "))
    return Answer(text, {"changed": True, "spec": dict(change), "generation": generation})


async def patch_spec(session: Session, here: Here, change: Mapping[str, Any]) -> Manifest:
    """Refused when somebody else edited it since it was read."""
    version = {"resourceVersion": here.body["metadata"]["resourceVersion"]}
    return await patch(session, here, {"metadata": version, "spec": dict(change)})


async def patch(session: Session, here: Here, change: Mapping[str, Any]) -> Manifest:
    path = INSTANCES.path(session.connection.namespace, here.name)
    request = Request("PATCH", path, {"fieldManager": FIELD_MANAGER}, json.dumps(change).encode(), MERGE)
    return await session.connection.api.request(request)
