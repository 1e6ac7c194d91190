"""Descriptions are Markdown; what reaches a page is this HTML and no other.

HTML that somebody wrote is shown as text, pictures are not fetched from anywhere, links go to the web and to mail
alone, open beside the page and tell nothing of it, and nothing carries a style: pages forbid that.
"""

import re
from collections.abc import Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

TAGS = frozenset(
    "p br hr h4 em strong s code pre blockquote ul ol li a table thead tbody tr th td".split()  # noqa: SIM905
)
SCHEMES = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
# The page has its own headings above it; one level, because a text may begin with any and must leave no gap.
HEADING = "h4"
BOXES = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}
ALIGN = re.compile(r"text-align:(left|center|right)")


def html(text: str) -> str:
    """Safe HTML of a description; `TAGS` are all it has."""
    tokens = _parser().parse(text)
    _tame(tokens)
    return str(_parser().renderer.render(tokens, _parser().options, {}))


def plain(text: str) -> str:
    """What a reader reads of a description, on one line: no marks, no addresses of links."""
    tokens = _parser().parse(text)
    _tame(tokens)
    return " ".join(" ".join(map(_said, tokens)).split())


def _said(token: Token) -> str:
    if token.children is None:
        return " " if token.type in {"softbreak", "hardbreak"} else token.content
    return "".join(map(_said, token.children))


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802 -- markdown-it's name
        return SCHEMES.match(url.strip()) is not None


@cache
def _parser() -> MarkdownIt:
    parser = _Parser("commonmark", {"html": False, "breaks": True, "xhtmlOut": False})
    return parser.enable(["table", "strikethrough"]).disable("image")


def _tame(tokens: Sequence[Token]) -> None:
    _box(tokens)
    for token in tokens:
        token.tag = HEADING if token.type.startswith("heading") else token.tag
        if aligned := ALIGN.fullmatch(str(token.attrs.pop("style", ""))):
            token.attrSet("class", f"is-{aligned[1]}")
        if token.type == "link_open":
            token.attrSet("target", "_blank")
            token.attrSet("rel", "nofollow noopener noreferrer")
        _tame(token.children or [])


def _box(tokens: Sequence[Token]) -> None:
    """Items that begin with "[ ]" or "[x]" show a box in place of their bullet."""
    for item, _, inline in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if item.type == "list_item_open" and inline.type == "inline" and inline.children:
            first = inline.children[0]
            if box := BOXES.get(first.content[:4]) if first.type == "text" else None:
                first.content = box + first.content[4:]
                item.attrSet("class", "is-box")
