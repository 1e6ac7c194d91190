"""What a profile decides: one frozen table of data, and `resolve`, which fills in what a spec leaves open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from taskora_operator.api.platform import SecretStore, TLSMode
from taskora_operator.api.pods import Autoscaling, Resources, Role
from taskora_operator.api.services import Engine, Mode, Storage
from taskora_operator.api.spec import Profile, Spec


class RoleName(StrEnum):
    FRONTEND = "frontend"
    BACKEND = "backend"
    SCHEDULER = "scheduler"
    AUDIT = "audit"
    NOTIFIER = "notifier"
    INSIGHTS = "insights"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Requests and limits by container, volumes by data service."""

    role: Resources
    sidecar: Resources
    postgres: Resources
    redis: Resources
    broker: Resources
    postgres_volume: str
    redis_volume: str
    broker_volume: str


class Door(StrEnum):
    """The ingress controllers that need more than an Ingress says."""

    NGINX = "nginx"
    GKE = "gce"
    APPLICATION_GATEWAY = "azure-application-gateway"


@dataclass(frozen=True, slots=True)
class Defaults:
    database: Mode
    cache: Mode
    cache_tls: bool
    secret_store: SecretStore
    door: Door
    tls: TLSMode
    load_balancer_ranges: tuple[str, ...]  # empty: not known beforehand
    storage_class: str | None  # None: the cluster's default
    frontend: int
    backend: int
    others: int
    sizes: Sizes
    broker: Mode = Mode.IN_CLUSTER


def _resources(cpu: str, memory: str, limit: str) -> Resources:
    # No CPU limit: throttling a process that the node has time for only makes users wait.
    return Resources(requests={"cpu": cpu, "memory": memory}, limits={"memory": limit})


_SMALL = Sizes(
    role=_resources("25m", "96Mi", "384Mi"),
    sidecar=_resources("20m", "64Mi", "256Mi"),
    postgres=_resources("50m", "128Mi", "512Mi"),
    redis=_resources("10m", "32Mi", "128Mi"),
    broker=_resources("100m", "512Mi", "1Gi"),
    postgres_volume="2Gi",
    redis_volume="1Gi",
    broker_volume="2Gi",
)
_LARGE = Sizes(
    role=_resources("250m", "256Mi", "1Gi"),
    sidecar=_resources("100m", "128Mi", "512Mi"),
    postgres=_resources("500m", "1Gi", "2Gi"),
    redis=_resources("100m", "256Mi", "512Mi"),
    broker=_resources("1", "2Gi", "2560Mi"),
    postgres_volume="20Gi",
    redis_volume="5Gi",
    broker_volume="20Gi",
)

# Where Google's load balancers and their health checks come from: cloud.google.com/load-balancing/docs/firewall-rules
_GOOGLE = ("130.211.0.0/22", "35.191.0.0/16")

PROFILES: Mapping[Profile, Defaults] = MappingProxyType(
    {
        Profile.LOCAL: Defaults(
            database=Mode.IN_CLUSTER,
            cache=Mode.IN_CLUSTER,
            cache_tls=False,
            secret_store=SecretStore.KUBERNETES,
            door=Door.NGINX,
            tls=TLSMode.NONE,
            load_balancer_ranges=(),
            storage_class=None,
            frontend=1,
            backend=1,
            others=1,
            sizes=_SMALL,
        ),
        Profile.DOKS: Defaults(
            database=Mode.EXTERNAL,
            cache=Mode.IN_CLUSTER,
            cache_tls=False,
            secret_store=SecretStore.KUBERNETES,
            door=Door.NGINX,
            tls=TLSMode.CERT_MANAGER,
            load_balancer_ranges=(),
            storage_class="do-block-storage",
            frontend=2,
            backend=3,
            others=2,
            sizes=_LARGE,
        ),
        Profile.GKE: Defaults(
            database=Mode.EXTERNAL,
            cache=Mode.EXTERNAL,
            cache_tls=True,
            secret_store=SecretStore.GCP_SECRET_MANAGER,
            door=Door.GKE,
            tls=TLSMode.MANAGED,
            load_balancer_ranges=_GOOGLE,
            storage_class="premium-rwo",
            frontend=2,
            backend=3,
            others=2,
            sizes=_LARGE,
        ),
        Profile.AKS: Defaults(
            database=Mode.EXTERNAL,
            cache=Mode.EXTERNAL,
            cache_tls=True,
            secret_store=SecretStore.AZURE_KEY_VAULT,
            door=Door.APPLICATION_GATEWAY,
            tls=TLSMode.CERT_MANAGER,
            load_balancer_ranges=(),
            storage_class="managed-csi-premium",
            frontend=2,
            backend=3,
            others=2,
            sizes=_LARGE,
        ),
    }
)

MANAGED_BROKERS = (Engine.CLOUD_PUBSUB, Engine.EVENT_HUBS)
BROKER_IMAGES: Mapping[Engine, str] = MappingProxyType(
    {
        Engine.REDPANDA: "docker.redpanda.com/redpandadata/redpanda:v25.2.1",
        Engine.KAFKA: "apache/kafka:4.1.1",
    }
)


@dataclass(frozen=True, slots=True)
class Server:
    """A data service the operator runs: one pod, one volume."""

    image: str
    resources: Resources
    size: str
    storage_class: str | None


@dataclass(frozen=True, slots=True)
class Scale:
    """What a HorizontalPodAutoscaler keeps to. `target_cpu` in percent of what the application requests."""

    least: int
    most: int
    target_cpu: int


@dataclass(frozen=True, slots=True)
class RoleSettings:
    replicas: int  # at the start, where `scale` is set
    scale: Scale | None
    resources: Resources
    written: Role  # the rest, as the user wrote it


