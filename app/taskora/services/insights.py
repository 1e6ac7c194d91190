"""What insights make of events: how much happened, what somebody should hear of, what the chat may learn from."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date

from taskora import clock
from taskora.domain import alerts, payloads
from taskora.domain.alerts import Raise
from taskora.domain.events import BadEvent, Event, Topic
from taskora.domain.payloads import Said
from taskora.domain.redaction import redacted
from taskora.encoding import to_json
from taskora.store import insights as stored
from taskora.store.database import Reading, Writing

# Alerts that nothing resolves but that it does not happen any more.
UNTIL_QUIET = (alerts.Rule.ERRORS.value, alerts.Rule.RESTARTS.value)


async def observed(uow: Writing, events: Sequence[Event]) -> None:
    """One more of its kind on its day in UTC, for its user or, of system events, for the role; and what it means."""
    await stored.count(uow, Counter(_counted(event) for event in events))
    for event in events:
        if event.is_about(Topic.SYSTEM):
            await _watch(uow, event)
        elif event.is_about(Topic.CHAT) and isinstance(said := payloads.read(event), Said):
            await _learn(uow, event, said)


def _counted(event: Event) -> tuple[str, date, str]:
    subject = event.source if event.is_about(Topic.SYSTEM) else str(event.user_id)
    return subject, event.time.astimezone(UTC).date(), event.type


async def settle(uow: Reading) -> None:
    """Alerts of what has not happened again for a while are over."""
    await stored.resolve_quiet(uow, UNTIL_QUIET, quiet=alerts.QUIET_AFTER)


async def _watch(uow: Writing, event: Event) -> None:
    role = event.data.get("role")
    if not isinstance(role, str):
        raise BadEvent("The event's data has no role that is text.")
    await stored.keep(uow, event, role=role)
    starts = 0
    if event.type == alerts.STARTED:
        starts = await stored.starts(uow, role, until=event.time, within=alerts.RESTARTS_WITHIN)
    for found in alerts.findings(event, starts=starts):
        if isinstance(found, Raise):
            await stored.raise_alert(uow, clock.new_id(), found, at=event.time)
        else:
            await stored.resolve_alert(uow, found, at=event.time)


async def _learn(uow: Writing, event: Event, said: Said) -> None:
    """Kept only of who allowed it when it was said and allows it now, without what tells who they are."""
    if not said.training:
        return
    person = await stored.consenting(uow, said.user_id, at=event.time)
    if person is not None:
        names = (person["display_name"], person["email"].partition("@")[0])
        await stored.sample(
            uow,
            event.id,
            user_id=said.user_id,
            conversation_id=said.conversation_id,
            role=said.role,
            text=redacted(said.text, names=names),
            data=to_json({"intent": said.intent, "no": said.no}).decode(),
            at=event.time,
        )
