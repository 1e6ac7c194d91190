"""Authorities that are not public, mounted where the clients of external services look for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from taskora_operator.desired import secrets
from taskora_operator.desired.model import Facts, Manifest
from taskora_operator.profiles import Instance

_DATABASE, _CACHE = "/etc/taskora/database-ca", "/etc/taskora/cache-ca"
_PUBLIC = "/etc/ssl/certs"


@dataclass(frozen=True, slots=True)
class PodParts:
    """What a pod gets for it, ready to be added to its lists."""

    volumes: Sequence[Manifest] = ()
    mounts: Sequence[Manifest] = ()
    env: Sequence[Manifest] = ()


def for_database(instance: Instance) -> PodParts:
    """libpq's own variables: psycopg, Alembic and pg_dump read them alike, and an address that says more wins."""
    ca = secrets.database_ca(instance)
    if ca is None:
        return PodParts()
    return PodParts(
        volumes=[_volume("database-ca", secret=ca.name, key=ca.key)],
        mounts=[{"name": "database-ca", "mountPath": _DATABASE, "readOnly": True}],
        env=[
            {"name": "PGSSLROOTCERT", "value": f"{_DATABASE}/ca.crt"},
            {"name": "PGSSLMODE", "value": "verify-full"},
        ],
    )


def cache_volume(instance: Instance, facts: Facts) -> Sequence[Manifest]:
    """For the sidecar: Dapr's Redis component has no field for an authority, but Go reads SSL_CERT_DIR."""
    if not secrets.cache_ca(instance, facts):
        return []
    return [_volume("cache-ca", secret=secrets.cache_secret(instance, facts), key="ca")]


def cache_annotations(instance: Instance, facts: Facts) -> dict[str, str]:
    if not secrets.cache_ca(instance, facts):
        return {}
    return {"volume-mounts": f"cache-ca:{_CACHE}", "env": f"SSL_CERT_DIR={_PUBLIC}:{_CACHE}"}


def _volume(name: str, *, secret: str, key: str) -> Manifest:
    return {"name": name, "secret": {"secretName": secret, "items": [{"key": key, "path": "ca.crt"}]}}
