"""Chains of hashes: each link covers what it says and the hash of the one before."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

GENESIS = bytes(32)
"""What the first link has for the one before."""


class Link(Protocol):
    @property
    def no(self) -> int: ...

    @property
    def previous(self) -> bytes: ...

    @property
    def hash(self) -> bytes: ...


T = TypeVar("T", bound=Link)


def following(previous: Link | None) -> tuple[int, bytes]:
    """Number and hash before of the link that comes after `previous` (None: the first)."""
    return (previous.no + 1, previous.hash) if previous else (1, GENESIS)


def first_fault(chain: Iterable[T], *, digest: Callable[[T, bytes], bytes]) -> int | None:
    """The number of the first link (in order) that does not hold, or None. `digest`: of a link after that hash."""
    expected, before = 1, GENESIS
    for link in chain:
        sound = link.no == expected and link.previous == before
        if not sound or link.hash != digest(link, before):
            return expected
        expected, before = expected + 1, link.hash
    return None
