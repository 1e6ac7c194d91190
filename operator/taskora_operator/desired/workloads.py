"""The six roles: a Deployment each, the frontend's Service, autoscalers and disruption budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from taskora_operator.api.pods import Resources, Role
from taskora_operator.desired import dapr, secrets, trust
from taskora_operator.desired.components import WITH_CHAT, WITH_STATE
from taskora_operator.desired.kube import CONFIG_HASH, budget, labels, manifest, present, replicas, selector
from taskora_operator.desired.model import Facts, Gate, Manifest, Object
from taskora_operator.desired.pods import container, empty_dirs, from_secrets, pod, spread, variables
from taskora_operator.profiles import Door, Instance, RoleName, Scale

USER = 10001
APP, WEB, METRICS, SIDECAR_METRICS = 8080, 8000, 9090, 9091
DRAIN_SECONDS = 5
# They get one delivery at a time: of two at once, Dapr 1.18 may take the answer to one for the other's.
_SUBSCRIBING = (RoleName.AUDIT, RoleName.NOTIFIER, RoleName.INSIGHTS)
# A frontend's sidecar asks for the backend's address at most every 30 s (gRPC's shortest interval between resolutions):
# for so long an old backend serves on, or requests would go to nobody when two rollouts follow each other.
BACKEND_DRAIN_SECONDS = 35
# The load balancer goes to the pods, not to their nodes; a BackendConfig says how (ingress.py).
_GKE_SERVICE = {"cloud.google.com/neg": '{"ingress": true}'}


def objects(instance: Instance, facts: Facts) -> Sequence[Object]:
    result: list[Object] = []
    for role in RoleName:
        gate = Gate.FRONTEND if role is RoleName.FRONTEND else Gate.BACKEND
        result.append(Object(_deployment(instance, facts, role), gate, str(role)))
        scale = instance.roles[role].scale
        if scale and not instance.spec.suspended:
            result.append(Object(_autoscaler(instance, facts, role, scale), gate, str(role)))
        if instance.roles[role].replicas >= 2:
            result.append(Object(budget(instance, facts, str(role)), gate, str(role)))
    result.append(Object(_frontend_service(instance, facts), Gate.FRONTEND, str(RoleName.FRONTEND)))
    return result


def _deployment(instance: Instance, facts: Facts, role: RoleName) -> Manifest:
    settings, update = instance.roles[role], instance.spec.update
    identity = {"azure.workload.identity/use": "true"} if instance.spec.cloud.azure.client_id else {}
    return manifest(
        "Deployment",
        f"{facts.name}-{role}",
        api="apps/v1",
        labels=labels(instance, facts, str(role)),
        spec={
            **_replicas(instance, facts, role),
            "progressDeadlineSeconds": update.progress_deadline_seconds,
            "selector": {"matchLabels": selector(facts, str(role))},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": update.max_surge, "maxUnavailable": update.max_unavailable},
            },
            "template": {
                "metadata": {
                    "labels": {**settings.written.pod_labels, **identity, **labels(instance, facts, str(role))},
                    "annotations": {
                        **settings.written.pod_annotations,
                        **_sidecar(instance, facts, role),
                        CONFIG_HASH: dapr.config_hash(instance, facts, role),
                    },
                },
                "spec": _pod(instance, facts, role),
            },
        },
    )


def _replicas(instance: Instance, facts: Facts, role: RoleName) -> Manifest:
    """With an autoscaler the number found is kept, until it has set one itself: to leave the field out while nobody
    else owns it would reset it to 1."""
    settings, name = instance.roles[role], f"{facts.name}-{role}"
    if settings.scale is None:
        return {"replicas": replicas(instance, facts, str(role), settings.replicas)}
    found = facts.observed_replicas.get(name, 0)
    if instance.spec.suspended:
        return {"replicas": replicas(instance, facts, str(role), found)}
    if found and name in facts.scaled_by_others:
        return {}
    return {"replicas": min(max(found, settings.scale.least), settings.scale.most)}


def _autoscaler(instance: Instance, facts: Facts, role: RoleName, scale: Scale) -> Manifest:
    """Looks at the application's container alone: what a sidecar uses says little about the load."""
    cpu = {"name": "cpu", "container": "app", "target": {"type": "Utilization", "averageUtilization": scale.target_cpu}}
    return manifest(
        "HorizontalPodAutoscaler",
        f"{facts.name}-{role}",
        api="autoscaling/v2",
        labels=labels(instance, facts, str(role)),
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"{facts.name}-{role}"},
            "minReplicas": scale.least,
            "maxReplicas": scale.most,
            "metrics": [{"type": "ContainerResource", "containerResource": cpu}],
        },
    )


def _pod(instance: Instance, facts: Facts, role: RoleName) -> Manifest:
    written = instance.roles[role].written
    volumes, mounts = empty_dirs(tmp="/tmp")  # noqa: S108 - inside the pod
    database = trust.PodParts() if role is RoleName.FRONTEND else trust.for_database(instance)
    cache_ca = trust.cache_volume(instance, facts) if role in WITH_STATE else ()
    return pod(
        instance,
        uid=USER,
        serviceAccountName=f"{facts.name}-{role}",
        terminationGracePeriodSeconds=_drain(role) + 40,
        **present(
            priorityClassName=written.priority_class_name,
            nodeSelector=dict(written.node_selector),
            tolerations=[t.model_dump(by_alias=True, exclude_none=True) for t in written.tolerations],
            affinity=written.affinity,
        ),
        topologySpreadConstraints=spread(selector(facts, str(role)), revision="pod-template-hash"),
        containers=[
            container(
                instance,
                "app",
                instance.app_image,
                instance.roles[role].resources,
                args=["serve", str(role)],
                ports=_ports(role),
                env=[*_environment(instance, facts, role), *database.env, *_written_variables(written)],
                startupProbe={**_probe("/healthz"), "periodSeconds": 1, "failureThreshold": 120},
                livenessProbe={**_probe("/healthz"), "periodSeconds": 10, "timeoutSeconds": 5},
                readinessProbe={**_probe("/readyz"), "periodSeconds": 2, "timeoutSeconds": 5},
                volumeMounts=[*mounts, *database.mounts],
            )
        ],
        volumes=[*volumes, *database.volumes, *cache_ca],
    )


