"""Dead letters in the hands of an administrator: listed, shown, tried again, put aside."""

from dataclasses import replace
from uuid import UUID

from taskora.domain.events import Topic, parse, topic_of
from taskora.domain.problems import Conflict, NotFound
from taskora.services.consumers import CONSUMERS, POISON, consumers_of
from taskora.store import consuming
from taskora.store import letters as stored
from taskora.store.database import Reading, Writing
from taskora.store.letters import DeadLetter


async def listed(
    uow: Reading, *, state: str | None = "open", after: UUID | None = None, limit: int = 50
) -> list[DeadLetter]:
    """The newest first; `state` None: all. `after` is the id of the last that was seen."""
    return await stored.listed(uow, state=state, after=after, limit=limit)


async def find(uow: Reading, *, letter_id: UUID) -> DeadLetter:
    """Raises `NotFound`."""
    letter = await stored.find(uow, letter_id)
    if letter is None:
        raise NotFound("There is no such dead letter.")
    return letter


async def replay(uow: Writing, *, letter_id: UUID) -> DeadLetter:
    """Let its consumer try again, here and now: the effect and the letter's end are one transaction.

    Raises `NotFound`, or `Conflict` with the reason when it fails again; then all is as it was.
    """
    letter = await _open(uow, letter_id)
    try:
        await _take(uow, letter)
    except POISON as error:
        raise Conflict(f"It can't be taken yet: {error}") from error
    return await _resolve(uow, letter, state="replayed")


async def discard(uow: Writing, *, letter_id: UUID) -> DeadLetter:
    """Nobody takes it any more. It stays, to be looked at. Raises `NotFound` or `Conflict`."""
    return await _resolve(uow, await _open(uow, letter_id), state="discarded")


async def _take(uow: Writing, letter: DeadLetter) -> None:
    event = parse(letter.body)
    if letter.event_id is not None:
        # The inbox row is there since the letter was kept: this is the one time that the event counts.
        await CONSUMERS[letter.consumer].effect(uow, [event])
        return
    # What lay on dead-letters was meant for everyone who takes its topic, and some may have had it.
    names = consumers_of(topic_of(event.type)) if letter.topic == Topic.DEAD else [letter.consumer]
    for name in names:
        if await consuming.receive(uow, [event.id], consumer=name):
            await CONSUMERS[name].effect(uow, [event])


async def _open(uow: Writing, letter_id: UUID) -> DeadLetter:
    letter = await stored.lock(uow, letter_id)
    if letter is None:
        raise NotFound("There is no such dead letter.")
    if letter.state != "open":
        raise Conflict(f"This dead letter was {letter.state} already.")
    return letter


async def _resolve(uow: Writing, letter: DeadLetter, *, state: str) -> DeadLetter:
    await stored.resolve(uow, letter.id, state=state)
    return replace(letter, state=state)
