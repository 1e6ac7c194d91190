"""Who is signed in, and until when: the cookie, the state store, and what another site can't do."""

import hashlib
import socket
from datetime import UTC, datetime, timedelta

import httpx

from tests.cluster.services import Redis
from tests.component.app.conftest import PASSWORD, until

from .conftest import Stack, away
from .plain import Browser, browsing


async def test_the_cookie_is_out_of_scripts_reach_and_the_token_out_of_redis(stack: Stack, ada: Browser) -> None:
    async with httpx.AsyncClient(base_url=stack.doors[0].url) as client:
        answer = await client.post(
            "/api/v1/auth/login", json={"email": ada.session["profile"]["email"], "password": PASSWORD}
        )
    assert set(answer.json()) == {"user"}
    assert "HttpOnly; SameSite=Lax" in answer.headers["set-cookie"]
    token = ada.session["token"]
    kept = redis_says(stack.redis, "KEYS *")
    assert f"taskora||session:{hashlib.sha256(token.encode()).hexdigest()}" in kept
    assert token not in kept


async def test_a_wrong_password_is_said_beside_the_field_and_the_address_is_kept(browser: Browser) -> None:
    await browser.go("/sign-in")
    await browser.send("/sign-in", email="nobody@example.org", password="wrong and wrong")
    assert browser.answer.status_code == 401
    assert "That email and password don’t match." in browser.html
    assert 'value="nobody@example.org"' in browser.html
    assert "wrong and wrong" not in browser.html


async def test_after_signing_out_the_cookie_of_before_opens_nothing(ada: Browser) -> None:
    before = ada.client.cookies["taskora_session"]
    await ada.send("/sign-out")
    assert ada.answer.url.path == "/sign-in"
    assert "taskora_session" not in ada.client.cookies
    ada.client.headers["Cookie"] = f"taskora_session={before}"
    await ada.go("/")
    assert ada.answer.url.path == "/sign-in"
    assert "You were signed out" in ada.html


async def test_a_request_from_another_site_changes_nothing(ada: Browser) -> None:
    for origin in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}):
        for answer in (
            await ada.client.post("/api/v1/tasks", json={"title": "Not mine"}, headers=origin),
            await ada.client.post("/tasks", data={"title": "Not mine"}, headers=origin),
        ):
            assert answer.status_code == 403, answer.text
    forged = await ada.client.post("/tasks", data={"title": "x", "_csrf": "guess"}, headers={"Origin": ada.origin})
    assert forged.status_code == 403
    assert "Not mine" not in await ada.go("/")


async def test_where_to_go_on_after_signing_in_stays_on_this_site(stack: Stack, ada: Browser) -> None:
    async with browsing(stack) as other:
        await other.go("/sign-in?next=//evil.example/")
        await other.send("/sign-in", email=ada.session["profile"]["email"], password=PASSWORD)
        assert str(other.answer.url) == f"{stack.doors[0].url}/"


async def test_an_older_cookie_is_compared_with_the_state_store_and_issued_again(ada: Browser) -> None:
    ada.aged(timedelta(minutes=5))
    await ada.go("/")
    assert ada.answer.url.path == "/"
    assert datetime.now(UTC) - datetime.fromisoformat(ada.session["issued_at"]) < timedelta(minutes=1)


async def test_a_session_the_state_store_lost_is_put_back_by_what_the_backend_knows(stack: Stack, ada: Browser) -> None:
    redis_says(stack.redis, "FLUSHALL")
    ada.aged(timedelta(minutes=5))
    await ada.go("/")
    assert ada.answer.url.path == "/"
    assert f"session:{hashlib.sha256(ada.session['token'].encode()).hexdigest()}" in redis_says(stack.redis, "KEYS *")


async def test_without_the_state_store_a_cookie_is_good_for_a_quarter_of_an_hour(stack: Stack, ada: Browser) -> None:
    with away(stack.redis, back=stack.redis.ready):
        ada.aged(timedelta(minutes=14))
        await ada.go("/")
        assert (ada.answer.status_code, ada.answer.url.path) == (200, "/")
        ada.aged(timedelta(minutes=16))
        await ada.go("/")
        assert ada.answer.status_code == 503
        assert "can’t be confirmed" in ada.html
        assert (await ada.client.get("/api/v1/tasks")).json()["type"] == "urn:taskora:problem:session_unconfirmed"

    async def confirmed() -> bool:
        await ada.go("/")
        return ada.answer.status_code == 200

    await until(confirmed, seconds=30)


def redis_says(redis: Redis, command: str) -> str:
    with socket.create_connection(("127.0.0.1", redis.port), timeout=5) as wire:
        wire.sendall(f"{command}\r\n".encode())
        wire.settimeout(0.5)
        said = b""
        try:
            while more := wire.recv(65536):
                said += more
        except TimeoutError:
            return said.decode(errors="replace")
    return said.decode(errors="replace")
