"""Says what is lost, doubled or out of order. It reads PostgreSQL and the topics with clients of its own.

Nothing of Taskora is imported: what is checked can't explain itself away.

    python -m tests.faults.checker DATABASE_URL BROKER LEDGER
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition
from jsonschema import Draft202012Validator
from psycopg.rows import dict_row

from .ledger import Ledger

TOPICS = ("task-events", "reminder-events", "user-events", "chat-events", "system-events")
AUDITED = ("task-events", "user-events")
COUNTED = ("user-events", "chat-events", "system-events")
SCHEMAS = Path(__file__).parents[2] / "docs" / "events"

Row = dict[str, Any]


@dataclass(frozen=True)
class Message:
    """One record of a topic. `event` is None where the record is no CloudEvent."""

    topic: str
    partition: int
    offset: int
    key: str
    event: Row | None


@dataclass(frozen=True)
class Stored:
    """What the tables hold, as text where ids are concerned."""

    users: dict[str, int]
    tasks: list[Row]
    reminders: list[Row]
    outbox: list[Row]
    audit: list[Row]
    activity: list[Row]
    notifications: list[Row]
    dead_letters: list[Row]


def faults(ledger: Ledger, stored: Stored, messages: Sequence[Message]) -> list[str]:
    """A sentence for each thing that is wrong. Everything must have come to rest before."""
    events = _first_of_each(messages)
    return [
        *_lost(ledger, stored),
        *_made_twice(ledger, stored, events),
        *_not_continued(stored),
        *_out_of_order(stored, events),
        *_not_on_their_topic(stored, events),
        *_not_as_promised(events),
        *_not_audited(stored, events),
        *_not_counted(stored, events),
        *_not_notified(stored, events),
        *_given_up(stored),
    ]


def _first_of_each(messages: Sequence[Message]) -> list[Message]:
    """Events may be on a topic twice; consumers go by the first. In the order of each partition."""
    seen: set[tuple[str, str]] = set()
    found: list[Message] = []
    for message in sorted(messages, key=lambda m: (m.topic, m.partition, m.offset)):
        if message.event is not None and (message.topic, message.event["id"]) not in seen:
            seen.add((message.topic, message.event["id"]))
            found.append(message)
    return found


def _lost(ledger: Ledger, stored: Stored) -> Iterator[str]:
    """Each task that was answered is there, as it was answered last."""
    found = {row["id"]: row for row in stored.tasks}
    for user_id, tasks in ledger.tasks.items():
        for task_id, answered in tasks.items():
            row = found.get(task_id)
            if row is None:
                yield f"lost: task {task_id} of user {user_id} was accepted and is not there"
                continue
            for name in ("title", "status", "version", "priority"):
                if row[name] != answered[name]:
                    yield f"lost: task {task_id} was answered with {name} {answered[name]!r} and has {row[name]!r}"


def _made_twice(ledger: Ledger, stored: Stored, events: Sequence[Message]) -> Iterator[str]:
    """No task that nobody made; one event for each version of each task; each successor once."""
    known = {task_id for tasks in ledger.tasks.values() for task_id in tasks}
    for row in stored.tasks:
        if row["user_id"] in ledger.tasks and row["id"] not in known and (row["occurrence_no"] or 1) == 1:
            yield f"doubled: task {row['id']} of user {row['user_id']} was never answered to anybody"
    versions: dict[str, list[int]] = defaultdict(list)
    for message in events:
        task = _data(message).get("task") if message.topic == "task-events" else None
        if isinstance(task, dict) and "version" in task:
            versions[task["id"]].append(task["version"])
    for row in stored.tasks:
        if versions[row["id"]] != list(range(1, row["version"] + 1)):
            yield f"doubled or lost: task {row['id']} is at version {row['version']}, told: {versions[row['id']]}"


def _not_continued(stored: Stored) -> Iterator[str]:
    """Of a series that goes on when one is done: the next is there, once, and only after a done one."""
    series: dict[str, dict[int, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in stored.tasks:
        if row["again"]:
            series[row["series_id"]][row["occurrence_no"]].append(row)
    for series_id, numbers in series.items():
        for number, rows in numbers.items():
            if len(rows) > 1:
                yield f"doubled: occurrence {number} of series {series_id} is there {len(rows)} times"
            if rows[0]["status"] == "done" and number + 1 not in numbers:
                yield f"lost: occurrence {number} of series {series_id} is done and nothing comes after it"
            if number > 1 and number - 1 not in numbers:
                yield f"doubled: occurrence {number} of series {series_id} comes after nothing"


def _out_of_order(stored: Stored, events: Sequence[Message]) -> Iterator[str]:
    """The numbers of each user's task events, in the order of the topic: 1, 2, 3 … in one partition."""
    numbers: dict[str, list[int]] = defaultdict(list)
    partitions: dict[str, set[int]] = defaultdict(set)
    for message in events:
        if message.topic == "task-events":
            user_id = str(_data(message).get("user_id"))
            numbers[user_id].append(_data(message).get("seq", -1))
            partitions[user_id].add(message.partition)
            if message.key != user_id:
                yield f"order: event {(message.event or {})['id']} has key {message.key!r}, not its user's id"
    for user_id, seq in stored.users.items():
        if numbers[user_id] != list(range(1, seq + 1)):
            wrong = next((i for i, n in enumerate(numbers[user_id], 1) if n != i), len(numbers[user_id]) + 1)
            yield f"order: user {user_id} has seq {seq}; at place {wrong} of {len(numbers[user_id])} it breaks"
        if len(partitions[user_id]) > 1:
            yield f"order: events of user {user_id} are in partitions {sorted(partitions[user_id])}"


