"""Credentials that take turns: a Secret holds one in use and an idle one, and rotating makes the other the one in use.

What the idle one becomes is written with the marks of `secrets.filled`. Not turned: Dapr's tokens, which only pass
between the two containers of one pod and would part them while one of them is started again; and the administrator's
password, which is the person's own once it has been used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from taskora_operator.api.platform import SecretStore
from taskora_operator.desired import postgres, redis, secrets
from taskora_operator.desired.model import Facts
from taskora_operator.profiles import Instance

SESSION_LIFE = timedelta(days=30)
"""The application's: so long a cookie may be shown that the key before signed."""


@dataclass(frozen=True, slots=True)
class Turn:
    """`used` and `idle` are keys of the Secret. `proof`: the component of the Job that shows that the idle one is let
    in, before it is used; without one every pod has to know it first. `rest`: how long what was in use before must stay
    good."""

    secret: str
    used: str
    idle: str
    fresh: Mapping[str, str]  # what is written before the turn
    retired: Mapping[str, str]  # and when nobody is left who uses what was in use before
    proof: str = ""
    rest: timedelta = timedelta(0)

    def swapped(self, data: Mapping[str, str]) -> Mapping[str, str]:
        return {self.used: data[self.idle], self.idle: data[self.used]}


def turns(instance: Instance, facts: Facts) -> Sequence[Turn]:
    """None where the application reads its credentials from a cloud's store: who wrote them there turns them there."""
    if instance.secret_store is not SecretStore.KUBERNETES:
        return []
    return [
        *([_database(instance, facts)] if instance.postgres else []),
        *([_cache(instance, facts)] if instance.redis else []),
        _sessions(facts),
    ]


def _database(instance: Instance, facts: Facts) -> Turn:
    """The login that is idle now is the one in use after the turn, and the other way round. The owner's password is
    asked of Jobs alone, which try again with the new one."""
    name = secrets.database_secret(instance, facts)
    in_use = facts.secrets.get(name, {}).get("url", "")
    address = in_use.rpartition("@")[2]
    idle = next(login for login in secrets.LOGINS if f"//{login}:" not in in_use)
    retired = {"standby-url": secrets.database_url(idle, address)}
    fresh = {**retired, "owner-url": secrets.database_url(secrets.OWNER, address)}
    return Turn(name, "url", "standby-url", fresh=fresh, retired=retired, proof=postgres.PROOF)


def _cache(instance: Instance, facts: Facts) -> Turn:
    """One login with two passwords while it is turned, and with one at rest."""
    fresh = {"standby-password": "<random:hex:password>"}
    name = secrets.cache_secret(instance, facts)
    return Turn(name, "password", "standby-password", fresh=fresh, retired={"standby-password": ""}, proof=redis.PROOF)


def _sessions(facts: Facts) -> Turn:
    """The key that is idle verifies and does not sign: the next one until every frontend knows it, then the last one
    until its cookies are over."""
    fresh = {"previous": "<random:base64:next>"}
    name = secrets.session_secret(facts)
    return Turn(name, "current", "previous", fresh=fresh, retired={}, rest=SESSION_LIFE)
