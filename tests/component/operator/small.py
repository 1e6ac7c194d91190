"""The smallest instance that has something at every gate. The engine takes what is wanted as an argument."""

from __future__ import annotations

from typing import Any

from taskora_operator.desired.kube import replicas
from taskora_operator.desired.migration import LAST_WORDS
from taskora_operator.desired.model import Action, Desired, Facts, Gate, Manifest, Object
from taskora_operator.profiles import Instance


def small(instance: Instance, facts: Facts) -> Desired:
    """ConfigMap and Secret → StatefulSet → Component → Job → Deployment → Deployment and Service → Ingress."""
    name, version = facts.name, instance.spec.version
    scale = {"data": 1} | {str(role): settings.replicas for role, settings in instance.roles.items()}

    def of(component: str) -> dict[str, str]:
        return {"app.kubernetes.io/component": component}

    def made(kind: str, api: str, suffix: str, gate: Gate, component: str, **parts: Any) -> Object:
        action, retained = parts.pop("action", Action.APPLY), parts.pop("retained", False)
        labels = {
            "app.kubernetes.io/instance": name,
            "app.kubernetes.io/component": component,
            "app.kubernetes.io/managed-by": "taskora-operator",
        }
        metadata = {"name": f"{name}{suffix}", "labels": labels}
        return Object(
            {"apiVersion": api, "kind": kind, "metadata": metadata, **parts}, gate, component, action, retained
        )

    def pod(component: str, release: str = version) -> Manifest:
        return {
            "metadata": {"labels": {"app": component, "app.kubernetes.io/instance": name} | of(component)},
            "spec": {
                "containers": [
                    {
                        "name": component,
                        "image": f"{component}:{release}",
                        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                        "ports": [{"name": "app", "containerPort": 8080, "protocol": "TCP"}],
                        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
                    }
                ]
            },
        }

    def workload(component: str, gate: Gate, kind: str = "Deployment", **more: Any) -> Object:
        template = pod(component, "1" if kind == "StatefulSet" else version)
        count = replicas(instance, facts, component, scale[component])
        spec = {"replicas": count, "selector": {"matchLabels": {"app": component}}, "template": template, **more}
        return made(kind, "apps/v1", f"-{component}", gate, component, spec=spec)

    job = pod("migrate")
    job["spec"]["restartPolicy"] = "Never"
    port = {"name": "web", "port": 80, "protocol": "TCP", "targetPort": "app"}
    backend = {"service": {"name": f"{name}-frontend", "port": {"name": "web"}}}
    rules = [{"host": instance.spec.host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]
    objects = [
        made("ConfigMap", "v1", "-config", Gate.FOUNDATION, "data", data={"host": instance.spec.host}),
        made(
            "Secret",
            "v1",
            "-admin",
            Gate.FOUNDATION,
            "data",
            type="Opaque",
            stringData={"password": "<random:hex:password>"},
            action=Action.CREATE_ONCE,
            retained=instance.spec.deletion_policy == "Retain",
        ),
        workload("data", Gate.DATA, "StatefulSet", serviceName=f"{name}-data"),
        made(
            "Component",
            "dapr.io/v1alpha1",
            "-pubsub",
            Gate.MESSAGING,
            "dapr",
            spec={"type": "pubsub.kafka", "version": "v1", "metadata": [{"name": "brokers", "value": "b:9092"}]},
        ),
        made(
            "Job",
            "batch/v1",
            "-migrate",
            Gate.SCHEMA,
            "migrate",
            spec={
                "template": job,
                "backoffLimit": 2,
                "activeDeadlineSeconds": instance.spec.update.migration_deadline_seconds + LAST_WORDS,
            },
            action=Action.REPLACE,
        ),
        workload("backend", Gate.BACKEND),
        workload("frontend", Gate.FRONTEND),
        made(
            "Service",
            "v1",
            "-frontend",
            Gate.FRONTEND,
            "frontend",
            spec={"selector": {"app": "frontend"}, "ports": [port]},
        ),
    ]
    if instance.spec.ingress.enabled:
        spec = {"ingressClassName": instance.ingress_class, "rules": rules}
        objects.append(made("Ingress", "networking.k8s.io/v1", "", Gate.INGRESS, "ingress", spec=spec))
    return Desired(objects=objects, url=instance.url)


def nothing(instance: Instance, facts: Facts) -> Desired:
    return Desired(objects=())
