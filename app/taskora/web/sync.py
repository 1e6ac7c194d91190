"""Live updates: every stream of a user sees each change once, in order, whatever the broker drops or repeats.

Changes come in three ways that may overlap: pushed by the broker, fetched from the backend's feed, and announced by the
once-a-second look at the users' heads. A user's `seq` has no gaps, so a jump means that something was missed, and the
feed is asked.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

QUEUE_LENGTH = 256
"""Notices a slow browser may be behind before its stream ends; it comes back and fetches what it missed."""
HEARTBEAT = 15.0
"""Seconds of silence before a comment keeps proxies from closing the stream."""


class Change(BaseModel):
    """One change of a user's tasks, as events and the feed carry it. Browsers get it whole, further members too."""

    model_config = ConfigDict(frozen=True, extra="allow")

    seq: int
    type: str


class Live(StrEnum):
    """How live updates are doing, for the status line."""

    OK = "ok"
    DELAYED = "delayed"
    DOWN = "down"


@dataclass(frozen=True)
class Head:
    """The user's newest seq, as the backend knows it."""

    seq: int


@dataclass(frozen=True)
class Ended:
    """The session was revoked or the pod is going."""

    signed_out: bool = False


@dataclass(frozen=True)
class Event:
    """One server-sent event; a `name` of None is a comment."""

    name: str | None
    seq: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])


Notice = Change | Head | Live | Ended
Fetch = Callable[[int], Awaitable[list[Change] | None]]
"""Changes after a seq, oldest first; None when the feed does not reach there, empty when it can't be asked."""


ADRIFT = -1


class Listener:
    """One open stream. `seq` is the last change it has sent; `ADRIFT` until a head tells where to go on."""

    def __init__(self, user_id: str, *, seq: int, session: str) -> None:
        self.user_id = user_id
        self.session = session
        self.seq = seq
        self.behind = False
        self.queue: asyncio.Queue[Notice] = asyncio.Queue(QUEUE_LENGTH)

    def offer(self, notice: Notice) -> None:
        """Hand over a notice without waiting; a listener that cannot keep up is marked, and its stream ends."""
        try:
            self.queue.put_nowait(notice)
        except asyncio.QueueFull:
            self.behind = True

    def end(self, *, signed_out: bool) -> None:
        """End this stream after what is already under way."""
        self.offer(Ended(signed_out=signed_out))


class Hub:
    """The open streams of this pod, by user."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)
        self.live = Live.OK

    def __len__(self) -> int:
        return sum(map(len, self._listeners.values()))

    def __iter__(self) -> Iterator[Listener]:
        return iter([listener for group in self._listeners.values() for listener in group])

    def join(self, listener: Listener) -> None:
        """Register before the first fetch, so that nothing falls between the two."""
        self._listeners[listener.user_id].add(listener)

    def leave(self, listener: Listener) -> None:
        """Forget a stream; harmless when it has left already."""
        group = self._listeners.get(listener.user_id)
        if group is not None:
            group.discard(listener)
            if not group:
                del self._listeners[listener.user_id]

    def publish(self, user_id: str, change: Change) -> None:
        """Pass a change on to the user's streams."""
        for listener in self._listeners.get(user_id, ()):
            listener.offer(change)

    def sessions(self) -> list[str]:
        """The sessions, as token hashes, that hold a stream open."""
        return sorted({listener.session for listener in self})

    def tell_heads(self, heads: Mapping[str, int], *, revoked: Iterable[str], live: Live) -> None:
        """Wake the streams that are behind, end those whose session is gone, pass on how live updates are doing."""
        gone = frozenset(revoked)
        changed, self.live = live is not self.live, live
        for listener in self:
            if listener.session in gone:
                listener.offer(Ended(signed_out=True))
                continue
            if heads.get(listener.user_id, listener.seq) != listener.seq:
                listener.offer(Head(heads[listener.user_id]))
            if changed:
                listener.offer(live)

    def close(self) -> None:
        """End every stream, for a pod that is going; browsers come back to another."""
        for listener in self:
            listener.offer(Ended())


async def follow(
    listener: Listener, *, first: list[Change] | None, fetch: Fetch, live: Live
) -> AsyncGenerator[Event, None]:
    """The events of one stream: `first` is what the feed held when it opened, then what the hub hands over."""
    yield Event("status", data={"live": live})
    for event in _catch_up(listener, first):
        yield event
    while not listener.behind:
        try:
            notice = await asyncio.wait_for(listener.queue.get(), HEARTBEAT)
        except TimeoutError:
            yield Event(None)
            continue
        match notice:
            case Ended(signed_out=signed_out):
                if signed_out:
                    yield Event("signed-out")
                return
            case Live():
                yield Event("status", data={"live": notice})
            case Change(seq=seq) | Head(seq=seq) if listener.seq == ADRIFT:
                listener.seq = seq
                yield Event("resync", seq=seq)
            case Change(seq=seq) if seq == listener.seq + 1:
                yield _next(listener, notice)
            # A head that is behind was overtaken by a change, or the database was restored: the feed knows which.
            case Head(seq=seq) | Change(seq=seq) if seq > listener.seq or (
                seq < listener.seq and isinstance(notice, Head)
            ):
                for event in _catch_up(listener, await fetch(listener.seq)):
                    yield event
            case _:
                pass  # already sent


def _catch_up(listener: Listener, changes: list[Change] | None) -> Iterator[Event]:
    if changes is None:
        listener.seq = ADRIFT
        return
    for change in changes:
        yield _next(listener, change)


def _next(listener: Listener, change: Change) -> Event:
    listener.seq = change.seq
    return Event(change.type, seq=change.seq, data=change.model_dump())
