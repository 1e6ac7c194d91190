"""What was searched for, shown where the API says it stands. Places are counted as browsers count characters. Pure."""

import re
from collections.abc import Sequence

from markupsafe import Markup, escape

from taskora.domain.markdown import plain

AROUND = 60
WORD = 16
READ = 400
"""How much of notes on either side is read as Markdown: a search may find a hundred that are as long as a book."""
# Two of those that Unicode keeps for what goes on inside a program; to Markdown they are letters.
BEGIN, END = "\ufdd0", "\ufdd1"
MARKED = re.compile(f"{BEGIN}([^{BEGIN}{END}]*)")

Places = Sequence[tuple[int, int]]


def marked(text: str, places: Places) -> Markup | None:
    """`text` with these places in `<mark>`; None when there are none."""
    return _html(_set(text, places)) if places else None


def line(text: str, places: Places) -> Markup | None:
    """What is read of notes around the first place, marked; None when the notes have none."""
    if not places:
        return None
    whole = _set(text, places)
    begin, end = _around(whole, READ)
    said = plain(whole[begin:end])
    if BEGIN not in said:
        # It stands where nobody reads: in the address of a link.
        said = " ".join(whole[begin:end].split())
    first, last = _words(said, *_around(said, AROUND))
    before, after = begin > 0 or first > 0, end < len(whole) or last < len(said)
    return Markup("{}{}{}").format("…" if before else "", _html(said[first:last]), "…" if after else "")


def _around(text: str, most: int) -> tuple[int, int]:
    """From where to where it is so far from where the first place begins."""
    at = text.index(BEGIN)
    return max(at - most, 0), at + most


def _words(text: str, first: int, last: int) -> tuple[int, int]:
    """The same without a word that is cut off at either end, unless it is a long one."""
    if text[first - 1 : first].strip():
        first += text[first : first + WORD].find(" ") + 1
    if text[last : last + 1].strip():
        last -= text[max(last - WORD, 0) : last][::-1].find(" ") + 1
    return first, last


def _set(text: str, places: Places) -> str:
    """`text` with these places between `BEGIN` and `END`."""
    units = text.encode("utf-16-le", "surrogatepass")
    parts: list[bytes] = []
    at = 0
    for start, end in places:
        parts += [units[2 * at : 2 * start], _units(BEGIN), units[2 * start : 2 * end], _units(END)]
        at = end
    return b"".join([*parts, units[2 * at :]]).decode("utf-16-le", "ignore")


def _units(text: str) -> bytes:
    return text.encode("utf-16-le")


def _html(text: str) -> Markup:
    """A place that was cut off ends where the text does."""
    return Markup(MARKED.sub(r"<mark>\1</mark>", str(escape(text))).replace(END, ""))  # noqa: S704 - it is escaped
