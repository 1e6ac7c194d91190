"""What a cluster and a spec must have, checked: each finding with the command that mends it. Data in, findings out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from taskora_operator.api.platform import SecretStore, TLSMode
from taskora_operator.api.services import Engine
from taskora_operator.desired import topics
from taskora_operator.desired.kube import OPERATOR_NAMESPACE
from taskora_operator.desired.model import Capabilities, Problem
from taskora_operator.profiles import Instance

from kubectl_taskora.manifests import Json, condition, items, part
from kubectl_taskora.text import BAD, GOOD, WARN, counted, wrapped

OLDEST_KUBERNETES = (1, 28)
INSTALL_OPERATOR = (
    f"helm upgrade --install taskora-operator manifests/operator -n {OPERATOR_NAMESPACE} --create-namespace"
)
# Where the pods of an ingress class's controller are found, by the label app.kubernetes.io/name.
CONTROLLERS: Mapping[str, Sequence[str]] = {
    "k8s.io/ingress-nginx": ("ingress-nginx", "traefik"),
    "traefik.io/ingress-controller": ("traefik",),
    "nginx.org/ingress-controller": ("nginx-ingress",),
    "haproxy.org/ingress-controller/haproxy": ("kubernetes-ingress", "haproxy-ingress"),
}


class Level(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    PROBLEM = "problem"


_GLYPHS = {Level.GOOD: GOOD, Level.WARNING: WARN, Level.PROBLEM: BAD}


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    about: str
    told: str
    fix: Sequence[str] = ()  # commands


@dataclass(frozen=True, slots=True)
class Cluster:
    """What was read. None: it may not be read, or is not there, as each says."""

    capabilities: Capabilities
    namespace: str
    namespace_labels: Mapping[str, str] | None  # None: no such namespace
    operators: Sequence[Json] | None  # Deployments of the operator anywhere; None: may not be read
    injector: Json | None  # Dapr's sidecar injector, a Deployment
    ingress_controller: str | None  # of the ingress class that is asked for
    controllers: Sequence[Json]  # Deployments and DaemonSets that may be it
    storage_classes: Sequence[Json]
    issuer: Json | None
    tls_secret: Mapping[str, str] | None  # its keys, decoded; None: there is none
    operator_lacks: Sequence[str] = ()  # "delete jobs": what the operator may not do
    you_lack: Sequence[str] = ()  # what the person at the keyboard may not do


@dataclass(frozen=True, slots=True)
class Need:
    """What is asked for; without an instance or a file only the cluster is looked at."""

    instance: Instance
    name: str
    problems: Sequence[Problem] = field(default_factory=tuple)  # as the operator sees them
    cloud_secrets: Sequence[tuple[str, str]] = ()  # Secret and key that the cloud's store must hold, too


def checkup(cluster: Cluster, need: Need | None) -> Sequence[Finding]:
    found = [*_kubernetes(cluster), *_operator(cluster), *_dapr(cluster, need)]
    if need is not None:
        found += [
            *_namespace(cluster),
            *_ingress(cluster, need),
            *_tls(cluster, need),
            *_storage(cluster, need),
            *_others(need),
            *_cloud_secrets(cluster, need),
            *_cloud_topics(need),
        ]
    return [*found, *_you(cluster)]


def render(findings: Sequence[Finding], *, width: int = 80) -> str:
    lines: list[str] = []
    for finding in findings:
        lines += wrapped(finding.told, width=width, first=f"{_GLYPHS[finding.level]} {finding.about}: ", rest="  ")
        lines += [f"      {command}" for command in finding.fix]
    problems = sum(finding.level is Level.PROBLEM for finding in findings)
    warnings = sum(finding.level is Level.WARNING for finding in findings)
    told = [counted(problems, "problem")] * bool(problems) + [counted(warnings, "warning")] * bool(warnings)
    return "\n".join([*lines, "", ", ".join(told) or "Nothing is wrong."])


def data(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [{"level": str(f.level), "about": f.about, "told": f.told, "fix": list(f.fix)} for f in findings]


def _good(about: str, told: str) -> Finding:
    return Finding(Level.GOOD, about, told)


def _problem(about: str, told: str, *fix: str) -> Finding:
    return Finding(Level.PROBLEM, about, told, fix)


def _warning(about: str, told: str, *fix: str) -> Finding:
    return Finding(Level.WARNING, about, told, fix)


def _kubernetes(cluster: Cluster) -> Iterator[Finding]:
    version = ".".join(map(str, cluster.capabilities.kubernetes))
    if cluster.capabilities.kubernetes < OLDEST_KUBERNETES:
        yield _problem("Kubernetes", f"{version} is too old; Taskora needs 1.28 or newer. Upgrade the cluster.")
    else:
        yield _good("Kubernetes", version)


def _operator(cluster: Cluster) -> Iterator[Finding]:
    if not cluster.capabilities.has("taskora.dev/v1alpha1", "TaskoraDeployment"):
        yield _problem("Operator", "the cluster does not know TaskoraDeployments.", INSTALL_OPERATOR)
        return
    if cluster.operators is None:
        yield _warning("Operator", "you may not look whether it runs.")
        return
    if not cluster.operators:
        yield _problem("Operator", "it is not installed, so nothing acts on a TaskoraDeployment.", INSTALL_OPERATOR)
        return
    operator = cluster.operators[0]
    where, name = operator["metadata"]["namespace"], operator["metadata"]["name"]
    available = part(operator, "status").get("availableReplicas", 0)
    if not available:
        yield _problem(
            "Operator",
            f"{where}/{name} does not run.",
            f"kubectl -n {where} describe pods",
            f"kubectl -n {where} logs deployment/{name}",
        )
    else:
        yield _good("Operator", f"{where}/{name} runs ({counted(available, 'pod')})")
    if cluster.operator_lacks:
        lacks = ", ".join(cluster.operator_lacks)
        yield _problem("Operator's permissions", f"it may not {lacks}. Upgrade its chart.", INSTALL_OPERATOR)


def _dapr(cluster: Cluster, need: Need | None) -> Iterator[Finding]:
    problems = [p for p in need.problems if p.reason.startswith("Dapr")] if need else ()
    if problems:
        yield from (_problem("Dapr", problem.message) for problem in problems)
        return
    capabilities = cluster.capabilities
    if capabilities.dapr is None:
        yield _problem("Dapr", "its control plane does not answer.", "dapr init -k --wait")
        return
    yield _good("Dapr", f"{capabilities.dapr}, mTLS {'on' if capabilities.dapr_mtls else 'off'}")
    restricted = (cluster.namespace_labels or {}).get("pod-security.kubernetes.io/enforce") == "restricted"
    if restricted and not _drops_capabilities(cluster.injector):
        yield _problem(
            "Dapr's sidecars",
            f"namespace {cluster.namespace} enforces Pod Security restricted, which Dapr's sidecars pass only when "
            "they drop all capabilities.",
            "helm upgrade dapr dapr --repo https://dapr.github.io/helm-charts -n dapr-system --reuse-values "
            "--set dapr_sidecar_injector.sidecarDropALLCapabilities=true",
        )


def _drops_capabilities(injector: Json | None) -> bool:
    if injector is None:
        return True  # not to be seen: Dapr's own finding says so, or we may not look
    containers = items(injector, "spec", "template", "spec", "containers")
    variables = {v["name"]: v.get("value") for c in containers for v in items(c, "env")}
    return variables.get("SIDECAR_DROP_ALL_CAPABILITIES") == "true"


def _namespace(cluster: Cluster) -> Iterator[Finding]:
    if cluster.namespace_labels is None:
        yield _problem(
            "Namespace", f"{cluster.namespace} does not exist.", f"kubectl create namespace {cluster.namespace}"
        )


def _ingress(cluster: Cluster, need: Need) -> Iterator[Finding]:
    if not need.instance.spec.ingress.enabled:
        return
    wanted = need.instance.ingress_class
    missing = [p for p in need.problems if p.reason == "IngressClassMissing"]
    if missing:
        yield from (_problem("Ingress", problem.message) for problem in missing)
        return
    if wanted is None:
        yield _good("Ingress", "the cloud's own controller, named by an annotation")
        return
    yield from _controller(cluster, wanted)


def _controller(cluster: Cluster, wanted: str) -> Iterator[Finding]:
    names = CONTROLLERS.get(cluster.ingress_controller or "", ())
    if not names:
        yield _good(
            "Ingress", f"class {wanted} of {cluster.ingress_controller}, which runs outside or is not known here"
        )
        return
    if not cluster.controllers:
        yield _problem(
            "Ingress",
            f"class {wanted} is there, but no pods of its controller ({' or '.join(names)}) are found: nothing may "
            "answer at the address.",
            f"kubectl get deployments,daemonsets -A -l 'app.kubernetes.io/name in ({','.join(names)})'",
        )
        return
    for controller in cluster.controllers:
        metadata, status = controller["metadata"], part(controller, "status")
        called = f"{metadata['namespace']}/{metadata['name']}"
        ready = status.get("numberReady", status.get("readyReplicas", 0))
        if not ready:
            yield _problem(
                "Ingress",
                f"class {wanted}: its controller {called} does not run.",
                f"kubectl -n {metadata['namespace']} describe pods",
            )
        elif controller["kind"] == "Deployment" and controller["spec"].get("replicas", 1) < 2:
            yield _warning(
                "Ingress",
                f"class {wanted}: its controller {called} has one pod; while that is replaced nobody reaches Taskora.",
                f"kubectl -n {metadata['namespace']} scale deployment/{metadata['name']} --replicas=2",
            )
        else:
            yield _good("Ingress", f"class {wanted}, controller {called} ({counted(ready, 'pod')})")


def _tls(cluster: Cluster, need: Need) -> Iterator[Finding]:
    instance, ingress = need.instance, need.instance.spec.ingress
    if not ingress.enabled:
        return
    if instance.tls is TLSMode.NONE:
        yield _warning("TLS", "off: passwords travel in plain text. Fine on one machine, nowhere else.")
    elif instance.tls is TLSMode.SECRET:
        name = ingress.tls.secret_name
        lacks = [key for key in ("tls.crt", "tls.key") if key not in (cluster.tls_secret or {})]
        if lacks:
            yield _problem(
                "TLS",
                f"the Secret {name} {'is missing' if cluster.tls_secret is None else 'lacks ' + ' and '.join(lacks)}.",
                f"kubectl -n {cluster.namespace} create secret tls {name} --cert=tls.crt --key=tls.key",
            )
        else:
            yield _good("TLS", f"certificate from the Secret {name}")
    elif instance.tls is TLSMode.CERT_MANAGER:
        yield from _cert_manager(cluster, need)
    else:
        yield _good("TLS", f"a certificate of the cloud's own, once {instance.spec.host} points at the ingress")


def _cert_manager(cluster: Cluster, need: Need) -> Iterator[Finding]:
    if not cluster.capabilities.has("cert-manager.io/v1", "Certificate"):
        yield _problem(
            "TLS",
            "cert-manager is not installed, so nobody makes the certificate.",
            "helm upgrade --install cert-manager oci://quay.io/jetstack/charts/cert-manager -n cert-manager "
            "--create-namespace --set crds.enabled=true",
        )
        return
    reference = need.instance.spec.ingress.tls.issuer_ref
    if reference is None:
        yield _problem("TLS", "no issuer is named: write spec.ingress.tls.issuerRef.name.")
        return
    called = f"{reference.kind} {reference.name}"
    ready = condition(cluster.issuer or {}, "Ready")
    if cluster.issuer is None:
        yield _problem("TLS", f"there is no {called}.", f"kubectl get {reference.kind.lower()}s -A")
    elif ready.get("status") != "True":
        said = ready.get("message", "it has said nothing yet")
        yield _problem(
            "TLS", f"{called} is not ready: {said}.", f"kubectl describe {reference.kind.lower()} {reference.name}"
        )
    else:
        yield _good("TLS", f"certificates from {called}")


def _storage(cluster: Cluster, need: Need) -> Iterator[Finding]:
    servers = [s for s in (need.instance.postgres, need.instance.redis, need.instance.broker) if s is not None]
    known = {each["metadata"]["name"]: each for each in cluster.storage_classes}
    listed = ", ".join(sorted(known)) or "none"
    default = next((each for each in cluster.storage_classes if _is_default(each)), None)
    for name in sorted({server.storage_class or "" for server in servers}):
        chosen = known.get(name) if name else default
        if chosen is None:
            told = (
                f"the cluster has no storage class {name} (it has: {listed}). Write spec.database.inCluster.storage."
                "className and the like."
                if name
                else f"no storage class is the default (there are: {listed}), so volumes are never made."
            )
            fix = (
                () if name else ("kubectl annotate storageclass NAME storageclass.kubernetes.io/is-default-class=true",)
            )
            yield _problem("Storage", told, *fix)
            continue
        called = chosen["metadata"]["name"]
        if chosen.get("allowVolumeExpansion"):
            yield _good("Storage", f"class {called}, volumes can grow")
        else:
            yield _warning("Storage", f"class {called} lets no volume grow: choose sizes that last.")


def _is_default(storage_class: Json) -> bool:
    annotations = part(storage_class, "metadata", "annotations")
    return annotations.get("storageclass.kubernetes.io/is-default-class") == "true"


def _others(need: Need) -> Iterator[Finding]:
    """What the operator itself would report and nothing above speaks of."""
    told = [p for p in need.problems if not p.reason.startswith("Dapr") and p.reason != "IngressClassMissing"]
    for problem in told:
        yield _problem("Secrets" if problem.reason == "SecretMissing" else problem.reason, problem.message)
    if not any(problem.reason == "SecretMissing" for problem in told):
        yield _good("Secrets", "all that you must bring are there")


def _cloud_secrets(cluster: Cluster, need: Need) -> Iterator[Finding]:
    """What sidecars read from the cloud's store, which can't be looked into from here."""
    store, cloud = need.instance.secret_store, need.instance.spec.cloud
    if store is SecretStore.KUBERNETES:
        return
    google = store is SecretStore.GCP_SECRET_MANAGER
    where = f"Secret Manager of {cloud.gcp.project_id}" if google else f"Key Vault {cloud.azure.vault_name}"
    names = ", ".join(f"{secret}-{key}" for secret, key in need.cloud_secrets)
    fixes: list[str] = []
    for secret, key in need.cloud_secrets:
        # There is no session key before the first, but a store may take no empty value.
        none, made = key == "previous", f"{secret}-{key}"
        read = f"kubectl -n {cluster.namespace} get secret {secret} -o 'jsonpath={{.data.{key}}}' | base64 -d"
        if google:
            say = "echo" if none else read
            fixes.append(f"{say} | gcloud secrets create {made} --project {cloud.gcp.project_id} --data-file=-")
        else:
            value = "' '" if none else f'"$({read})"'
            fixes.append(f"az keyvault secret set --vault-name {cloud.azure.vault_name} --name {made} --value {value}")
    told = f"{where} must hold {names}. Whether it does can't be seen from here; make those that are missing."
    yield _warning("Cloud secrets", told, *fixes)


def _cloud_topics(need: Need) -> Iterator[Finding]:
    """Cloud Pub/Sub's, which are made with Google's tools and can't be looked at from here."""
    spec = need.instance.spec
    if spec.broker.engine is not Engine.CLOUD_PUBSUB:
        return
    names = {topics.full_name(need.instance, name): shape.days for name, shape in topics.TOPICS.items()}
    make = "gcloud pubsub topics create {} --project {} --message-retention-duration={}d"
    fixes = [make.format(name, spec.cloud.gcp.project_id, days) for name, days in names.items()]
    told = (
        f"Cloud Pub/Sub of {spec.cloud.gcp.project_id} must have {', '.join(names)}. Whether it does can't be seen "
        "from here; make those that are missing."
    )
    yield _warning("Cloud topics", told, *fixes)


def _you(cluster: Cluster) -> Iterator[Finding]:
    if cluster.you_lack:
        yield _warning("You", f"may not {', '.join(cluster.you_lack)} here, so some commands will not work for you.")
