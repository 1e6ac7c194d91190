"""The audit log as it is read: chains to be checked, what happened to one thing, the keys of what is personal."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from taskora.store.database import Reading, Row, Writing

KEYS = "SELECT user_id, key FROM user_keys WHERE user_id = ANY (%(user_ids)s)"
ADD_KEY = "INSERT INTO user_keys (user_id, key) VALUES (%(user_id)s, %(key)s)"
LISTED = """
SELECT user_id, no, event_id, action, resource, occurred_at, recorded_at, encode(hash, 'hex') AS hash FROM audit_log
WHERE (%(user_id)s::uuid IS NULL OR user_id = %(user_id)s) AND (%(action)s::text IS NULL OR action = %(action)s)
  AND (%(at)s::timestamptz IS NULL OR (recorded_at, event_id) < (%(at)s, %(after)s::uuid))
ORDER BY recorded_at DESC, event_id DESC LIMIT %(limit)s
"""
OF_RESOURCE = """
SELECT no, entry FROM audit_log
WHERE user_id = %(user_id)s AND resource = %(resource)s AND (%(before)s::bigint IS NULL OR no < %(before)s)
ORDER BY no DESC LIMIT %(limit)s
"""
USERS = "SELECT DISTINCT user_id FROM audit_log ORDER BY user_id"


async def key_of(uow: Reading, user_id: UUID) -> bytes | None:
    """None: the user is erased."""
    return (await keys_of(uow, [user_id])).get(user_id)


async def keys_of(uow: Reading, user_ids: Collection[UUID]) -> dict[UUID, bytes]:
    """Of those who are not erased."""
    rows = await uow.rows(KEYS, {"user_ids": list(user_ids)})
    return {row["user_id"]: bytes(row["key"]) for row in rows}


async def add_key(uow: Writing, user_id: UUID, *, key: bytes) -> None:
    await uow.rows(ADD_KEY, {"user_id": user_id, "key": key})


async def listed(
    uow: Reading, *, user_id: UUID | None, action: str | None, after: tuple[str, UUID] | None, limit: int
) -> list[Row]:
    """The latest first; what is personal stays sealed. `after`: when the last one seen was recorded, and its event."""
    parameters: dict[str, Any] = {"user_id": user_id, "action": action, "limit": limit}
    at, event_id = after or (None, None)
    return await uow.rows(LISTED, {**parameters, "at": at, "after": event_id})


async def of_resource(uow: Reading, user_id: UUID, *, resource: str, before: int | None, limit: int) -> list[Row]:
    """The latest first: `no` and `entry`."""
    return await uow.rows(OF_RESOURCE, {"user_id": user_id, "resource": resource, "before": before, "limit": limit})


async def users(uow: Reading) -> list[UUID]:
    """Everyone with a chain, also those who are gone."""
    return [row["user_id"] for row in await uow.rows(USERS)]
