"""What surrounds the instance: the cloud's services, ingress, Dapr, chat, monitoring, network, rollouts."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from taskora_operator.api.pods import Resources
from taskora_operator.api.schema import IntOrPercent, Name, SecretRef, SpecModel, Strings, rule, rules

LogLevel = Literal["debug", "info", "warning", "error"]
DaprLogLevel = Literal["debug", "info", "warn", "error"]
Schedule = Annotated[
    str, StringConstraints(pattern=r"^(@every [0-9]+[smh]|@hourly|@daily|(\S+ ){5}\S+)$", max_length=64)
]


class TLSMode(StrEnum):
    NONE = "None"
    SECRET = "Secret"  # noqa: S105 - the name of a mode
    CERT_MANAGER = "CertManager"
    MANAGED = "Managed"


class SecretStore(StrEnum):
    KUBERNETES = "Kubernetes"
    GCP_SECRET_MANAGER = "GCPSecretManager"  # noqa: S105 - the name of a store
    AZURE_KEY_VAULT = "AzureKeyVault"


class ChatProvider(StrEnum):
    BUILTIN = "Builtin"
    OPENAI = "OpenAI"
    ANTHROPIC = "Anthropic"
    GOOGLE_AI = "GoogleAI"
    MISTRAL = "Mistral"
    DEEPSEEK = "DeepSeek"
    HUGGING_FACE = "HuggingFace"
    OLLAMA = "Ollama"


class Rollback(StrEnum):
    AUTOMATIC = "Automatic"
    NEVER = "Never"


Url = Annotated[
    str, StringConstraints(pattern=r"^https?://[a-zA-Z0-9.-]+(:[0-9]{1,5})?(/[-a-zA-Z0-9._~/]*)?$", max_length=512)
]
Range = Annotated[
    str,
    StringConstraints(pattern=r"^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$|^[0-9a-fA-F:]+/[0-9]{1,3}$", max_length=64),
]
Identifier = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]


class GCP(SpecModel):
    project_id: Annotated[str, StringConstraints(pattern=r"^[a-z][-a-z0-9]{4,28}[a-z0-9]$", max_length=30)] | None = (
        Field(default=None, alias="projectID")
    )
    """The project with the secrets (GCPSecretManager) and the topics (CloudPubSub)."""


class Azure(SpecModel):
    tenant_id: Annotated[Identifier, StringConstraints(max_length=36)] | None = Field(default=None, alias="tenantID")
    """The directory of clientID, where it is not the cluster's own."""

    client_id: Annotated[Identifier, StringConstraints(max_length=36)] | None = Field(default=None, alias="clientID")
    """The managed identity the pods sign in as (workload identity): it is written on every ServiceAccount."""

    vault_name: (
        Annotated[str, StringConstraints(pattern=r"^[a-zA-Z][-a-zA-Z0-9]{1,22}[a-zA-Z0-9]$", max_length=24)] | None
    ) = None
    """The Key Vault with the secrets (AzureKeyVault)."""

    event_hubs_namespace: (
        Annotated[str, StringConstraints(pattern=r"^[a-zA-Z][-a-zA-Z0-9]{4,48}[a-zA-Z0-9]$", max_length=50)] | None
    ) = None
    """The Event Hubs namespace, without .servicebus.windows.net; Premium, for 30 days of retention and more than 20
    consumer groups."""


class Cloud(SpecModel):
    gcp: GCP = Field(default_factory=GCP)
    """Google Cloud. Pods sign in by workload identity: write its annotation at each role's serviceAccount, or grant
    the roles' ServiceAccounts access themselves."""

    azure: Azure = Field(default_factory=Azure)
    """Microsoft Azure."""


class IssuerRef(SpecModel):
    name: Name
    """Of an Issuer or ClusterIssuer of cert-manager."""

    kind: Literal["Issuer", "ClusterIssuer"] = "ClusterIssuer"
    """Issuer: one in the instance's namespace."""


class IngressTLS(SpecModel):
    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.mode) || self.mode != 'Secret' || has(self.secretName)",
                "mode Secret needs secretName: write the name of a Secret of type kubernetes.io/tls",
            ),
            rule(
                "!has(self.mode) || self.mode != 'CertManager' || has(self.issuerRef)",
                "mode CertManager needs issuerRef: write {name: your-issuer, kind: ClusterIssuer}",
            ),
            rule(
                "!has(self.issuerRef) || !has(self.mode) || self.mode == 'CertManager'",
                "issuerRef is for mode CertManager: write that mode, or take issuerRef out",
            ),
            rule(
                "!has(self.secretName) || !has(self.mode) || self.mode != 'None'",
                "mode None serves no certificate: write mode Secret, or take secretName out",
            ),
        )
    )

    mode: TLSMode | None = None
    """None: plain HTTP. Secret: your certificate. CertManager: a certificate from issuerRef. Managed: the cloud's own
    (under GKE a ManagedCertificate; under AKS a certificate installed on the gateway, named by secretName).
    Defaults by profile."""

    secret_name: Name | None = None
    """The Secret holding the certificate; under CertManager where to keep it (defaults to {name}-tls)."""

    issuer_ref: IssuerRef | None = None
    """Who signs, for mode CertManager."""


class Ingress(SpecModel):
    enabled: bool = True
    """Off: no Ingress is made; reach the Service {name}-frontend your own way."""

    class_name: Name | None = None
    """Defaults by profile."""

    annotations: Strings = Field(default_factory=dict)
    """Further annotations; one named like the operator's own replaces it."""

    port: Annotated[int, Field(ge=1, le=65535, json_schema_extra={"format": "int32"})] | None = None
    """The port browsers use where it is not 80 or 443; part of status.url."""

    tls: IngressTLS = Field(default_factory=IngressTLS)
    """The certificate."""


