"""A steady load of ordinary requests from outside the cluster, and what became of each."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.e2e.outside import Person, as_browser, new_person


@dataclass
class Load:
    """`rate` requests a second by `people` at once: create, list, complete, in turn. Nothing is tried again."""

    url: str
    rate: float = 20
    people: int = 4
    seconds: list[float] = field(default_factory=list[float])
    failed: Counter[str] = field(default_factory=Counter[str])
    accepted: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[Load]:
        clients = [as_browser(self.url) for _ in range(self.people)]
        threads = [threading.Thread(target=self._use, args=(new_person(client),)) for client in clients]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(60)
            for client in clients:
                client.close()

    def _use(self, person: Person) -> None:
        pause = self.people / self.rate
        made: list[str] = []
        due = time.monotonic()
        for number in itertools.count():
            due = max(due + pause, time.monotonic() - 1)  # what could not be asked in time is not asked at once later
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            match number % 3:
                case 0:
                    body = self._ask(person, "POST", "tasks", json={"title": f"Task {number}"})
                    made += [body["id"]] if body else []
                case 1:
                    self._ask(person, "GET", "tasks", params={"limit": 50})
                case _ if made:
                    self._ask(person, "POST", f"tasks/{made[-1]}/complete")
                case _:
                    pass
        with self._lock:
            self.accepted[person.id] = set(made)

    def _ask(self, person: Person, method: str, path: str, **kwargs: object) -> dict[str, str] | None:
        begun = time.monotonic()
        try:
            answer = person.request(method, path, **kwargs)
            outcome = "" if answer.is_success else f"{method} {answer.status_code}"
        except httpx.TransportError as error:
            answer, outcome = None, f"{method} {type(error).__name__}"
        with self._lock:
            self.seconds.append(time.monotonic() - begun)
            if outcome:
                self.failed[outcome] += 1
        return answer.json() if answer is not None and not outcome else None

    def __str__(self) -> str:
        ranked = sorted(self.seconds)
        p50, p95 = (ranked[int(len(ranked) * share)] * 1000 if ranked else 0 for share in (0.5, 0.95))
        failed = f"{self.failed.total()} failed {dict(self.failed)}"
        return f"{len(ranked)} requests, {failed}, p50 {p50:.0f} ms, p95 {p95:.0f} ms"
