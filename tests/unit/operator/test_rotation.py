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
from taskora_operator.desired import desired, postgres, redis
from taskora_operator.desired.model import Facts
from taskora_operator.desired.secrets import filled
from taskora_operator.desired.turns import SESSION_LIFE, Turn, turns
from taskora_operator.profiles import resolve
from taskora_operator.reconcile import rotation
from taskora_operator.reconcile.rotation import Evidence, Rotation, Step

from tests.specs import SECRETS, facts, spec

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DATABASE, CACHE, KEYS = "taskora-database", "taskora-cache", "taskora-session-keys"
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
    password: str
    signs: str
    verifies: frozenset[str]
    ending: bool = False


class Turning(RuleBasedStateMachine):
    """One Deployment over one database and one Redis. The operator's process may end after any write: it remembers
    nothing."""

    @initialize()
    def begin(self) -> None:
        self.numbers = count(1)
        self.now = BEGIN
        self.request = BEGIN
        self.secrets = {name: dict(drawn(MADE[name]["stringData"], self.numbers)) for name in (DATABASE, CACHE, KEYS)}
        self.rotations = dict.fromkeys(self.secrets, Rotation(Step.SETTLED, BEGIN))
        self.history = {server: [dict(self.secrets[server])] for server in (DATABASE, CACHE)}
        self.applied = dict.fromkeys(self.history, 0)
        self.template = self.wanted
        self.pods: list[Pod] = []
        self.signed: dict[str, datetime] = {}
        self.start()

    @property
    def wanted(self) -> tuple[str, ...]:
        keys = self.secrets[KEYS]
        return self.secrets[DATABASE]["url"], self.secrets[CACHE]["password"], keys["current"], keys["previous"]

    def let_in(self, server: str) -> set[str]:
        """What the server takes, by what the kubelet told it last."""
        told = self.history[server][self.applied[server]]
        return {told[key] for key in ("url", "standby-url", "password", "standby-password") if told.get(key)}

    @property
    def healthy(self) -> bool:
        return any(pod.made_of == self.template and not pod.ending for pod in self.pods)

    @rule()
    def start(self) -> None:
        """Of the template that is there; credentials are read when it starts."""
        url, password, current, previous = self.wanted
        self.pods.append(Pod(self.template, url, password, current, frozenset({current, previous})))

    @precondition(lambda self: self.pods)
    @rule(which=st.randoms(use_true_random=False))
    def start_again(self, which) -> None:
        """A container that crashed reads anew; its pod stays what it is."""
        pod = which.choice(self.pods)
        pod.login, pod.password, pod.signs, previous = self.wanted
        pod.verifies = frozenset({pod.signs, previous})

    @precondition(lambda self: self.healthy)
    @rule()
    def replace_the_old(self) -> None:
        for pod in self.pods:
            pod.ending = pod.ending or pod.made_of != self.template

    @rule()
    def end(self) -> None:
        self.pods = [pod for pod in self.pods if not pod.ending]

    @rule(server=st.sampled_from((DATABASE, CACHE)), further=st.integers(1, 3))
    def kubelet_tells(self, server: str, further: int) -> None:
        self.applied[server] = min(self.applied[server] + further, len(self.history[server]) - 1)

    @rule(days=st.integers(0, 40))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days, minutes=1)

    @rule()
    def ask(self) -> None:
        self.request = self.now

    @rule(seen=st.sets(st.sampled_from((DATABASE, CACHE))))
    def look(self, seen: set[str]) -> None:
        """What the operator does at one moment: first what is wanted, and when that is there, a step of each turn.
        `seen`: whose Job that proves has ended."""
        if self.template != self.wanted:
            self.template = self.wanted
            return
        if not self.healthy:
            return
        known = turns(LOCAL, replace(FACTS, secrets=self.secrets))
        waiting = [t for t in known if t.proof and self.rotations[t.secret].step is Step.PREPARED]
        evidence = Evidence(
            calm=not any(pod.ending for pod in self.pods),
            proved=all(t.secret in seen and self.secrets[t.secret][t.idle] in self.let_in(t.secret) for t in waiting),
            everywhere=all(pod.made_of == self.template for pod in self.pods),
        )
        for turn in known:
            before, data = self.rotations[turn.secret], self.secrets[turn.secret]
            change = rotation.advance(before, turn, data, evidence, every=EVERY, request=self.request, now=self.now)
            if change is not None:
                data.update(drawn(change.contents, self.numbers))
                self.rotations[turn.secret] = change.rotation
        for server, told in self.history.items():
            if told[-1] != self.secrets[server]:
                told.append(dict(self.secrets[server]))

    @invariant()
    def every_pod_is_let_in(self) -> None:
        refused = [
            pod for pod in self.pods if pod.login not in self.let_in(DATABASE) or pod.password not in self.let_in(CACHE)
        ]
        assert not refused, f"{self.rotations}: {refused}"

    @invariant()
    def every_cookie_is_known_everywhere(self) -> None:
        for pod in self.pods:
            self.signed[pod.signs] = self.now
            assert all(pod.signs in other.verifies for other in self.pods), self.pods
        known = {self.secrets[KEYS]["current"], self.secrets[KEYS]["previous"]}
        assert all(key in known for key, at in self.signed.items() if self.now - at < SESSION_LIFE), self.signed


Turning.TestCase.settings = settings(max_examples=100, stateful_step_count=80, deadline=None)
TestTurning = Turning.TestCase


