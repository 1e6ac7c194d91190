"""One real Taskora for all tests of what browsers see: a backend, two frontends, and what they stand on."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.cluster.services import Kafka, Postgres, Redis
from tests.component.app.conftest import PASSWORD, Urls, numbers
from tests.component.app.sidecars import Pod, make_topics

from .browsers import two_tabs
from .doors import Door, Stack
from .plain import Browser, browsing


@pytest.fixture(scope="session")
def stack(postgres: Postgres) -> Iterator[Stack]:
    urls = Urls(postgres, f"web_{next(numbers)}")
    postgres.sql(f"CREATE DATABASE {urls.name} TEMPLATE template_taskora OWNER taskora_owner")
    with ExitStack() as running:
        kafka, redis = running.enter_context(Kafka()), running.enter_context(Redis())
        asyncio.run(make_topics(kafka))
        backend = running.enter_context(Pod("backend", urls=urls, kafka=kafka, redis=redis))
        doors = [running.enter_context(Door(backend=backend, kafka=kafka, redis=redis)) for _ in range(2)]
        yield Stack(urls, kafka, redis, backend, doors)


@pytest.fixture(scope="module")
def clockwork(stack: Stack) -> Iterator[None]:
    """What makes reminders fire and notifications of them."""
    with (
        Pod("scheduler", urls=stack.urls, kafka=stack.kafka),
        Pod("notifier", urls=stack.urls, kafka=stack.kafka),
    ):
        yield


@pytest.fixture(scope="module")
def tabs(stack: Stack) -> Iterator[tuple[Page, Page]]:
    """A desk and a phone, signed in to one account."""
    with two_tabs(stack.doors) as pages:
        yield pages


@pytest.fixture
async def browser(stack: Stack) -> AsyncIterator[Browser]:
    async with browsing(stack) as one:
        yield one


@pytest.fixture
async def ada(browser: Browser) -> Browser:
    """A browser with a new account, at its inbox."""
    await browser.go("/create-account")
    email = f"ada.{time.time_ns()}@example.org"
    await browser.send("/create-account", display_name="Ada", email=email, password=PASSWORD, time_zone="Europe/Vienna")
    assert browser.answer.url.path == "/", browser.html
    return browser


@contextmanager
def away(service: Any, *, back: Callable[[], bool]) -> Iterator[None]:
    service.process.stop(kill=True)
    try:
        yield
    finally:
        service.process.start(back)
