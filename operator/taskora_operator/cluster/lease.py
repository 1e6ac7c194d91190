"""One leader at a time, by a Lease, with client-go's rules and timings.

A holder counts as gone when its record has not changed for `LEASE_SECONDS` on *our* clock since we first saw it, so
clocks of machines need not agree. A leader that could not renew for `RENEW_DEADLINE` stops being one before anybody
else may start.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from taskora_operator.cluster.apiserver import ApiError, ApiServer, Manifest, UnreachableError
from taskora_operator.cluster.permissions import LEASES

LEASE_SECONDS = 15.0
RENEW_DEADLINE = 10.0
RETRY_SECONDS = 2.0
JITTER = 1.2

log = logging.getLogger(__name__)


class LeadershipLostError(Exception):
    """Another may be leading by now: nothing may be written any more."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. Shorter in tests, in the same proportions."""

    lease: float = LEASE_SECONDS
    renew_deadline: float = RENEW_DEADLINE
    retry: float = RETRY_SECONDS


class Leadership:
    def __init__(
        self,
        api: ApiServer,
        *,
        namespace: str,
        identity: str,
        name: str = "taskora-operator",
        timing: Timing | None = None,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._timing = timing or Timing()
        self._seen: Manifest = {}  # the record as last found, and when we first saw it so
        self._seen_at = 0.0
        self.held = False

    async def acquire(self) -> None:
        """Returns once we lead; waits as long as it takes."""
        announced: str | None = None
        while not await self._try():
            holder: str | None = self._seen.get("holderIdentity")
            if holder and holder != announced:
                log.info("standing by: %s leads", holder)
                announced = holder
            await asyncio.sleep(self._timing.retry * random.uniform(1.0, JITTER))  # noqa: S311 - no secret
        self.held = True
        log.info("leading as %s", self._identity)

    async def keep(self) -> None:
        """Renews for ever. Raises `LeadershipLostError` when that failed for too long."""
        renewed = time.monotonic()
        while True:
            await asyncio.sleep(self._timing.retry)
            left = renewed + self._timing.renew_deadline - time.monotonic()
            try:
                async with asyncio.timeout(max(left, 0)):
                    if await self._try():
                        renewed = time.monotonic()
            except TimeoutError:
                pass
            if time.monotonic() - renewed >= self._timing.renew_deadline:
                self.held = False
                raise LeadershipLostError(f"the Lease could not be renewed for {self._timing.renew_deadline:.0f} s")

    async def release(self) -> None:
        """Let a standby take over at once."""
        if not self.held:
            return
        self.held = False
        try:
            found = await self._api.get(LEASES, self._namespace, self._name)
            if found and found["spec"].get("holderIdentity") == self._identity:
                spec = {**found["spec"], "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()}
                await self._api.replace({**found, "spec": spec})
        except (ApiError, UnreachableError) as error:
            log.warning("the Lease could not be released and runs out by itself: %s", error)

    async def _try(self) -> bool:
        """One attempt to take or renew the Lease; False when it is someone else's or nothing could be written."""
        try:
            found = await self._api.get(LEASES, self._namespace, self._name)
            if found is None:
                await self._api.create(self._lease(transitions=0))
                return True
            spec: Manifest = found.get("spec") or {}
            if spec != self._seen:
                self._seen, self._seen_at = spec, time.monotonic()
            holder = spec.get("holderIdentity")
            mine = holder == self._identity
            expires = self._seen_at + spec.get("leaseDurationSeconds", self._timing.lease)
            if holder and not mine and time.monotonic() < expires:
                return False
            transitions = spec.get("leaseTransitions", 0) + (0 if mine else 1)
            renewed = self._lease(transitions=transitions)
            if mine:
                renewed["spec"]["acquireTime"] = spec.get("acquireTime", renewed["spec"]["acquireTime"])
            await self._api.replace({**renewed, "metadata": found["metadata"]})
        except (ApiError, UnreachableError) as error:
            if not (isinstance(error, ApiError) and error.code == 409):  # a race that someone else won
                log.warning("the Lease could not be written: %s", error)
            return False
        return True

    def _lease(self, *, transitions: int) -> Manifest:
        now = _now()
        return {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": max(1, round(self._timing.lease)),
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": transitions,
            },
        }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
