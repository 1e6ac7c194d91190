"""Credentials take turns: whatever happens in between, and in whatever order, nobody is refused."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from taskora.domain.people import SESSION_LIFE as OF_THE_APPLICATION
from taskora_operator.api.spec import Spec
from taskora_operator.desired import desired
from taskora_operator.desired.model import Facts
from taskora_operator.desired.postgres import PROOF
from taskora_operator.desired.secrets import filled
from taskora_operator.desired.turns import SESSION_LIFE, Turn, turns
from taskora_operator.profiles import resolve
from taskora_operator.reconcile import rotation
from taskora_operator.reconcile.rotation import Evidence, Rotation, Step

from tests.specs import SECRETS, facts, spec

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DATABASE, KEYS = "taskora-database", "taskora-session-keys"
EVERY = timedelta(days=7)
LOCAL, FACTS = resolve(spec()), facts()
MADE = {o.key.name: o.manifest for o in desired(LOCAL, facts(secrets={})).objects}


def drawn(contents: Mapping[str, str], numbers: "count[int]") -> Mapping[str, str]:
    return filled({"stringData": dict(contents)}, entropy=lambda n: next(numbers).to_bytes(n, "big"))["stringData"]


@dataclass
class Pod:
    """`made_of`: what its template's hash stood for; the rest is what it read when it started."""

    made_of: tuple[str, ...]
    login: str
    signs: str
    verifies: frozenset[str]
    ending: bool = False


class Turning(RuleBasedStateMachine):
    """One Deployment over one database. The operator's process may end after any write: it remembers nothing."""

    @initialize()
    def begin(self) -> None:
        self.numbers = count(1)
        self.now = BEGIN
        self.request = BEGIN
        self.secrets = {name: dict(drawn(MADE[name]["stringData"], self.numbers)) for name in (DATABASE, KEYS)}
        self.rotations = dict.fromkeys((DATABASE, KEYS), Rotation(Step.SETTLED, BEGIN))
        self.history = [dict(self.secrets[DATABASE])]
        self.applied = 0
        self.template = self.wanted
        self.pods: list[Pod] = []
        self.signed: dict[str, datetime] = {}
        self.start()

    @property
    def wanted(self) -> tuple[str, ...]:
        keys = self.secrets[KEYS]
        return self.secrets[DATABASE]["url"], keys["current"], keys["previous"]

    @property
    def let_in(self) -> set[str]:
        return set(self.history[self.applied].values())

    @property
    def healthy(self) -> bool:
        return any(pod.made_of == self.template and not pod.ending for pod in self.pods)

    @rule()
    def start(self) -> None:
        """Of the template that is there; credentials are read when it starts."""
        url, current, previous = self.wanted
        self.pods.append(Pod(self.template, url, current, frozenset({current, previous})))

    @precondition(lambda self: self.pods)
    @rule(which=st.randoms(use_true_random=False))
    def start_again(self, which) -> None:
        """A container that crashed reads anew; its pod stays what it is."""
        pod = which.choice(self.pods)
        pod.login, pod.signs, previous = self.wanted
        pod.verifies = frozenset({pod.signs, previous})

    @precondition(lambda self: self.healthy)
    @rule()
    def replace_the_old(self) -> None:
        for pod in self.pods:
            pod.ending = pod.ending or pod.made_of != self.template

    @rule()
    def end(self) -> None:
        self.pods = [pod for pod in self.pods if not pod.ending]

    @rule(further=st.integers(1, 3))
    def kubelet_tells_the_database(self, further: int) -> None:
        self.applied = min(self.applied + further, len(self.history) - 1)

    @rule(days=st.integers(0, 40))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days, minutes=1)

    @rule()
    def ask(self) -> None:
        self.request = self.now

    @rule(seen=st.booleans())
    def look(self, seen: bool) -> None:
        """What the operator does at one moment: first what is wanted, and when that is there, a step of each turn.
        `seen`: how the Job that proves ended."""
        if self.template != self.wanted:
            self.template = self.wanted
            return
        if not self.healthy:
            return
        evidence = Evidence(
            calm=not any(pod.ending for pod in self.pods),
            proved=seen and self.secrets[DATABASE]["standby-url"] in self.let_in,
            everywhere=all(pod.made_of == self.template for pod in self.pods),
        )
        for turn in turns(LOCAL, replace(FACTS, secrets=self.secrets)):
            before, data = self.rotations[turn.secret], self.secrets[turn.secret]
            change = rotation.advance(before, turn, data, evidence, every=EVERY, request=self.request, now=self.now)
            if change is not None:
                data.update(drawn(change.contents, self.numbers))
                self.rotations[turn.secret] = change.rotation
        if self.history[-1] != self.secrets[DATABASE]:
            self.history.append(dict(self.secrets[DATABASE]))

    @invariant()
    def every_pod_is_let_in(self) -> None:
        refused = [pod for pod in self.pods if pod.login not in self.let_in]
        assert not refused, f"{self.rotations[DATABASE].step}: {refused}"

    @invariant()
    def every_cookie_is_known_everywhere(self) -> None:
        for pod in self.pods:
            self.signed[pod.signs] = self.now
            assert all(pod.signs in other.verifies for other in self.pods), self.pods
        known = {self.secrets[KEYS]["current"], self.secrets[KEYS]["previous"]}
        assert all(key in known for key, at in self.signed.items() if self.now - at < SESSION_LIFE), self.signed


