"""`spec` of a TaskoraDeployment: every field works, and what is left out is decided by the profile.

The docstring under a field is what `kubectl explain` prints.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from taskora_operator.api.backup import Backup
from taskora_operator.api.platform import Chat, Cloud, Dapr, Ingress, NetworkPolicy, Observability, Secrets, Update
from taskora_operator.api.pods import AppImage, Registry, Role
from taskora_operator.api.schema import VERSION, SpecModel, rule, rules
from taskora_operator.api.services import Broker, Cache, Database


class Profile(StrEnum):
    LOCAL = "Local"
    DOKS = "DOKS"
    GKE = "GKE"
    AKS = "AKS"


class Registration(StrEnum):
    OPEN = "Open"
    CLOSED = "Closed"


class DeletionPolicy(StrEnum):
    RETAIN = "Retain"
    DELETE = "Delete"


def _mode(part: str, *, inside: tuple[str, ...]) -> str:
    """CEL: the mode of a data service, also where the profile decides it."""
    usual = (
        "'InCluster'" if len(inside) == len(Profile) else f"(self.profile in {list(inside)} ? 'InCluster' : 'External')"
    )
    return f"(has(self.{part}) && has(self.{part}.mode) ? self.{part}.mode : {usual})"


_DATABASE = _mode("database", inside=("Local",))
_CACHE = _mode("cache", inside=("Local", "DOKS"))
_ENGINE = "(has(self.broker) && has(self.broker.engine) ? self.broker.engine : 'Redpanda')"
_BROKER = f"({_ENGINE} in ['CloudPubSub', 'EventHubs'] ? 'External' : {_mode('broker', inside=tuple(Profile))})"
_STORE = (
    "(has(self.secrets) && has(self.secrets.store) ? self.secrets.store : "
    "self.profile == 'GKE' ? 'GCPSecretManager' : self.profile == 'AKS' ? 'AzureKeyVault' : 'Kubernetes')"
)
_TLS = (
    "(has(self.ingress) && has(self.ingress.tls) && has(self.ingress.tls.mode) ? self.ingress.tls.mode : "
    "self.profile == 'GKE' ? 'Managed' : self.profile == 'Local' ? 'None' : 'CertManager')"
)
_NO_INGRESS = "(has(self.ingress) && has(self.ingress.enabled) && !self.ingress.enabled)"


def _written(path: str) -> str:
    """CEL: whether `spec.{path}` is there, also where nothing above it is."""
    parts = path.split(".")
    return "(" + " && ".join(f"has(self.{'.'.join(parts[:end])})" for end in range(1, len(parts) + 1)) + ")"


def _external_by_default(part: str, mode: str) -> dict[str, str]:
    return rule(
        f"{mode} == 'InCluster' || {_written(f'{part}.external.secretRef')}",
        f"this profile uses an external {part}: write {part}.external.secretRef.name, or {part}.mode: InCluster",
    )


def _only_in_use(part: str, mode: str) -> list[dict[str, str]]:
    """What would have no effect is refused, not overlooked."""
    return [
        rule(
            f"{mode} == 'InCluster' || !{_written(f'{part}.inCluster')}",
            f"the {part} of this instance is outside the cluster: take {part}.inCluster out, "
            f"or write {part}.mode: InCluster",
        ),
        rule(
            f"{mode} == 'External' || !{_written(f'{part}.external')}",
            f"the {part} of this instance runs in the cluster: take {part}.external out, "
            f"or write {part}.mode: External",
        ),
    ]


def _fixed(now: str, message: str) -> dict[str, str]:
    """`now` is an expression over `self`; what it gives may not change."""
    return rule(f"{now} == {now.replace('self.', 'oldSelf.')}", message)


class Spec(SpecModel):
    model_config = ConfigDict(
        json_schema_extra=rules(
            _fixed(
                _ENGINE,
                "broker.engine can't be changed, because one engine can't read the other's data: "
                "write the old engine, or create a new instance",
            ),
            _fixed(
                _DATABASE,
                "database.mode can't be changed, because the data would stay where it is: write the old mode; to move, "
                "take a backup and restore it into a new instance",
            ),
            _fixed(
                _BROKER,
                "broker.mode can't be changed, because events not yet read would stay behind: write the old mode, "
                "or create a new instance",
            ),
            _fixed(
                f"({_written('broker.topicPrefix')} ? self.broker.topicPrefix : '')",
                "broker.topicPrefix can't be changed, because events not yet read would stay behind: "
                "write the old one, or create a new instance",
            ),
            _fixed(
                f"({_written('broker.inCluster.replicas')} ? self.broker.inCluster.replicas : 1)",
                "broker.inCluster.replicas can't be changed, because the nodes were told of each other when they were "
                "made: write the old number, or create a new instance",
            ),
            rule(
                "!has(self.backup) || !has(self.backup.restoreFrom) || "
                "(has(oldSelf.backup) && has(oldSelf.backup.restoreFrom) && "
                "self.backup.restoreFrom == oldSelf.backup.restoreFrom)",
                "backup.restoreFrom is for the beginning: write it into a new instance, or take it out",
            ),
            _external_by_default("database", _DATABASE),
            _external_by_default("cache", _CACHE),
            *_only_in_use("database", _DATABASE),
            *_only_in_use("cache", _CACHE),
            *_only_in_use("broker", _BROKER),
            rule(
                f"{_NO_INGRESS} || {_TLS} != 'CertManager' || {_written('ingress.tls.issuerRef')}",
                "this profile takes its certificate from cert-manager: write ingress.tls.issuerRef.name, "
                "or ingress.tls.mode: None",
            ),
            rule(
                f"{_NO_INGRESS} || {_TLS} != 'Managed' || self.profile == 'GKE' || "
                f"(self.profile == 'AKS' && {_written('ingress.tls.secretName')})",
                "ingress.tls.mode Managed is for GKE, and for AKS with the name of a certificate on the gateway as "
                "ingress.tls.secretName: write those, or another mode",
            ),
            rule(
                f"{_STORE} != 'GCPSecretManager' || {_written('cloud.gcp.projectID')}",
                "secrets come from Google's Secret Manager: write cloud.gcp.projectID, or secrets.store: Kubernetes",
            ),
            rule(
                f"{_STORE} != 'AzureKeyVault' || "
                f"({_written('cloud.azure.vaultName')} && {_written('cloud.azure.clientID')})",
                "secrets come from Azure Key Vault: write cloud.azure.vaultName and cloud.azure.clientID, "
                "or secrets.store: Kubernetes",
            ),
            rule(
                f"{_STORE} == 'Kubernetes' || !{_written('database.external.secretRef')} || "
                "!self.database.external.secretRef.name.contains('.')",
                "names of secrets in a cloud's store have no dots: give the database's Secret a name without one",
            ),
            rule(
                f"{_ENGINE} != 'CloudPubSub' || {_written('cloud.gcp.projectID')}",
                "CloudPubSub needs cloud.gcp.projectID: write the project with the topics",
            ),
            rule(
                f"{_ENGINE} != 'EventHubs' || {_written('cloud.azure.eventHubsNamespace')}",
                "EventHubs needs cloud.azure.eventHubsNamespace: write the namespace's name",
            ),
            rule(
                f"!{_written('secrets.rotateEvery')} || {_STORE} == 'Kubernetes'",
                "a cloud's store holds what you wrote there: take secrets.rotateEvery out and rotate it there, or "
                "write secrets.store: Kubernetes",
            ),
        )
    )

    profile: Profile = Field(
        json_schema_extra=rules(
            rule("self == oldSelf", "profile can't be changed: write the old one, or create a new instance")
        )
    )
    """Where the instance runs, which decides the defaults of everything else. Can't be changed."""

    version: Annotated[str, StringConstraints(pattern=VERSION, max_length=40)]
    """The release to run, for example "1.0.0"."""

    host: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", max_length=253),
    ]
    """The name browsers use, for example tasks.example.org."""

    image: AppImage = Field(default_factory=AppImage)
    image_registry: Registry | None = None
    """Takes the place of the registry in every image, for clusters that pull from a mirror."""

    cloud: Cloud = Field(default_factory=Cloud)
    """What the cloud's services need to be found: required where the chosen store or engine is one of them."""

    ingress: Ingress = Field(default_factory=Ingress)
    """The way in for browsers."""

    frontend: Role = Field(default_factory=Role)
    """Pages, sessions, live updates."""

    backend: Role = Field(default_factory=Role)
    """The API."""

    scheduler: Role = Field(default_factory=Role)
    """Reminders and recurring tasks."""

    audit: Role = Field(default_factory=Role)
    """The log of who did what."""

    notifier: Role = Field(default_factory=Role)
    """Notifications."""

    insights: Role = Field(default_factory=Role)
    """Activity, alerts, chat export."""

    database: Database = Field(default_factory=Database)
    """PostgreSQL, where everything that matters is kept."""

    broker: Broker = Field(default_factory=Broker)
    """What carries events."""

    cache: Cache = Field(default_factory=Cache)
    """Redis, for sessions and caches."""

    secrets: Secrets = Field(default_factory=Secrets)
    """Credentials."""

    dapr: Dapr = Field(default_factory=Dapr)
    """The sidecars."""

    registration: Registration = Registration.OPEN
    """Open: anyone may sign up. Closed: only those the administrator adds."""

    chat: Chat = Field(default_factory=Chat)
    """The assistant."""

    observability: Observability = Field(default_factory=Observability)
    """Metrics, alerts, dashboards, traces, logs."""

    network_policy: NetworkPolicy = Field(default_factory=NetworkPolicy)
    """Who may talk to whom."""

    update: Update = Field(default_factory=Update)
    """How a new release is rolled out."""

    backup: Backup | None = None
    """Dumps of the database. Left out: none are made."""

    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN
    """Retain: volumes and credentials outlive the instance, and one of the same name adopts them. Delete: they go."""

    paused: bool = False
    """Stop reconciling; nothing is changed until it is false again."""

    suspended: bool = False
    """Scale everything to zero; data is kept."""
