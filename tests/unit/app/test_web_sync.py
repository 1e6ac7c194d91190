"""A stream gives each change once and in order, whatever the broker drops, repeats, delays or reorders."""

import asyncio
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from taskora.web.sync import ADRIFT, QUEUE_LENGTH, Change, Ended, Event, Head, Hub, Listener, Live, Notice, follow

ADA, BOB = "ada", "bob"


def change(seq: int) -> Change:
    return Change.model_validate({"seq": seq, "type": "dev.taskora.task.updated.v1", "data": {"seq": seq}})


def streamed(
    notices: Sequence[Notice], *, since: int, newest: int, floor: int = 0, feed_up: bool = True
) -> list[Event]:
    """What a browser at `since` gets of `notices`, with a feed that reaches from `floor` to `newest`."""

    async def fetch(after: int) -> list[Change] | None:
        if not feed_up:
            return []
        return None if not floor <= after <= newest else [change(seq) for seq in range(after + 1, newest + 1)]

    async def run() -> list[Event]:
        listener = Listener(ADA, seq=since, session="s")
        for notice in notices:
            listener.offer(notice)
        listener.end(signed_out=False)
        return [event async for event in follow(listener, first=await fetch(since), fetch=fetch, live=Live.OK)]

    return asyncio.run(run())


def seqs(events: Sequence[Event]) -> list[int]:
    return [event.seq for event in events if event.seq is not None and event.name != "resync"]


@given(
    st.integers(0, 10),
    st.integers(0, 20),
    st.lists(st.integers(1, 40).flatmap(lambda n: st.sampled_from([change(n), Head(n)])), max_size=30),
)
def test_each_change_comes_once_and_in_order(since: int, ahead: int, notices: list[Notice]) -> None:
    # The feed knows whatever was announced: an event follows its commit.
    newest = max([since + ahead, *(n.seq for n in notices if isinstance(n, Change | Head))])
    found = seqs(streamed(notices, since=since, newest=newest))
    assert found == list(range(since + 1, since + 1 + len(found)))
    announced = [n.seq for n in notices if isinstance(n, Change | Head) and n.seq > since]
    assert not announced or found[-1] >= max(announced)


@given(st.lists(st.integers(1, 12), max_size=30))
def test_without_the_feed_nothing_is_skipped_over(order: list[int]) -> None:
    found = seqs(streamed([change(n) for n in order], since=0, newest=12, feed_up=False))
    assert found == list(range(1, len(found) + 1))


def test_a_stream_the_feed_cannot_serve_is_told_to_start_again_from_the_head() -> None:
    events = streamed([Head(30), change(31)], since=3, newest=31, floor=20)
    assert [(event.name, event.seq) for event in events[1:]] == [("resync", 30), ("dev.taskora.task.updated.v1", 31)]


def test_a_stream_that_waits_for_a_head_takes_a_change_as_one() -> None:
    events = streamed([change(25)], since=3, newest=25, floor=20)
    assert [(event.name, event.seq) for event in events[1:]] == [("resync", 25)]


def test_a_stream_that_knows_of_more_than_a_restored_database_starts_again_from_its_head() -> None:
    events = streamed([change(8), change(9), Head(7), Head(7)], since=7, newest=7)
    assert [(event.name, event.seq) for event in events[3:]] == [("resync", 7)]


def test_a_head_that_a_change_overtook_changes_nothing() -> None:
    events = streamed([change(8), change(9), Head(8), change(10)], since=7, newest=9)
    assert [event.seq for event in events[1:]] == [8, 9, 10]
    assert all(event.name != "resync" for event in events)


def test_a_stream_begins_with_how_live_updates_do_and_hears_when_that_turns() -> None:
    events = streamed([Live.DELAYED, Live.OK], since=0, newest=0)
    assert [event.data["live"] for event in events] == [Live.OK, Live.DELAYED, Live.OK]


def test_a_change_goes_to_its_own_users_streams() -> None:
    hub = Hub()
    ada, again, bob = (Listener(user, seq=0, session=user) for user in (ADA, ADA, BOB))
    for listener in (ada, again, bob):
        hub.join(listener)
    hub.publish(ADA, change(1))
    assert [listener.queue.qsize() for listener in (ada, again, bob)] == [1, 1, 0]
    hub.leave(ada)
    hub.leave(ada)
    hub.publish(ADA, change(2))
    assert [listener.queue.qsize() for listener in (ada, again, bob)] == [1, 2, 0]
    assert hub.sessions() == [ADA, BOB]


def test_heads_wake_those_behind_and_end_those_revoked() -> None:
    hub = Hub()
    behind, level, adrift = (Listener(ADA, seq=seq, session=f"s{seq}") for seq in (3, 7, ADRIFT))
    gone = Listener(BOB, seq=0, session="gone")
    for listener in (behind, level, adrift, gone):
        hub.join(listener)
    hub.tell_heads({ADA: 7, BOB: 9}, revoked=["gone"], live=Live.OK)
    waiting = [
        [listener.queue.get_nowait() for _ in range(listener.queue.qsize())]
        for listener in (behind, level, adrift, gone)
    ]
    assert waiting == [[Head(7)], [], [Head(7)], [Ended(signed_out=True)]]


def test_the_weather_is_told_when_it_turns_and_only_then() -> None:
    hub = Hub()
    listener = Listener(ADA, seq=5, session="s")
    hub.join(listener)
    for live in (Live.OK, Live.DELAYED, Live.DELAYED, Live.OK):
        hub.tell_heads({ADA: 5}, revoked=(), live=live)
    assert [listener.queue.get_nowait() for _ in range(listener.queue.qsize())] == [Live.DELAYED, Live.OK]


def test_a_browser_that_does_not_read_is_let_go() -> None:
    async def run() -> list[Event]:
        listener = Listener(ADA, seq=0, session="s")
        for seq in range(1, QUEUE_LENGTH + 2):
            listener.offer(change(seq))
        async with asyncio.timeout(5):
            return [event async for event in follow(listener, first=[], fetch=_nothing, live=Live.OK)]

    # It ends, so that the browser comes back and fetches; it does not go on with a hole.
    assert len(seqs(asyncio.run(run()))) <= QUEUE_LENGTH


async def _nothing(_: int) -> list[Change] | None:
    return []
