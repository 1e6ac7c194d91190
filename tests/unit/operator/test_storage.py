"""Laws of volumes: they grow where they can, and what is written is something the API server takes."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from taskora_operator.api.quantity import amount
from taskora_operator.desired import desired
from taskora_operator.desired.model import Capabilities, Key, Problem
from taskora_operator.profiles import resolve
from taskora_operator.reconcile.found import Found, observe
from taskora_operator.reconcile.storage import hold

from tests.specs import facts, spec

CLAIM = Key("v1", "PersistentVolumeClaim", "taskora-postgres")
CLASSES = {"grows": True, "stays": False}


def found(size: str, class_: str | None, *, bound: bool = True) -> Found:
    return observe(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": "taskora-postgres",
                "uid": "1",
                "resourceVersion": "1",
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {
                    "app.kubernetes.io/managed-by": "taskora-operator",
                    "app.kubernetes.io/instance": "taskora",
                },
            },
            "spec": {
                "resources": {"requests": {"storage": size}},
                **({"storageClassName": class_} if class_ else {}),
            },
            "status": {"phase": "Bound" if bound else "Pending"},
        }
    )


def held(size: str, class_: str | None, have: Found | None) -> tuple[str, str | None, list[Problem]]:
    storage = {"size": size, **({"className": class_} if class_ else {})}
    seen = facts(capabilities=Capabilities(kinds=frozenset(), storage_classes=CLASSES))
    wanted = desired(resolve(spec(database={"inCluster": {"storage": storage}})), seen)
    objects, problems = hold(wanted.objects, {CLAIM: have} if have else {}, seen)
    claim = next(each for each in objects if each.key == CLAIM).manifest["spec"]
    about = [problem for problem in problems if CLAIM.name in problem.message]
    return claim["resources"]["requests"]["storage"], claim.get("storageClassName"), about


sizes = st.sampled_from(["1Gi", "1536Mi", "2Gi", "3G", "10Gi"])
classes = st.sampled_from([None, "grows", "stays", "gone"])


@given(sizes, sizes, classes, classes, st.booleans())
def test_a_volume_never_shrinks_nor_changes_its_class_and_grows_only_where_it_can(
    size: str, was: str, class_: str | None, had: str | None, bound: bool
) -> None:
    asked, kept_class, problems = held(size, class_, found(was, had, bound=bound))
    assert amount(asked) >= amount(was)
    assert kept_class in (None, had)
    if amount(asked) > amount(was):
        assert bound
        assert had == "grows"
        assert asked == size
    if amount(asked) != amount(size):
        assert problems, "what is not done is told"
    assert not (asked == size and kept_class == class_ and problems), problems


def test_what_can_not_be_had_is_told_in_words_and_leaves_every_gate_open() -> None:
    for size, class_, reason in (
        ("1Gi", "grows", "StorageShrink"),
        ("4Gi", "stays", "StorageFixed"),
        ("4Gi", None, "StorageFixed"),
    ):
        asked, _, [problem] = held(size, None, found("2Gi", class_))
        assert (asked, problem.reason, problem.condition) == ("2Gi", reason, "Ready")
        assert "2Gi" in problem.message
    for class_, reason in (("grows", "StorageNotBound"), ("gone", "StorageNotBound"), ("stays", "StorageFixed")):
        asked, _, [problem] = held("4Gi", None, found("2Gi", class_, bound=False))
        assert (asked, problem.reason) == ("2Gi", reason)
        passes_until = datetime(2026, 1, 1, 0, 5, tzinfo=UTC) if reason == "StorageNotBound" else None
        assert problem.passes_until == passes_until, "a volume takes its time, a class does not change"
    _, kept, [problem] = held("2Gi", "grows", found("2Gi", "stays"))
    assert (kept, problem.reason) == ("stays", "StorageClassFixed")


def test_a_class_that_does_not_exist_is_told_with_those_that_do() -> None:
    _, _, [problem] = held("2Gi", "gone", None)
    assert problem.reason == "StorageClassMissing"
    assert "grows, stays" in problem.message
    assert held("2Gi", None, None)[2] == []
