"""How pods run: resources, environment, placement, the six roles and the image they share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from taskora_operator.api.schema import Name, Quantity, SpecModel, Strings, map_list, rule, rules

PullPolicy = Literal["Always", "IfNotPresent", "Never"]
Registry = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*$", max_length=253)]
LabelKey = Annotated[str, StringConstraints(max_length=317)]


class Resources(SpecModel):
    requests: dict[str, Quantity] = Field(default_factory=dict, json_schema_extra={"maxProperties": 8})
    """What the scheduler sets aside, for example `{cpu: 100m, memory: 128Mi}`."""

    limits: dict[str, Quantity] = Field(default_factory=dict, json_schema_extra={"maxProperties": 8})
    """What is never exceeded, for example `{memory: 512Mi}`."""


class KeySelector(SpecModel):
    name: Name
    """The Secret or ConfigMap, in the instance's namespace."""

    key: Annotated[str, StringConstraints(max_length=253)]
    """The key in it."""


class ValueFrom(SpecModel):
    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.secretKeyRef) != has(self.configMapKeyRef)",
                "write either secretKeyRef or configMapKeyRef",
            )
        )
    )

    secret_key_ref: KeySelector | None = None
    """From a Secret."""

    config_map_key_ref: KeySelector | None = None
    """From a ConfigMap."""


class EnvVar(SpecModel):
    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("has(self.value) != has(self.valueFrom)", "write either value or valueFrom"),
            rule(
                "!self.name.startsWith('TASKORA_') && !self.name.startsWith('DAPR_') && "
                "self.name != 'APP_API_TOKEN' && self.name != 'POD_NAME'",
                "the operator sets TASKORA_*, DAPR_*, APP_API_TOKEN and POD_NAME itself: choose another name, "
                "or change the field of the spec that decides it",
            ),
        )
    )

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]
    """As the process sees it."""

    value: Annotated[str, StringConstraints(max_length=8192)] | None = None
    """Written out."""

    value_from: ValueFrom | None = None
    """Read where it is kept; the pods are not told when it changes."""


class Toleration(SpecModel):
    key: LabelKey | None = None
    """The taint's. Left out: every taint, with operator Exists."""

    operator: Literal["Exists", "Equal"] | None = None
    """Whether the taint's value counts. Left out: Equal."""

    value: Annotated[str, StringConstraints(max_length=63)] | None = None
    """The taint's, for operator Equal."""

    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The taint's. Left out: every effect."""

    toleration_seconds: Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})] | None = None
    """How long pods stay after a taint NoExecute came. Left out: for ever."""


class ServiceAccount(SpecModel):
    annotations: Strings = Field(default_factory=dict)
    """Annotations of the role's ServiceAccount, where clouds look for an identity."""


Pods = Annotated[int, Field(ge=1, le=100, json_schema_extra={"format": "int32"})]


class Autoscaling(SpecModel):
    """A HorizontalPodAutoscaler for the role; needs metrics-server, which every cloud brings."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.minReplicas) || self.minReplicas <= self.maxReplicas",
                "minReplicas is above maxReplicas: write a smaller minReplicas or a larger maxReplicas",
            )
        )
    )

    min_replicas: Pods | None = None
    """Never fewer pods than this. Defaults to what `replicas` would, or maxReplicas where that is less."""

    max_replicas: Pods
    """Never more pods than this."""

    target_cpu: Annotated[int, Field(ge=1, le=100, alias="targetCPU", json_schema_extra={"format": "int32"})] = 70
    """Percent of the CPU that the application's container requests, on average; more pods are added above it."""


class Role(SpecModel):
    """How one of the application's six roles runs."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.replicas) || !has(self.autoscaling)",
                "replicas and autoscaling exclude each other: take replicas out to let the role scale by itself, "
                "or autoscaling to fix its number of pods",
            )
        )
    )

    replicas: Annotated[int, Field(ge=0, le=100, json_schema_extra={"format": "int32"})] | None = None
    """How many pods. Defaults by profile: 1 each under Local; frontend 2, backend 3, the others 2 in a cloud."""

    autoscaling: Autoscaling | None = None
    """Let the number of pods follow the load instead."""

    resources: Resources | None = None
    """Of the application's container. Defaults by profile."""

    env: Annotated[list[EnvVar], Field(max_length=64, json_schema_extra=map_list("name"))] = Field(
        default_factory=list[EnvVar]
    )
    """Further environment variables."""

    pod_labels: Strings = Field(
        default_factory=dict,
        json_schema_extra=rules(
            rule(
                "self.all(key, !key.startsWith('app.kubernetes.io/') && !key.startsWith('taskora.dev/'))",
                "labels under app.kubernetes.io/ and taskora.dev/ are the operator's: choose another prefix",
            )
        ),
    )
    """Further labels on the pods."""

    pod_annotations: Strings = Field(
        default_factory=dict,
        json_schema_extra=rules(
            rule(
                "self.all(key, !key.startsWith('dapr.io/') && !key.startsWith('taskora.dev/'))",
                "annotations under dapr.io/ and taskora.dev/ are the operator's: use spec.dapr, or another prefix",
            )
        ),
    )
    """Further annotations on the pods."""

    service_account: ServiceAccount = Field(default_factory=ServiceAccount)
    """The identity of the role's pods."""

    priority_class_name: Name | None = None
    """The PriorityClass of the pods: who goes first where nodes are full."""

    node_selector: Strings = Field(default_factory=dict)
    """Labels that a node must have."""

    tolerations: Annotated[list[Toleration], Field(max_length=32)] = Field(default_factory=list[Toleration])
    """Taints of nodes that don't keep the pods away."""

    affinity: dict[str, Any] | None = Field(
        default=None, json_schema_extra={"x-kubernetes-preserve-unknown-fields": True}
    )
    """As in a pod's spec."""


class AppImage(SpecModel):
    """Where the application's image comes from."""

    registry: Registry = "ghcr.io"
    """Of this image alone; imageRegistry is of all."""

    repository: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([._/-]+[a-z0-9]+)*$", max_length=200)] = (
        "taskora/app"
    )
    """The image's path within the registry."""

    tag: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$", max_length=128)] | None = None
    """Defaults to spec.version."""

    digest: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$", max_length=71)] | None = None
    """Pins the image whatever its tag says."""

    pull_policy: PullPolicy = "IfNotPresent"
    """Of every image the operator runs."""

    pull_secrets: Annotated[list[Name], Field(max_length=16)] = Field(default_factory=list[Name])
    """Names of Secrets of type kubernetes.io/dockerconfigjson, for every image the operator runs."""
