"""Argon2id, off the event loop and few at a time: each takes 19 MiB and tens of milliseconds of one core."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from taskora.domain.people import normal_password
from taskora.domain.problems import TooMany

T = TypeVar("T")

# OWASP's recommendation for argon2id.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Checked against when an address is unknown, so that the answer takes as long as for one that is known.
NOBODY = HASHER.hash("nobody has this password")

WORKERS = 2
MOST_WAITING = 40


class Passwords:
    """Hashes and checks passwords; raises `TooMany` when more wait than can be served within about a second."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="argon2")
        self._waiting = 0

    async def hashed(self, password: str) -> str:
        return await self._run(HASHER.hash, normal_password(password))

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether `password` is the one hashed in `stored`; None (nobody) takes as long and is never right."""
        return await self._run(_matches, normal_password(password), stored or NOBODY) and stored is not None

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[..., T], *arguments: str) -> T:
        if self._waiting >= MOST_WAITING:
            raise TooMany("Many people are signing in at this moment; try again in a few seconds.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._waiting -= 1


def _matches(password: str, stored: str) -> bool:
    try:
        return HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
