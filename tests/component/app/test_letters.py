"""Dead letters in an administrator's hands: each ends once, and what is taken at last counts once."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from taskora import clock
from taskora.domain.events import Topic
from taskora.domain.problems import Conflict, NotFound
from taskora.services import letters
from taskora.store import consuming
from taskora.store.database import Database

from .conftest import Urls, an_event

COUNTS = "SELECT (SELECT count(*) FROM audit_log), (SELECT count(*) FROM activity), (SELECT count(*) FROM inbox)"


@pytest.fixture
def user_id(ada: dict[str, Any]) -> str:
    return str(ada["user"]["id"])


async def kept(
    database: Database, body: bytes, *, consumer: str = "audit", topic: Topic = Topic.TASK, event_id: str | None = None
) -> UUID:
    """A dead letter as a consumer leaves it."""
    letter_id = clock.new_id()
    async with database.write() as uow:
        if event_id:
            await consuming.receive(uow, [UUID(event_id)], consumer=consumer)
        await consuming.bury(
            uow,
            letter_id,
            consumer=consumer,
            topic=topic.value,
            event_id=UUID(event_id) if event_id else None,
            reason="it was so",
            body=body,
        )
    return letter_id


async def replay(database: Database, letter_id: UUID) -> str:
    async with database.write() as uow:
        return (await letters.replay(uow, letter_id=letter_id)).state


async def test_a_letter_is_taken_once_by_whom_it_was_for(database: Database, urls: Urls, user_id: str) -> None:
    event = an_event(Topic.TASK, "created", user_id)
    letter_id = await kept(database, json.dumps(event).encode(), event_id=event["id"])
    tries = await asyncio.gather(*(replay(database, letter_id) for _ in range(4)), return_exceptions=True)
    assert tries.count("replayed") == 1
    assert sum(isinstance(one, Conflict) for one in tries) == 3
    assert urls.sql(COUNTS) == "1|0|1"


async def test_what_lay_on_dead_letters_reaches_everyone_who_has_not_had_it(
    database: Database, urls: Urls, user_id: str
) -> None:
    event = an_event(Topic.USER, "signed_in", user_id)
    async with database.write() as uow:
        assert await consuming.receive(uow, [UUID(event["id"])], consumer="insights")
    letter_id = await kept(database, json.dumps(event).encode(), topic=Topic.DEAD)
    assert await replay(database, letter_id) == "replayed"
    assert urls.sql(COUNTS) == "1|0|2"


@pytest.mark.parametrize("body", [b"\x00 not json", b'{"a": 1}', json.dumps(an_event(Topic.TASK, "x", "no-one"))])
async def test_what_fails_again_stays_as_it_was_and_says_why(database: Database, urls: Urls, body: bytes | str) -> None:
    letter_id = await kept(database, body.encode() if isinstance(body, str) else body)
    with pytest.raises(Conflict, match=r"It can't be taken yet: .{10}"):
        await replay(database, letter_id)
    assert urls.sql("SELECT state FROM dead_letters") == "open"
    assert urls.sql(COUNTS) == "0|0|0"


async def test_what_is_put_aside_can_be_looked_at_and_nothing_else(database: Database) -> None:
    first, second = await kept(database, b"1"), await kept(database, b"2")
    async with database.write() as uow:
        assert (await letters.discard(uow, letter_id=first)).state == "discarded"
    with pytest.raises(Conflict, match="was discarded already"):
        await replay(database, first)
    async with database.read() as uow:
        assert [letter.id for letter in await letters.listed(uow)] == [second]
        assert [letter.id for letter in await letters.listed(uow, state=None)] == [second, first]
        assert [letter.id for letter in await letters.listed(uow, state=None, after=second)] == [first]
        assert (await letters.find(uow, letter_id=first)).body == b"1"
        with pytest.raises(NotFound):
            await letters.find(uow, letter_id=clock.new_id())
