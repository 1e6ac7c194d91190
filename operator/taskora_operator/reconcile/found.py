"""What is kept of an object that was found: digests and what decisions read, never the object itself.

A thousand instances are 80,000 objects, so what many of them have in common is kept once, and what only some kinds
have takes no room in the others.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import Any, TypeVar, cast

from taskora_operator.desired.model import Facts, Key, Manifest
from taskora_operator.reconcile import revisions, rotation
from taskora_operator.reconcile.fields import MANAGER, WANTED_HASH, digest, owned
from taskora_operator.reconcile.health import Health, health
from taskora_operator.reconcile.rollout import Revision
from taskora_operator.reconcile.rotation import Rotation

INSTANCE_LABEL = "app.kubernetes.io/instance"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
OWNER_KIND = "TaskoraDeployment"


@dataclass(frozen=True, slots=True)
class Traits:
    """What only some kinds have."""

    replicas: int | None = None  # spec.replicas
    pods: int = 0  # status.replicas; of a Job all that it ever had
    scaled_by_others: bool = False  # whoever uses the scale subresource has set them
    made_at: datetime | None = None  # of a Job that has not ended well, of a PersistentVolumeClaim that is not bound
    completed_at: datetime | None = None  # of a Job that ended well
    address: str = ""  # of an Ingress, once its controller has published one
    revision: Revision | None = None  # of a ControllerRevision
    storage: str = ""  # of a PersistentVolumeClaim: what it asks for
    storage_class: str = ""
    bound: bool = False
    rotation: Rotation | None = None  # of a Secret


NONE = Traits()


@dataclass(frozen=True, slots=True)
class Found:
    key: Key
    namespace: str
    uid: str
    resource_version: str
    instance: str | None  # the label
    made_by_us: bool
    owner: str | None  # "Kind/name" of the controlling owner
    owner_uid: str | None
    wanted_hash: str | None  # of what was last applied
    owned: bytes  # digest of the fields our applies own
    deleting: bool
    health: Health
    traits: Traits = NONE

    def belongs_to(self, facts: Facts) -> bool:
        """Whether the instance may change this object: it owns it, or (retained data) it bears the instance's name."""
        if self.owner_uid is not None:
            return self.owner_uid == facts.uid
        return self.made_by_us and self.instance in (None, facts.name)

    def owned_by(self, facts: Facts) -> bool:
        return self.owner_uid == facts.uid


def observe(found: Manifest) -> Found:
    metadata: dict[str, Any] = found["metadata"]
    labels: dict[str, str] = metadata.get("labels") or {}
    annotations: dict[str, str] = metadata.get("annotations") or {}
    controller = next((o for o in metadata.get("ownerReferences", ()) if o.get("controller")), None)
    return Found(
        key=_key(found["apiVersion"], found["kind"], metadata["name"]),
        namespace=intern(metadata.get("namespace", "")),
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        instance=intern(labels[INSTANCE_LABEL]) if INSTANCE_LABEL in labels else None,
        made_by_us=labels.get(MANAGED_BY_LABEL) == MANAGER
        or any(entry["manager"] == MANAGER for entry in metadata.get("managedFields", ())),
        owner=intern(f"{controller['kind']}/{controller['name']}") if controller else None,
        owner_uid=intern(controller["uid"]) if controller else None,
        wanted_hash=_shared(annotations.get(WANTED_HASH)),  # other instances want much the same
        owned=digest(owned(found)),
        deleting="deletionTimestamp" in metadata,
        health=_shared(health(found)),
        traits=_shared(_traits(found)),
    )


def _traits(found: Manifest) -> Traits:
    kind, metadata = found["kind"], found["metadata"]
    spec: dict[str, Any] = found.get("spec") or {}
    status: dict[str, Any] = found.get("status") or {}
    match kind:
        case "PersistentVolumeClaim":
            bound = status.get("phase") == "Bound"
            return Traits(
                storage=spec.get("resources", {}).get("requests", {}).get("storage", ""),
                storage_class=spec.get("storageClassName", ""),
                bound=bound,
                made_at=None if bound else _time(metadata.get("creationTimestamp")),
            )
        case "Job":
            completed_at = _time(status.get("completionTime"))
            uncounted: Mapping[str, Sequence[str]] = status.get("uncountedTerminatedPods") or {}
            return Traits(
                pods=sum(status.get(each, 0) for each in ("active", "failed", "succeeded"))
                + sum(len(pods) for pods in uncounted.values()),
                made_at=None if completed_at else _time(metadata.get("creationTimestamp")),
                completed_at=completed_at,
            )
        case "Ingress":
            addresses = status.get("loadBalancer", {}).get("ingress", ())
            return Traits(address=next((a.get("ip") or a.get("hostname", "") for a in addresses), ""))
        case revisions.KIND:
            return Traits(revision=revisions.read(found))
        case "Secret":
            return Traits(rotation=rotation.read(found))
        case _:
            return Traits(
                replicas=spec.get("replicas"),
                pods=status.get("replicas", 0),
                scaled_by_others=any(
                    entry.get("subresource") == "scale" and "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})
                    for entry in metadata.get("managedFields", ())
                ),
            )


def unproved(found: Mapping[Key, Found]) -> frozenset[str]:
    """The Secrets with a fresh idle credential."""
    return frozenset(
        key.name
        for key, have in found.items()
        if have.traits.rotation and have.traits.rotation.step is rotation.Step.PREPARED
    )


@lru_cache(maxsize=4096)
def _key(api_version: str, kind: str, name: str) -> Key:
    return Key(api_version, kind, name)


T = TypeVar("T", bound=Hashable)


def _shared(one: T) -> T:
    """Of all that are equal, the first."""
    return cast(T, _first(one))


@lru_cache(maxsize=8192)
def _first(one: Hashable) -> Hashable:
    return one


def _time(stamp: str | None) -> datetime | None:
    return datetime.fromisoformat(stamp) if stamp else None
