"""`rotate`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from taskora_operator.api.status import ConditionType, Status
from taskora_operator.cluster.permissions import SECRETS
from taskora_operator.desired.model import Capabilities, Facts
from taskora_operator.desired.turns import Turn, turns
from taskora_operator.profiles import resolve
from taskora_operator.reconcile import rotation

from kubectl_taskora.answer import Answer
from kubectl_taskora.commands.changes import patch
from kubectl_taskora.commands.waiting import Seen, wait
from kubectl_taskora.errors import CommandError
from kubectl_taskora.manifests import Json, condition, part
from kubectl_taskora.reading import Here, instance_here, read_spec
from kubectl_taskora.session import Session
from kubectl_taskora.text import wrapped


async def rotate(session: Session, asked: Namespace) -> Answer:
    here = await instance_here(session.connection)
    now = datetime.now(UTC).replace(microsecond=0)
    due, later = await _due(session, here, now=now)
    notes = [f"{name} not before {at:%Y-%m-%d}, while what it replaced must stay good" for name, at in later.items()]
    if not due:
        raise CommandError(f"Nothing is turned: {'; '.join(notes)}.")
    annotations = {rotation.REQUEST: now.isoformat().replace("+00:00", "Z")}
    await patch(session, here, {"metadata": {"annotations": annotations}})
    told = f"{here.name}: {rotation.listed(due)} {'is' if len(due) == 1 else 'are'} turned, no request fails"
    if asked.wait:
        session.say(told)

        def look(body: Json, *, generation: int) -> Seen:  # noqa: ARG001 - no spec changes
            return towards_turned(body, since=now)

        await wait(session, here.name, look, generation=0, seconds=asked.timeout)
    text = "\n".join(wrapped("; ".join([told, *notes]) + ".", width=session.width, rest="  "))
    return Answer(text, {"rotated": due, "notBefore": {name: f"{at:%Y-%m-%dT%H:%M:%SZ}" for name, at in later.items()}})


def towards_turned(body: Json, *, since: datetime) -> Seen:
    """A rotation that ended after it was asked for."""
    last = Status.model_validate(part(body, "status")).last_rotation
    turned, stalled = condition(body, ConditionType.SECRETS_ROTATED), condition(body, ConditionType.STALLED)
    done = turned.get("status") == "True" and last is not None and last >= since
    told = turned.get("message") or "it begins when the instance is Ready and no Job runs"
    return Seen(done=done, stalled=stalled.get("status") == "True", told=told)


async def _due(session: Session, here: Here, *, now: datetime) -> tuple[Sequence[str], Mapping[str, datetime]]:
    """The Secrets that a request turns now, and those it would not, each with the time from which on it would."""
    facts = Facts(session.connection.namespace, here.name, "", 0, Capabilities(kinds=frozenset()))
    known = turns(resolve(read_spec(here.body).spec), facts)
    if not known:
        raise CommandError("The application reads its credentials in a cloud's store: turn them there.")
    found = [(turn, at) for turn in known if (at := await _rotation(session, turn))]
    due = [turn.secret for turn, at in found if rotation.due(at, turn, every=None, request=now, now=now)]
    return due, {turn.secret: rotation.rested(at, turn) for turn, at in found if turn.secret not in due}


async def _rotation(session: Session, turn: Turn) -> rotation.Rotation | None:
    body = await session.connection.api.get(SECRETS, session.connection.namespace, turn.secret)
    if body is None:
        raise CommandError(f"There is no Secret {turn.secret} yet: wait for the instance to be Ready.")
    return rotation.read(body)
