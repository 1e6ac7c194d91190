"""Page cursors: opaque to clients, the keys of the last row seen inside."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, cast
from uuid import UUID

from taskora.domain.problems import Invalid

MOST = 4000
_JSON = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def encode(order: str, *keys: object) -> str:
    """`order`: what the list is sorted by; a cursor is of no use to another order."""
    text = _JSON.encode([order, *(str(key) for key in keys)])
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, *, order: str, keys: int) -> list[str]:
    """So many keys as `encode` was given; raises `Invalid` for anything it did not make for this order."""
    try:
        found: Any = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(found, list) or len(cast("list[Any]", found)) != keys + 1:
            raise ValueError("another number of keys")
        of, *parts = cast("list[Any]", found)
        if of != order:
            raise ValueError("another order")
        if not all(isinstance(part, str) and _storable(part) for part in parts):
            raise ValueError("keys that are no text")
        return parts
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise unknown() from error


def an_id(key: str) -> UUID:
    try:
        return UUID(key)
    except ValueError as error:
        raise unknown() from error


def _storable(key: str) -> bool:
    return not any(character == "\0" or 0xD800 <= ord(character) <= 0xDFFF for character in key)


def unknown() -> Invalid:
    return Invalid("This cursor is not one of this list's; leave it out to start again.")
