"""A role with something done to it from outside: killed at a named point, or a safeguard taken out.

    python -m tests.faults.launcher --orders FILE serve backend
    python -m tests.faults.launcher --without inbox serve audit

The code that is tested knows nothing of this: what it calls is wrapped before the role is composed. When FILE is there
and names a point, the process takes FILE away and dies as it passes there.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import inspect
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

# By role and name: what is wrapped, and whether the process dies before or after it.
POINTS: dict[str, dict[str, tuple[str, str]]] = {
    "backend": {
        "api.saved": ("taskora.store.tasks:save", "after"),
        "api.committed": ("taskora.api.calls:_response", "before"),
        "relay.read": ("taskora.store.outbox:waiting", "after"),
        "relay.sent": ("taskora.events.relay:_Turn._publish", "after"),
        "relay.unmarked": ("taskora.store.outbox:published", "before"),
        "relay.marked": ("taskora.store.outbox:published", "after"),
    },
    "audit": {
        "inbox.asked": ("taskora.store.consuming:receive", "before"),
        "inbox.received": ("taskora.store.consuming:receive", "after"),
        "inbox.applied": ("taskora.store.consuming:append", "after"),
        "inbox.committed": ("taskora.events.subscriber:Consumer._together", "after"),
    },
    "scheduler": {
        "claim.listed": ("taskora.store.firing:to_remind", "after"),
        "claim.held": ("taskora.store.firing:reminders_due", "before"),
        "claim.claimed": ("taskora.store.firing:claim", "after"),
        "claim.written": ("taskora.store.outbox:add_many", "after"),
        "claim.committed": ("taskora.roles.clockwork:Clockwork._one", "after"),
        "recurrence.listed": ("taskora.store.firing:to_continue", "after"),
        "recurrence.held": ("taskora.store.firing:series_due", "after"),
        "recurrence.kept": ("taskora.store.firing:kept", "after"),
        "recurrence.saved": ("taskora.services.tasks:save", "after"),
    },
}


def wrap(target: str, with_: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Replace `module:name` or `module:Class.name`."""
    module, _, path = target.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    setattr(owner, name, with_(getattr(owner, name)))


def die_as_told(orders: Path, *, role: str) -> None:
    def dying(original: Callable[..., Any], *, point: str, when: str) -> Callable[..., Any]:
        def die() -> None:
            if orders.exists() and orders.read_text() == point:
                orders.unlink()
                os.kill(os.getpid(), signal.SIGKILL)

        if not inspect.iscoroutinefunction(original):

            def wrapped(*args: Any, **kwargs: Any) -> Any:
                die()
                return original(*args, **kwargs)

            return wrapped

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            if when == "before":
                die()
            result = await original(*args, **kwargs)
            # A turn that found nothing is not the point.
            if when == "after" and (result is None or result):
                die()
            return result

        return awaited

    for point, (target, when) in POINTS[role].items():
        wrap(target, partial(dying, point=point, when=when))


def without_inbox() -> None:
    """Every delivery counts."""

    def always(_: Callable[..., Any]) -> Callable[..., Any]:
        async def receive(_: Any, event_ids: Any, **__: Any) -> Any:
            return set(event_ids)

        return receive

    wrap("taskora.store.consuming:receive", always)


def without_outbox() -> None:
    """Events are published once, after the commit, and forgotten when that fails."""

    def forgetting(original: Callable[..., Any]) -> Callable[..., Any]:
        async def publish_many(*args: Any, **kwargs: Any) -> dict[int, str]:
            dapr = importlib.import_module("taskora.dapr")
            with contextlib.suppress(dapr.DaprError):
                await original(*args, **kwargs)
            return {}

        return publish_many

    wrap("taskora.dapr:Dapr.publish_many", forgetting)


def without_claim() -> None:
    """Whoever lists a reminder fires it, in no order and under no lock: neither the claim nor a key says who."""

    def unclaimed(original: Callable[..., Any]) -> Callable[..., Any]:
        async def claim(uow: Any, due: Any) -> Any:
            await importlib.import_module("asyncio").sleep(0.5)
            await original(uow, due)
            return {one for one, _ in due}

        return claim

    people = importlib.import_module("taskora.store.people")
    people.HELD = people.FIND
    wrap("taskora.store.firing:claim", unclaimed)


WITHOUT: dict[str, Callable[[], None]] = {"inbox": without_inbox, "outbox": without_outbox, "claim": without_claim}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=Path)
    parser.add_argument("--without", choices=WITHOUT)
    asked, rest = parser.parse_known_args()
    if asked.orders:
        die_as_told(asked.orders, role=rest[-1])
    if asked.without:
        WITHOUT[asked.without]()
    sys.argv = ["taskora", *rest]
    importlib.import_module("taskora.__main__").main()


if __name__ == "__main__":
    main()
