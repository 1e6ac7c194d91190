"""Credentials: made once with fresh randomness, never compared again; some take turns (turns.py).

What is wanted stays plain data: `<random:hex:NAME>` and `<random:base64:NAME>` mark where 32 random bytes belong (the
same NAME, the same bytes), and whoever creates the Secret fills them in with `filled`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence

from taskora_operator.api.schema import SecretKeyRef
from taskora_operator.api.services import Engine
from taskora_operator.api.spec import DeletionPolicy
from taskora_operator.desired.kube import labels, manifest
from taskora_operator.desired.model import Action, Facts, Gate, Manifest, Object, Problem
from taskora_operator.profiles import Instance

OWNER, LOGINS = "taskora_owner", ("taskora_a", "taskora_b")
"""The database's logins: one owns it; of the other two one is in use (turns.py)."""

_RANDOM = re.compile(r"<random:(hex|base64):([a-z_-]+)>")


def filled(created: Manifest, *, entropy: Callable[[int], bytes]) -> Manifest:
    """The manifest with its marks replaced; `entropy(n)` gives n random bytes, as `os.urandom` does."""
    drawn: dict[str, bytes] = {}

    def value(mark: re.Match[str]) -> str:
        form, name = mark.groups()
        raw = drawn.setdefault(name, entropy(32))
        return raw.hex() if form == "hex" else base64.b64encode(raw).decode()

    data: Mapping[str, str] = created.get("stringData", {})
    return {**created, "stringData": {key: _RANDOM.sub(value, text) for key, text in data.items()}}


def database_url(login: str, address: str) -> str:
    """With a password of its own that is yet to be drawn. `address`: `host:port/name`."""
    return f"postgresql://{login}:<random:hex:{login}>@{address}"


def database_secret(instance: Instance, facts: Facts) -> str:
    """The name of the Secret with `url` and `owner-url`."""
    reference = instance.spec.database.external.secret_ref
    return f"{facts.name}-database" if instance.postgres or reference is None else reference.name


def cache_secret(instance: Instance, facts: Facts) -> str:
    """The name of the Secret with `host`, `port`, `username` and `password`."""
    reference = instance.spec.cache.external.secret_ref
    return f"{facts.name}-cache" if instance.redis or reference is None else reference.name


def session_secret(facts: Facts) -> str:
    return f"{facts.name}-session-keys"


def api_token_secret(facts: Facts) -> str:
    return f"{facts.name}-dapr-api-token"


def app_token_secret(facts: Facts) -> str:
    return f"{facts.name}-dapr-app-token"


def admin_secret(facts: Facts) -> str:
    return f"{facts.name}-admin"


def broker_secrets(instance: Instance) -> Sequence[str]:
    """The Secrets that clients of the broker read; none where it runs in the cluster."""
    auth, tls = instance.spec.broker.external.auth, instance.spec.broker.external.tls
    if instance.broker:
        return []
    named = [auth.secret_ref.name] if auth else []
    return named + ([tls.ca_secret_ref.name] if tls and tls.ca_secret_ref else [])


def database_ca(instance: Instance) -> SecretKeyRef | None:
    return None if instance.postgres else instance.spec.database.external.ca_secret_ref


def cache_ca(instance: Instance, facts: Facts) -> bool:
    """Whether the cache's server was signed by an authority of its own."""
    return instance.redis is None and bool(facts.secrets.get(cache_secret(instance, facts), {}).get("ca"))


def signs_in(instance: Instance, facts: Facts) -> bool:
    """Whether sidecars come to the cache as the pods' identity, not with a password."""
    written = instance.redis is None and instance.spec.cloud.azure.client_id is not None
    return written and not facts.secrets.get(cache_secret(instance, facts), {}).get("password")


def needed(instance: Instance, facts: Facts) -> Sequence[str]:
    """The Secrets whose contents what is wanted depends on: what belongs into `Facts.secrets`."""
    chat, ca = instance.spec.chat.secret_ref, database_ca(instance)
    backup = instance.spec.backup
    storages = (backup.storage_written, backup.storage_read) if backup else ()
    return [
        database_secret(instance, facts),
        cache_secret(instance, facts),
        session_secret(facts),
        api_token_secret(facts),
        app_token_secret(facts),
        *broker_secrets(instance),
        *([ca.name] if ca else []),
        *([chat.name] if chat else []),
        *(storage.secret_ref.name for storage in storages if storage is not None),
    ]


