"""Four of the workflows, each `run:` step for real, against the running cluster: `make workflows`, after `make up`.

In the order of a day: what was merged is built, goes to staging, is released to production, is rolled back.
The registry is one in memory, from which the cluster's nodes get the images by `kind load`. Images are signed by a key
of this run: the workflow's own identity is GitHub's to give. What other people's actions bring (kubectl, helm, docker,
cosign) is there already; the scanner's is not, since what it knows of vulnerabilities can't be had.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import images, install, kind
from tests.cluster.binaries import go_programs
from tests.cluster.process import Process, answers, free_port

from .act import Act

NAMESPACE, HOST = "rehearsal", "rehearsal.localhost"
# No log of signatures that the world can read, for keys that nobody knows.
SIGNING = {"COSIGN_PASSWORD": "", "COSIGN_TLOG_UPLOAD": "false", "COSIGN_INSECURE_IGNORE_TLOG": "true"}


def kubectl(*words: str) -> str:
    return kind.kubectl(*words)


def cosign(*words: str) -> None:
    subprocess.run([go_programs("cosign")["cosign"], *words], env={**os.environ, **SIGNING}, check=True)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, log = free_port(), tmp_path_factory.mktemp("registry") / "registry.log"
    program = go_programs("registry")["registry"]
    process = Process(program, "-port", str(port), log=log)
    process.start(lambda: answers(port))
    yield f"localhost:{port}"
    process.stop(kill=True)


@pytest.fixture(scope="module")
def act(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Act]:
    folder = tmp_path_factory.mktemp("act")
    cosign("generate-key-pair", f"--output-key-prefix={folder}/signing")
    reach = kind.environment()
    environment = {
        "PATH": os.environ["PATH"],
        **reach,
        **SIGNING,
        "TASKORA_ADDRESS": f"127.0.0.1:{kind.port()}",
        "TASKORA_VALUES": str(values(folder)),
        "DOCKER_CONFIG": str(folder / "docker"),
    }
    variables = {
        "TASKORA_REGISTRY": f"{registry}/taskora",
        "TASKORA_PLATFORMS": "here",
        "TASKORA_ENVIRONMENT": "local",
        "TASKORA_HOST": HOST,
        "TASKORA_NAMESPACE": NAMESPACE,
        "TASKORA_CLOUD": "none: the runner reaches its cluster by itself",
    }
    before = json.loads(kubectl("-n", install.SYSTEM, "get", "deployment", "taskora-operator", "-o", "json"))
    yield Act(folder, variables=variables, environment=environment)
    image = before["spec"]["template"]["spec"]["containers"][0]["image"]
    subprocess.run(["helm", "uninstall", "taskora", "-n", NAMESPACE], env={**os.environ, **reach}, check=False)
    install.operator(image)
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")


def values(folder: Path) -> Path:
    """What this cluster is like, as `make up` tells it to the sample instance."""
    like = {} if images.official() else {"broker": {"engine": "Kafka"}}
    like |= {} if kind.port() == 80 else {"ingress": {"port": kind.port()}}
    file = folder / "values.json"
    file.write_text(json.dumps({"spec": like}))
    return file


def load(act: Act, *tags: str) -> None:
    """What a node would pull."""
    kind.load(
        *(f"{act.variables['TASKORA_REGISTRY']}/{program}:{tag}" for tag in tags for program in ("operator", "app"))
    )


def key(act: Act, ending: str) -> str:
    """Of the pair that signs here: in place of who the runner is."""
    return f"--env=COSIGN_KEY={act.folder}/signing.{ending}"


def test_build_images_pushes_and_signs(act: Act) -> None:
    said = act.run("build", "push", {"ref": "refs/heads/main", "after": act.sha}, more=[key(act, "key")])
    for program in ("operator", "app"):
        (image,) = set(re.findall(rf"{program}=(\S+/{program}@sha256:[0-9a-f]{{64}})", said))
        cosign("verify", f"--key={act.folder}/signing.pub", image)


def test_staging_gets_every_build_and_serves(act: Act) -> None:
    load(act, f"sha-{act.sha}")
    run = {"conclusion": "success", "event": "push", "head_sha": act.sha}
    said = act.run("deploy-staging", "workflow_run", {"workflow_run": run})
    assert re.search(r"deployed after \d+ s", said)
    spec = json.loads(kubectl("-n", NAMESPACE, "get", "taskoradeployment", "taskora", "-o", "json"))["spec"]
    assert (spec["host"], spec["image"]["tag"]) == (HOST, f"sha-{act.sha}")


def test_a_release_goes_to_production(act: Act) -> None:
    version = kubectl(
        "-n", NAMESPACE, "get", "taskoradeployment", "taskora", "-o", "jsonpath={.status.version.current}"
    )
    act.tag(f"v{version}")
    act.run("build", "push", {"ref": f"refs/tags/v{version}", "after": act.sha}, more=[key(act, "key")])
    load(act, f"v{version}")
    asked = {"inputs": {"tag": f"v{version}"}}
    said = act.run("deploy-production", "workflow_dispatch", asked, more=[key(act, "pub")])
    assert re.search(r"deployed after \d+ s", said)


def test_a_rollback_serves_again_within_two_minutes(act: Act) -> None:
    begun = time.monotonic()
    said = act.run("rollback", "workflow_dispatch", {"inputs": {"environment": "production"}})
    assert time.monotonic() - begun < 120
    assert re.search(r"rolled back after \d+ s", said)
    spec = json.loads(kubectl("-n", NAMESPACE, "get", "taskoradeployment", "taskora", "-o", "json"))["spec"]
    assert spec["image"]["tag"] == f"sha-{act.sha}"
