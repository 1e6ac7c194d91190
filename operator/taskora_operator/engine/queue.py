"""Keys that need attention: each at most once, each by one worker at a time, failures with growing pauses."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import Generic, TypeVar

K = TypeVar("K")

FIRST_RETRY, LONGEST_RETRY = 1.0, 300.0


class QueueClosed(Exception):
    """There is nothing more to do."""


class WorkQueue(Generic[K]):
    """A key that is added while it is worked on is worked on once more afterwards."""

    def __init__(self, *, first_retry: float = FIRST_RETRY, longest_retry: float = LONGEST_RETRY) -> None:
        self._first, self._longest = first_retry, longest_retry
        self._waiting: deque[K] = deque()
        self._queued: set[K] = set()
        self._active: set[K] = set()
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._held: dict[K, float] = {}
        self._arrived = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._queued)

    @property
    def idle(self) -> bool:
        return not self._queued and not self._active

    def add(self, key: K) -> None:
        if key in self._queued:
            return
        if key in self._held:
            left = self._held[key] - asyncio.get_running_loop().time()
            if left > 0:
                self.add_after(key, left)
                return
            del self._held[key]
        self._queued.add(key)
        if key not in self._active:
            self._waiting.append(key)
            self._arrived.set()

    def add_after(self, key: K, seconds: float) -> None:
        """The sooner of two such wishes counts."""
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + seconds
        timer = self._timers.get(key)
        if timer is not None and not timer.cancelled() and loop.time() <= timer.when() <= when:
            return
        if timer is not None:
            timer.cancel()
        self._timers[key] = loop.call_at(when, self._due, key)

    def _due(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)

    async def get(self) -> K:
        """The next key; give it back with `done`. Raises `QueueClosed`."""
        while not self._waiting and not self._closed:
            self._arrived.clear()
            await self._arrived.wait()
        if self._closed:
            raise QueueClosed
        key = self._waiting.popleft()
        self._queued.discard(key)
        self._active.add(key)
        return key

    def done(self, key: K) -> None:
        self._active.discard(key)
        if key in self._queued:
            self._waiting.append(key)
            self._arrived.set()

    def succeeded(self, key: K) -> None:
        self._failures.pop(key, None)

    def failed(self, key: K, *, at_least: float = 0.0) -> float:
        """Comes back after a pause that doubles with every failure in a row; returns the pause in seconds. Whatever
        happens, not before `at_least`: the API server asked for that."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret
        pause = max(at_least, min(self._first * 2 ** min(failures, 20), self._longest) * jitter)
        if at_least:
            self._held[key] = asyncio.get_running_loop().time() + at_least
            if key in self._active:
                self._queued.discard(key)
        self.add_after(key, pause)
        return pause

    def forget(self, key: K) -> None:
        self._held.pop(key, None)
        self._failures.pop(key, None)
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._closed = True
        self._arrived.set()
