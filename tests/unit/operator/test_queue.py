"""The queue: every key that was added is worked on after it was added, by one worker at a time."""

from __future__ import annotations

import asyncio

import pytest
from taskora_operator.engine.queue import QueueClosed, WorkQueue


async def test_a_key_added_many_times_is_worked_on_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for _ in range(5):
        queue.add("a")
    assert await queue.get() == "a"
    queue.done("a")
    assert queue.idle


async def test_a_key_added_while_it_is_worked_on_comes_again_and_not_before() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    queue.add("b")
    assert await queue.get() == "b"
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.done("a")
    assert await waiting == "a"


async def test_pauses_grow_up_to_a_limit_and_begin_anew_after_success() -> None:
    queue: WorkQueue[str] = WorkQueue(first_retry=1, longest_retry=300)
    pauses = [queue.failed("a") for _ in range(2000)]
    assert 0.5 <= pauses[0] <= 1
    assert pauses[4] >= 8
    assert 150 <= pauses[-1] <= 300
    queue.succeeded("a")
    assert queue.failed("a") <= 1
    assert queue.failed("a", at_least=1000) == 1000, "the server says how long to wait"
    queue.close()


async def test_the_sooner_of_two_times_counts() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("a", 0.01)
    queue.add_after("a", 1000)
    assert await asyncio.wait_for(queue.get(), timeout=5) == "a"
    queue.close()


async def test_nothing_brings_a_key_back_before_the_server_allows() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    begun = asyncio.get_running_loop().time()
    queue.failed("a", at_least=0.2)
    queue.done("a")
    queue.add("a")
    queue.add_after("a", 0.01)
    assert await asyncio.wait_for(queue.get(), timeout=5) == "a"
    assert asyncio.get_running_loop().time() - begun >= 0.2
    queue.close()


async def test_nothing_comes_out_of_a_closed_queue() -> None:
    queue: WorkQueue[str] = WorkQueue()
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    queue.close()
    with pytest.raises(QueueClosed):
        await waiting
