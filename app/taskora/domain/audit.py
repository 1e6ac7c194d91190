"""The audit log's hash chain: one per user, so that nothing can be altered, dropped or put in between unseen."""

import contextlib
import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from taskora.domain import chains
from taskora.domain.events import Event


@dataclass(frozen=True, slots=True)
class Entry:
    """One link. `entry` is canonical JSON: who, what, when, to what; `hash` covers it and the link before."""

    user_id: UUID
    no: int
    entry: str
    previous: bytes
    hash: bytes


def describe(event: Event, *, key: bytes | None) -> str:
    """The canonical JSON kept of an event: actor, action, time, affected resource, and what the event said.

    What it said is personal: it is kept under the user's `key` (32 bytes), so that who deletes the key has erased it
    and the chain still holds. Without a key the user is erased already, and it is not kept.
    """
    said: dict[str, Any] = {
        "event_id": str(event.id),
        "actor": str(event.user_id),
        "action": event.type,
        "resource": event.subject,
        "time": event.time.isoformat(),
        "data": None if key is None else _sealed(event, key=key),
    }
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def disclosed(entry: str, *, key: bytes | None) -> dict[str, Any]:
    """What `describe` made, with its data in the clear; `data` is None where the key is gone, or another's."""
    said: dict[str, Any] = json.loads(entry)
    sealed, said["data"] = said["data"], None
    if key is not None and isinstance(sealed, str):
        nonce = hashlib.sha256(said["event_id"].encode()).digest()[:12]
        with contextlib.suppress(InvalidTag):
            said["data"] = json.loads(AESGCM(key).decrypt(nonce, b64decode(sealed), said["event_id"].encode()))
    return said


def _sealed(event: Event, *, key: bytes) -> str:
    """AES-256-GCM. The nonce comes from the event's id: each id is one event, and one event is sealed once."""
    number = str(event.id).encode()
    nonce = hashlib.sha256(number).digest()[:12]
    data = json.dumps(event.data, sort_keys=True, separators=(",", ":"))
    return b64encode(AESGCM(key).encrypt(nonce, data.encode(), number)).decode()


def link(previous: Entry | None, *, user_id: UUID, entry: str) -> Entry:
    """The next link after `previous` (None: the first)."""
    no, before = chains.following(previous)
    return Entry(user_id, no, entry, before, _digest(user_id, no, entry, before))


def first_fault(chain: Iterable[Entry]) -> int | None:
    """The number of the first link of one user's chain (in order) that does not hold, or None."""
    return chains.first_fault(chain, digest=lambda one, before: _digest(one.user_id, one.no, one.entry, before))


def _digest(user_id: UUID, no: int, entry: str, previous: bytes) -> bytes:
    return hashlib.sha256(previous + user_id.bytes + no.to_bytes(8) + entry.encode()).digest()
