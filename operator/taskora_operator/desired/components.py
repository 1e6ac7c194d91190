"""Dapr Components: the specification's names in front of whatever the profile has behind them.

Fields are those of Dapr's component reference. Where a cloud knows the pods' identity, no key is written; what remains
are references to Secrets of the instance's namespace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from taskora_operator.api.platform import ChatProvider, SecretStore
from taskora_operator.api.services import Engine, SaslMechanism
from taskora_operator.desired import broker, secrets, topics
from taskora_operator.desired.kube import labels, manifest, present
from taskora_operator.desired.model import Facts, Manifest
from taskora_operator.desired.topics import TOPICS
from taskora_operator.profiles import Instance, RoleName

COMPONENT = "dapr"
PUBSUB, SYNC, STATE = "pubsub", "pubsub-sync", "statestore"
SECRET_STORE = "kubernetes-secrets"  # noqa: S105 - the component's name
CONTROL_PLANE = "kubernetes"  # Dapr's own store: its operator fills Secrets in
CHAT = "chat"

WITH_STATE = (RoleName.FRONTEND, RoleName.BACKEND)
WITH_CHAT = (RoleName.BACKEND,)
_ALL = tuple(RoleName)

Metadata = Mapping[str, str | Mapping[str, str]]
"""A text is a value, a mapping is a secretKeyRef."""

_CHAT_TYPES: Mapping[ChatProvider, str] = MappingProxyType(
    {
        ChatProvider.OPENAI: "conversation.openai",
        ChatProvider.ANTHROPIC: "conversation.anthropic",
        ChatProvider.GOOGLE_AI: "conversation.googleai",
        ChatProvider.MISTRAL: "conversation.mistral",
        ChatProvider.DEEPSEEK: "conversation.deepseek",
        ChatProvider.HUGGING_FACE: "conversation.huggingface",
        ChatProvider.OLLAMA: "conversation.ollama",
    }
)
# Dapr's own words for what Kafka calls PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512.
_MECHANISMS: Mapping[SaslMechanism, str] = MappingProxyType(
    {
        SaslMechanism.PLAIN: "PLAINTEXT",
        SaslMechanism.SCRAM_SHA_256: "SHA-256",
        SaslMechanism.SCRAM_SHA_512: "SHA-512",
    }
)


def asks_itself(instance: Instance) -> bool:
    """Whether sidecars read Redis' password in the API server: what Dapr's control plane hands out may be what the
    Secret held before it was turned (docs/decisions/035)."""
    return instance.redis is not None and instance.secret_store is SecretStore.KUBERNETES


def components(instance: Instance, facts: Facts) -> Sequence[Manifest]:
    made = [
        _pubsub(
            instance,
            facts,
            PUBSUB,
            # The namespace is literal: Dapr's own {namespace} would put it before every topic as well.
            group=f"{facts.namespace}-{{appID}}",
            offset="oldest",
            publish={role: topics.produced_by(role) for role in _ALL},
            subscribe={role: topics.consumed_by(role) for role in _ALL if role is not RoleName.FRONTEND},
        ),
        _pubsub(
            instance,
            facts,
            SYNC,
            group="{podName}",  # every pod sees every event
            offset="newest",
            publish={},
            subscribe={RoleName.FRONTEND: topics.consumed_by(RoleName.FRONTEND)},
        ),
        _component(
            instance,
            facts,
            STATE,
            "state.redis",
            scopes=WITH_STATE,
            metadata=_redis(instance, facts),
            store=SECRET_STORE if asks_itself(instance) else CONTROL_PLANE,
        ),
        _secret_store(instance, facts),
        *(
            _component(
                instance,
                facts,
                name,
                "bindings.cron",
                scopes=[RoleName.SCHEDULER],
                metadata={"schedule": schedule, "direction": "input"},
            )
            for name, schedule in (
                ("reminder-cron", instance.spec.dapr.cron.reminders),
                ("recurrence-cron", instance.spec.dapr.cron.recurrence),
            )
        ),
    ]
    if instance.spec.chat.provider is not ChatProvider.BUILTIN:
        made.append(_chat(instance, facts))
    return made


def _component(
    instance: Instance,
    facts: Facts,
    name: str,
    type_: str,
    /,
    *,
    scopes: Iterable[RoleName],
    metadata: Metadata,
    store: str = CONTROL_PLANE,
) -> Manifest:
    return manifest(
        "Component",
        name,
        api="dapr.io/v1alpha1",
        labels=labels(instance, facts, COMPONENT),
        spec={
            "type": type_,
            "version": "v1",
            "metadata": [
                {"name": key, "value": value} if isinstance(value, str) else {"name": key, "secretKeyRef": dict(value)}
                for key, value in metadata.items()
            ],
        },
        auth={"secretStore": store},
        scopes=[str(role) for role in scopes],
    )


def _pubsub(
    instance: Instance,
    facts: Facts,
    name: str,
    *,
    group: str,
    offset: str,
    publish: Mapping[RoleName, Sequence[str]],
    subscribe: Mapping[RoleName, Sequence[str]],
) -> Manifest:
    scopes = {
        "protectedTopics": ",".join(topics.full_name(instance, topic) for topic in TOPICS),
        "publishingScopes": _topic_scopes(instance, publish),
        "subscriptionScopes": _topic_scopes(instance, subscribe),
    }
    roles = _ALL if name == PUBSUB else (RoleName.FRONTEND,)
    if instance.spec.broker.engine is Engine.CLOUD_PUBSUB:
        google = {
            "projectID": instance.spec.cloud.gcp.project_id or "",
            "consumerID": group,
            "enableMessageOrdering": "true",
        }
        return _component(instance, facts, name, "pubsub.gcp.pubsub", scopes=roles, metadata={**google, **scopes})
    kafka: Metadata = {
        "brokers": broker.bootstrap(instance, facts),
        **_kafka_login(instance, facts),
        "maxMessageBytes": str(1024 * 1024),
        "consumerGroup": group,
        "initialOffset": offset,
        **scopes,
    }
    return _component(instance, facts, name, "pubsub.kafka", scopes=roles, metadata=kafka)


def _kafka_login(instance: Instance, facts: Facts) -> Metadata:
    """Dapr encrypts wherever it authenticates unless told not to; `certificate` is TLS without authentication."""
    written = instance.spec.broker.external
    tls = broker.encrypted(instance)
    ca = written.tls.ca_secret_ref if tls and written.tls else None
    trust: Metadata = {"caCert": {"name": ca.name, "key": ca.key}} if ca else {}
    if instance.broker or written.auth is None:
        return {"authType": "certificate" if tls else "none", **trust}
    secret = written.auth.secret_ref.name
    return {
        "authType": "password",
        "saslUsername": {"name": secret, "key": "username"}
        if "username" in facts.secrets.get(secret, {}) or instance.spec.broker.engine is not Engine.EVENT_HUBS
        else broker.CONNECTION_STRING,
        "saslPassword": {"name": secret, "key": "password"},
        "saslMechanism": _MECHANISMS[written.auth.mechanism],
        **({} if tls else {"disableTls": "true"}),
        **trust,
    }


def _topic_scopes(instance: Instance, allowed: Mapping[RoleName, Sequence[str]]) -> str:
    """`backend=a,b;audit=c`. All topics are protected, so a role that is not named may use none."""
    named = {role: [topics.full_name(instance, name) for name in names] for role, names in allowed.items()}
    return ";".join(f"{role}={','.join(names)}" for role, names in named.items() if names)


def _redis(instance: Instance, facts: Facts) -> Metadata:
    secret = secrets.cache_secret(instance, facts)
    # An instance's roles share keys; instances on one server do not.
    prefix = {"keyPrefix": f"taskora-{facts.namespace}"}
    if instance.redis:
        address = f"{facts.name}-redis.{facts.namespace}.svc:6379"
        return {"redisHost": address, "redisPassword": {"name": secret, "key": "password"}, **prefix}
    found = facts.secrets.get(secret, {})
    login: Metadata
    if secrets.signs_in(instance, facts):
        login = {"useEntraID": "true", **_azure_identity(instance)}
    else:
        login = {
            "redisPassword": {"name": secret, "key": "password"},
            **({"redisUsername": {"name": secret, "key": "username"}} if found.get("username") else {}),
        }
    return {
        "redisHost": f"{found.get('host', '')}:{found.get('port', '')}",
        **login,
        **({"enableTLS": "true"} if instance.cache_tls else {}),
        **prefix,
    }


def _secret_store(instance: Instance, facts: Facts) -> Manifest:
    cloud = instance.spec.cloud
    types: Mapping[SecretStore, tuple[str, Metadata]] = {
        SecretStore.KUBERNETES: ("secretstores.kubernetes", {"defaultNamespace": facts.namespace}),
        SecretStore.GCP_SECRET_MANAGER: ("secretstores.gcp.secretmanager", {"project_id": cloud.gcp.project_id or ""}),
        SecretStore.AZURE_KEY_VAULT: (
            "secretstores.azure.keyvault",
            {"vaultName": cloud.azure.vault_name or "", **_azure_identity(instance)},
        ),
    }
    type_, metadata = types[instance.secret_store]
    return _component(instance, facts, SECRET_STORE, type_, scopes=_ALL, metadata=metadata)


def _azure_identity(instance: Instance) -> dict[str, str]:
    azure = instance.spec.cloud.azure
    return present(azureClientId=azure.client_id, azureTenantId=azure.tenant_id)


def _chat(instance: Instance, facts: Facts) -> Manifest:
    chat = instance.spec.chat
    metadata: Metadata = {
        **({"key": {"name": chat.secret_ref.name, "key": "key"}} if chat.secret_ref else {}),
        **present(model=chat.model, endpoint=chat.endpoint),
    }
    return _component(instance, facts, CHAT, _CHAT_TYPES[chat.provider], scopes=WITH_CHAT, metadata=metadata)
