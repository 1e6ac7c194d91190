"""NetworkPolicies: deny everything, then the arrows of the architecture and no others.

What runs outside of the cluster has no address that is known here: it is reached at its port, whatever the address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from taskora_operator.api.backup import S3
from taskora_operator.api.platform import SecretStore
from taskora_operator.api.services import Engine
from taskora_operator.desired import backup, broker, migration, postgres, redis, secrets, workloads
from taskora_operator.desired.components import WITH_CHAT, WITH_STATE
from taskora_operator.desired.kube import OPERATOR_NAMESPACE, labels, manifest, selector
from taskora_operator.desired.model import Facts, Gate, Manifest, Object
from taskora_operator.profiles import Instance, RoleName

COMPONENT = "network"
DAPR_NAMESPACE = "dapr-system"
SIDECAR_GRPC = 50002

_Rule = dict[str, Any]
_DATABASE = tuple(role for role in RoleName if role is not RoleName.FRONTEND)


def objects(instance: Instance, facts: Facts) -> Sequence[Object]:
    if not instance.spec.network_policy.enabled:
        return []
    made = [
        _policy(
            instance,
            facts,
            "default-deny",
            pods={"app.kubernetes.io/name": "taskora", "app.kubernetes.io/instance": facts.name},
        ),
        *(_role(instance, facts, role) for role in RoleName),
        _policy(
            instance,
            facts,
            migration.COMPONENT,
            pods=selector(facts, migration.COMPONENT),
            egress=[_dns(), _to_database(instance, facts)],
        ),
    ]
    made += [_dump(instance, facts, component, storage) for component, storage in _dumping(instance).items()]
    if instance.postgres:
        made.append(_proof(instance, facts, postgres.PROOF, _to_database(instance, facts)))
        clients = [*map(str, _DATABASE), migration.COMPONENT, postgres.PROOF, *_dumping(instance)]
        made.append(_server(instance, facts, postgres.COMPONENT, postgres.PORT, clients))
    if instance.redis:
        made.append(_proof(instance, facts, redis.PROOF, _to_cache(instance, facts)))
        clients = [*map(str, WITH_STATE), redis.PROOF]
        made.append(_server(instance, facts, redis.COMPONENT, redis.PORT, clients))
    if instance.broker:
        clients = [str(role) for role in RoleName]
        operator = [_namespace(OPERATOR_NAMESPACE)]
        made.append(_server(instance, facts, broker.COMPONENT, broker.PORT, clients, others=operator))
    if instance.broker_nodes > 1:
        made.append(_among_brokers(instance, facts))
    return [Object(each, Gate.FOUNDATION, COMPONENT) for each in made]


def _dumping(instance: Instance) -> Mapping[str, S3 | None]:
    """The components that dump and restore, and the storage each speaks to."""
    spec = instance.spec.backup
    if spec is None:
        return {}
    return {backup.COMPONENT: spec.storage_written} | ({backup.RESTORE: spec.storage_read} if spec.restore_from else {})


def _dump(instance: Instance, facts: Facts, component: str, storage: S3 | None) -> Manifest:
    egress = [_dns(), _to_database(instance, facts)]
    if storage is not None:
        address = urlsplit(storage.endpoint or "https://s3.amazonaws.com")
        egress.append(_rule("to", [], [address.port or (443 if address.scheme == "https" else 80)]))
    return _policy(instance, facts, component, pods=selector(facts, component), egress=egress)


def _role(instance: Instance, facts: Facts, role: RoleName) -> Manifest:
    ingress = [_rule("from", [{"namespaceSelector": {}}], [workloads.METRICS, workloads.SIDECAR_METRICS])]
    egress = [
        _dns(),
        _rule("to", [_namespace(DAPR_NAMESPACE)]),
        # The API server, for the secret store; the clouds' services.
        _rule("to", [], [443, 6443]),
        *_to_broker(instance, facts),
        *_to_metadata_server(instance),
        *_to_address(instance.spec.observability.tracing.endpoint),
    ]
    if role is RoleName.FRONTEND:
        doors = [
            *(_namespace(name) for name in instance.spec.network_policy.ingress_namespaces),
            *({"ipBlock": {"cidr": each}} for each in instance.load_balancer_ranges),
        ]
        ingress.append(_rule("from", doors, [workloads.WEB]))
        egress.append(_rule("to", [_pods(facts, [str(RoleName.BACKEND)])], [SIDECAR_GRPC]))
    if role in WITH_CHAT:
        egress += _to_address(instance.spec.chat.endpoint)
    if role is RoleName.BACKEND:
        ingress.append(_rule("from", [_pods(facts, [str(RoleName.FRONTEND)])], [SIDECAR_GRPC]))
    if role in _DATABASE:
        egress.append(_to_database(instance, facts))
    if role in WITH_STATE:
        egress.append(_to_cache(instance, facts))
    return _policy(instance, facts, str(role), pods=selector(facts, str(role)), ingress=ingress, egress=egress)


def _proof(instance: Instance, facts: Facts, component: str, server: _Rule) -> Manifest:
    return _policy(instance, facts, component, pods=selector(facts, component), egress=[_dns(), server])


def _server(
    instance: Instance,
    facts: Facts,
    component: str,
    port: int,
    clients: Sequence[str],
    *,
    others: Sequence[_Rule] = (),
) -> Manifest:
    ingress = [_rule("from", [_pods(facts, clients), *others], [port])]
    return _policy(instance, facts, component, pods=selector(facts, component), ingress=ingress, egress=[_dns()])


def _to_database(instance: Instance, facts: Facts) -> _Rule:
    if instance.postgres:
        return _rule("to", [_pods(facts, [postgres.COMPONENT])], [postgres.PORT])
    found = facts.secrets.get(secrets.database_secret(instance, facts), {})
    ports = {_port(found.get(key, ""), postgres.PORT) for key in ("url", "owner-url")}
    return _rule("to", [], sorted(ports))


def _to_cache(instance: Instance, facts: Facts) -> _Rule:
    if instance.redis:
        return _rule("to", [_pods(facts, [redis.COMPONENT])], [redis.PORT])
    text = facts.secrets.get(secrets.cache_secret(instance, facts), {}).get("port", "")
    return _rule("to", [], [int(text) if text.isdigit() else redis.PORT])


def _to_broker(instance: Instance, facts: Facts) -> Sequence[_Rule]:
    if instance.broker:
        return [_rule("to", [_pods(facts, [broker.COMPONENT])], [broker.PORT])]
    servers = [server for server in broker.bootstrap(instance, facts).split(",") if server]
    return [_rule("to", [], sorted({int(server.rpartition(":")[2]) for server in servers}))] if servers else []


def _among_brokers(instance: Instance, facts: Facts) -> Manifest:
    """Nodes copy from each other and agree who leads."""
    own = [_pods(facts, [broker.COMPONENT])]
    ports = [broker.PORT, *broker.INNER_PORTS]
    return _policy(
        instance,
        facts,
        "broker-nodes",
        pods=selector(facts, broker.COMPONENT),
        ingress=[_rule("from", own, ports)],
        egress=[_rule("to", own, ports)],
    )


def _to_metadata_server(instance: Instance) -> Sequence[_Rule]:
    """Where pods of GKE fetch the tokens of their identity.

    cloud.google.com/kubernetes-engine/docs/how-to/workload-identity
    """
    google = instance.secret_store is SecretStore.GCP_SECRET_MANAGER
    if not google and instance.spec.broker.engine is not Engine.CLOUD_PUBSUB:
        return []
    return [
        _rule("to", [{"ipBlock": {"cidr": f"{address}/32"}}], ports)
        for address, ports in (("169.254.169.254", [80]), ("169.254.169.252", [987, 988]))
    ]


def _to_address(url: str | None) -> list[_Rule]:
    """A Service of the cluster is reached in its namespace alone."""
    if url is None:
        return []
    address = urlsplit(url)
    host, port = address.hostname or "", address.port or (443 if address.scheme == "https" else 80)
    parts = host.removesuffix(".cluster.local").split(".")
    if len(parts) == 3 and parts[2] == "svc":
        return [_rule("to", [_namespace(parts[1])])]  # pods may listen on another port than the Service
    return [_rule("to", [], [port])]


def _port(url: str, usual: int) -> int:
    try:
        return urlsplit(url).port or usual
    except ValueError:
        return usual


def _dns() -> _Rule:
    return {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}


def _rule(direction: str, peers: Sequence[_Rule], ports: Sequence[int] = ()) -> _Rule:
    """No peers: any address. No ports: any port."""
    rule: _Rule = {}
    if ports:
        rule["ports"] = [{"port": port, "protocol": "TCP"} for port in ports]
    if peers:
        rule[direction] = list(peers)
    return rule


def _pods(facts: Facts, components: Sequence[str]) -> _Rule:
    match = {"app.kubernetes.io/name": "taskora", "app.kubernetes.io/instance": facts.name}
    among = {"key": "app.kubernetes.io/component", "operator": "In", "values": list(components)}
    return {"podSelector": {"matchLabels": match, "matchExpressions": [among]}}


def _namespace(name: str) -> _Rule:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _policy(
    instance: Instance,
    facts: Facts,
    name: str,
    *,
    pods: Mapping[str, str],
    ingress: Sequence[_Rule] = (),
    egress: Sequence[_Rule] = (),
) -> Manifest:
    spec: dict[str, Any] = {"podSelector": {"matchLabels": dict(pods)}, "policyTypes": ["Ingress", "Egress"]}
    if ingress:
        spec["ingress"] = list(ingress)
    if egress:
        spec["egress"] = list(egress)
    return manifest(
        "NetworkPolicy",
        f"{facts.name}-{name}",
        api="networking.k8s.io/v1",
        labels=labels(instance, facts, COMPONENT),
        spec=spec,
    )
