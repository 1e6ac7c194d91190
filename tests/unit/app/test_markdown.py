"""Whatever is written as a description, a page gets harmless HTML of it."""

import re
from html.parser import HTMLParser
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora.domain.markdown import TAGS, html
from taskora.domain.text import DESCRIPTION_MOST

ATTRIBUTES = {
    "a": {"href", "title", "rel", "target"},
    "code": {"class"},
    "ol": {"start"},
    "li": {"class"},
    "th": {"class"},
    "td": {"class"},
}
VOID = {"br", "hr"}
pieces = st.sampled_from(
    [
        *"*_`~[]()<>!#|&:\"'\\-+ \n\tae\0\x1b",
        *("<script>", "</p>", "<img src=x onerror=alert(1)>", "javascript:", "data:text/html,", "vbscript:", "1. x\n"),
        *("[x](javascript:alert(1))", "![x](https://a.example/x.png)", "<https://a.example>", "> ", "[a]", "~~s~~"),
        *("&#106;avascript&colon;", "| a | b |\n|:-|-:|\n| c | d |\n", '```"><b>\nx\n```\n', "[a]: javascript:x\n"),
        *("[x](https://a.example 'x')", "HTTP://A.example", "mailto:a@b.example", "  \n"),
        *("- [ ] ", "\n- [x] <b>"),
    ]
)
written = st.one_of(st.lists(pieces, max_size=25).map("".join), st.text(st.characters(codec="utf-8"), max_size=100))


class Page(HTMLParser):
    """What a browser would make of it: everything not known to be harmless is a fault."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.faults.append(f"<{tag}>")
        for name, value in attrs:
            if name not in ATTRIBUTES.get(tag, set()):
                self.faults.append(f"{tag} {name}")
            if name == "href" and not re.match(r"(https?://|mailto:)", value or "", re.IGNORECASE):
                self.faults.append(f"href={value}")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.faults.append(data)

    def handle_decl(self, decl: str) -> None:
        self.faults.append(decl)


def page(text: str) -> Page:
    seen = Page()
    seen.feed(html(text))
    seen.close()
    return seen


@given(written)
def test_nothing_harmful_gets_through(text: str) -> None:
    seen = page(text)
    assert seen.faults == []
    assert seen.open == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**bold** and *so*", "<p><strong>bold</strong> and <em>so</em></p>\n"),
        ("one\ntwo", "<p>one<br>\ntwo</p>\n"),
        ("# Title", "<h4>Title</h4>\n"),
        ("###### Small", "<h4>Small</h4>\n"),
        ("<b>x</b>", "<p>&lt;b&gt;x&lt;/b&gt;</p>\n"),
        (
            "[x](https://a.example)",
            '<p><a href="https://a.example" target="_blank" rel="nofollow noopener noreferrer">x</a></p>\n',
        ),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>\n"),
        ("[x](/logout)", "<p>[x](/logout)</p>\n"),
        ("~~old~~", "<p><s>old</s></p>\n"),
    ],
)
def test_what_is_written_is_shown(text: str, expected: str) -> None:
    assert html(text).replace("<br />", "<br>") == expected


def test_a_picture_is_a_link_and_is_not_fetched() -> None:
    shown = html("![cat](https://a.example/cat.png)")
    assert "<img" not in shown
    assert 'href="https://a.example/cat.png"' in shown


def test_a_table_is_aligned_without_a_style() -> None:
    shown = html("| a | b |\n|:-:|--:|\n| c | d |")
    assert 'class="is-center"' in shown
    assert 'class="is-right"' in shown
    assert "style" not in shown


@pytest.mark.parametrize("piece", ["[", "*a", "> ", "<", "[](", "- ", "|", "`a", "[a]: b\n"])
def test_a_hostile_description_is_rendered_in_no_time(piece: str) -> None:
    """The longest takes about 0.3 s of CPU; what is tried again and again would take minutes."""
    text = (piece * DESCRIPTION_MOST)[:DESCRIPTION_MOST]
    begun = process_time()
    html(text)
    assert process_time() - begun < 3


def test_an_item_that_is_a_box_shows_it_ticked_or_not() -> None:
    made = html("- [ ] book **it**\n- [x] ask\n- not [ ] here\n")
    assert '<li class="is-box">☐ book <strong>it</strong></li>' in made
    assert '<li class="is-box">☑ ask</li>' in made
    assert "<li>not [ ] here</li>" in made
