"""What is put into a cluster: Dapr, an ingress controller, the operator, the sample instance."""

from __future__ import annotations

import base64
import contextlib
import json
import urllib.error
import urllib.request
from typing import Any

from . import binaries, cache, engine, images, kind, versions
from .cache import CHECKOUT
from .kind import kubectl
from .progress import Failure, output, run, say, step, until

SYSTEM, NAMESPACE, NAME = "taskora-system", "taskora", "taskora"
_CHART, _SAMPLE = CHECKOUT / "manifests" / "operator", CHECKOUT / "manifests" / "samples" / "local.yaml"
READY_SECONDS = 600.0


# ------------------------------------------------------------------ parts


def dapr() -> None:
    """Dapr's control plane by its own chart, with mTLS; nothing if this very one is installed and available."""
    folder = binaries.dapr()
    # No scheduler: it needs a module that the Go proxy does not serve, and Taskora uses no jobs and no workflows.
    values = {
        "global.tag": versions.DAPR,
        "global.mtls.enabled": "true",
        "global.scheduler.enabled": "false",
        "dapr_sidecar_injector.sidecarDropALLCapabilities": "true",
    }
    with step(f"Dapr {versions.DAPR}") as now:
        if _helm_has("dapr", "dapr-system", key := cache.key(str(folder), repr(values))):
            kubectl("-n", "dapr-system", "wait", "--for=condition=Available", "deployment", "--all", "--timeout=120s")
            now.note = "installed before"
            return
        now.log.unlink(missing_ok=True)
        settings = [f"--set={name}={value}" for name, value in values.items()]
        words = ["upgrade", "--install", "dapr", folder / "chart", "-n", "dapr-system", "--create-namespace"]
        for last in (False, False, True):  # an API server that has just started may refuse once
            try:
                _helm(now.log, *words, *settings, f"--description={key}", "--wait", "--timeout=4m")
                break
            except Failure:
                if last:
                    raise


def ingress() -> None:
    with step("ingress controller Traefik"):
        kubectl("apply", "-f", cache.HERE / "files" / "kubernetes" / "traefik.yaml")
        kubectl("-n", "ingress", "rollout", "status", "deployment/traefik", "--timeout=180s")


def metrics() -> None:
    """What measures pods, for autoscalers; no part of the sample."""
    kind.load(images.metrics_server())
    with step("metrics-server"):
        files = cache.HERE / "files" / "kubernetes"
        kubectl("apply", "-f", files / "metrics-server.yaml")
        kubectl("-n", "kube-system", "rollout", "status", "deployment/metrics-server", "--timeout=180s")
        # Not before: whoever answers for the Service's address while it leads nowhere is kept by the API server.
        kubectl("apply", "-f", files / "metrics-api.yaml")
        served = "apiservice/v1beta1.metrics.k8s.io"
        try:
            kubectl("wait", "--for=condition=Available", served, "--timeout=120s")
        except Failure as late:
            why = kubectl("get", served, "-o", "jsonpath={.status.conditions[*].message}")
            raise Failure(f"The API server does not pass on to metrics-server: {why}") from late


def parts_of_existing() -> None:
    """For a cluster that is not ours: Dapr where it has none; the ingress controller is its owner's choice."""
    if not kubectl("get", "deployments", "-A", "-l", "app=dapr-sidecar-injector", "-o", "name"):
        dapr()
    if not kubectl("get", "ingressclasses", "-o", "name"):
        say("This cluster has no ingress controller. With Minikube: minikube addons enable ingress")


def _helm(log: Any, *words: object) -> None:
    run("helm", *(str(word) for word in words), log=log, env=kind.environment())


def _helm_has(release: str, namespace: str, description: str) -> bool:
    with contextlib.suppress(Failure, ValueError):
        info = json.loads(output("helm", "status", release, "-n", namespace, "-o", "json", env=kind.environment()))
        return bool(info["info"]["status"] == "deployed" and info["info"]["description"] == description)
    return False


# ------------------------------------------------------------------ Taskora


def built() -> dict[str, str]:
    """Builds Taskora's two images and names each by its content, so that a change is another name: {program: image}."""
    names: dict[str, str] = {}
    for program in ("operator", "app"):
        dockerfile = f"Dockerfile.{program}"
        if not (CHECKOUT / dockerfile).exists():
            say(f"There is no {dockerfile}: the image is left out.")
            continue
        with step(f"build image taskora/{program}") as now:
            now.log.unlink(missing_ok=True)
            words = [
                "docker",
                "build",
                "-f",
                dockerfile,
                "-t",
                f"taskora/{program}:dev",
                f"--build-arg=BASE={images.PYTHON}",
            ]
            run(*words, ".", cwd=CHECKOUT, log=now.log, env=engine.environment())
            name = f"taskora/{program}:dev-{images.identity(f'taskora/{program}:dev').split(':')[-1][:12]}"
            engine.docker("tag", f"taskora/{program}:dev", name)
            now.note = name
            names[program] = name
            _forget_older(name)
    return names


