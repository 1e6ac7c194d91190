"""Volumes grow where their class allows it, and nothing else about them ever changes. What can't be done is left as it
is found and told; the rest of the instance goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from taskora_operator.api.quantity import amount
from taskora_operator.desired.model import Capabilities, Facts, Key, Object, Problem
from taskora_operator.reconcile.found import Found

KIND = "PersistentVolumeClaim"
PROVISIONING = timedelta(minutes=5)
"""A volume may take as long as this to be had, its node included."""


def hold(
    objects: Sequence[Object], found: Mapping[Key, Found], facts: Facts
) -> tuple[Sequence[Object], Sequence[Problem]]:
    """The objects with claims as they can be had, and what can't be had."""
    held: list[Object] = []
    problems: list[Problem] = []
    for each in objects:
        have = found.get(each.key) if each.key.kind == KIND else None
        if each.key.kind == KIND and have is None:
            problems += _unknown_class(each, facts.capabilities)
        if have is None or not have.belongs_to(facts):
            held.append(each)
            continue
        kept, told = _held(each, have, facts.capabilities)
        held.append(kept)
        problems += told
    return held, problems


def _held(claim: Object, have: Found, capabilities: Capabilities) -> tuple[Object, Sequence[Problem]]:
    size, class_ = _size(claim), claim.manifest["spec"].get("storageClassName")
    has, problems = have.traits, list[Problem]()
    class_name = has.storage_class or "without a name"
    if class_ is not None and class_ != has.storage_class:
        message = (
            f"{claim.key} is of class {class_name} and can't become {class_}: write the old class, or restore a backup "
            "into a new instance."
        )
        problems.append(Problem("Ready", "StorageClassFixed", message))
        class_ = has.storage_class or None
    grows = amount(size) - amount(has.storage)
    if grows < 0:
        message = f"{claim.key} has {has.storage} and a volume can't shrink to {size}: ask for {has.storage} or more."
        problems.append(Problem("Ready", "StorageShrink", message))
    elif grows > 0 and not capabilities.storage_classes.get(has.storage_class, not has.bound):
        message = (
            f"{claim.key} has {has.storage} and can't grow to {size}: its storage class {class_name} does not allow "
            f"it. Allow it (`kubectl patch storageclass {class_name} -p '{{\"allowVolumeExpansion\": true}}'`, where "
            f"the driver can), or ask for {has.storage}."
        )
        problems.append(Problem("Ready", "StorageFixed", message))
    elif grows > 0 and not has.bound:
        message = (
            f"{claim.key} waits for a volume of {has.storage}, and its size can't be changed before it has one; then "
            f"it grows to {size} by itself. `kubectl describe pvc {claim.key.name}` tells what it waits for."
        )
        passes_until = has.made_at + PROVISIONING if has.made_at else None
        problems.append(Problem("Ready", "StorageNotBound", message, passes_until))
    size = has.storage if grows and problems else size
    spec = claim.manifest["spec"] | {"resources": {"requests": {"storage": size}}, "storageClassName": class_}
    spec = {name: value for name, value in spec.items() if value is not None}
    return replace(claim, manifest={**claim.manifest, "spec": spec}), problems


def _unknown_class(claim: Object, capabilities: Capabilities) -> Sequence[Problem]:
    name = claim.manifest["spec"].get("storageClassName")
    if name is None or name in capabilities.storage_classes:
        return []
    known = ", ".join(sorted(capabilities.storage_classes)) or "none"
    message = (
        f"The cluster has no storage class {name} (it has: {known}), which {claim.key} is to be of. Make it, or delete "
        "this instance and name another in storage.className."
    )
    return [Problem("DataServicesReady", "StorageClassMissing", message)]


def _size(claim: Object) -> str:
    return claim.manifest["spec"]["resources"]["requests"]["storage"]
