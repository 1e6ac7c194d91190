"""The kind cluster `taskora`: one node unless more are asked for, its port 80 on this machine, a log of every write to
its API."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import time
from datetime import datetime
from pathlib import Path

from . import binaries, cache, engine, images
from .progress import Failure, output, run, step, succeeds, until

NAME = "taskora"
CONTAINER = f"{NAME}-control-plane"
# In the node: a line of JSON for every write to the API; see files/kubernetes/audit-policy.yaml.
# `docker exec taskora-control-plane cat` reads it, with the environment of `python3 tests/cluster env`.
AUDIT_LOG = "/var/log/kubernetes/audit.log"
_POLICY = "/etc/kubernetes/audit-policy.yaml"


def kubeconfig() -> Path:
    return cache.root() / "kubeconfig"


def environment() -> dict[str, str]:
    """For kubectl, helm, kind and docker: this engine, this cluster."""
    if existing():
        return {"PATH": f"{cache.folder('bin')}:{os.environ['PATH']}"}
    return {**engine.environment(), "KUBECONFIG": str(kubeconfig())}


def existing() -> bool:
    """Is the cluster not ours but the current one of the user's kubeconfig?"""
    choice = os.environ.get("TASKORA_CLUSTER", "kind")
    if choice not in {"kind", "existing"}:
        raise Failure(f"TASKORA_CLUSTER is {choice}; it may be kind or existing.")
    return choice == "existing"


def kubectl(*words: str | Path, stdin: str | None = None, timeout: float | None = None) -> str:
    return output("kubectl", *words, stdin=stdin, env=environment(), timeout=timeout)


def _memory() -> Path:
    return cache.root() / "cluster.json"


def _recorded() -> dict[str, str]:
    """What is known of the cluster that was made last: its image and port; empty if none was made to the end."""
    with contextlib.suppress(OSError, ValueError):
        return dict(json.loads(_memory().read_text()))
    return {}


def port() -> int:
    """The port of 127.0.0.1 that reaches the cluster's ingress."""
    return int(_recorded().get("port") or os.environ.get("TASKORA_HTTP_PORT") or 80)


def answers() -> bool:
    return kubeconfig().exists() and succeeds("kubectl", "get", "--raw", "/readyz", env=environment(), timeout=5)


def start() -> None:
    """Makes sure that the cluster runs: creates it, or wakes up the one that is there."""
    recorded = _recorded()
    for what, variable in (("port", "TASKORA_HTTP_PORT"), ("workers", "TASKORA_WORKERS")):
        asked = os.environ.get(variable)
        if recorded and asked and recorded[what] != asked:
            raise Failure(f"The cluster has {what} {recorded[what]}; for {asked}: make down, then make up.")
    node = engine.docker("ps", "-a", "--filter", f"name=^{CONTAINER}$", "--format", "{{.State}} {{.Image}}")
    if node and recorded and recorded["image"] == images.identity(images.node()):
        _wake(node.split()[0])
    else:
        if node:
            delete()
        _create()


def _wake(state: str) -> None:
    """A cluster whose node was stopped or killed goes on where it was; returns once its kubelet reports again."""
    if state == "running" and answers() and time.time() - _heartbeat() < 15:
        return
    with step(f"cluster {NAME}") as now:
        now.note = "woken up"
        began = time.time()
        if state != "running":
            nodes = engine.docker("ps", "-aq", "--filter", f"label=io.x-k8s.kind.cluster={NAME}")
            engine.docker("start", *nodes.split())
        until(answers, "the API server", seconds=120)
        until(lambda: _heartbeat() > began, "a sign of life of the node", seconds=120)


def _heartbeat() -> float:
    """When the node last said that it is alive, in seconds since 1970."""
    with contextlib.suppress(Failure, ValueError):
        lease = ["get", "lease", CONTAINER, "-n", "kube-node-lease", "-o", "jsonpath={.spec.renewTime}"]
        text = re.sub(r"\.\d+Z$", "+00:00", kubectl(*lease, timeout=10))
        return datetime.fromisoformat(text).timestamp()
    return 0.0