Turning.TestCase.settings = settings(max_examples=100, stateful_step_count=80, deadline=None)
TestTurning = Turning.TestCase


def database_turn(data: Mapping[str, str]) -> Turn:
    found = turns(LOCAL, replace(FACTS, secrets={**SECRETS, DATABASE: data}))
    return next(turn for turn in found if turn.secret == DATABASE)


GOOD = Evidence(calm=True, proved=True, everywhere=True)
NOTHING = Evidence(calm=False, proved=False, everywhere=False)


def test_after_a_turn_no_password_is_what_it_was() -> None:
    numbers = count(1)
    data = dict(SECRETS[DATABASE])
    before, state = set(data.values()), Rotation(Step.SETTLED, BEGIN)
    steps: list[Step] = []
    for _ in range(3):
        change = rotation.advance(state, database_turn(data), data, GOOD, every=None, request=BEGIN, now=BEGIN)
        assert change is not None
        data.update(drawn(change.contents, numbers))
        state = change.rotation
        steps.append(state.step)
    assert steps == [Step.PREPARED, Step.SWAPPED, Step.SETTLED]
    assert not before & set(data.values())
    assert "//taskora_b:" in data["url"]
    assert "//taskora_a:" in data["standby-url"]
    assert not rotation.advance(state, database_turn(data), data, GOOD, every=None, request=BEGIN, now=BEGIN)


@pytest.mark.parametrize(
    ("step", "lacking"),
    [(Step.SETTLED, "calm"), (Step.PREPARED, "proved"), (Step.SWAPPED, "everywhere")],
)
def test_no_step_is_taken_before_what_it_rests_on_is_seen(step: Step, lacking: str) -> None:
    data = SECRETS[DATABASE]
    state = Rotation(step, BEGIN)
    evidence = replace(GOOD, **{lacking: False})
    assert not rotation.advance(state, database_turn(data), data, evidence, every=None, request=BEGIN, now=BEGIN)
    assert rotation.advance(state, database_turn(data), data, GOOD, every=None, request=BEGIN, now=BEGIN)


@pytest.mark.parametrize("left", [{}, {"standby-url": ""}])
def test_a_fresh_credential_that_somebody_took_out_is_drawn_again(left: Mapping[str, str]) -> None:
    data = {**{key: value for key, value in SECRETS[DATABASE].items() if key != "standby-url"}, **left}
    state = Rotation(Step.PREPARED, BEGIN)
    change = rotation.advance(state, database_turn(data), data, GOOD, every=None, request=None, now=BEGIN)
    assert change == rotation.Change(database_turn(data).fresh, state)