@dataclass(frozen=True, slots=True)
class Instance:
    """A spec with nothing left open. A data service that is None is external."""

    spec: Spec
    app_image: str
    postgres: Server | None
    redis: Server | None
    broker: Server | None
    backup: Server | None  # what dumps it, asking for what a backend does, and the volume; None: no backups
    roles: Mapping[RoleName, RoleSettings]
    sidecar_resources: Resources
    cache_tls: bool
    secret_store: SecretStore
    door: Door | None  # None: another controller, of the class that was written
    tls: TLSMode
    load_balancer_ranges: Sequence[str]

    @property
    def ingress_class(self) -> str | None:
        """What an Ingress names; None under GKE, whose controller reads an annotation."""
        if self.door is Door.GKE:
            return None
        return self.spec.ingress.class_name or (str(self.door) if self.door else None)

    @property
    def broker_nodes(self) -> int:
        """How many the operator runs."""
        return self.spec.broker.in_cluster.replicas if self.broker else 0

    @property
    def url(self) -> str:
        """Where browsers reach the frontend, without a trailing slash."""
        scheme, usual = ("http", 80) if self.tls is TLSMode.NONE else ("https", 443)
        port = self.spec.ingress.port or usual
        return f"{scheme}://{self.spec.host}" + ("" if port == usual else f":{port}")

    @property
    def database_summary(self) -> str:
        """For the printer column."""
        return "External" if self.postgres is None else "InCluster"

    @property
    def broker_summary(self) -> str:
        """For the printer column."""
        engine = self.spec.broker.engine
        return "External" if self.broker is None and engine not in MANAGED_BROKERS else str(engine)


def resolve(spec: Spec) -> Instance:
    """Fill in what the spec leaves to the profile."""
    defaults = PROFILES[spec.profile]
    sizes = defaults.sizes

    def server(image: str, storage: Storage, size: str, resources: Resources | None, usual: Resources) -> Server:
        return Server(
            image=_mirrored(image, spec.image_registry),
            resources=resources or usual,
            size=storage.size or size,
            storage_class=storage.class_name or defaults.storage_class,
        )

    database, cache, broker = spec.database.in_cluster, spec.cache.in_cluster, spec.broker.in_cluster
    broker_image = broker.image or BROKER_IMAGES.get(spec.broker.engine, "")
    ranges = spec.network_policy.ingress_ranges or (
        () if spec.network_policy.ingress_namespaces else defaults.load_balancer_ranges
    )
    return Instance(
        spec=spec,
        app_image=_app_image(spec),
        postgres=server(database.image, database.storage, sizes.postgres_volume, database.resources, sizes.postgres)
        if (spec.database.mode or defaults.database) is Mode.IN_CLUSTER
        else None,
        redis=server(cache.image, cache.storage, sizes.redis_volume, cache.resources, sizes.redis)
        if (spec.cache.mode or defaults.cache) is Mode.IN_CLUSTER
        else None,
        broker=server(broker_image, broker.storage, sizes.broker_volume, broker.resources, sizes.broker)
        if spec.broker.engine not in MANAGED_BROKERS and (spec.broker.mode or defaults.broker) is Mode.IN_CLUSTER
        else None,
        backup=server(
            spec.backup.image or database.image,
            spec.backup.storage,
            database.storage.size or sizes.postgres_volume,
            spec.backend.resources,
            sizes.role,
        )
        if spec.backup
        else None,
        roles={role: _role(_written(spec, role), _replicas(defaults, role), sizes.role) for role in RoleName},
        sidecar_resources=spec.dapr.sidecar_resources or sizes.sidecar,
        cache_tls=defaults.cache_tls if spec.cache.external.tls is None else spec.cache.external.tls,
        secret_store=spec.secrets.store or defaults.secret_store,
        door=_door(spec.ingress.class_name, defaults.door),
        tls=spec.ingress.tls.mode or defaults.tls,
        load_balancer_ranges=ranges,
    )


def _door(written: str | None, usual: Door) -> Door | None:
    if written is None:
        return usual
    return next((door for door in Door if door == written), None)


def _role(written: Role, replicas: int, resources: Resources) -> RoleSettings:
    scale = _scale(written.autoscaling, replicas) if written.autoscaling else None
    return RoleSettings(
        replicas=scale.least if scale else replicas if written.replicas is None else written.replicas,
        scale=scale,
        resources=written.resources or resources,
        written=written,
    )


def _scale(written: Autoscaling, replicas: int) -> Scale:
    least = written.min_replicas or min(replicas, written.max_replicas)
    return Scale(least=least, most=written.max_replicas, target_cpu=written.target_cpu)


def _written(spec: Spec, role: RoleName) -> Role:
    return {
        RoleName.FRONTEND: spec.frontend,
        RoleName.BACKEND: spec.backend,
        RoleName.SCHEDULER: spec.scheduler,
        RoleName.AUDIT: spec.audit,
        RoleName.NOTIFIER: spec.notifier,
        RoleName.INSIGHTS: spec.insights,
    }[role]


def _replicas(defaults: Defaults, role: RoleName) -> int:
    return {RoleName.FRONTEND: defaults.frontend, RoleName.BACKEND: defaults.backend}.get(role, defaults.others)


def _app_image(spec: Spec) -> str:
    image = spec.image
    reference = f"{spec.image_registry or image.registry}/{image.repository}:{image.tag or spec.version}"
    return f"{reference}@{image.digest}" if image.digest else reference


def _mirrored(image: str, registry: str | None) -> str:
    """The same image from the mirror: `docker.io/library/postgres:15` and `postgres:15` → `{registry}/…`."""
    if registry is None:
        return image
    first, slash, rest = image.partition("/")
    has_registry = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return f"{registry}/{rest if has_registry else image}"