def _not_on_their_topic(stored: Stored, events: Sequence[Message]) -> Iterator[str]:
    told = {(m.topic, m.event["id"]) for m in events if m.event}
    kept = {(row["topic"], row["event_id"]) for row in stored.outbox}
    for row in stored.outbox:
        if row["waiting"]:
            yield f"topics: event {row['event_id']} still waits for {row['topic']}"
        elif (row["topic"], row["event_id"]) not in told:
            yield f"lost: event {row['event_id']} is marked as published and is not on {row['topic']}"
    for topic, event_id in told - kept:
        if topic != "system-events":
            yield f"topics: event {event_id} on {topic} was in no transaction"


def _not_as_promised(events: Sequence[Message]) -> Iterator[str]:
    """The data of each event validates against its type's schema under docs/events."""
    schemas: dict[str, Draft202012Validator | None] = {}
    for message in events:
        event = message.event or {}
        kind = str(event.get("type"))
        if kind not in schemas:
            file = SCHEMAS / f"{kind}.json"
            schemas[kind] = Draft202012Validator(json.loads(file.read_text())) if file.exists() else None
        validator = schemas[kind]
        if validator is None:
            yield f"schema: docs/events has none for {kind}"
        elif (error := next(validator.iter_errors(_data(message)), None)) is not None:
            yield f"schema: {kind} {event.get('id')}: {error.message}"


def _not_audited(stored: Stored, events: Sequence[Message]) -> Iterator[str]:
    """Each user's events are in their log once, and the log's chain holds."""
    told: dict[str, set[str]] = defaultdict(set)
    for message in events:
        if message.topic in AUDITED and message.event:
            told[str(_data(message).get("user_id"))].add(message.event["id"])
    logged: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(stored.audit, key=lambda row: row["no"]):
        logged[row["user_id"]].append(row)
    for user_id in told.keys() | logged.keys():
        ids = [row["event_id"] for row in logged[user_id]]
        if missing := told[user_id] - set(ids):
            yield f"audit: {len(missing)} events of user {user_id} are not in the log, among them {min(missing)}"
        if extra := set(ids) - told[user_id]:
            yield f"audit: {len(extra)} entries of user {user_id} are of no event, among them {min(extra)}"
        if len(ids) != len(set(ids)):
            yield f"doubled: the log of user {user_id} has an event twice"
        before = bytes(32)
        for number, row in enumerate(logged[user_id], 1):
            covered = before + uuid.UUID(user_id).bytes + number.to_bytes(8) + row["entry"].encode()
            if row["no"] != number or row["hash"] != hashlib.sha256(covered).digest():
                yield f"audit: the chain of user {user_id} breaks at {number}"
                break
            before = row["hash"]


def _not_counted(stored: Stored, events: Sequence[Message]) -> Iterator[str]:
    wanted: Counter[tuple[str, str, str]] = Counter()
    for message in events:
        if message.topic in COUNTED and message.event:
            event = message.event
            subject = event["source"] if message.topic == "system-events" else str(_data(message).get("user_id"))
            day = datetime.fromisoformat(event["time"]).astimezone(UTC).date().isoformat()
            wanted[subject, day, event["type"]] += 1
    counted = {(row["subject"], row["day"], row["type"]): row["count"] for row in stored.activity}
    for name in wanted.keys() | counted.keys():
        if wanted[name] != counted.get(name, 0):
            yield f"doubled or lost: {name} happened {wanted[name]} times and is counted {counted.get(name, 0)} times"


