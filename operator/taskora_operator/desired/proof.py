"""The Job that proves that a server lets in who comes with a fresh credential, before anybody is told to use it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from taskora_operator.api.pods import Resources
from taskora_operator.desired.kube import labels, manifest, selector
from taskora_operator.desired.model import Action, Facts, Gate, Object
from taskora_operator.desired.pods import container, empty_dirs, from_secrets, pod, variables
from taskora_operator.profiles import Instance, Server


def proof(
    instance: Instance,
    facts: Facts,
    server: Server,
    *,
    of: str,
    component: str,
    uid: int,
    secret: str,
    proved: Mapping[str, str],
    where: Mapping[str, str] | None = None,
) -> Sequence[Object]:
    """Runs `prove.sh` of the files of the component `of` while the Secret has a credential to be proved. `proved` and
    `where`: variables and the keys that they are read from; the script compares what it was given of the former, in
    this order, with EXPECTED."""
    if secret not in facts.unproved or instance.spec.suspended:
        return []
    given = "".join(facts.secrets.get(secret, {}).get(key, "") for key in proved.values())
    expected = hashlib.sha256(given.encode()).hexdigest()[:16]
    read = {name: (secret, key) for name, key in {**proved, **(where or {})}.items()}
    volumes, mounts = empty_dirs(tmp="/tmp")  # noqa: S108 - inside the pod
    job = manifest(
        "Job",
        f"{facts.name}-{component}-{expected[:8]}",
        api="batch/v1",
        labels=labels(instance, facts, component),
        spec={
            "backoffLimit": 4,
            "activeDeadlineSeconds": 600,
            "template": {
                "metadata": {"labels": selector(facts, component)},
                "spec": pod(
                    instance,
                    uid=uid,
                    restartPolicy="Never",
                    containers=[
                        container(
                            instance,
                            component,
                            server.image,
                            Resources(requests={"cpu": "10m", "memory": "32Mi"}),
                            command=["/bin/sh", "/etc/taskora/prove.sh"],
                            env=[*variables({"EXPECTED": expected}), *from_secrets(read)],
                            volumeMounts=[{"name": "config", "mountPath": "/etc/taskora"}, *mounts],
                        )
                    ],
                    volumes=[{"name": "config", "configMap": {"name": f"{facts.name}-{of}"}}, *volumes],
                ),
            },
        },
    )
    # It holds nothing up, and begins when all is well.
    return [Object(job, Gate.MONITORING, component, action=Action.REPLACE)]
