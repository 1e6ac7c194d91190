"""Words on a screen of 80 columns: wrapping, ages, sizes, and the glyphs that colour follows."""

from __future__ import annotations

import re
import textwrap
from datetime import datetime, timedelta

GOOD, BAD, WARN, WAIT = "✓", "✗", "!", "…"

_ASCII = str.maketrans({GOOD: "+", BAD: "x", WAIT: "~", "├": "|", "└": "`", "│": "|", "─": "-", "→": ">", "·": "-"})
_RED, _GREEN, _YELLOW, _DIM, _PLAIN = "\033[31m", "\033[32m", "\033[33m", "\033[2m", "\033[0m"
_COLOURS = {GOOD: _GREEN, BAD: _RED, WARN: _YELLOW, WAIT: _YELLOW, "+": _GREEN, "-": _RED, "~": _YELLOW}


def wrapped(text: str, *, width: int, first: str = "", rest: str | None = None) -> list[str]:
    """The lines of a text, each at most `width` wide; `first` and `rest` are what lines begin with."""
    rest = " " * len(first) if rest is None else rest
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        begin = first if not lines else rest
        lines += textwrap.wrap(
            paragraph,
            width=width,
            initial_indent=begin,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [begin.rstrip()]
    return lines


def shortened(text: str, width: int) -> str:
    """One line of at most `width` characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: max(width - 1, 0)].rstrip() + "…"


def clipped(line: str, width: int) -> str:
    """Cut at the end; what is aligned at the beginning stays so."""
    line = line.rstrip()
    return line if len(line) <= width else line[: max(width - 1, 0)].rstrip() + "…"


def age(since: datetime | str | None, *, now: datetime) -> str:
    """`45 s`, `12 min`, `3 h`, `5 d`; empty where the time is not known."""
    if since is None or since == "":
        return ""
    then = datetime.fromisoformat(since) if isinstance(since, str) else since
    return duration(now - then)


def duration(span: timedelta) -> str:
    seconds = max(int(span.total_seconds()), 0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (seconds >= size and unit != "min"):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def size(count: int) -> str:
    """Bytes as people say them."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def painted(text: str) -> str:
    """Colour the glyph that begins a line (after the branches of a tree), and nothing else."""
    return "\n".join(_painted(line) for line in text.split("\n"))


def _painted(line: str) -> str:
    match = re.match(r"^([\s├└│─]*)([✓✗!…+~-])(?= )", line)
    if match is None:
        return line
    branches, glyph = match.groups()
    rest = line[match.end() :]
    return f"{_DIM}{branches}{_PLAIN}{_COLOURS[glyph]}{glyph}{_PLAIN}{rest}"


def plain(text: str) -> str:
    """For terminals that know no more than ASCII."""
    return text.translate(_ASCII)
