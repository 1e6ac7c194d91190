"""Any text is a search, and none of it reaches the database as anything but words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora.domain.search import TERMS_MOST, parse

anything = st.text(st.characters(codec=None))
pieces = [*"ab -\"'\\|:*&!()<>", "or ", "OR ", "é", "payment ", "\0", "\n"]
typed = st.lists(st.sampled_from(pieces), max_size=20).map("".join)
TSQUERY = re.compile(r"!?'(?:[^'\\]|''|\\\\)*'(?::\*)?(?: [&|] !?'(?:[^'\\]|''|\\\\)*'(?::\*)?)*")


@pytest.mark.parametrize(
    ("text", "tsquery"),
    [
        ("rent", "'rent':*"),
        ("pay rent ", "'pay' & 'rent'"),
        ('"late fee" rent', "'late fee' & 'rent':*"),
        ("rent -late", "'rent' & !'late'"),
        ('rent -"late fee"', "'rent' & !'late fee'"),
        ("rent or lease home", "'rent' | 'lease' & 'home':*"),
        ("OR rent OR", "'rent':*"),
        ('"or"', "'or'"),
        ("e-mail", "'e-mail':*"),
        ("it's", "'it''s':*"),
        ('"open house', "'open house':*"),
        ("back\\slash ", "'back\\\\slash'"),
        ("example.com", "'example.com':*"),
        ("", ""),
        ("- & ! :* ()", ""),
    ],
)
def test_what_is_typed_is_searched_as_websearch_does(text: str, tsquery: str) -> None:
    assert parse(text).tsquery == tsquery


@given(st.one_of(anything, typed))
def test_any_text_is_a_search_and_stays_inside_its_quotes(text: str) -> None:
    search = parse(text)
    assert bool(search) == bool(search.tsquery)
    assert not search or TSQUERY.fullmatch(search.tsquery)
    assert "\0" not in search.tsquery
    assert sum(map(len, search.groups)) <= TERMS_MOST


@given(typed, typed, st.booleans())
def test_marks_lie_in_the_text_in_order_and_show_what_was_looked_for(text: str, where: str, near: bool) -> None:
    search = parse(text)
    marks = search.marks(where, near=near)
    flat = [place for mark in marks for place in mark]
    assert flat == sorted(flat)
    assert all(0 <= start < end <= len(where) for start, end in marks)
    if search.matches(where) and any(all(not term.negated for term in group) for group in search.groups):
        assert marks or not all(not term.negated for group in search.groups for term in group)


@given(st.lists(st.text("abcdeé", min_size=1, max_size=6), min_size=1, max_size=8), st.data())
def test_a_text_is_found_by_any_of_its_words_and_by_the_beginning_of_one(words: list[str], data: st.DataObject) -> None:
    text = " ".join(words)
    word = data.draw(st.sampled_from([one for one in words if one.lower() != "or"] or ["a"]))
    if word in words:
        assert parse(word + " ").matches(text)
        assert parse(word[: data.draw(st.integers(1, len(word)))]).matches(text)
        assert not parse(f"-{word} ").matches(text)
        assert parse(f'"{text}"').matches(text)


def test_a_begun_word_is_marked_whole() -> None:
    assert parse("pay").marks("Payments: pay or repay") == ((0, 8), (10, 13))
