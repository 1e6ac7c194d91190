"""People at work through the API, each trying every write until it is answered, under the same Idempotency-Key."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import aiohttp

from .ledger import Ledger

PASSWORD = "correct horse battery"
# Seconds that one write may be tried for: longer than the parts it needs are ever away.
PATIENCE = 120.0

Stop = Callable[[], bool]


class Writer:
    """One person. `api` is where they come in; `headers` what every request of theirs carries."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        ledger: Ledger,
        *,
        api: str,
        headers: dict[str, str],
        seed: int,
        patience: float = PATIENCE,
    ) -> None:
        self._patience = patience
        self._http, self._ledger, self._api, self._headers = http, ledger, api, headers
        self._chance = random.Random(seed)
        self._email = f"writer{seed}-{uuid4().hex[:6]}@example.org"
        self.user_id = ""

    async def join(self, *, anteroom: str) -> None:
        """An account and a token, made where `anteroom` is the API: a registration is not repeatable by a key."""
        who = {"email": self._email, "password": PASSWORD}
        account = {**who, "display_name": self._email, "time_zone": "Europe/Berlin"}
        joined = await self._ask("POST", "/auth/register", account, at=anteroom)
        self.user_id = joined["user"]["id"]
        token = (await self._ask("POST", "/auth/token", who, at=anteroom))["token"]
        self._headers = {**self._headers, "Authorization": f"Bearer {token}"}
        self._ledger.tasks[self.user_id] = {}

    def comes_by(self, api: str) -> None:
        """Another way in from now on."""
        self._api = api

    async def do_one_of_each(self) -> None:
        """Something that comes again, done; something that reminds at once."""
        again = {"title": "again", "due_date": "2031-01-31", "recurrence": {"frequency": "monthly"}}
        task = await self._write("POST", "/tasks", again)
        await self._write("POST", f"/tasks/{task['id']}/complete")
        await self._write("POST", "/tasks", {"title": "now", "reminders": [{"at": "2020-01-01T00:00:00Z"}]})

    async def work(self, stop: Stop, *, writes: int | None = None) -> None:
        """Until told to stop, or for so many writes."""
        while not stop() and (writes is None or self._ledger.accepted.get(self.user_id, 0) < writes):
            await self._act()

    async def _act(self) -> None:
        mine = list(self._ledger.tasks[self.user_id].values())
        task = self._chance.choice(mine) if mine and self._chance.random() < 0.6 else None
        if task is None:
            await self._write("POST", "/tasks", self._draft())
        elif task["status"] == "done" and not task["recurrence"]:
            await self._write("POST", f"/tasks/{task['id']}/reopen")
        elif task["status"] != "done" and self._chance.random() < 0.5:
            await self._write("POST", f"/tasks/{task['id']}/complete")
        else:
            words = {"title": f"title {self._chance.random()}", "priority": self._chance.choice(["low", "urgent"])}
            await self._write("PATCH", f"/tasks/{task['id']}", words)

    def _draft(self) -> dict[str, Any]:
        """Some come again, some remind: at once, or in a few seconds."""
        draft: dict[str, Any] = {"title": f"task {self._chance.random()}"}
        kind = self._chance.random()
        if kind < 0.2:
            draft |= {"due_date": "2031-01-31", "recurrence": {"frequency": "monthly"}}
        elif kind < 0.4:
            at = datetime.now(UTC) + timedelta(seconds=self._chance.uniform(-5, 5))
            draft |= {"reminders": [{"at": at.isoformat()}]}
        return draft

    async def _write(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        task = await self._ask(method, path, body)
        self._ledger.note(self.user_id, task)
        return task

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None, *, at: str = "") -> Any:
        headers = {**self._headers, "Idempotency-Key": uuid4().hex}
        said = ""
        async with asyncio.timeout(self._patience):
            while True:
                try:
                    async with self._http.request(
                        method, (at or self._api) + path, json=body, headers=headers
                    ) as answer:
                        if answer.status < 300:
                            return await answer.json()
                        said = f"{answer.status} {(await answer.text())[:300]}"
                        if answer.status < 500:
                            raise AssertionError(f"{method} {path} was refused: {said}")
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    said = repr(error)
                await asyncio.sleep(0.1)
