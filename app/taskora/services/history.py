"""What happened, as the audit log has it: to one task for its owner, to everybody for the administrator."""

from typing import Any
from uuid import UUID

from taskora.domain import audit
from taskora.domain.people import User
from taskora.services import seals
from taskora.store import chains, consuming
from taskora.store.database import Reading, Row

# What an event says of a task that is worth telling again: the fields that changed, and what they became.
QUIET = frozenset({"id", "version", "updated_at", "created_at"})


async def of_task(
    uow: Reading, user: User, *, task_id: UUID, before: int | None, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """The latest first, and the number to go on before; shortly after a change it is not here yet."""
    key = await chains.key_of(uow, user.id)
    rows = await chains.of_resource(uow, user.id, resource=f"task/{task_id}", before=before, limit=limit + 1)
    items = [_told(row, key=key) for row in rows[:limit]]
    return items, rows[limit - 1]["no"] if len(rows) > limit else None


async def listed(
    uow: Reading, *, user_id: UUID | None, action: str | None, after: tuple[str, UUID] | None, limit: int
) -> list[Row]:
    return await chains.listed(uow, user_id=user_id, action=action, after=after, limit=limit)


async def checked(uow: Reading) -> dict[str, Any]:
    """How many chains there are, the first link that does not hold of each broken one, and what the seals miss."""
    users = await chains.users(uow)
    faults: list[dict[str, Any]] = []
    for user_id in users:
        fault = audit.first_fault(await consuming.chain(uow, user_id))
        if fault is not None:
            faults.append({"user_id": user_id, "no": fault})
    seal, cut = await seals.faults(uow)
    return {"chains": len(users), "faults": faults, "seal": seal, "cut": cut}


def _told(row: Row, *, key: bytes | None) -> dict[str, Any]:
    said = audit.disclosed(row["entry"], key=key)
    data: dict[str, Any] = said["data"] or {}
    task: dict[str, Any] = data.get("task") or {}
    return {
        "no": row["no"],
        "type": said["action"],
        "time": said["time"],
        "fields": data.get("fields", []),
        "values": {name: task[name] for name in data.get("fields", []) if name in task and name not in QUIET},
    }
