"""What differs, and what never shows."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from kubectl_taskora.applying import merged, three_way
from kubectl_taskora.differences import differences, told

words = st.text("abc", max_size=3)
leaves = st.one_of(st.integers(0, 3), st.booleans(), words)
trees = st.recursive(leaves, lambda inner: st.dictionaries(words, inner, max_size=3), max_leaves=8)
maps = st.dictionaries(words, trees, max_size=4)


def merge(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """RFC 7396."""
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            inner = result.get(key)
            result[key] = merge(inner if isinstance(inner, dict) else {}, value)
        else:
            result[key] = value
    return result


@given(maps)
def test_equal_things_do_not_differ(thing: dict[str, Any]) -> None:
    assert differences({"spec": thing}, {"spec": dict(thing)}) == []


@given(maps, maps)
def test_whatever_differs_is_told_both_ways(before: dict[str, Any], after: dict[str, Any]) -> None:
    there, back = differences({"spec": before}, {"spec": after}), differences({"spec": after}, {"spec": before})
    assert bool(there) == (before != after)
    assert {(d.path, d.before, d.after) for d in there} == {(d.path, d.after, d.before) for d in back}


@given(maps, maps)
def test_applying_a_file_for_the_first_time_leaves_what_it_says(found: dict[str, Any], written: dict[str, Any]) -> None:
    assert merge(found, three_way({}, written, found)) == merge(found, written)


@given(maps, maps)
def test_applying_another_file_leaves_exactly_that_where_nobody_else_wrote(
    last: dict[str, Any], written: dict[str, Any]
) -> None:
    assert merge(last, three_way(last, written, last)) == written


@given(maps, maps)
def test_a_guess_holds_everything_wanted(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    guess = merged(found, wanted)
    assert merged(guess, wanted) == guess
    assert all(guess[key] == value for key, value in wanted.items() if not isinstance(value, dict))


def test_list_items_are_known_by_their_names() -> None:
    before = {"spec": {"containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}]}}
    after = {"spec": {"containers": [{"name": "b", "image": "b:2"}, {"name": "a", "image": "a:1"}]}}
    assert [(d.path, d.before, d.after) for d in differences(before, after)] == [
        ("spec.containers[b].image", "b:1", "b:2")
    ]


def test_a_secrets_values_never_show() -> None:
    before = {"kind": "Secret", "data": {"password": "c3dvcmRmaXNo"}}
    after = {"kind": "Secret", "stringData": {"password": "swordfish"}, "data": {"password": "b3RoZXI="}}
    text = str(differences(before, after))
    assert "password" in text
    assert not [value for value in ("swordfish", "c3dvcmRmaXNo", "b3RoZXI=") if value in text]


def test_what_looks_like_a_password_in_a_plain_value_is_hidden() -> None:
    def env(**values: str) -> dict[str, Any]:
        return {"spec": {"env": [{"name": name, "value": value} for name, value in values.items()]}}

    for before, after in (
        (env(), env(SMTP_PASSWORD="swordfish")),
        (env(SMTP_PASSWORD="swordfish"), env(SMTP_PASSWORD="other")),
        (env(URL="a"), env(URL="postgresql://app:swordfish@db/taskora")),
        ({"spec": {}}, {"spec": {"backend": env(API_KEY="swordfish")["spec"]}}),
    ):
        found = differences(before, after)
        assert found
        assert "swordfish" not in str(found)
        assert "(hidden)" in str(found)


def test_what_nobody_wrote_is_no_difference() -> None:
    noise = {"resourceVersion": "2", "managedFields": [{}], "generation": 3, "uid": "x", "creationTimestamp": "now"}
    hashes = {"annotations": {"taskora.dev/wanted-hash": "b"}}
    assert (
        differences({"metadata": {"name": "a"}}, {"metadata": {"name": "a", **noise, **hashes}, "status": {"a": 1}})
        == []
    )


def test_a_long_text_shows_its_changed_lines_alone() -> None:
    config = "\n".join(f"line {n}" for n in range(50))
    (difference,) = differences({"data": {"c": config}}, {"data": {"c": config.replace("line 7", "line seven")}})
    assert list(told(difference, width=80)) == ["data.c", "  - line 7", "  + line seven"]
