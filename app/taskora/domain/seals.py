"""Seals over the audit log: each covers the ends of the chains that grew, and the seal before.

A chain shows what was altered inside it; the seals show when its end, or all of it, is missing.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from taskora.domain import chains

# {user id: (number of the last link, its hash in hex)}
Heads = Mapping[str, tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Seal:
    no: int
    sealed_at: datetime
    heads: Heads
    previous: bytes
    hash: bytes


def seal(previous: Seal | None, heads: Heads, *, at: datetime) -> Seal:
    """The next seal after `previous` (None: the first). `at` is aware."""
    no, before = chains.following(previous)
    return Seal(no, at, heads, before, _digest(no, at, heads, before))


def first_fault(seals: Iterable[Seal]) -> int | None:
    """The number of the first seal (in order) that does not hold, or None."""
    return chains.first_fault(seals, digest=lambda one, before: _digest(one.no, one.sealed_at, one.heads, before))


def missing(seals: Sequence[Seal], links: Mapping[tuple[UUID, int], str]) -> list[UUID]:
    """Users whose chain lacks, or has otherwise, a link that a seal covers. `links`: (user, number) → hash in hex."""
    wanted = {(UUID(user_id), no): found for one in seals for user_id, (no, found) in one.heads.items()}
    return sorted({user_id for (user_id, no), found in wanted.items() if links.get((user_id, no)) != found}, key=str)


def _digest(no: int, at: datetime, heads: Heads, previous: bytes) -> bytes:
    covered = json.dumps({"no": no, "at": at.timestamp(), "heads": heads}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(previous + covered.encode()).digest()
