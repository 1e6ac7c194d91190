"""Laws of the decision which release runs, over any history of wishes and of what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora_operator.reconcile.revisions import read, record, stated
from taskora_operator.reconcile.rollout import (
    REMEMBERED,
    Decision,
    Outcome,
    Release,
    Revision,
    Schema,
    Seen,
    Trouble,
    Verdict,
    Wish,
    attempt_of,
    decide,
    in_force,
    order,
)

from tests.specs import facts, spec

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CRASH = Trouble("CrashLoop", "it ends at once")
VERSIONS = ("1.0.0", "1.1.0", "1.2.0-rc.1", "1.2.0", "2.0.0")
# What each release's migration says: 2.0.0 is the one that takes something away.
SCHEMAS = {
    "1.0.0": Schema(1, "1.0.0"),
    "1.1.0": Schema(2, "1.0.0"),
    "1.2.0-rc.1": Schema(3, "1.0.0"),
    "1.2.0": Schema(3, "1.0.0"),
    "2.0.0": Schema(4, "1.2.0"),
}


def wish(version: str, *, attempt: str = "a", image: str = "", may_return: bool = True) -> Wish:
    return Wish(Release(version, image or f"app:{version}"), attempt, may_return)


@dataclass
class World:
    """A cluster in which a release runs once it is rendered; `broken` ones crash after their migration."""

    broken: set[str]
    unmigratable: set[str] = field(default_factory=set)
    schema: Schema | None = None
    ledger: Sequence[Revision] = ()
    now: datetime = NOW

    def step(self, wanted: Wish) -> Decision:
        """One round of the engine, as the reconciler does it."""
        self.now += timedelta(seconds=1)
        decision = decide(wanted, self.ledger, None, now=self.now)
        if decision.release == decision.revisions[0].release:
            decision = decide(wanted, self.ledger, self._shows(decision.release), now=self.now)
        self.ledger = decision.revisions
        return decision

    def settle(self, wanted: Wish) -> Decision:
        for _ in range(4):
            decision = self.step(wanted)
        return decision

    def _shows(self, release: Release) -> Seen:
        if release.version in self.unmigratable:
            return Seen(healthy=False, trouble=Trouble("MigrationFailed", "no"))
        stated = SCHEMAS[release.version]
        if self.schema is None or stated.number > self.schema.number:
            self.schema = stated
        broken = release.version in self.broken
        return Seen(healthy=not broken, trouble=CRASH if broken else None, schema=self.schema)


wishes = st.lists(
    st.builds(
        wish,
        st.sampled_from(VERSIONS),
        attempt=st.sampled_from("ab"),
        image=st.sampled_from(["", "other:1"]),
        may_return=st.booleans(),
    ),
    min_size=1,
    max_size=25,
)
worlds = st.builds(World, st.sets(st.sampled_from(VERSIONS)), st.sets(st.sampled_from(VERSIONS), max_size=1))


@given(worlds, wishes)
def test_there_is_never_more_than_one_release_on_its_way(world: World, history: list[Wish]) -> None:
    for wanted in history:
        decision = world.step(wanted)
        on_their_way = [r for r in decision.revisions if r.outcome is Outcome.PROGRESSING]
        assert on_their_way in ([], [decision.revisions[0]])
        assert len({r.number for r in decision.revisions}) == len(decision.revisions)
        assert len({r.release for r in decision.revisions}) == len(decision.revisions)


@given(worlds, wishes)
def test_what_is_gone_back_to_was_healthy_and_what_runs_is_served_by_the_schema(
    world: World, history: list[Wish]
) -> None:
    for wanted in history:
        decision = world.step(wanted)
        if decision.verdict is Verdict.ROLL_BACK:
            assert decision.rendered.outcome is Outcome.HEALTHY
            assert decision.release != decision.revisions[0].release
            assert wanted.may_return
        if world.schema is not None:
            assert world.schema.serves(decision.release), (world.schema, decision.release)


@given(worlds, wishes)
def test_a_decision_that_was_recorded_is_made_again(world: World, history: list[Wish]) -> None:
    for wanted in history:
        made = world.step(wanted)
        later = decide(wanted, made.revisions, None, now=NOW + timedelta(days=1))
        assert (later.release, later.revisions, later.problem) == (made.release, made.revisions, made.problem)


@given(worlds, wishes, st.sampled_from(VERSIONS))
def test_it_comes_to_an_end_wherever_it_starts(world: World, history: list[Wish], last: str) -> None:
    for wanted in history:
        world.step(wanted)
    end = world.settle(wish(last, attempt="c"))
    assert world.step(wish(last, attempt="c")) == end
    assert end.verdict is not Verdict.GO_ON or end.problem is not None
    if end.verdict is Verdict.KEEP:
        assert end.release.version == last


@given(worlds, wishes)
def test_what_was_taken_back_is_not_tried_again_until_the_spec_changes(world: World, history: list[Wish]) -> None:
    for wanted in history:
        world.settle(wanted)
        if world.ledger[0].outcome is Outcome.ROLLED_BACK and world.ledger[0].release == wanted.release:
            world.broken, world.unmigratable = set(), set()
            assert world.step(wanted).verdict is Verdict.ROLL_BACK
            again = world.settle(replace(wanted, attempt="changed"))
            assert (again.verdict, again.release) == (Verdict.KEEP, wanted.release)
            return


@given(worlds, wishes)
def test_a_release_that_fails_never_becomes_the_current_one(world: World, history: list[Wish]) -> None:
    for wanted in history:
        decision = world.step(wanted)
        for served in (decision.current, decision.previous):
            assert served is None or served.release.version not in world.broken | world.unmigratable


def test_a_release_that_serves_is_not_taken_back_for_a_bad_edit() -> None:
    world = World(broken=set())
    world.settle(wish("1.0.0"))
    world.settle(wish("1.1.0"))
    world.broken = {"1.1.0"}
    assert world.settle(wish("1.1.0", attempt="bad env")).release.version == "1.1.0"


def test_calling_an_upgrade_off_is_no_rollout_of_what_serves() -> None:
    world = World(broken=set())
    world.settle(wish("1.0.0"))
    world.settle(wish("1.1.0"))
    decide_only = decide(wish("1.2.0"), world.ledger, None, now=NOW)
    back = decide(wish("1.1.0"), decide_only.revisions, None, now=NOW)
    assert (back.verdict, back.release.version) == (Verdict.KEEP, "1.1.0")
    assert [r.outcome for r in back.revisions] == [Outcome.HEALTHY, Outcome.SUPERSEDED, Outcome.HEALTHY]


def test_going_back_by_hand_makes_that_the_release_to_return_to() -> None:
    world = World(broken={"1.2.0"})
    for version in ("1.0.0", "1.1.0", "1.0.0"):
        world.settle(wish(version))
    assert world.settle(wish("1.2.0")).release.version == "1.0.0"


def test_a_first_release_that_fails_is_gone_on_with_and_may_yet_serve() -> None:
    world = World(broken={"1.0.0"})
    failing = world.settle(wish("1.0.0"))
    assert (failing.verdict, failing.release.version) == (Verdict.GO_ON, "1.0.0")
    assert failing.problem is not None
    assert failing.problem.reason == "RolloutFailed"
    world.broken = set()
    assert world.settle(wish("1.0.0")).verdict is Verdict.KEEP


def test_a_rollback_across_a_schema_that_does_not_serve_it_is_refused_in_words() -> None:
    world = World(broken=set())
    world.settle(wish("1.1.0"))
    before = world.settle(wish("2.0.0"))
    refused = world.step(wish("1.1.0"))
    assert (refused.verdict, refused.release.version) == (Verdict.REFUSE, "2.0.0")
    assert refused.revisions == before.revisions, "nothing is touched"
    assert refused.problem is not None
    assert "serves 1.2.0 and newer" in refused.problem.message
    assert world.step(wish("1.2.0")).release.version == "1.2.0"


def test_a_release_whose_schema_shuts_the_way_back_is_gone_on_with() -> None:
    world = World(broken={"2.0.0"})
    world.settle(wish("1.1.0"))
    stuck = world.settle(wish("2.0.0"))
    assert (stuck.verdict, stuck.release.version) == (Verdict.GO_ON, "2.0.0")
    assert stuck.problem is not None
    assert "no longer serves 1.1.0" in stuck.problem.message


def test_a_migration_that_fails_leaves_the_old_release_serving() -> None:
    world = World(broken=set(), unmigratable={"2.0.0"})
    world.settle(wish("1.1.0"))
    back = world.settle(wish("2.0.0"))
    assert (back.verdict, back.release.version) == (Verdict.ROLL_BACK, "1.1.0")
    assert back.problem is not None
    assert "MigrationFailed" in back.problem.message


def test_another_image_of_a_release_needs_no_other_migration() -> None:
    world = World(broken=set())
    world.settle(wish("1.0.0"))
    other = decide(wish("1.0.0", image="mirror:1"), world.ledger, None, now=NOW)
    assert other.verdict is Verdict.GO_ON
    assert other.rendered.schema == SCHEMAS["1.0.0"]


def test_never_means_never() -> None:
    world = World(broken={"1.1.0"})
    world.settle(wish("1.0.0"))
    left = world.settle(wish("1.1.0", may_return=False))
    assert (left.verdict, left.release.version) == (Verdict.GO_ON, "1.1.0")
    assert world.settle(wish("1.1.0")).release.version == "1.0.0"


def test_old_releases_are_forgotten_but_for_those_that_matter() -> None:
    world = World(broken=set())
    world.settle(wish("1.0.0"))
    world.broken = set(VERSIONS)
    for number in range(20):
        end = world.settle(wish("1.1.0", image=f"app:{number}"))
    assert len(end.revisions) == REMEMBERED + 1
    assert end.release.version == "1.0.0"
    assert in_force(end.revisions) == SCHEMAS["1.1.0"]


@pytest.mark.parametrize(
    ("older", "newer"),
    [("1.9.0", "1.10.0"), ("1.0.0-rc.1", "1.0.0"), ("1.0.0-rc.2", "1.0.0-rc.10"), ("1.0.0-1", "1.0.0-a")],
)
def test_releases_are_ordered_as_semantic_versioning_orders_them(older: str, newer: str) -> None:
    assert order(older) < order(newer)


@given(worlds, wishes)
def test_a_revision_is_read_back_as_it_was_recorded(world: World, history: list[Wish]) -> None:
    for wanted in history:
        for revision in world.step(wanted).revisions:
            whole = replace(revision, since=revision.since.replace(microsecond=0))
            assert read(record(revision, facts()).manifest) == whole


@pytest.mark.parametrize("words", ["", "no JSON", "[]", "3", '{"schema": "x", "oldest": "1.0.0"}', '{"schema": 3}'])
def test_a_migration_that_says_nothing_of_use_is_taken_to_serve_all(words: str) -> None:
    assert stated(words) == Schema(0)
    assert stated('{"schema": 3, "oldest": "1.0.0"}') == Schema(3, "1.0.0")
    assert stated('{"schema": 3, "oldest": "soon"}') == Schema(3)


def test_how_much_runs_is_no_other_attempt_and_what_runs_is() -> None:
    usual = attempt_of(spec())
    assert attempt_of(spec(backend={"replicas": 5}, suspended=True, deletionPolicy="Delete")) == usual
    assert attempt_of(spec(update={"rollback": "Never", "maxSurge": 2})) == usual
    assert attempt_of(spec(backend={"env": [{"name": "A", "value": "1"}]})) != usual
    assert attempt_of(spec(update={"progressDeadlineSeconds": 300})) != usual, "what was late is given more time"
    assert attempt_of(spec(update={"migrationDeadlineSeconds": 7200})) != usual