def _drain(role: RoleName) -> int:
    return BACKEND_DRAIN_SECONDS if role is RoleName.BACKEND else DRAIN_SECONDS


def _probe(path: str) -> Manifest:
    return {"httpGet": {"path": path, "port": "app", "scheme": "HTTP"}}


def _ports(role: RoleName) -> list[Manifest]:
    ports = {"app": APP, "metrics": METRICS} | ({"web": WEB} if role is RoleName.FRONTEND else {})
    return [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in ports.items()]


def _environment(instance: Instance, facts: Facts, role: RoleName) -> list[Manifest]:
    """docs/environment.md."""
    values = {
        "TASKORA_INSTANCE": facts.name,
        "TASKORA_NAMESPACE": facts.namespace,
        "TASKORA_VERSION": instance.spec.version,
        "TASKORA_LOG_LEVEL": instance.spec.observability.log_level,
        "TASKORA_EXTERNAL_URL": instance.url,
        "TASKORA_DATABASE_SECRET": secrets.database_secret(instance, facts),
        "TASKORA_REGISTRATION": str(instance.spec.registration),
        "TASKORA_DRAIN_SECONDS": str(_drain(role)),
        "TASKORA_SECRET_STORE": str(instance.secret_store),
        **present(TASKORA_TOPIC_PREFIX=instance.spec.broker.topic_prefix),
        "DAPR_HTTP_ENDPOINT": "http://127.0.0.1:3500",
        **_tracing(instance),
    }
    if role in WITH_CHAT:
        values["TASKORA_CHAT_PROVIDER"] = str(instance.spec.chat.provider)
    if role is RoleName.FRONTEND:
        values["TASKORA_SESSION_SECRET"] = secrets.session_secret(facts)
    tokens = {
        "DAPR_API_TOKEN": (secrets.api_token_secret(facts), "token"),
        "APP_API_TOKEN": (secrets.app_token_secret(facts), "token"),
    }
    pod_name = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}}
    return [*variables(values), *from_secrets(tokens), pod_name]


def _tracing(instance: Instance) -> dict[str, str]:
    """OpenTelemetry's own variables."""
    written = instance.spec.observability.tracing
    if written.endpoint is None:
        return {}
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": written.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc" if written.protocol == "grpc" else "http/protobuf",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": f"{written.sampling:g}",
    }


def _written_variables(role: Role) -> list[Manifest]:
    return [
        {
            "name": variable.name,
            **present(
                value=variable.value,
                valueFrom=variable.value_from and variable.value_from.model_dump(by_alias=True, exclude_none=True),
            ),
        }
        for variable in role.env
    ]


def _sidecar(instance: Instance, facts: Facts, role: RoleName) -> Mapping[str, str]:
    """Dapr's annotations: what its injector makes the sidecar from."""
    annotations = {
        "enabled": "true",
        "app-id": str(role),
        "app-port": str(APP),
        "config": f"{facts.name}-{role}",
        "api-token-secret": secrets.api_token_secret(facts),
        "app-token-secret": secrets.app_token_secret(facts),
        "graceful-shutdown-seconds": "10",
        "log-level": instance.spec.dapr.log_level,
        "log-as-json": "true",
        "metrics-port": str(SIDECAR_METRICS),  # its default is the application's
        "sidecar-seccomp-profile-type": "RuntimeDefault",
        **_sidecar_resources(instance.sidecar_resources),
        **(trust.cache_annotations(instance, facts) if role in WITH_STATE else {}),
    }
    if role in _SUBSCRIBING:
        annotations["app-max-concurrency"] = "1"
    if _native_sidecars(facts):
        annotations["enable-native-sidecar"] = "true"  # it ends after the application by itself
    else:
        annotations["block-shutdown-duration"] = f"{_drain(role) + 10}s"
    return {f"dapr.io/{key}": value for key, value in annotations.items()}


def _sidecar_resources(wanted: Resources) -> dict[str, str]:
    return {
        f"sidecar-{what}-{kind}": amounts[what]
        for kind, amounts in (("request", wanted.requests), ("limit", wanted.limits))
        for what in ("cpu", "memory")
        if what in amounts
    }


def _native_sidecars(facts: Facts) -> bool:
    """Kubernetes ends a native sidecar after the containers it serves; Dapr makes one from 1.18 on."""
    dapr_version = facts.capabilities.dapr_version
    return dapr_version is not None and dapr_version >= (1, 18) and facts.capabilities.kubernetes >= (1, 29)


def _frontend_service(instance: Instance, facts: Facts) -> Manifest:
    """The only Service of a role: the others are reached through Dapr, which makes its own."""
    role = str(RoleName.FRONTEND)
    spec: dict[str, Any] = {
        "selector": selector(facts, role),
        "ports": [{"name": "web", "port": 80, "protocol": "TCP", "targetPort": "web"}],
    }
    return manifest(
        "Service",
        f"{facts.name}-{role}",
        api="v1",
        labels=labels(instance, facts, role),
        annotations=_GKE_SERVICE | {"cloud.google.com/backend-config": f'{{"default": "{facts.name}-frontend"}}'}
        if instance.door is Door.GKE and instance.spec.ingress.enabled
        else {},
        spec=spec,
    )
