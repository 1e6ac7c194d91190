"""The session cookie is believed only as this frontend wrote it, and only while it lasts."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora.web.cookie import CLOCK_SKEW, Profile, Session, SigningKeys, cookie_name

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
keys = st.binary(min_size=32, max_size=32)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
sessions = st.builds(
    Session,
    token=st.text("abcdefghijklmnop0123456789-_", min_size=1, max_size=60),
    profile=st.builds(Profile, user_id=texts, display_name=texts, email=texts, time_zone=texts),
    issued_at=st.just(NOW),
    expires_at=st.just(NOW + timedelta(days=30)),
)


@given(sessions, keys)
def test_what_was_sealed_is_opened_again(session: Session, key: bytes) -> None:
    assert SigningKeys(current=key).open(SigningKeys(current=key).seal(session), now=NOW) == session


@given(sessions, keys)
def test_a_cookie_is_made_of_characters_that_cookies_may_carry(session: Session, key: bytes) -> None:
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert set(SigningKeys(current=key).seal(session)) <= allowed


@given(sessions, keys, st.data())
def test_a_cookie_changed_anywhere_opens_nothing(session: Session, key: bytes, data: st.DataObject) -> None:
    sealed = SigningKeys(current=key).seal(session)
    place = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda character: character != sealed[place]))
    assert SigningKeys(current=key).open(sealed[:place] + other + sealed[place + 1 :], now=NOW) is None


@given(st.text(max_size=80), keys)
def test_anything_else_opens_nothing(value: str, key: bytes) -> None:
    assert SigningKeys(current=key).open(value, now=NOW) is None


@given(sessions, keys, keys, keys)
def test_a_rotation_signs_nobody_out_and_a_second_one_does(session: Session, a: bytes, b: bytes, c: bytes) -> None:
    sealed = SigningKeys(current=a).seal(session)
    assert SigningKeys(current=b, previous=a).open(sealed, now=NOW) == session
    if a not in (b, c):
        assert SigningKeys(current=c, previous=b).open(sealed, now=NOW) is None


@given(sessions, st.timedeltas(timedelta(days=-60), timedelta(days=60)))
def test_a_cookie_is_good_from_its_issue_to_its_end(session: Session, passed: timedelta) -> None:
    signing = SigningKeys(current=bytes(32))
    opened = signing.open(signing.seal(session), now=NOW + passed)
    assert (opened is not None) == (-CLOCK_SKEW <= passed < timedelta(days=30))


@given(sessions, sessions)
def test_forms_of_one_session_are_not_forms_of_another(one: Session, other: Session) -> None:
    assert one.csrf_matches(one.csrf)
    assert one.csrf_matches(other.csrf) == (one.token == other.token)


def test_keys_come_from_the_secret_with_or_without_a_previous_one() -> None:
    key = base64.b64encode(bytes(32)).decode()
    assert SigningKeys.from_base64(key) == SigningKeys(current=bytes(32))
    assert SigningKeys.from_base64(key, previous=key).previous == bytes(32)
    assert SigningKeys.from_base64(f"{key}\n", previous="\n") == SigningKeys(current=bytes(32)), "as a file ends"


@pytest.mark.parametrize("key", ["", "c2hvcnQ=", "no base64 at all!"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        SigningKeys.from_base64(key)


def test_the_cookie_is_bound_to_its_origin_under_https() -> None:
    assert (cookie_name(secure=True), cookie_name(secure=False)) == ("__Host-taskora", "taskora_session")
