"""Leases: who does what only one may do. The database's clock decides; a new owner gets a new epoch."""

from collections.abc import Collection

from taskora.store.database import Reading

# What a process was about to do waits so long once it is dead (docs/decisions/023).
SECONDS = 5

RENEW = """
INSERT INTO leases (name, owner, epoch, expires_at)
SELECT name, %(owner)s, 1, now() + make_interval(secs => %(seconds)s) FROM unnest(%(names)s::text[]) AS wanted (name)
ORDER BY name
ON CONFLICT (name) DO UPDATE SET
    owner = excluded.owner,
    epoch = leases.epoch + (leases.owner <> excluded.owner)::int,
    expires_at = excluded.expires_at
WHERE leases.owner = excluded.owner OR leases.expires_at < now()
RETURNING name, epoch
"""
LIVE = "SELECT name, owner FROM leases WHERE starts_with(name, %(prefix)s) AND expires_at > now()"
RELEASE = "UPDATE leases SET expires_at = '-infinity' WHERE owner = %(owner)s AND name = ANY (%(names)s)"


async def hold(uow: Reading, names: Collection[str], *, owner: str, seconds: float = SECONDS) -> dict[str, int]:
    """Renew or take those of `names` that are the owner's or free; returns the epoch of each that is held now."""
    rows = await uow.rows(RENEW, {"names": sorted(names), "owner": owner, "seconds": seconds})
    return {row["name"]: row["epoch"] for row in rows}


async def live(uow: Reading, prefix: str) -> dict[str, str]:
    """The owner of each unexpired lease whose name begins with `prefix`."""
    return {row["name"]: row["owner"] for row in await uow.rows(LIVE, {"prefix": prefix})}


async def release(uow: Reading, names: Collection[str], *, owner: str) -> None:
    await uow.rows(RELEASE, {"names": list(names), "owner": owner})