class Cron(SpecModel):
    reminders: Schedule = "@every 1m"
    """Wakes what fires reminders, which looks every second by itself."""

    recurrence: Schedule = "@every 1m"
    """Wakes what makes recurring tasks, which looks every second by itself."""


class Dapr(SpecModel):
    log_level: DaprLogLevel = "info"
    """Of every sidecar."""

    sidecar_resources: Resources | None = None
    """Of every sidecar. Defaults by profile."""

    cron: Cron = Field(default_factory=Cron)
    """How often the scheduler is woken: `@every 1m`, or a cron expression with seconds."""


class Secrets(SpecModel):
    store: SecretStore | None = None
    """Where sidecars fetch the credentials they hand to the application. A cloud's store holds one secret per key of
    the Kubernetes Secret, named `{secret}-{key}`, made by you; Jobs and data services go on reading the Secret.
    Defaults by profile."""

    rotate_every: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,3}[hd]$", max_length=5)] | None = None
    """How often credentials that the operator made are replaced, as in 30d or 12h: the logins of a database in the
    cluster, the password of Redis in the cluster, and the keys that sign cookies (those 30 days apart at the least). No
    request fails meanwhile. What is external is rotated where it is made. Left out: only when `kubectl taskora rotate`
    asks for it."""


class Chat(SpecModel):
    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.provider) || self.provider in ['Builtin', 'Ollama'] || has(self.secretRef)",
                "this provider needs secretRef.name: write the name of a Secret whose key `key` holds the API key",
            ),
            rule(
                "(has(self.provider) && self.provider != 'Builtin') || "
                "!(has(self.model) || has(self.endpoint) || has(self.secretRef))",
                "provider Builtin answers by itself: write another provider, or take model, endpoint and secretRef out",
            ),
            rule(
                "!has(self.provider) || self.provider != 'Ollama' || has(self.endpoint)",
                "provider Ollama needs endpoint: write the address of your server, as http://ollama.models.svc:11434/v1",
            ),
            rule(
                "!has(self.endpoint) || !has(self.provider) || !(self.provider in ['GoogleAI', 'Mistral'])",
                "this provider has one address of its own: take endpoint out",
            ),
        )
    )

    provider: ChatProvider = ChatProvider.BUILTIN
    """Who answers in the chat. Builtin understands commands and asks nobody; the others go through Dapr's conversation
    API (Dapr 1.16 or newer)."""

    model: Annotated[str, StringConstraints(pattern=r"^[-A-Za-z0-9._:/]+$", max_length=128)] | None = None
    """Defaults to the one Dapr chooses for the provider."""

    endpoint: Url | None = None
    """Another address than the provider's own, for servers that speak its protocol."""

    secret_ref: SecretRef | None = None
    """Key: `key`, the provider's API key."""


class Tracing(SpecModel):
    endpoint: Url | None = None
    """Where traces go: an OpenTelemetry collector, as http://collector.observability.svc:4317. Left out: nowhere."""

    protocol: Literal["grpc", "http"] = "grpc"
    """What the collector speaks at that port."""

    sampling: Annotated[float, Field(ge=0, le=1)] = 0.1
    """The share of requests that are traced, 0 to 1."""


class Observability(SpecModel):
    log_level: LogLevel = "info"
    """Of the application."""

    metrics: bool | None = None
    """A PodMonitor for the roles and their sidecars. Left out: where the cluster has Prometheus' operator."""

    alerts: bool | None = None
    """A PrometheusRule with alerts. Left out: where the cluster has Prometheus' operator."""

    dashboards: bool | None = None
    """A ConfigMap with a dashboard, as Grafana's sidecar finds it. Left out: where the cluster has Prometheus'
    operator."""

    tracing: Tracing = Field(default_factory=Tracing)
    """Traces of requests, from the browser to the audit log."""


class NetworkPolicy(SpecModel):
    enabled: bool = True
    """Deny all traffic but what Taskora needs."""

    ingress_namespaces: Annotated[list[Name], Field(max_length=16)] = Field(default_factory=list[Name])
    """Namespaces whose pods may reach the frontend: the ingress controller's."""

    ingress_ranges: Annotated[list[Range], Field(max_length=32)] = Field(default_factory=list[Range])
    """Address ranges that may reach the frontend: the load balancer's, as 10.0.0.0/24. Defaults by profile: Google's
    under GKE. With no range and no namespace: any address."""


class Update(SpecModel):
    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.maxSurge) || !(self.maxSurge == 0 || self.maxSurge == '0%') || "
                "(has(self.maxUnavailable) && !(self.maxUnavailable == 0 || self.maxUnavailable == '0%'))",
                "with maxSurge 0 no pod could be replaced: write maxUnavailable 1 or more beside it",
            )
        )
    )

    progress_deadline_seconds: Annotated[int, Field(ge=30, le=3600, json_schema_extra={"format": "int32"})] = 90
    """How long a rollout may make no progress, or its migration not even start, before it counts as failed."""

    migration_deadline_seconds: Annotated[int, Field(ge=60, le=604800, json_schema_extra={"format": "int64"})] = 1800
    """How long a migration that runs may take before it counts as failed: more than the largest table needs."""

    rollback: Rollback = Rollback.AUTOMATIC
    """What follows a rollout that failed. Automatic: back to the last release that served. Never: it stays as it is."""

    max_unavailable: IntOrPercent = 0
    """How many of a role's pods may be missing while it is rolled out."""

    max_surge: IntOrPercent = 1
    """How many pods more than wanted may run while a role is rolled out."""
