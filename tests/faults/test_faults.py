"""Nothing accepted is lost, nothing is doubled, nobody's changes change places: whatever is killed, and when.

The short form; `make faults` is the long one. The tests share one Taskora and come in this order: the last ones take
its safeguards out, to show that the checker would have told.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest
from aiokafka import AIOKafkaProducer

from tests.cluster.process import answers
from tests.component.app.conftest import until
from tests.component.app.sidecars import SUBSCRIBED, Pod, offered_again
from tests.whole import Whole

from . import checker
from .conftest import Judge, joined, relaunch
from .launcher import POINTS
from .ledger import Ledger
from .rest import lags
from .storm import Storm, listening, revive, victims
from .writers import Writer

KILLED, WRITTEN = 12, 200
Http = aiohttp.ClientSession


# Every point once, of each role one at a time.
ROUNDS = [dict(zip(POINTS, points, strict=True)) for points in zip_longest(*POINTS.values())]


async def test_nothing_is_lost_or_doubled_while_everything_is_killed_at_random(
    whole: Whole, http: Http, ledger: Ledger, judge: Judge
) -> None:
    writers = await joined(whole, http, ledger, people=6)
    storm = Storm(victims(whole), every=(1, 3), seed=7)

    def enough() -> bool:
        return len(storm.killed) >= KILLED and ledger.total >= WRITTEN

    raging = asyncio.ensure_future(asyncio.to_thread(storm.rage, enough))
    await asyncio.gather(*(writer.work(raging.done) for writer in writers))
    await raging
    assert await judge.complaints(seconds=120) == [], storm.killed


async def test_while_the_database_is_away_events_wait_and_none_is_given_up(
    whole: Whole, http: Http, ledger: Ledger, judge: Judge
) -> None:
    writers = await joined(whole, http, ledger, people=3, seed=100)
    working = asyncio.gather(*(writer.work(lambda: False, writes=15) for writer in writers))
    (postgres,) = (victim for victim in victims(whole) if victim.name == "postgres")
    await until(lambda: sum(ledger.accepted.get(writer.user_id, 0) for writer in writers) > 5)
    log = whole.pods["audit-0"].log
    before = log.read_text().count("asked to deliver again")
    postgres.process.stop(kill=True)
    await until(lambda: log.read_text().count("asked to deliver again") > before + 20, seconds=60)
    await asyncio.to_thread(revive, postgres)
    await working
    assert await judge.complaints() == []


async def test_while_the_roles_are_away_their_sidecars_offer_events_until_they_are_taken(
    whole: Whole, http: Http, ledger: Ledger, judge: Judge
) -> None:
    """Each of them, the frontend too: none puts among the dead letters what nobody was there to take."""
    pods = [*(whole.pods[f"{role}-0"] for role in SUBSCRIBED), whole.door]
    before = [offered_again(pod.sidecar) for pod in pods]
    for pod in pods:
        pod.process.stop(kill=True)
    for writer in await joined(whole, http, ledger, people=3, seed=200):
        writer.comes_by(f"{whole.pods['backend-1'].url}/api/v1")
        await writer.do_one_of_each()
    for pod, already in zip(pods, before, strict=True):
        await until(lambda pod=pod, already=already: offered_again(pod.sidecar) > already, seconds=60)
        await asyncio.to_thread(pod.process.start, listening(pod))
    assert await judge.complaints() == []


@pytest.fixture(scope="session")
def orders(whole: Whole, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By role: what its first pod reads from now on, at which point to die."""
    files = {role: tmp_path_factory.mktemp("orders") / role for role in POINTS}
    for role, file in files.items():
        relaunch(whole.pods[f"{role}-0"], "--orders", str(file))
    return files


@pytest.mark.parametrize("points", ROUNDS, ids=lambda points: "+".join(filter(None, points.values())))
async def test_processes_killed_at_these_points_leave_no_trace(
    alone: Whole, http: Http, ledger: Ledger, judge: Judge, orders: dict[str, Path], points: dict[str, str | None]
) -> None:
    # Whose registration is cut off can't tell whether it was done.
    writers = await joined(alone, http, ledger, people=2, seed=uuid4().int, backends=1)
    given = {role: point for role, point in points.items() if point}
    for role, point in given.items():
        orders[role].write_text(point)
    dying = [_dies_and_returns(alone.pods[f"{role}-0"], orders[role]) for role in given]
    await asyncio.gather(_work(writers), *dying)
    assert await judge.complaints() == []


async def _dies_and_returns(pod: Pod, order: Path) -> None:
    await until(lambda: not order.exists(), seconds=60)
    await until(lambda: not pod.process.alive(), seconds=10)
    await asyncio.to_thread(pod.process.start, lambda: answers(pod.port))


async def _work(writers: Sequence[Writer]) -> None:
    await asyncio.gather(*(writer.work(lambda: False, writes=6) for writer in writers))
    # Last, so that nobody completes what is about to remind.
    await asyncio.gather(*(writer.do_one_of_each() for writer in writers))


