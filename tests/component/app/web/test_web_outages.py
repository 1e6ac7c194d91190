"""What people see while the broker, the cache, the backend or the database is away."""

import hashlib
import socket

from tests.component.app.conftest import PASSWORD, until

from .conftest import Stack, away
from .plain import Browser, as_the_same, browsing, listening, seq


async def test_with_the_broker_away_saving_goes_on_and_other_tabs_hear_of_it(stack: Stack, ada: Browser) -> None:
    async with browsing(stack, at=1) as other:
        await as_the_same(other, ada)
        async with listening(other, since=seq(other)) as heard:
            assert (await heard("status"))["data"] == {"live": "ok"}
            with away(stack.kafka, back=stack.kafka.ready):
                await ada.send("/tasks", title="Without a broker")
                assert "Without a broker" in ada.html
                event = await heard("dev.taskora.task.created.v1", seconds=5)
                assert event["data"]["data"]["task"]["title"] == "Without a broker"
                assert (await heard("status"))["data"] == {"live": "delayed"}
            assert (await heard("status", seconds=60))["data"] == {"live": "ok"}


async def test_with_the_cache_away_people_go_on_come_in_and_are_still_signed_out(stack: Stack, ada: Browser) -> None:
    email = ada.session["profile"]["email"]
    with away(stack.redis, back=stack.redis.ready):
        await ada.send("/tasks", title="Without a cache")
        assert "Without a cache" in ada.html
        async with browsing(stack) as late:
            await late.go("/sign-in")
            await late.send("/sign-in", email=email, password=PASSWORD)
            assert "Without a cache" in late.html
            await late.send("/sign-out")
            assert late.answer.url.path == "/sign-in"
        hashed = hashlib.sha256(ada.session["token"].encode()).hexdigest()
        stack.urls.sql(f"UPDATE sessions SET revoked_at = now() WHERE token_hash = '\\x{hashed}'")
        await ada.go("/")
        assert ada.answer.url.path == "/sign-in"


async def test_with_the_backend_away_a_page_keeps_what_was_typed_and_tries_again(stack: Stack, ada: Browser) -> None:
    def back() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", stack.backend.port)) == 0

    with away(stack.backend, back=back):
        await ada.send("/tasks", title="Typed in the dark")
        assert (ada.answer.status_code, ada.answer.headers["retry-after"]) == (503, "5")
        assert "Taskora is catching its breath" in ada.html
        answer = await ada.client.get("/api/v1/tasks")
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:taskora:problem:backend_unavailable")

    async def saved() -> bool:
        return "Typed in the dark" in await ada.send("/tasks") and ada.answer.status_code == 200

    await until(saved, seconds=30)
    assert ada.html.count('id="task-') == 1


async def test_with_the_database_away_the_page_says_so_and_comes_back(stack: Stack, ada: Browser) -> None:
    with away(stack.urls.postgres, back=stack.urls.postgres.ready):
        await ada.go("/")
        assert ada.answer.status_code == 503
        assert "The database isn’t answering. Nothing you saved is lost." in ada.html
        assert 'http-equiv="refresh"' in ada.html

    async def there() -> bool:
        return "A clean page" in await ada.go("/")

    await until(there, seconds=30)
