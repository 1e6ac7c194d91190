"""What Dapr needs to know: Components, a Configuration per role, Subscriptions, Resiliency.

Everything is scoped to the roles that use it. Sidecars read it once, at their start (HotReload is off, since a bad
Component would end live sidecars), so `config_hash` goes into a role's pod template and a change rolls its pods.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from taskora_operator.api.platform import ChatProvider, SecretStore
from taskora_operator.desired import secrets, topics
from taskora_operator.desired.components import (
    COMPONENT,
    PUBSUB,
    SECRET_STORE,
    STATE,
    SYNC,
    WITH_CHAT,
    WITH_STATE,
    asks_itself,
    components,
)
from taskora_operator.desired.kube import digest, labels, manifest, secret_digest
from taskora_operator.desired.model import Facts, Gate, Manifest, Object, Problem
from taskora_operator.profiles import Instance, RoleName

_ALL = tuple(RoleName)
_FIRST_WITH_CONVERSATION = (1, 16)
# How many events a role is handed over at once (it takes no larger body), and how long one waits for others.
AT_ONCE, AWAITED_MS = 100, 50


def objects(instance: Instance, facts: Facts) -> Sequence[Object]:
    return [
        Object(made, Gate.MESSAGING, COMPONENT)
        for made in (
            *components(instance, facts),
            *(_configuration(instance, facts, role) for role in RoleName),
            *_subscriptions(instance, facts),
            _resiliency(instance, facts),
        )
    ]


def config_hash(instance: Instance, facts: Facts, role: RoleName) -> str:
    """Changes when something does that the role's sidecar reads at its start."""
    read = [
        {key: value for key, value in made.items() if key != "metadata"}
        for made in (
            *components(instance, facts),
            *_subscriptions(instance, facts),
            _resiliency(instance, facts),
        )
        if role in made["scopes"]
    ]
    mine = _configuration(instance, facts, role)["spec"]
    tokens = [secrets.api_token_secret(facts), secrets.app_token_secret(facts)]
    asked = _asked(instance, facts, role)
    state = [secrets.cache_secret(instance, facts)] if role in WITH_STATE and not asked else []
    chat = [instance.spec.chat.secret_ref.name] if role in WITH_CHAT and instance.spec.chat.secret_ref else []
    ca = secrets.database_ca(instance) if role is not RoleName.FRONTEND else None
    named = [*tokens, *state, *chat, *secrets.broker_secrets(instance), *([ca.name] if ca else [])]
    return digest(read, mine, secret_digest(facts, named, parts=_read(instance, facts, role) | asked))


def readable_secrets(instance: Instance, facts: Facts, role: RoleName) -> list[str]:
    """The Secrets a role reads through the secret store, and may not read any other."""
    return list(_read(instance, facts, role))


def sidecar_secrets(instance: Instance, facts: Facts, role: RoleName) -> list[str]:
    """The Secrets a role's sidecar reads for itself, and does not hand on."""
    return list(_asked(instance, facts, role))


def cloud_secrets(instance: Instance, facts: Facts, role: RoleName) -> list[str]:
    """The same by the names they have in a cloud's store, which keeps every key as a secret of its own."""
    return [f"{name}-{key}" for name, keys in _read(instance, facts, role).items() for key in keys]


def _read(instance: Instance, facts: Facts, role: RoleName) -> dict[str, Sequence[str]]:
    if role is RoleName.FRONTEND:
        return {secrets.session_secret(facts): ("current", "previous")}
    return {secrets.database_secret(instance, facts): ("url",)}


def _asked(instance: Instance, facts: Facts, role: RoleName) -> dict[str, Sequence[str]]:
    if role in WITH_STATE and asks_itself(instance):
        return {secrets.cache_secret(instance, facts): ("password",)}
    return {}


def problems(instance: Instance, facts: Facts) -> Sequence[Problem]:
    """What is asked of Dapr and this one can't do."""
    found = facts.capabilities.dapr_version
    if instance.spec.chat.provider is ChatProvider.BUILTIN or found is None or found >= _FIRST_WITH_CONVERSATION:
        return []
    message = (
        f"chat.provider {instance.spec.chat.provider} needs the conversation API of Dapr 1.16 or newer, and this is "
        f"{facts.capabilities.dapr}: upgrade Dapr, or write chat.provider: Builtin."
    )
    return [Problem("DaprReady", "ConversationUnsupported", message)]


