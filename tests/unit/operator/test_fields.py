"""Ownership of fields: what an apply owned is found again, and anybody's change to it shows."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from taskora_operator.reconcile.fields import MANAGER, applied, digest, owned

names = st.text("abcdefgh-./", min_size=1, max_size=6)
scalars = st.one_of(st.integers(), st.booleans(), st.text(max_size=5))
items = st.dictionaries(names, scalars, max_size=3)
keyed_lists = st.lists(st.tuples(names, items), min_size=1, max_size=3, unique_by=lambda pair: pair[0]).map(
    lambda pairs: [{**rest, "name": name} for name, rest in pairs]
)
values = st.recursive(
    st.one_of(scalars, st.lists(scalars, max_size=3), keyed_lists),
    lambda inner: st.dictionaries(names, inner, min_size=1, max_size=3),
    max_leaves=8,
)
manifests = st.fixed_dictionaries(
    {
        "apiVersion": st.just("v1"),
        "kind": st.just("Thing"),
        "metadata": st.fixed_dictionaries(
            {"name": names, "namespace": names, "labels": st.dictionaries(names, st.text(max_size=3), min_size=1)}
        ),
        "spec": st.dictionaries(names, values, min_size=1, max_size=3),
    }
)


def is_keyed(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(i, dict) and "name" in i for i in value)


def fields_of(value: Any) -> dict[str, Any]:
    """`fieldsV1` as the API server writes it: maps by field, lists of named things by key, the rest atomic."""
    if isinstance(value, dict):
        return {f"f:{name}": fields_of(member) for name, member in value.items()}
    if is_keyed(value):
        return {"k:" + json.dumps({"name": item["name"]}): {".": {}, **fields_of(item)} for item in value}
    return {}


def after_apply(manifest: dict[str, Any]) -> dict[str, Any]:
    """The object as the API server keeps it: ours, and what it adds of its own."""
    found = copy.deepcopy(manifest)
    entry = {"manager": MANAGER, "operation": "Apply", "fieldsV1": fields_of(applied(manifest))}
    found["metadata"] |= {"uid": "u", "resourceVersion": "7", "managedFields": [{**entry, "manager": "other"}, entry]}
    found["spec"]["~defaulted"] = 30
    found["status"] = {"phase": "fine"}
    for value in found["spec"].values():
        if is_keyed(value):
            value.insert(0, {"name": "~injected", "by": "a webhook"})
            value[-1]["~defaulted"] = "IfNotPresent"
    return found


@given(manifests)
def test_what_was_applied_is_what_is_owned_whatever_else_is_there(manifest: dict[str, Any]) -> None:
    assert digest(owned(after_apply(manifest))) == digest(applied(manifest))


@given(manifests, st.data())
def test_a_change_of_any_owned_scalar_shows(manifest: dict[str, Any], data: st.DataObject) -> None:
    found = after_apply(manifest)
    before = digest(owned(found))
    labels = found["metadata"]["labels"]
    name = data.draw(st.sampled_from(sorted(labels)))
    labels[name] += "!"
    assert digest(owned(found)) != before


@given(manifests, st.data())
def test_a_field_that_another_took_over_shows_even_with_the_same_value(
    manifest: dict[str, Any], data: st.DataObject
) -> None:
    found = after_apply(manifest)
    before = digest(owned(found))
    metadata = found["metadata"]["managedFields"][1]["fieldsV1"]["f:metadata"]
    del metadata["f:labels"][data.draw(st.sampled_from(sorted(metadata["f:labels"])))]
    if not metadata["f:labels"]:  # the API server keeps no empty sets: that would mean the whole value
        del metadata["f:labels"]
    assert digest(owned(found)) != before


@given(values)
def test_a_digest_does_not_depend_on_the_order_of_keys(value: Any) -> None:
    def turned(node: Any) -> Any:
        if isinstance(node, dict):
            return {name: turned(node[name]) for name in reversed(node)}
        return [turned(item) for item in node] if isinstance(node, list) else node

    assert digest(turned(value)) == digest(value)


def test_an_object_nobody_applied_has_nothing_of_ours() -> None:
    update = {"manager": MANAGER, "operation": "Update", "fieldsV1": {"f:data": {"f:a": {}}}}
    status = {**update, "operation": "Apply", "subresource": "status"}
    assert owned({"metadata": {"managedFields": [update, status]}, "data": {"a": "1"}}) == {}


def test_lists_by_value_keep_only_our_values() -> None:
    fields = {"f:metadata": {"f:finalizers": {'v:"ours"': {}}}}
    entry = {"manager": MANAGER, "operation": "Apply", "fieldsV1": fields}
    found = {"metadata": {"managedFields": [entry], "finalizers": ["theirs", "ours"]}}
    assert owned(found) == {"metadata": {"finalizers": ["ours"]}}


def test_a_null_within_what_is_owned_whole_is_no_field() -> None:
    """As Kubernetes before 1.34 answers."""
    entry = {"manager": MANAGER, "operation": "Apply", "fieldsV1": {"f:spec": {"f:volumeClaimTemplates": {}}}}
    template = {"metadata": {"creationTimestamp": None, "name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    found = {"metadata": {"managedFields": [entry]}, "spec": {"volumeClaimTemplates": [template]}}
    kept = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    assert owned(found) == {"spec": {"volumeClaimTemplates": [kept]}}
