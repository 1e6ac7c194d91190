"""What people tell the chat, without what tells who they are: for training, where they allow it."""

import re
from collections.abc import Collection

# In this order: what is part of an address is not taken for a number.
_PATTERNS = (
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "[email]"),
    (re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE), "[link]"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "[id]"),
    (re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b"), "[account]"),
    (re.compile(r"(?<![\w-])\+?\d(?:[ ()/.-]{0,2}\d){6,}(?![\w-])"), "[number]"),
    (re.compile(r"(?<!\w)@\w{2,}"), "[person]"),
)
# 2031-05-06 and 06.05.2031 say when, not who.
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./]\d{4}")


def redacted(text: str, *, names: Collection[str] = ()) -> str:
    """`text` without addresses, numbers, links and ids; nor any of `names` (what the person is called, whole words)."""
    for pattern, word in _PATTERNS:
        text = pattern.sub(lambda found, word=word: found[0] if _DATE.fullmatch(found[0]) else word, text)
    words = {part for name in names for part in (name, *re.split(r"\W+", name)) if len(part) > 1}
    for word in sorted(words, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "[name]", text, flags=re.IGNORECASE)
    return text
