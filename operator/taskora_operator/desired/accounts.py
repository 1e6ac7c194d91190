"""A ServiceAccount per role, which may read the Secrets its sidecar needs or hands it and nothing else.

Where a cloud's store hands them out, it decides who may read, by the identity that the account stands for.
"""

from __future__ import annotations

from collections.abc import Sequence

from taskora_operator.api.platform import SecretStore
from taskora_operator.desired import dapr
from taskora_operator.desired.kube import labels, manifest
from taskora_operator.desired.model import Facts, Gate, Object
from taskora_operator.profiles import Instance, RoleName

_RBAC = "rbac.authorization.k8s.io"


def objects(instance: Instance, facts: Facts) -> Sequence[Object]:
    return [made for role in RoleName for made in _account(instance, facts, role)]


def _account(instance: Instance, facts: Facts, role: RoleName) -> Sequence[Object]:
    name = f"{facts.name}-{role}"
    marks = labels(instance, facts, str(role))
    made = (
        manifest(
            "ServiceAccount",
            name,
            api="v1",
            labels=marks,
            annotations={**_identity(instance), **instance.roles[role].written.service_account.annotations},
        ),
    )
    if instance.secret_store is not SecretStore.KUBERNETES:
        return [Object(each, Gate.FOUNDATION, str(role)) for each in made]
    made += (
        manifest(
            "Role",
            name,
            api=f"{_RBAC}/v1",
            labels=marks,
            rules=[
                {
                    "apiGroups": [""],
                    "resources": ["secrets"],
                    "resourceNames": [
                        *dapr.readable_secrets(instance, facts, role),
                        *dapr.sidecar_secrets(instance, facts, role),
                    ],
                    "verbs": ["get"],
                }
            ],
        ),
        manifest(
            "RoleBinding",
            name,
            api=f"{_RBAC}/v1",
            labels=marks,
            roleRef={"apiGroup": _RBAC, "kind": "Role", "name": name},
            subjects=[{"kind": "ServiceAccount", "name": name, "namespace": facts.namespace}],
        ),
    )
    return [Object(each, Gate.FOUNDATION, str(role)) for each in made]


def _identity(instance: Instance) -> dict[str, str]:
    """What Azure's workload identity looks for; Google's is an annotation of the user's own."""
    azure = instance.spec.cloud.azure
    named = {
        "azure.workload.identity/client-id": azure.client_id,
        "azure.workload.identity/tenant-id": azure.tenant_id,
    }
    return {key: value for key, value in named.items() if value and azure.client_id}
