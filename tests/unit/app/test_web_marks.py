"""What was searched for is marked where the API says it stands, and nothing else of the text changes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape
from taskora.domain.quick_add import utf16
from taskora.domain.search import parse
from taskora.web.marks import line, marked

texts = st.lists(st.sampled_from(["rent", " ", "<b>", "🍎", "&", "Rental", "\n", "é"]), max_size=12).map("".join)


def places(text: str, query: str) -> list[tuple[int, int]]:
    return [(utf16(text, start), utf16(text, end)) for start, end in parse(query).marks(text)]


@given(texts)
def test_marks_are_put_into_the_text_and_nothing_else_is(text: str) -> None:
    found = marked(text, places(text, "rent"))
    if found is None:
        assert parse("rent").marks(text) == ()
        return
    assert re.sub("</?mark>", "", found) == escape(text)
    assert re.findall("<mark>(.*?)</mark>", found) == [text[start:end] for start, end in parse("rent").marks(text)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pay the rent now", "pay the <mark>rent</mark> now"),
        ("x" * 70 + " rent <b>", "…" + "x" * 59 + " <mark>rent</mark> &lt;b&gt;"),
        ("rent " + "🍎" * 60, "<mark>rent</mark> " + "🍎" * 53 + "…"),
        (
            "It is off until the deposit question is settled and paid. Then the rent goes as before",
            "…until the deposit question is settled and paid. Then the <mark>rent</mark> goes as before",
        ),
        (
            "the rent goes by the joint account, as it was arranged by Mr. Varga",
            "the <mark>rent</mark> goes by the joint account, as it was arranged by Mr.…",
        ),
        ("nothing of it", None),
        (
            "Is **off** until the\n\n- **rent** is\n- [paid](https://a.example)",
            "Is off until the <mark>rent</mark> is paid",
        ),
        ("See [x](https://a.example/rent)", "See [x](https://a.example/<mark>rent</mark>)"),
        ("Pay `rent`\n---\n## Now & rent", "Pay <mark>rent</mark> Now &amp; <mark>rent</mark>"),
        ("x " * 1000 + "[the **rent**](https://a.example/rent)", "…" + "x " * 28 + "the <mark>rent</mark>"),
    ],
)
def test_a_line_of_notes_is_cut_around_the_first_place(text: str, shown: str | None) -> None:
    assert line(text, places(text, "rent")) == shown


@given(
    st.lists(st.sampled_from(["**", "`", "[", "](https://a.example)", "rent", " ", "\n", "- ", "<", "&"]), max_size=20)
)
def test_whatever_notes_are_written_like_a_line_of_them_is_one_and_marks_what_was_looked_for(parts: list[str]) -> None:
    text = "".join(parts)
    if found := line(text, places(text, "rent")):
        assert "\n" not in found
        assert "<mark>rent" in found
        assert found.count("<mark>") == found.count("</mark>")
        assert not set("\ufdd0\ufdd1") & set(found)