def _create() -> None:
    wanted, workers = os.environ.get("TASKORA_HTTP_PORT") or "80", os.environ.get("TASKORA_WORKERS") or "0"
    if not workers.isdecimal():
        raise Failure(f"TASKORA_WORKERS is {workers}; it is how many nodes there are besides the control plane's.")
    _refuse_taken(int(wanted))
    binaries.go_programs("kind", "kubectl")
    with step(f"cluster {NAME}") as now:
        now.log.unlink(missing_ok=True)
        now.note = f"http on 127.0.0.1:{wanted}"
        _memory().unlink(missing_ok=True)
        words = ["kind", "create", "cluster", "--config=-", f"--kubeconfig={kubeconfig()}"]
        configuration = json.dumps(_configuration(int(wanted), workers=int(workers)))
        run(*words, stdin=configuration, log=now.log, env=environment())
        known = {"port": wanted, "workers": workers, "image": images.identity(images.node())}
        cache.write(_memory(), json.dumps(known))


def _configuration(http_port: int, *, workers: int) -> dict[str, object]:
    policy = cache.HERE / "files" / "kubernetes" / "audit-policy.yaml"
    flags = {
        "audit-policy-file": _POLICY,
        "audit-log-path": AUDIT_LOG,
        "audit-log-maxsize": "200",
        "audit-log-maxbackup": "1",
    }
    volumes = [
        {"name": "audit-policy", "hostPath": _POLICY, "mountPath": _POLICY, "readOnly": True, "pathType": "File"},
        {
            "name": "audit-log",
            "hostPath": str(Path(AUDIT_LOG).parent),
            "mountPath": str(Path(AUDIT_LOG).parent),
            "readOnly": False,
            "pathType": "DirectoryOrCreate",
        },
    ]
    patch = {
        "kind": "ClusterConfiguration",
        "apiServer": {"extraArgs": flags, "extraVolumes": volumes},
        # A test's cluster need not survive a power cut, and images being loaded make the disk slow for everyone.
        "etcd": {"local": {"extraArgs": {"unsafe-no-fsync": "true"}}},
    }
    node = {
        "role": "control-plane",
        "image": images.node(),
        "extraPortMappings": [{"containerPort": 80, "hostPort": http_port, "listenAddress": "127.0.0.1"}],
        "extraMounts": [{"hostPath": str(policy), "containerPath": _POLICY, "readOnly": True}],
        "kubeadmConfigPatches": [json.dumps(patch)],
    }
    nodes = [node, *({"role": "worker", "image": images.node()} for _ in range(workers))]
    return {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "name": NAME, "nodes": nodes}


def _refuse_taken(number: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except PermissionError:
            return  # not for this user to say; the engine will
        except OSError:
            raise Failure(
                f"Port {number} of 127.0.0.1 is taken{_holder(number)}. Free it, or choose another:"
                " TASKORA_HTTP_PORT=8080 make up"
            ) from None


def _holder(number: int) -> str:
    with contextlib.suppress(Failure, FileNotFoundError, AttributeError):
        listing = output("ss", "-Hltnp", f"sport = :{number}")
        name, pid = re.search(r'\("([^"]+)",pid=(\d+)', listing).groups()  # type: ignore[union-attr]
        return f" by {name} (process {pid})"
    return ""


def settle() -> None:
    """Waits for the cluster's own network: what starts before it fails, and is started again late."""
    with step("cluster network"):
        for what in ("daemonset/kube-proxy", "deployment/coredns"):
            kubectl("-n", "kube-system", "rollout", "status", what, "--timeout=180s")


def load(*names: str) -> None:
    """Puts images into every node, unless it has them."""
    with step(f"load {' '.join(names)}") as now:
        now.log.unlink(missing_ok=True)
        memory = Path("/dev/shm")  # kind writes an archive of the images first
        scratch = {"TMPDIR": str(memory)} if memory.is_dir() and shutil.disk_usage(memory).free > 2**31 else {}
        run("kind", "load", "docker-image", f"--name={NAME}", *names, log=now.log, env={**environment(), **scratch})


def delete() -> None:
    """Removes the cluster; images and caches stay."""
    binaries.go_programs("kind")
    with step(f"cluster {NAME}") as now:
        now.note = "deleted"
        name, file = f"--name={NAME}", f"--kubeconfig={kubeconfig()}"
        run("kind", "delete", "cluster", name, file, log=now.log, env=environment())
        forget()


def forget() -> None:
    """The cluster is gone with its engine: so is what was known of it."""
    _memory().unlink(missing_ok=True)
    kubeconfig().unlink(missing_ok=True)
