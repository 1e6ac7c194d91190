"""What people type into a search box: words, "a phrase", -without, one or another. Any text is a search.

The last word counts as begun, not as whole: who types `inv` sees the invoices before the word is finished.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

TERMS_MOST = 20
TERM = re.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')
LETTERS = re.compile(r"[^\W_]+")
NEAR = 0.45
"""How much of a word that was asked for another must have to count when few texts have the word itself."""


@dataclass(frozen=True, slots=True)
class Term:
    """One word as typed, or a phrase. `begun`: also words that begin like it."""

    text: str
    negated: bool = False
    begun: bool = False

    @property
    def words(self) -> list[str]:
        return LETTERS.findall(self.text)

    @property
    def tsquery(self) -> str:
        """PostgreSQL takes what is quoted apart as it does with the texts it is looked for in."""
        quoted = self.text.replace("\\", "\\\\").replace("'", "''")
        return f"{'!' if self.negated else ''}'{quoted}'{':*' if self.begun else ''}"

    @property
    def pattern(self) -> str:
        ending = "[^\\W_]*" if self.begun else "(?![^\\W_])"
        return "(?<![^\\W_])" + r"[\W_]+".join(map(re.escape, self.words)) + ending


@dataclass(frozen=True)
class Search:
    """Any of the groups, of each all terms. False when nothing was asked for."""

    groups: tuple[tuple[Term, ...], ...]

    def __bool__(self) -> bool:
        return bool(self.groups)

    @cached_property
    def tsquery(self) -> str:
        """For PostgreSQL's `to_tsquery`; nothing that was typed can break out of its quotes."""
        return " | ".join(" & ".join(term.tsquery for term in group) for group in self.groups)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """What is looked for, word by word and without what must not be there: for comparing when nothing is found."""
        wanted = (word for group in self.groups for term in group if not term.negated for word in term.words)
        return tuple(dict.fromkeys(wanted))

    @cached_property
    def _wanted(self) -> re.Pattern[str] | None:
        patterns = [term.pattern for group in self.groups for term in group if not term.negated]
        return re.compile("|".join(patterns), re.IGNORECASE) if patterns else None

    def marks(self, text: str, *, near: bool = False) -> tuple[tuple[int, int], ...]:
        """Where in `text` what was looked for stands: (start, end), in order, none over another.

        `near`: also words that are nearly those, for a text that was found by them.
        """
        if self._wanted is None:
            return ()
        exact = [match.span() for match in self._wanted.finditer(text) if match.end() > match.start()]
        if not near:
            return tuple(exact)
        covered = {at for start, end in exact for at in range(start, end)}
        nearly = [
            match.span()
            for match in LETTERS.finditer(text)
            if match.start() not in covered and any(_likeness(word, match[0]) >= NEAR for word in self.words)
        ]
        return tuple(sorted([*exact, *nearly]))

    def matches(self, text: str) -> bool:
        """Whether `text` is what was looked for."""

        def has(term: Term) -> bool:
            return (re.search(term.pattern, text, re.IGNORECASE) is not None) != term.negated

        return any(all(has(term) for term in group) for group in self.groups)


def parse(text: str) -> Search:
    """The search somebody typed; what holds no letter and no digit is left out."""
    groups: list[list[Term]] = [[]]
    terms = 0
    for found in _terms(text):
        if found is None:
            groups.append([])
        elif terms < TERMS_MOST:
            groups[-1].append(found)
            terms += 1
    kept = [group for group in groups if group]
    if kept and text[-1].isalnum() and not kept[-1][-1].negated:
        kept[-1][-1] = replace(kept[-1][-1], begun=True)
    return Search(tuple(tuple(group) for group in kept))


def _likeness(wanted: str, word: str) -> float:
    """Which part of what was asked for `word` has, by groups of three letters: about PostgreSQL's `word_similarity`."""
    sought = _trigrams(wanted)
    return len(sought & _trigrams(word)) / len(sought)


def _trigrams(word: str) -> set[str]:
    padded = f"  {word.lower()} "
    return {padded[at : at + 3] for at in range(len(padded) - 2)}


def _terms(text: str) -> Iterator[Term | None]:
    """Each term; None stands for `or`."""
    for match in TERM.finditer(text.replace("\0", " ")):
        word = match["word"]
        if word is not None and not match["minus"] and word.lower() in ("or", "|"):
            yield None
            continue
        term = Term(" ".join((match["phrase"] or word or "").split()), negated=match["minus"] == "-")
        if term.words:
            yield term