def _configuration(instance: Instance, facts: Facts, role: RoleName) -> Manifest:
    """Deny by default; the frontend may invoke the backend, and a role may read its own Secrets."""
    caller = {
        "appId": str(RoleName.FRONTEND),
        "defaultAction": "allow",
        "trustDomain": "public",
        "namespace": facts.namespace,
    }
    access: dict[str, Any] = {"defaultAction": "deny", "trustDomain": "public"}
    if role is RoleName.BACKEND:
        access["policies"] = [caller]
    return manifest(
        "Configuration",
        f"{facts.name}-{role}",
        api="dapr.io/v1alpha1",
        labels=labels(instance, facts, str(role)),
        spec={
            "accessControl": access,
            "features": [{"name": "HotReload", "enabled": False}],
            "secrets": {
                "scopes": [
                    {
                        "storeName": SECRET_STORE,
                        "defaultAccess": "deny",
                        "allowedSecrets": readable_secrets(instance, facts, role)
                        if instance.secret_store is SecretStore.KUBERNETES
                        else cloud_secrets(instance, facts, role),
                    },
                    {"storeName": "kubernetes", "defaultAccess": "deny"},
                ]
            },
            "tracing": _tracing(instance),
        },
    )


def _tracing(instance: Instance) -> dict[str, Any]:
    written = instance.spec.observability.tracing
    if written.endpoint is None:
        return {"samplingRate": "0"}
    address = urlsplit(written.endpoint)
    return {
        "samplingRate": f"{written.sampling:g}",
        "otel": {
            "endpointAddress": address.netloc + address.path,
            "isSecure": address.scheme == "https",
            "protocol": written.protocol,
        },
    }


def _subscriptions(instance: Instance, facts: Facts) -> Sequence[Manifest]:
    return [
        _subscription(instance, facts, role, topic)
        for role in (RoleName.FRONTEND, RoleName.AUDIT, RoleName.NOTIFIER, RoleName.INSIGHTS)
        for topic in topics.consumed_by(role)
    ]


def _subscription(instance: Instance, facts: Facts, role: RoleName, topic: str) -> Manifest:
    """No `deadLetterTopic`: what can't be taken the role keeps itself, and a sidecar that gives up gives up a bulk."""
    return manifest(
        "Subscription",
        f"{facts.name}-{role}-{topic}",
        api="dapr.io/v2alpha1",
        labels=labels(instance, facts, str(role)),
        spec={
            "pubsubname": SYNC if role is RoleName.FRONTEND else PUBSUB,
            "topic": topics.full_name(instance, topic),
            "routes": {"default": f"/events/{topic}"},
            # Records as they are: what a sidecar reads and can't, it may lose, or end from (docs/decisions/024).
            "metadata": {"rawPayload": "true"},
            "bulkSubscribe": {"enabled": True, "maxMessagesCount": AT_ONCE, "maxAwaitDurationMs": AWAITED_MS},
        },
        scopes=[str(role)],
    )


def _resiliency(instance: Instance, facts: Facts) -> Manifest:
    """Events are offered again until they are taken: an outage makes no dead letters, however long it lasts.

    No health check of the app pauses subscriptions in their place: one that a message is held by while its role comes
    back is ended after it was begun again, and takes no events any more until the sidecar itself is started again.

    No policy for the app `backend`: with one, Dapr counts every 4xx and 5xx as a failure and gives up its own retries,
    which ask again only where the backend could not be reached.
    """
    inbound = {"inbound": {"retry": "delivery"}}
    return manifest(
        "Resiliency",
        f"{facts.name}-resiliency",
        api="dapr.io/v1alpha1",
        labels=labels(instance, facts, COMPONENT),
        spec={
            "policies": {
                "retries": {"delivery": {"policy": "constant", "duration": "2s", "maxRetries": -1}},
                "timeouts": {"publish": "10s", "state": "2s"},
            },
            "targets": {
                "components": {
                    PUBSUB: {**inbound, "outbound": {"timeout": "publish"}},
                    SYNC: inbound,
                    STATE: {"outbound": {"timeout": "state"}},
                }
            },
        },
        scopes=[str(role) for role in _ALL],
    )