@pytest.mark.parametrize("point", ["inbox.received", "inbox.applied", "inbox.committed"])
async def test_a_consumer_killed_with_many_events_in_hand_leaves_no_trace(
    alone: Whole, http: Http, ledger: Ledger, judge: Judge, orders: dict[str, Path], point: str
) -> None:
    """A delivery is one transaction; the point is passed in that of the most that waited."""
    audit = alone.pods["audit-0"]
    audit.process.stop(kill=True)
    await _work(await joined(alone, http, ledger, people=3, seed=uuid4().int, backends=1))
    await until(lambda: alone.urls.sql("SELECT count(*) FROM outbox WHERE published_at IS NULL") == "0", seconds=60)
    assert (await lags(alone))["events for audit"] > 20
    orders["audit"].write_text(point)
    await asyncio.to_thread(audit.process.start, lambda: answers(audit.port))
    await _dies_and_returns(audit, orders["audit"])
    assert await judge.complaints() == []
    at_once = "SELECT max(count) FROM (SELECT count(*) FROM audit_log GROUP BY audit_log.xmin::text) AS committed"
    assert int(alone.urls.sql(at_once)) > 5


async def test_what_is_delivered_twice_counts_once(alone: Whole, judge: Judge) -> None:
    await publish(alone, *await said_on(alone, "task-events", "user-events", "reminder-events"))
    assert await judge.complaints() == []


async def test_what_nobody_can_take_stops_no_partition(alone: Whole, http: Http, ledger: Ledger, judge: Judge) -> None:
    """On every partition one that is no event, and one that is and makes no sense."""
    senseless = {
        "specversion": "1.0",
        "id": "01890000-0000-7000-8000-000000000000",
        "source": "/taskora/backend",
        "type": "dev.taskora.task.created.v1",
        "time": "2031-01-01T00:00:00Z",
        "data": {"user_id": "nobody"},
    }
    bodies = [b"\x00 not an event", json.dumps(senseless).encode()]
    await publish(alone, *(("task-events", part, None, body) for part in range(3) for body in bodies))
    await _work(await joined(alone, http, ledger, people=2, seed=uuid4().int, backends=1))
    told = await judge.complaints()
    assert sum(one.startswith("given up: audit") for one in told) >= 2, told
    assert all(senseless["id"] in one or "of task-events: Not JSON" in one for one in told), told


async def test_without_the_inbox_the_checker_complains(alone: Whole, judge: Judge) -> None:
    relaunch(alone.pods["insights-0"], "--without", "inbox")
    await publish(alone, *await said_on(alone, "user-events"))
    told = await judge.complaints()
    assert told
    assert all(one.startswith("doubled or lost: (") for one in told)
    relaunch(alone.pods["insights-0"])


async def test_without_the_outbox_the_checker_complains(alone: Whole, http: Http, ledger: Ledger, judge: Judge) -> None:
    pod = alone.pods["backend-0"]
    relaunch(pod, "--without", "outbox")
    writers = await joined(alone, http, ledger, people=1, seed=500, backends=1)
    pod.sidecar.process.stop(kill=True)
    writers[0].comes_by(f"{pod.url}/api/v1")
    await writers[0].work(lambda: False, writes=5)
    waiting = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
    await until(lambda: alone.urls.sql(waiting) == "0", seconds=60)
    await asyncio.to_thread(pod.sidecar.process.start, pod.sidecar.ready)
    assert any("is marked as published and is not on task-events" in one for one in await judge.complaints())
    relaunch(pod)


async def test_without_the_claim_and_its_key_the_checker_complains(
    alone: Whole, http: Http, ledger: Ledger, judge: Judge
) -> None:
    alone.urls.sql("ALTER TABLE notifications DROP CONSTRAINT notifications_reminder_id_generation_key")
    for name in ("scheduler-0", "scheduler-1"):
        relaunch(alone.pods[name], "--without", "claim")
    writers = await joined(alone, http, ledger, people=2, seed=600, backends=1)
    for _ in range(8):  # two schedulers have to look at the same moment
        await asyncio.gather(*(writer.do_one_of_each() for writer in writers))
        if any(" fired 2 times" in one for one in await judge.complaints()):
            return
    raise AssertionError("nothing was fired twice")


async def said_on(whole: Whole, *topics: str) -> list[tuple[str, int, bytes | None, bytes]]:
    """Topic, partition, key and value of every event that is there."""
    return [
        (one.topic, one.partition, one.key.encode(), json.dumps(one.event).encode())
        for one in await checker.published(whole.kafka.bootstrap, topics)
        if one.event is not None
    ]


async def publish(whole: Whole, *records: tuple[str, int, bytes | None, bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=whole.kafka.bootstrap)
    await producer.start()
    try:
        for topic, partition, key, value in records:
            await producer.send(topic, value, key=key, partition=partition)
        await producer.flush()
    finally:
        await producer.stop()
