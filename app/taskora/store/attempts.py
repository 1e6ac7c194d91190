"""How often something was tried of late. Counted at once: what is rolled back was tried all the same."""

from taskora.store.database import Reading

# A window begins with the first attempt in it.
TRIED = """
INSERT INTO attempts (key, count, since) VALUES (%(key)s, 1, now())
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN attempts.since < now() - make_interval(secs => %(window)s) THEN 1 ELSE attempts.count + 1 END,
    since = CASE WHEN attempts.since < now() - make_interval(secs => %(window)s) THEN now() ELSE attempts.since END
RETURNING count, ceil(extract(epoch FROM since - now()) + %(window)s)::integer AS left
"""
FORGET = "DELETE FROM attempts WHERE key = %(key)s"


async def tried(uow: Reading, key: str, *, window: int) -> tuple[int, int]:
    """How often within `window` seconds, this time included, and how many seconds are left of them."""
    row = await uow.row(TRIED, {"key": key, "window": window})
    return (row["count"], row["left"]) if row else (1, window)


async def forget(uow: Reading, key: str) -> None:
    await uow.rows(FORGET, {"key": key})