def objects(instance: Instance, facts: Facts) -> Sequence[Object]:
    """Every Secret the operator makes. Contracts: names and keys."""
    name = facts.name

    def secret(secret_name: str, component: str, data: Mapping[str, str]) -> Object:
        return Object(
            manifest(
                "Secret",
                secret_name,
                api="v1",
                labels=labels(instance, facts, component),
                type="Opaque",
                stringData=dict(data),
            ),
            gate=Gate.FOUNDATION,
            component=component,
            action=Action.CREATE_ONCE,
            retained=instance.spec.deletion_policy is DeletionPolicy.RETAIN,
        )

    made = [
        secret(api_token_secret(facts), "dapr", {"token": "<random:hex:token>"}),
        secret(app_token_secret(facts), "dapr", {"token": "<random:hex:token>"}),
        # An empty `previous` would not come back from the API server differently, but says nothing either.
        secret(session_secret(facts), "frontend", {"current": "<random:base64:current>", "previous": ""}),
        secret(
            admin_secret(facts),
            "backend",
            {"email": f"admin@{instance.spec.host}", "password": "<random:hex:password>"},
        ),
    ]
    if instance.postgres:
        keys = {"url": LOGINS[0], "standby-url": LOGINS[1], "owner-url": OWNER}
        address = f"{name}-postgres.{facts.namespace}.svc:5432/taskora"
        data = {key: database_url(login, address) for key, login in keys.items()}
        made.append(secret(database_secret(instance, facts), "postgres", data))
    if instance.redis:
        made.append(
            secret(
                cache_secret(instance, facts),
                "redis",
                {
                    "host": f"{name}-redis.{facts.namespace}.svc",
                    "port": "6379",
                    "username": "default",
                    "password": "<random:hex:password>",
                    "standby-password": "",
                    "ca": "",
                },
            )
        )
    return made


def problems(instance: Instance, facts: Facts) -> Sequence[Problem]:
    """Secrets the user must bring and has not brought, or not whole."""
    found: list[Problem] = []
    if instance.postgres is None:
        found += incomplete(database_secret(instance, facts), ("url", "owner-url"), facts)
    if ca := database_ca(instance):
        found += incomplete(ca.name, (ca.key,), facts)
    if instance.redis is None:
        keys = ("host", "port") if signs_in(instance, facts) else ("host", "port", "password")
        found += incomplete(cache_secret(instance, facts), keys, facts)
    external = instance.spec.broker.external
    if instance.broker is None and external.auth:
        keys = ("password",) if instance.spec.broker.engine is Engine.EVENT_HUBS else ("username", "password")
        found += incomplete(external.auth.secret_ref.name, keys, facts)
    if instance.broker is None and external.tls and external.tls.ca_secret_ref:
        found += incomplete(external.tls.ca_secret_ref.name, (external.tls.ca_secret_ref.key,), facts)
    if instance.spec.chat.secret_ref:
        found += incomplete(instance.spec.chat.secret_ref.name, ("key",), facts)
    return found


def incomplete(
    name: str, keys: Sequence[str], facts: Facts, *, condition: str = "PrerequisitesMet"
) -> Sequence[Problem]:
    """The problem of a Secret that is not there, or lacks keys."""
    there = facts.secrets.get(name)
    missing = [key for key in keys if there is None or key not in there]
    if not missing:
        return []
    literals = " ".join(f"--from-{'file' if '.' in key else 'literal'}={key}=…" for key in missing)
    what = f"The Secret {name} is missing" if there is None else f"The Secret {name} lacks {', '.join(missing)}"
    command = f"`kubectl -n {facts.namespace} create secret generic {name} {literals}`"
    return [Problem(condition, "SecretMissing", f"{what}. Make it: {command}.")]