def test_keys_that_still_verify_are_not_turned_away() -> None:
    [keys] = [turn for turn in turns(LOCAL, FACTS) if turn.secret == KEYS]
    ended = Rotation(Step.SETTLED, BEGIN, ended=BEGIN)
    for days, request, turned in ((29, 29, False), (31, None, True), (31, 29, False), (31, 31, True)):
        asked = None if request is None else BEGIN + timedelta(days=request)
        every = EVERY if request is None else None
        now = BEGIN + timedelta(days=days)
        change = rotation.advance(ended, keys, SECRETS[KEYS], GOOD, every=every, request=asked, now=now)
        assert bool(change) is turned, (days, request)
    assert SESSION_LIFE == OF_THE_APPLICATION


def test_where_a_turn_stands_is_read_as_it_was_noted() -> None:
    state = Rotation(Step.SWAPPED, BEGIN, ended=BEGIN - EVERY, request=BEGIN)
    secret = {"metadata": {"creationTimestamp": "2025-01-01T00:00:00Z", "annotations": {}}}
    assert rotation.read(secret) == Rotation(Step.SETTLED, datetime(2025, 1, 1, tzinfo=UTC))
    secret["metadata"]["annotations"] = {rotation.NOTE: rotation.noted(state)}
    assert rotation.read(secret) == state
    for nonsense in ("", "{}", "[]", '{"step": "Elsewhere", "since": "2026-01-01T00:00:00Z"}'):
        secret["metadata"]["annotations"] = {rotation.NOTE: nonsense}
        assert rotation.read(secret) == Rotation(Step.SETTLED, datetime(2025, 1, 1, tzinfo=UTC))


def test_status_tells_the_last_turn_the_next_and_the_one_under_way() -> None:
    made = turns(LOCAL, FACTS)
    settled = [(turn, Rotation(Step.SETTLED, BEGIN, ended=BEGIN)) for turn in made]
    assert rotation.told(settled, every=EVERY) == rotation.Rotations(last=BEGIN, next=BEGIN + EVERY)
    assert rotation.told(settled, every=None) == rotation.Rotations(last=BEGIN)
    moving = [(turn, Rotation(Step.PREPARED, BEGIN)) for turn in made]
    assert DATABASE in rotation.told(moving, every=EVERY).under_way
    assert rotation.told(moving, every=EVERY).next is None


def test_nothing_is_turned_that_the_application_reads_in_a_clouds_store() -> None:
    assert [turn.secret for turn in turns(LOCAL, FACTS)] == [DATABASE, KEYS]
    assert [turn.secret for turn in turns(resolve(spec("doks")), facts())] == [KEYS]
    assert not turns(resolve(spec("gke")), facts())


def jobs(written: Spec, found: Facts) -> list[str]:
    return [
        o.key.name for o in desired(resolve(written), found).objects if o.component == PROOF and "Job" in str(o.key)
    ]


def test_a_fresh_login_is_proved_by_a_job_that_is_another_for_another_password() -> None:
    prepared = replace(facts(), unproved=frozenset({DATABASE}))
    assert not jobs(spec(), facts())
    [first] = jobs(spec(), prepared)
    again = {**SECRETS, DATABASE: {**SECRETS[DATABASE], "standby-url": "postgresql://taskora_b:other@h/taskora"}}
    [second] = jobs(spec(), replace(prepared, secrets=again))
    assert re.fullmatch(r"taskora-logins-[0-9a-f]{8}", first)
    assert first != second
    assert not jobs(spec(suspended=True), prepared), "there is no database to be asked"


def test_no_pod_is_rolled_by_a_credential_that_is_not_used() -> None:
    idle = {**SECRETS[DATABASE], "standby-url": "postgresql://taskora_b:other@h/t", "owner-url": "postgresql://o:9@h/t"}
    before, after = (desired(resolve(spec()), facts(secrets=known)) for known in (SECRETS, {**SECRETS, DATABASE: idle}))
    assert [o for o in before.objects if o not in after.objects] == []