def turn_of(secret: str, data: Mapping[str, str]) -> Turn:
    found = turns(LOCAL, replace(FACTS, secrets={**SECRETS, secret: data}))
    return next(turn for turn in found if turn.secret == secret)


def turned(secret: str, data: Mapping[str, str]) -> tuple[list[Step], Mapping[str, str]]:
    """One turn without a disturbance: its steps, and what the Secret holds in the end."""
    numbers, state, made = count(1), Rotation(Step.SETTLED, BEGIN), dict(data)
    steps: list[Step] = []
    while change := rotation.advance(state, turn_of(secret, made), made, GOOD, every=None, request=BEGIN, now=BEGIN):
        made.update(drawn(change.contents, numbers))
        state = change.rotation
        steps.append(state.step)
    return steps, made


GOOD = Evidence(calm=True, proved=True, everywhere=True)
NOTHING = Evidence(calm=False, proved=False, everywhere=False)


def test_after_a_turn_no_password_is_what_it_was() -> None:
    before = SECRETS[DATABASE]
    steps, after = turned(DATABASE, before)
    assert steps == [Step.PREPARED, Step.SWAPPED, Step.SETTLED]
    assert not set(before.values()) & set(after.values())
    assert "//taskora_b:" in after["url"]
    assert "//taskora_a:" in after["standby-url"]


def test_redis_has_two_passwords_only_while_it_is_turned() -> None:
    before = SECRETS[CACHE]
    steps, after = turned(CACHE, before)
    assert steps == [Step.PREPARED, Step.SWAPPED, Step.SETTLED]
    assert after["password"] not in before.values()
    assert after == {**before, "password": after["password"]}


@pytest.mark.parametrize(
    ("step", "lacking"),
    [(Step.SETTLED, "calm"), (Step.PREPARED, "proved"), (Step.SWAPPED, "everywhere")],
)
def test_no_step_is_taken_before_what_it_rests_on_is_seen(step: Step, lacking: str) -> None:
    data = SECRETS[DATABASE]
    state = Rotation(step, BEGIN)
    evidence = replace(GOOD, **{lacking: False})
    assert not rotation.advance(state, turn_of(DATABASE, data), data, evidence, every=None, request=BEGIN, now=BEGIN)
    assert rotation.advance(state, turn_of(DATABASE, data), data, GOOD, every=None, request=BEGIN, now=BEGIN)


@pytest.mark.parametrize("left", [{}, {"standby-url": ""}])
def test_a_fresh_credential_that_somebody_took_out_is_drawn_again(left: Mapping[str, str]) -> None:
    data = {**{key: value for key, value in SECRETS[DATABASE].items() if key != "standby-url"}, **left}
    state = Rotation(Step.PREPARED, BEGIN)
    change = rotation.advance(state, turn_of(DATABASE, data), data, GOOD, every=None, request=None, now=BEGIN)
    assert change == rotation.Change(turn_of(DATABASE, data).fresh, state)


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
    said = rotation.told(moving, every=EVERY).under_way
    assert said.startswith("a fresh credential lies in taskora-database, taskora-cache and taskora-session-keys, and")
    apart = [(turn, Rotation(step, BEGIN)) for turn, step in zip(made, Step, strict=True)]
    assert rotation.told(apart, every=None).under_way.count("taskora-") == 2, "those that are turned just now"
    assert rotation.told(moving, every=EVERY).next is None


def test_nothing_is_turned_that_the_application_reads_in_a_clouds_store() -> None:
    assert [turn.secret for turn in turns(LOCAL, FACTS)] == [DATABASE, CACHE, KEYS]
    assert [turn.secret for turn in turns(resolve(spec("doks")), facts())] == [CACHE, KEYS]
    assert not turns(resolve(spec("gke")), facts())


def jobs(written: Spec, found: Facts) -> list[str]:
    proofs = (postgres.PROOF, redis.PROOF)
    return [
        o.key.name for o in desired(resolve(written), found).objects if o.component in proofs and o.key.kind == "Job"
    ]


@pytest.mark.parametrize(
    ("secret", "idle", "another", "name"),
    [
        (DATABASE, "standby-url", "postgresql://taskora_b:other@h/taskora", "logins"),
        (CACHE, "standby-password", "other", "passwords"),
    ],
)
def test_a_fresh_credential_is_proved_by_a_job_that_is_another_for_another_password(
    secret: str, idle: str, another: str, name: str
) -> None:
    prepared = replace(facts(), unproved=frozenset({secret}))
    assert not jobs(spec(), facts())
    [first] = jobs(spec(), prepared)
    [second] = jobs(spec(), replace(prepared, secrets={**SECRETS, secret: {**SECRETS[secret], idle: another}}))
    assert re.fullmatch(rf"taskora-{name}-[0-9a-f]{{8}}", first)
    assert first != second
    assert not jobs(spec(suspended=True), prepared), "there is no server to be asked"


def test_no_pod_is_rolled_by_a_credential_that_is_not_used() -> None:
    idle = {
        **SECRETS,
        DATABASE: {
            **SECRETS[DATABASE],
            "standby-url": "postgresql://taskora_b:other@h/t",
            "owner-url": "postgresql://o:9@h/t",
        },
        CACHE: {**SECRETS[CACHE], "standby-password": "other"},
    }
    before, after = (desired(resolve(spec()), facts(secrets=known)) for known in (SECRETS, idle))
    assert [o for o in before.objects if o not in after.objects] == []
