"""How a world ended, compared with how the same scenario ended undisturbed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from taskora_operator.desired.model import Manifest
from taskora_operator.reconcile.rotation import NOTE

from tests.component.operator.faults.wire import Call


@dataclass
class End:
    """How a scenario ended."""

    objects: Mapping[str, Manifest]
    status: Manifest
    made: Counter[str]
    gone: Counter[str]
    replaced: frozenset[str]  # what is another object than before
    altered: frozenset[str]  # Secrets and volumes that are other objects or hold other contents than before
    early: Sequence[str] = ()  # written although something below was not yet healthy
    afterwards: Sequence[str] = ()  # written when all was settled
    calls: Sequence[Call] = ()


def judge(end: End, *, undisturbed: End) -> None:
    """Raises `AssertionError` naming the first law that does not hold."""
    assert end.objects.keys() == undisturbed.objects.keys(), (
        f"other objects: {sorted(end.objects.keys() ^ undisturbed.objects.keys())}"
    )
    for name, wanted in undisturbed.objects.items():
        assert end.objects[name] == wanted, (
            f"{name} ended otherwise: {'; '.join(differences(wanted, end.objects[name]))}"
        )
    assert end.status == undisturbed.status, f"status: {'; '.join(differences(undisturbed.status, end.status))}"
    assert end.made == undisturbed.made, f"made more or less often: {_counts(end.made, undisturbed.made)}"
    assert end.gone == undisturbed.gone, f"deleted more or less often: {_counts(end.gone, undisturbed.gone)}"
    assert end.replaced == undisturbed.replaced, f"replaced: {sorted(end.replaced ^ undisturbed.replaced)}"
    assert end.altered == undisturbed.altered, f"data was touched: {sorted(end.altered ^ undisturbed.altered)}"
    assert not end.early, f"written before its time: {end.early}"
    assert not end.afterwards, f"written when all was settled: {end.afterwards}"


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        return [d for k in sorted({*one, *other}) for d in differences(one.get(k), other.get(k), f"{path}.{k}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [d for n, pair in enumerate(zip(one, other, strict=True)) for d in differences(*pair, f"{path}[{n}]")]
    return [] if one == other else [f"{path}: {one!r} became {other!r}"]


def _counts(one: Counter[str], other: Counter[str]) -> dict[str, tuple[int, int]]:
    return {name: (one[name], other[name]) for name in {*one, *other} if one[name] != other[name]}


_VOLATILE = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "namespace", "selfLink")


def shape(child: Manifest, *, owner: Manifest) -> Manifest:
    """An object without what differs between any two makings; with who owns it and which fields are whose."""
    metadata: Manifest = child["metadata"]
    kept = {name: value for name, value in metadata.items() if name not in _VOLATILE}
    kept["ownerReferences"] = [
        {**each, "uid": "the instance" if each["uid"] == owner["metadata"]["uid"] else "another"}
        for each in metadata.get("ownerReferences", ())
    ]
    kept["fields"] = {
        f"{entry['manager']} {entry['operation']} {entry.get('subresource', '')}": entry["fieldsV1"]
        for entry in metadata.get("managedFields", ())
    }
    text = json.dumps({name: value for name, value in child.items() if name not in ("metadata", "status")})
    rest: Manifest = json.loads(text)
    if child["kind"] == "Job":
        rest["spec"].pop("selector")
        labels: dict[str, str] = rest["spec"]["template"]["metadata"]["labels"]
        for label in [label for label in labels if "controller-uid" in label]:
            del labels[label]
        kept["labels"] = {k: v for k, v in kept.get("labels", {}).items() if "controller-uid" not in k}
    if child["kind"] == "ControllerRevision":
        for note in ("since", "wanted-hash"):  # times
            kept["annotations"] = {k: v for k, v in kept["annotations"].items() if k != f"taskora.dev/{note}"}
    if NOTE in kept.get("annotations", {}):
        kept["annotations"] = {**kept["annotations"], NOTE: json.loads(kept["annotations"][NOTE])["step"]}
    for name in ("clusterIP", "clusterIPs"):
        rest.get("spec", {}).pop(name, None)
    return json.loads(json.dumps({**rest, "metadata": kept}).replace(owner["metadata"]["uid"], "the instance"))


def status_of(instance: Manifest) -> Manifest:
    """Without times, and without generations, of which a disturbed world may have seen more."""
    status = json.loads(json.dumps(instance.get("status", {})))
    for condition in status.get("conditions", ()):
        condition.pop("lastTransitionTime", None)
        condition.pop("observedGeneration", None)
    for entry in status.get("history", ()):
        entry.pop("time")
    for time_ in ("observedGeneration", "lastRotation", "nextRotation"):
        status.pop(time_, None)
    return status
