"""What was searched for, shown where the API says it stands. Places are counted as browsers count characters. Pure."""

from collections.abc import Sequence

from markupsafe import Markup, escape

AROUND = 60

Places = Sequence[tuple[int, int]]


def marked(text: str, places: Places) -> Markup | None:
    """`text` with these places in `<mark>`; None when there are none."""
    if not places:
        return None
    units = _Units(text)
    parts: list[Markup] = []
    at = 0
    for start, end in places:
        parts += [escape(units[at:start]), Markup("<mark>{}</mark>").format(units[start:end])]
        at = end
    return Markup("").join([*parts, escape(units[at:])])


def line(text: str, places: Places) -> Markup | None:
    """The line of notes around the first place, marked; None when the notes have none."""
    if not places:
        return None
    units = _Units(text)
    begin, end = max(places[0][0] - AROUND, 0), places[0][1] + AROUND
    inside = [(max(start - begin, 0), stop - begin) for start, stop in places if stop <= end]
    said = marked(units[begin:end], inside) or escape(units[begin:end])
    return Markup("{}{}{}").format("…" if begin else "", said, "…" if end < len(units) else "")


class _Units:
    """A text as UTF-16 units, cut without leaving half a character at either end."""

    def __init__(self, text: str) -> None:
        self._packed = text.encode("utf-16-le", "surrogatepass")

    def __len__(self) -> int:
        return len(self._packed) // 2

    def __getitem__(self, cut: slice) -> str:
        start, stop, _ = cut.indices(len(self))
        return self._packed[2 * start : 2 * stop].decode("utf-16-le", "ignore")
