"""What counts as text: everything people write, and nothing a database, a log or a page would choke on."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator

TITLE_MOST = 500
DESCRIPTION_MOST = 50_000
TAG_MOST = 50
SEARCH_MOST = 200


def readable(text: str, *, most: int, lines: bool = False) -> str:
    """`text` in NFC without space around it; raises ValueError with a sentence when it can't be kept.

    Without `lines`, line breaks and tabs become spaces, as pasting into a one-line field does.
    """
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise ValueError("This holds half a character (a lone surrogate).")
    text = text.replace("\r\n", "\n") if lines else " ".join(text.split())
    if any(unicodedata.category(character) == "Cc" and character not in "\n\t" for character in text):
        raise ValueError("This holds a control character.")
    text = unicodedata.normalize("NFC", text).strip()
    if len(text) > most:
        raise ValueError(f"This is {len(text)} characters long; at most {most} are kept.")
    return text


def required(text: str) -> str:
    if not text:
        raise ValueError("This must not be empty.")
    return text


def _title(text: str) -> str:
    return required(readable(text, most=TITLE_MOST))


def _description(text: str) -> str:
    return readable(text, most=DESCRIPTION_MOST, lines=True)


def _tag(text: str) -> str:
    text = required(readable(text, most=TAG_MOST)).removeprefix("#")
    if not text or any(character.isspace() or character in "#," for character in text):
        raise ValueError("A tag is one word, without '#' and commas inside.")
    return text


def _search(text: str) -> str:
    return readable(text, most=SEARCH_MOST)


def _label(text: str) -> str:
    return required(readable(text, most=100))


Label = Annotated[str, AfterValidator(_label)]
Title = Annotated[str, AfterValidator(_title)]
Description = Annotated[str, AfterValidator(_description)]
TagName = Annotated[str, AfterValidator(_tag)]
SearchText = Annotated[str, AfterValidator(_search)]