def _forget_older(name: str) -> None:
    repository = name.split(":", maxsplit=1)[0]
    tags = engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"{repository}:dev-*").split()
    if older := [tag for tag in tags if tag != name]:
        with contextlib.suppress(Failure):
            engine.docker("rmi", *older)


def operator(image: str | None) -> bool:
    """The operator by its chart; False if there is no chart yet. `image` None takes the chart's own."""
    if not (_CHART / "Chart.yaml").exists():
        say("There is no chart in manifests/operator: the operator is left out.")
        return False
    with step("operator") as now:
        now.log.unlink(missing_ok=True)
        words = ["upgrade", "--install", "taskora-operator", _CHART, "-n", SYSTEM, "--create-namespace"]
        if image:
            repository, tag = image.split(":")
            words += [f"--set=image.repository={repository}", f"--set-string=image.tag={tag}"]
        _helm(now.log, *words, "--wait", "--timeout=3m")
    return True


def sample(image: str | None) -> None:
    """The sample instance with the images of this machine, in a namespace that enforces restricted pods."""
    with step("sample instance") as now:
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}
        kubectl("apply", "-f", "-", stdin=json.dumps(namespace))
        resource = json.loads(kubectl("create", "--dry-run=client", "-o", "json", "-n", NAMESPACE, "-f", _SAMPLE))
        if image:
            repository, tag = image.split(":")
            where = {"registry": "docker.io", "repository": repository, "tag": tag}
            resource = merged(resource, {"spec": {"image": where}})
            if kind.port() != 80:
                resource = merged(resource, {"spec": {"ingress": {"port": kind.port()}}})
            if not images.official():  # Redpanda cannot be built from what is at hand
                resource = merged(resource, {"spec": {"broker": {"engine": "Kafka"}}})
        kubectl("apply", "-f", "-", stdin=json.dumps(resource))
        _wait_ready()
        now.note = "Ready"


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it; objects are merged, all else is replaced."""
    result = dict(base)
    for name, value in changes.items():
        old = result.get(name)
        result[name] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def _instance() -> dict[str, Any]:
    with contextlib.suppress(Failure, ValueError):
        return dict(json.loads(kubectl("get", "taskoradeployment", NAME, "-n", NAMESPACE, "-o", "json", timeout=20)))
    return {}


def _wait_ready() -> None:
    """Says each change of a condition, and returns once the instance is Ready and answers through the ingress."""
    seen: dict[str, tuple[str, str, str]] = {}

    def ready() -> bool:
        found = _instance()
        status = found.get("status", {})
        conditions = {
            c["type"]: (c["status"], c.get("reason", ""), c.get("message", "")) for c in status.get("conditions", [])
        }
        for kind_of, (state, reason, message) in conditions.items():
            if seen.get(kind_of, ("", ""))[:2] != (state, reason) and (seen or kind_of == "Ready"):
                say(f"  {kind_of}={state} {reason}" + (f": {message[:150]}" if message and state != "True" else ""))
        seen.update(conditions)
        current = status.get("observedGeneration") == found.get("metadata", {}).get("generation")
        return current and conditions.get("Ready", ("",))[0] == "True" and (kind.existing() or _answers())

    try:
        until(ready, "the sample instance's Ready", seconds=READY_SECONDS, every=0.5)
    except Failure as failure:
        pods = kubectl("get", "pods", "-n", NAMESPACE, "-o", "wide")
        raise Failure(
            f"{failure} Its pods:\n{pods}\nLook further with: kubectl describe tkd {NAME} -n {NAMESPACE}"
            f" (KUBECONFIG: make -s kubeconfig); kubectl logs -n {SYSTEM} deploy/taskora-operator"
        ) from None


def _answers() -> bool:
    """Does the instance's front page come through the ingress?"""
    request = urllib.request.Request(f"http://127.0.0.1:{kind.port()}/", headers={"Host": _host()})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as answer:
            return bool(answer.status < 400)
    except urllib.error.HTTPError as error:
        return error.code in {401, 403}
    except OSError:
        return False


def _host() -> str:
    return str(_instance().get("spec", {}).get("host", "taskora.localhost"))


def has_operator() -> bool:
    """Does the cluster know TaskoraDeployments?"""
    return bool(kubectl("get", "crd", "taskoradeployments.taskora.dev", "--ignore-not-found", "-o", "name"))


def exists() -> bool:
    return bool(_instance())


def url() -> str:
    """Where a browser on this machine reaches the sample instance."""
    found = _instance()
    if not found:
        raise Failure("There is no sample instance. First: make up")
    return str(found.get("status", {}).get("url") or f"http://{_host()}")


def login() -> tuple[str, str]:
    """The first administrator's e-mail address and password."""
    secret = json.loads(kubectl("get", "secret", f"{NAME}-admin", "-n", NAMESPACE, "-o", "json"))["data"]
    return tuple(base64.b64decode(secret[key]).decode() for key in ("email", "password"))  # type: ignore[return-value]