def _not_notified(stored: Stored, events: Sequence[Message]) -> Iterator[str]:
    """A reminder fires once a generation, and each firing is one notification, told once."""
    fired = Counter(
        (_data(m)["reminder_id"], _data(m)["generation"])
        for m in events
        if m.topic == "reminder-events" and m.event and m.event["type"].endswith(".fired.v1")
    )
    notified = Counter((row["reminder_id"], row["generation"]) for row in stored.notifications)
    for name in fired.keys() | notified.keys():
        if (fired[name], notified[name]) != (1, 1):
            yield f"doubled or lost: reminder {name} fired {fired[name]} times and notified {notified[name]} times"
    for row in stored.reminders:
        if row["state"] == "waiting" and row["past"]:
            yield f"lost: reminder {row['id']} is due and has not fired"
        if row["state"] == "fired":
            yield f"lost: reminder {row['id']} fired and was not delivered"
        if row["state"] == "delivered" and fired[row["id"], row["generation"]] != 1:
            yield f"lost: reminder {row['id']} is delivered and its event is not on the topic"
    told = Counter(
        _data(m).get("notification_id")
        for m in events
        if m.topic == "task-events" and m.event and m.event["type"].endswith(".task.notified.v1")
    )
    for row in stored.notifications:
        if told[row["id"]] != 1:
            yield f"doubled or lost: notification {row['id']} was told {told[row['id']]} times"


def _given_up(stored: Stored) -> Iterator[str]:
    for row in stored.dead_letters:
        yield f"given up: {row['consumer']} could not take {row['event_id']} of {row['topic']}: {row['reason']}"


def _data(message: Message) -> Row:
    return (message.event or {}).get("data") or {}


def stored(url: str) -> Stored:
    with psycopg.connect(url, row_factory=dict_row) as connection:

        def rows(sql: Any) -> list[Row]:
            return connection.execute(sql).fetchall()

        return Stored(
            users={row["id"]: row["seq"] for row in rows("SELECT id::text, seq FROM users")},
            tasks=rows(
                "SELECT id::text, user_id::text, title, status, priority, version, series_id::text, occurrence_no,"
                " recurrence IS NOT NULL AND recurrence->>'mode' = 'on_completion' AS again FROM tasks"
            ),
            reminders=rows("SELECT id::text, generation, state, fire_at <= now() AS past FROM reminders"),
            outbox=rows("SELECT topic, event->>'id' AS event_id, seq, published_at IS NULL AS waiting FROM outbox"),
            audit=rows("SELECT user_id::text, no, event_id::text, entry, hash FROM audit_log"),
            activity=rows("SELECT subject, day::text, type, count FROM activity"),
            notifications=rows("SELECT id::text, reminder_id::text, generation FROM notifications"),
            dead_letters=rows("SELECT consumer, topic, event_id::text, reason FROM dead_letters WHERE state = 'open'"),
        )


async def published(bootstrap: str, topics: Sequence[str] = TOPICS) -> list[Message]:
    """Everything on the topics up to their present ends."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    found: list[Message] = []
    try:
        known = await consumer._client.fetch_all_metadata()
        parts = [TopicPartition(t, p) for t in topics for p in sorted(known.partitions_for_topic(t) or ())]
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        ends = await consumer.end_offsets(parts)
        while any([await consumer.position(part) < end for part, end in ends.items()]):
            for part, records in (await consumer.getmany(timeout_ms=500, max_records=5000)).items():
                found += [
                    Message(
                        part.topic, part.partition, r.offset, (r.key or b"").decode(errors="replace"), _parsed(r.value)
                    )
                    for r in records
                ]
    finally:
        await consumer.stop()
    return found


def _parsed(value: bytes | None) -> Row | None:
    try:
        event = json.loads(value or b"")
    except ValueError:
        return None
    return event if isinstance(event, dict) and "specversion" in event else None


def main(database: str, broker: str, ledger: str) -> int:
    found = faults(Ledger.load(Path(ledger)), stored(database), asyncio.run(published(broker)))
    print("\n".join(found) or "Nothing is lost, doubled or out of order.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
