"""Laws of the domain, held against whatever Hypothesis comes up with."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import to_json
from taskora.domain import audit, cursors, events, people, shares, tasks, text, trace, versions
from taskora.domain.ids import made_at, uuid7
from taskora.domain.problems import Invalid
from taskora.domain.tasks import Draft, Patch, Priority, Status, Task, Verb

NOW = datetime(2026, 2, 4, 12, tzinfo=UTC)
USER = uuid7(1, entropy=b"u" * 10)

anything = st.text(st.characters(codec=None))
titles = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1, max_size=80).filter(
    lambda title: " ".join(title.split())
)
words = st.text("abcdefghABCDEFGH", min_size=1, max_size=8)
moments = st.datetimes(datetime(1950, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
patches = st.fixed_dictionaries(
    {},
    optional={
        "title": titles,
        "status": st.sampled_from(Status),
        "priority": st.sampled_from(Priority),
        "tags": st.lists(words, max_size=5),
    },
).flatmap(
    lambda fields: st.one_of(
        st.just(fields),
        moments.map(lambda at: {**fields, "due_at": at}),
        st.dates(date(1950, 1, 1), date(2200, 1, 1)).map(lambda day: {**fields, "due_date": day}),
        st.just({**fields, "due_at": None, "due_date": None}),
    )
)


def new_task(title: str = "Pay rent") -> Task:
    made = tasks.create(Draft(title=title), task_id=uuid7(2, entropy=b"t" * 10), user_id=USER, now=NOW, position=0)
    return made.task


# Ids


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_ids_sort_by_the_time_they_were_made(first: int, second: int, entropy: bytes) -> None:
    early, late = uuid7(first, entropy=entropy), uuid7(second, entropy=entropy)
    assert (first < second) == (early < late)
    assert early.version == 7
    assert early.variant == "specified in RFC 4122"


@given(st.integers(0, 4_102_444_800_000), st.binary(min_size=10, max_size=10))
def test_an_id_tells_its_millisecond(millis: int, entropy: bytes) -> None:
    assert abs(made_at(uuid7(millis, entropy=entropy)).timestamp() * 1000 - millis) < 1


# Text


@given(anything)
def test_text_that_is_kept_can_be_stored_and_is_kept_the_same_twice(written: str) -> None:
    for lines in (False, True):
        try:
            kept = text.readable(written, most=100, lines=lines)
        except ValueError as error:
            assert str(error).endswith(".")  # noqa: PT017
            continue
        kept.encode()
        assert "\0" not in kept
        assert len(kept) <= 100
        assert text.readable(kept, most=100, lines=lines) == kept


@pytest.mark.parametrize("written", ["a\0b", "a\ud800b", "\x1b[31m", "a" * 501, "", " \n\t "])
def test_a_title_that_would_hurt_is_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        Draft(title=written)


@pytest.mark.parametrize("tag", ["", "#", "two words", "a,b", "a#b", "x" * 51])
def test_a_tag_is_one_word(tag: str) -> None:
    with pytest.raises(ValidationError):
        Draft(title="t", tags=[tag])


# Tasks


@given(st.lists(patches, max_size=8))
def test_however_a_task_is_changed_its_rules_hold(changes: list[dict[str, object]]) -> None:
    task = new_task()
    for fields in changes:
        before, patch = task, Patch.model_validate(fields)
        change = tasks.update(task, patch, now=before.updated_at + timedelta(seconds=1))
        if change is None:
            assert tasks.update(task, patch, now=NOW) is None
            continue
        task = change.task
        assert task.version == before.version + 1
        assert task.updated_at > before.updated_at
        assert task.due_at is None or task.due_date is None
        assert (task.status is Status.DONE) == (task.completed_at is not None)
        assert len({tag.casefold() for tag in task.tags}) == len(task.tags)
        assert (change.verb is Verb.COMPLETED) == (before.status is not Status.DONE and task.status is Status.DONE)
        assert (change.verb is Verb.REOPENED) == (before.status is Status.DONE and task.status is not Status.DONE)
        assert change.fields
        # The same again changes nothing.
        assert tasks.update(task, patch, now=NOW) is None


def test_completing_twice_is_one_change_and_reopening_goes_back_to_do() -> None:
    done = tasks.complete(new_task(), now=NOW)
    assert done is not None
    assert done.verb is Verb.COMPLETED
    assert tasks.complete(done.task, now=NOW) is None
    again = tasks.reopen(done.task, now=NOW)
    assert again is not None
    assert (again.task.status, again.task.completed_at) == (Status.TODO, None)
    assert tasks.reopen(again.task, now=NOW) is None


def test_the_trash_gives_back_what_it_took() -> None:
    task = new_task()
    gone = tasks.delete(task, now=NOW)
    assert gone is not None
    assert tasks.delete(gone.task, now=NOW) is None
    back = tasks.restore(gone.task, now=NOW)
    assert back is not None
    assert replace(back.task, version=1) == task


@pytest.mark.parametrize(
    "body",
    [
        {"due_at": "2026-02-04T10:00:00Z", "due_date": "2026-02-04"},
        {"due_at": "2026-02-04T10:00:00"},
        {"due_at": "0001-01-01T00:00:00+14:00"},
        {"due_date": "0001-01-01"},
        {"priority": "whenever"},
        {"tags": ["x"] * 21},
        {"colour": "red"},
        {"title": None},
    ],
)
def test_a_patch_that_makes_no_sense_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Patch.model_validate_json(json.dumps(body))


@given(st.lists(words, max_size=20))
def test_a_tag_is_there_once_in_its_first_spelling(tags: list[str]) -> None:
    kept = Draft(title="t", tags=tags).tags
    assert [tag.casefold() for tag in kept] == list(dict.fromkeys(tag.casefold() for tag in tags))
    assert all(tag in tags for tag in kept)


# Versions and cursors


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_an_etag_allows_its_own_version_alone_weak_or_strong(version: int, other: int) -> None:
    for header in (versions.etag(version), "W/" + versions.etag(version), f'"x", {versions.etag(version)}'):
        assert versions.allows(header, version=version)
        assert versions.allows(header, version=other) == (version == other)
    assert versions.allows(None, version=version)
    assert versions.allows("*", version=version)
    assert not versions.allows("nonsense", version=version)


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(words, st.lists(words, max_size=4), words)
def test_a_cursor_leads_back_to_where_it_was_made_in_its_own_order(order: str, keys: list[str], other: str) -> None:
    cursor = cursors.encode(order, *keys)
    assert cursors.decode(cursor, order=order, keys=len(keys)) == keys
    for wrong, number in ((order, len(keys) + 1), *([(other, len(keys))] if other != order else [])):
        with pytest.raises(Invalid):
            cursors.decode(cursor, order=wrong, keys=number)


@given(anything)
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        cursors.decode(cursor, order="title", keys=2)


# Events


names = words.filter(lambda name: name != "user_id")  # which every event has, and Hypothesis reads in the code


@given(st.dictionaries(names, st.one_of(st.text(), st.integers(), st.none())), st.sampled_from(list(events.SUBJECT_OF)))
def test_what_is_published_can_be_read_back(data: dict[str, object], topic: events.Topic) -> None:
    made = events.NewEvent(uuid7(9, entropy=b"e" * 10), topic, "created", "task/1", USER, NOW, data)
    parent = trace.follow(None, entropy=b"0123456789abcdef01234567")
    read = events.parse(to_json(made.envelope(source="/taskora/backend", traceparent=parent.traceparent)))
    assert (read.id, read.user_id, read.time, read.source) == (made.id, USER, NOW, "/taskora/backend")
    assert read.type == f"dev.taskora.{events.SUBJECT_OF[topic]}.created.v1"
    assert read.is_about(topic)
    assert trace.parse(read.traceparent) == parent
    assert read.data == {"user_id": str(USER), **data}


@given(st.binary(max_size=200))
def test_a_body_that_is_no_event_is_a_bad_event_and_nothing_worse(body: bytes) -> None:
    with pytest.raises(events.BadEvent):
        events.parse(body)


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'"x"', b"[" * 100_000, b'{"specversion":"1.0","id":"x"}', b"\xff\xfe", b"NaN"]
)
def test_the_usual_rubbish_is_a_bad_event(body: bytes) -> None:
    with pytest.raises(events.BadEvent):
        events.parse(body)


def test_a_change_is_the_event_without_what_clients_do_not_need() -> None:
    change = tasks.complete(new_task(), now=NOW)
    assert change is not None
    made = events.NewEvent(USER, events.Topic.TASK, "completed", "", USER, NOW, tasks.changed_data(change))
    envelope = json.loads(to_json(made.envelope(source="/taskora/backend", traceparent="")))
    envelope["data"]["seq"] = 7
    shown = events.as_change(envelope)
    assert (shown["seq"], shown["type"]) == (7, "dev.taskora.task.completed.v1")
    assert shown["data"]["task"]["status"] == "done"
    assert "seq" not in shown["data"]


# Traces


@given(st.text())
def test_a_malformed_traceparent_begins_a_new_trace(header: str) -> None:
    assert trace.parse(header) is None
    assert trace.parse(trace.follow(trace.parse(header), entropy=b"x" * 24).traceparent) is not None


# Shares


@given(
    st.integers(1, 40),
    st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6, unique=True),
    st.data(),
)
def test_shares_become_fair_and_whole_whoever_comes_and_goes(
    leases: int, members: list[str], data: st.DataObject
) -> None:
    names = [f"shard/{number:02}" for number in range(leases)]
    held = st.sampled_from([None, *members])
    owners: dict[str, str | None] = {name: data.draw(held) for name in names}
    for _ in range(3):
        for member in members:
            mine = shares.share(member, owners=owners, members=members)
            assert not mine.take & (mine.keep | mine.release)
            owners |= dict.fromkeys(mine.release) | dict.fromkeys(mine.take, member)
    counts = [list(owners.values()).count(member) for member in members]
    assert sum(counts) == leases
    assert max(counts) <= -(-leases // len(members))


def test_a_process_alone_takes_everything_that_is_free() -> None:
    mine = shares.share("a", owners={"x": None, "y": "b", "z": "a"}, members=[])
    assert (mine.keep, mine.take, mine.release) == ({"z"}, {"x"}, set())


# Audit


def chain_of(entries: list[str]) -> list[audit.Entry]:
    links: list[audit.Entry] = []
    for entry in entries:
        links.append(audit.link(links[-1] if links else None, user_id=USER, entry=entry))
    return links


@given(st.lists(st.text(), min_size=1, max_size=8), st.data())
def test_no_link_of_the_chain_can_be_altered_dropped_or_swapped_unseen(entries: list[str], data: st.DataObject) -> None:
    links = chain_of(entries)
    assert audit.first_fault(links) is None
    at = data.draw(st.integers(0, len(links) - 1))
    assert audit.first_fault([*links[:at], replace(links[at], entry=links[at].entry + "x"), *links[at + 1 :]]) == at + 1
    if at < len(links) - 1:
        assert audit.first_fault([*links[:at], *links[at + 1 :]]) == at + 1
    other = UUID(int=USER.int + 1)
    assert audit.first_fault([replace(link, user_id=other) for link in links]) == 1


# People


@given(st.text(max_size=300))
def test_a_password_is_accepted_by_its_length_and_variety_alone(password: str) -> None:
    faults = people.password_faults(password, email="a@b.example")
    normal = people.normal_password(password)
    sound = 10 <= len(normal) <= 200 and len(set(normal)) >= 5 and "\0" not in normal
    assert (not faults) == sound


def test_the_address_is_no_password() -> None:
    assert people.password_faults("Somebody@b.example", email="somebody@b.example")


@pytest.mark.parametrize(("typed", "kept"), [(" A@B.Example ", "a@b.example"), ("ü@exämple.de", "ü@exämple.de")])
def test_an_address_is_written_one_way(typed: str, kept: str) -> None:
    assert people.normal_email(typed) == kept


@pytest.mark.parametrize("typed", ["", "a", "a@b", "a b@c.de", "a@b@c.de", "a@.de", "a\0@b.de", "x" * 300 + "@b.de"])
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        people.normal_email(typed)
