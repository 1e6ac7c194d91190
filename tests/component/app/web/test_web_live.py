"""Changes as they happen, over event streams through two replicas."""

import asyncio
import hashlib

import httpx

from .conftest import Stack
from .plain import Browser, as_the_same, browsing, listening, seq


def restore(stack: Stack, user_id: str, *, to: int) -> None:
    """What a restore of the database does to one user: what they did after `to` never was."""
    stack.urls.sql(
        f"DELETE FROM tasks WHERE user_id = '{user_id}' AND id IN (SELECT split_part(event->>'subject', '/', 2)::uuid "
        f"FROM outbox WHERE user_id = '{user_id}' AND seq > {to});"
        f"DELETE FROM outbox WHERE user_id = '{user_id}' AND seq > {to};"
        f"UPDATE users SET seq = {to} WHERE id = '{user_id}'"
    )


async def test_a_change_on_one_replica_is_heard_on_the_other(stack: Stack, ada: Browser) -> None:
    async with browsing(stack, at=1) as other:
        await as_the_same(other, ada)
        async with listening(other, since=seq(other)) as heard:
            assert (await heard("status"))["data"] == {"live": "ok"}
            for n in range(1, 4):
                await ada.send("/tasks", title=f"Live {n}")
                event = await heard("dev.taskora.task.created.v1", seconds=5)
                assert event["id"] == seq(other) + n
                assert event["data"]["data"]["task"]["title"] == f"Live {n}"


async def test_a_stream_goes_on_where_it_was(ada: Browser) -> None:
    start = seq(ada)
    for n in range(1, 4):
        await ada.send("/tasks", title=f"Missed {n}")
    async with listening(ada, since=start + 1) as heard:
        got = [(await heard("dev.taskora.task.created.v1"))["id"] for _ in range(2)]
    assert got == [start + 2, start + 3]


async def test_a_stream_that_the_feed_does_not_reach_is_refused_and_told_where_to_load_everything(
    stack: Stack, ada: Browser
) -> None:
    for n in range(3):
        await ada.send("/tasks", title=f"Old {n}")
    stack.urls.sql(f"UPDATE users SET feed_floor = 2 WHERE id = '{ada.session['profile']['user_id']}'")
    for since in (0, seq(ada) + 1):
        refused = await ada.client.get(f"/api/v1/events?since={since}")
        assert (refused.status_code, refused.json()["seq"]) == (410, seq(ada))


async def test_a_stream_that_is_open_while_the_database_is_restored_starts_again(stack: Stack, ada: Browser) -> None:
    await ada.send("/tasks", title="In the backup")
    before = seq(ada)
    await ada.send("/tasks", title="After it")
    async with ada.client.stream("GET", f"/api/v1/events?since={seq(ada)}") as stream:
        restore(stack, ada.session["profile"]["user_id"], to=before)
        assert await _line(stream, f"id: {before}", after="event: resync")


async def test_a_revoked_session_ends_its_stream(stack: Stack, ada: Browser) -> None:
    async with browsing(stack, at=1) as other:
        await as_the_same(other, ada)
        async with ada.client.stream("GET", f"/api/v1/events?since={seq(ada)}") as stream:
            hashed = hashlib.sha256(ada.session["token"].encode()).hexdigest()
            stack.urls.sql(f"UPDATE sessions SET revoked_at = now() WHERE token_hash = '\\x{hashed}'")
            assert await _line(stream, "event: signed-out")
        await other.go("/")
        assert other.answer.url.path == "/"


async def test_a_stream_without_a_place_to_begin_or_a_session_is_refused(browser: Browser, ada: Browser) -> None:
    assert (await ada.client.get("/api/v1/events")).status_code == 422
    ada.client.cookies.clear()
    assert (await ada.client.get("/api/v1/events?since=0")).status_code == 401


async def _line(stream: httpx.Response, wanted: str, *, after: str = "", seconds: float = 10) -> bool:
    reached = not after
    async with asyncio.timeout(seconds):
        async for line in stream.aiter_lines():
            reached = reached or line == after
            if reached and line == wanted:
                return True
    return False
