"""Laws of what insights decide: what is personal goes, what is broken shows."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora.domain import alerts, seals
from taskora.domain.alerts import Raise, Resolve, Rule
from taskora.domain.events import Event, Topic, event_type
from taskora.domain.redaction import redacted

NOW = datetime(2031, 5, 6, tzinfo=UTC)


def system(verb: str, **data: Any) -> Event:
    return Event.model_validate_json(
        json.dumps(
            {
                "specversion": "1.0",
                "id": str(UUID(int=1)),
                "source": "/taskora/audit",
                "type": event_type(Topic.SYSTEM, verb),
                "time": NOW.isoformat(),
                "data": {"role": "audit", "pod": "audit-1", **data},
            }
        )
    )


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("write to ada.l+x@mail.example.org now", "write to [email] now"),
        ("see https://x.example/a?b=c please", "see [link] please"),
        ("ring (030) 123-4567 at 9", "ring ([number] at 9"),
        ("pay DE89 3704 0044 0532 0130 00 on 2031-05-06", "pay [account] on 2031-05-06"),
        ("on 06.05.2031 at 10:30 buy 12 eggs for 30", "on 06.05.2031 at 10:30 buy 12 eggs for 30"),
        (
            "tell @bob that ADA LOVELACE and Ada were here, not Adam",
            "tell [person] that [name] and [name] were here, not Adam",
        ),
        ("01890a5d-ac96-774b-bcce-b302099a8057", "[id]"),
    ],
)
def test_what_tells_who_somebody_is_is_taken_out_and_the_rest_stays(text: str, left: str) -> None:
    assert redacted(text, names=["Ada Lovelace"]) == left


@given(text=st.text(), name=st.from_regex(r"[a-z]{3,10}", fullmatch=True))
def test_a_name_that_stood_alone_is_gone_and_twice_is_as_once(text: str, name: str) -> None:
    once = redacted(f"{text} {name} {text}", names=[name])
    assert f" {name} " not in once
    assert redacted(once, names=[name]) == once or "[" in name


def test_only_what_is_wrong_is_an_alert() -> None:
    assert alerts.findings(system("deployed")) == []
    assert alerts.findings(system("started"), starts=1) == []
    assert alerts.findings(system("stopped")) == [Resolve(Rule.UNHEALTHY, "audit-1")]
    assert alerts.findings(system("health_changed", state="healthy")) == [Resolve(Rule.UNHEALTHY, "audit-1")]
    (found,) = alerts.findings(system("failed", error="KeyError", where="relay", message=7))
    assert isinstance(found, Raise)
    assert found.message == "audit: KeyError in relay"


HEADS = st.dictionaries(
    st.uuids().map(str), st.tuples(st.integers(1, 9), st.binary(min_size=32, max_size=32).map(bytes.hex)), max_size=4
)


def sealed(all_heads: list[Any]) -> list[seals.Seal]:
    made: list[seals.Seal] = []
    for number, heads in enumerate(all_heads):
        made.append(seals.seal(made[-1] if made else None, heads, at=NOW + timedelta(hours=number)))
    return made


@given(st.lists(HEADS, min_size=1, max_size=5), st.data())
def test_seals_hold_until_one_is_altered_dropped_or_put_elsewhere(all_heads: list[Any], data: st.DataObject) -> None:
    made = sealed(all_heads)
    assert seals.first_fault(made) is None
    place = data.draw(st.integers(0, len(made) - 1))
    altered = replace(made[place], heads={**made[place].heads, str(UUID(int=0)): (1, "00")})
    assert seals.first_fault([*made[:place], altered, *made[place + 1 :]]) == place + 1
    if place < len(made) - 1:
        assert seals.first_fault([*made[:place], *made[place + 1 :]]) == place + 1


@given(st.lists(HEADS, min_size=1, max_size=3))
def test_a_chain_cut_off_behind_a_seal_is_missed(all_heads: list[Any]) -> None:
    made = sealed(all_heads)
    links = {(UUID(user), no): found for one in made for user, (no, found) in one.heads.items()}
    kept = seals.missing(made, links)
    gone = seals.missing(made, {})
    assert set(map(str, gone)) == {user for one in made for user in one.heads}
    assert set(kept) <= set(gone)
