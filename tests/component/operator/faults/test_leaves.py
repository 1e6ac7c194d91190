"""Every leaf of the spec on a real API server: set, changed and taken out again, an instance follows, settles and is as
it was; what can't be is refused or told in words."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from taskora_operator.api.status import NOT_YET
from taskora_operator.cluster.apiserver import ApiError
from taskora_operator.cluster.permissions import INSTANCES
from taskora_operator.cluster.transport import Request
from taskora_operator.desired import desired

from tests.cluster.envtest import ApiServer as EnvTest
from tests.component.operator.cluster import Cluster
from tests.component.operator.faults.judge import End
from tests.component.operator.faults.kubelet import Kubelet
from tests.component.operator.faults.points import tried
from tests.component.operator.faults.scenarios import Worlds
from tests.component.operator.faults.test_edits import assert_same, edited
from tests.component.operator.faults.wire import pass_on
from tests.component.operator.faults.world import NAME, World
from tests.component.operator.kinds import install_crd, install_dapr_crds, install_surroundings
from tests.leaves import LEAVES, home, put, value
from tests.specs import CERTIFICATE, SECRETS, SPECS

Body = dict[str, Any]

DEADLINE = 120.0
EVERY_KEY = {key: text for data in SECRETS.values() for key, text in data.items()}
AUTHORITIES = dict.fromkeys(("another", "further", "other.crt"), CERTIFICATE)
BROUGHT = {
    **{name: {**data, **AUTHORITIES} for name, data in SECRETS.items() if not name.startswith("taskora-")},
    **dict.fromkeys(("another", "further"), EVERY_KEY | AUTHORITIES),
}
# Beside a leaf, so that Kubernetes takes it.
WITH: Mapping[str, Mapping[str, Any]] = {
    "frontend.env[].name": {"frontend.env[].value": "usual"},
    "frontend.env[].valueFrom.configMapKeyRef.key": {"frontend.env[].valueFrom.configMapKeyRef.name": "some"},
    "frontend.tolerations[].effect": {"frontend.tolerations[].key": "dedicated"},
    "frontend.tolerations[].operator": {"frontend.tolerations[].key": "dedicated"},
    "frontend.tolerations[].value": {"frontend.tolerations[].key": "dedicated"},
    "frontend.tolerations[].tolerationSeconds": {
        "frontend.tolerations[].key": "dedicated",
        "frontend.tolerations[].effect": "NoExecute",
    },
    "ingress.tls.secretName": {"ingress.tls.mode": "Secret"},
    "cache.mode": {"cache.external.secretRef.name": "another"},
    "secrets.store": {
        "cloud.azure.vaultName": "some-vault",
        "cloud.azure.clientID": "99999999-2222-3333-4444-555555555555",
    },
}
# What is set apart from all others, because it would hide what they do or does not go with them.
ALONE = frozenset(
    {
        "suspended",
        "frontend.tolerations[].effect",
        "frontend.tolerations[].operator",
        "frontend.tolerations[].tolerationSeconds",
    }
)
# Edits that the API server refuses, and words of its answer.
REFUSED: Mapping[str, str] = {
    "backup.destination": "s3 is for destination S3",
    **dict.fromkeys(
        (path for path in LEAVES if path.startswith("backup.restoreFrom.")), "backup.restoreFrom is for the beginning"
    ),
    "broker.engine": "broker.engine can't be changed",
    "broker.inCluster.replicas": "broker.inCluster.replicas can't be changed",
    "broker.mode": "broker.mode can't be changed",
    "broker.topicPrefix": "broker.topicPrefix can't be changed",
    "database.mode": "database.mode can't be changed",
    "profile": "profile can't be changed",
}
# Edits that only the cluster can judge, and words of the condition that tells of them.
TOLD: Mapping[str, str] = {
    **dict.fromkeys((path for path in LEAVES if path.endswith("storage.className")), "can't become another"),
    # No volume is ever bound here; tests/component/operator/test_storage.py shows those that are.
    **dict.fromkeys((path for path in LEAVES if path.endswith("storage.size")), "can't be changed before it has one"),
    "paused": "Reconciling is paused",
}


@pytest.fixture(scope="module")
def envtest() -> Iterator[EnvTest]:
    with EnvTest() as server:
        install_crd(server)
        install_dapr_crds(server)
        install_surroundings(server)
        yield server


@pytest.fixture
async def worlds(envtest: EnvTest, cluster: Cluster, names: Callable[[], str]) -> AsyncIterator[Worlds]:
    for name in ("gce", "another", "azure-application-gateway"):
        await _once(cluster.make_cluster_wide("IngressClass", name, spec={"controller": "example.org/some"}))
    for name in ("do-block-storage", "premium-rwo", "managed-csi-premium", "another"):
        await _once(
            cluster.make_cluster_wide("StorageClass", name, provisioner="example.org/some", allowVolumeExpansion=True)
        )
    async with Kubelet.at_work(envtest) as kubelet:
        yield Worlds(envtest, kubelet, names)


async def _once(made: Any) -> None:
    try:
        await made
    except ApiError as error:
        if error.code != 409:
            raise


async def bring(cluster: Cluster) -> None:
    for name, data in BROUGHT.items():
        metadata = {"name": name, "namespace": cluster.namespace}
        await cluster.make({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})


def with_leaf(body: Body, path: str, what: Any) -> Body:
    changed = copy.deepcopy(body)
    for beside, usual in WITH.get(path, {}).items():
        put(changed, beside, usual)
    put(changed, path, what)
    return changed


def usual(body: Body, path: str) -> Any:
    here: Any = body
    for step in path.split("."):
        here = here.get(step) if isinstance(here, dict) else None
    return here


def further(path: str, what: Any) -> Any:
    """A value after the first, where the schema leaves one."""
    node = LEAVES[path]
    match what:
        case bool():
            return what
        case int() if "enum" not in node:
            return what + 1
        case "another":
            return "further"
        case _:
            return next((each for each in node.get("enum", ()) if each not in (what, "Managed")), what)


async def refusal(cluster: Cluster, spec: Body, *, edit: bool = False) -> str:
    """What the API server says against an instance, or an edit of the one that is there; nothing when it takes it."""
    path = INSTANCES.path(cluster.namespace, NAME if edit else None)
    metadata = {"name": NAME, "namespace": cluster.namespace}
    new = {"apiVersion": INSTANCES.api_version, "kind": INSTANCES.kind, "metadata": metadata}
    body = {**(await cluster.get(INSTANCES.kind, NAME) if edit else new), "spec": spec}
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    try:
        await cluster.api.request(Request("PUT" if edit else "POST", path, query, json.dumps(body).encode()))
    except ApiError as error:
        return error.message
    return ""


def wrong(node: Mapping[str, Any]) -> Iterator[Any]:
    """A value of another type, and those just outside of what the schema allows."""
    yield "text" if node.get("type") in ("object", "integer", "number", "boolean") else True
    if "enum" in node:
        yield "none-such" if node["type"] == "string" else max(node["enum"]) + 1
    if "minimum" in node and node.get("type") != "string":
        yield node["minimum"] - 1
    if "maximum" in node:
        yield node["maximum"] + 1
    if "pattern" in node:
        yield next(text for text in ("", "no such!") if not re.search(node["pattern"], text))
    if "maxLength" in node:
        yield "1" * (node["maxLength"] + 1)


async def test_a_wrong_value_of_any_leaf_is_refused_by_its_name(cluster: Cluster) -> None:
    assert not any([await refusal(cluster, spec) for spec in SPECS.values()])
    taken: list[str] = []
    count = 0
    for path, node in LEAVES.items():
        for what in wrong(node):
            count += 1
            told = await refusal(cluster, with_leaf(SPECS[home(path)], path, what))
            name = re.split(r"[.\[{]", path.rstrip("[]{}"))[-1]
            if name not in told or "spec." not in told:
                taken.append(f"{path}: {what!r:.60}: {told or 'it was taken'}")
    tried("values outside of the schema", count)
    assert not taken, "\n".join(taken)


async def batches(world: World, base: Body, paths: Sequence[str]) -> AsyncIterator[tuple[Sequence[str], Body, Body]]:
    """As many leaves at once as go together, the spec with them, and the spec with other values of them."""
    left = list(paths)
    while left:
        together, first, second = list[str](), base, base
        for path in list(left):
            if together and (path in ALONE or together[0] in ALONE):
                continue
            what = value(path, LEAVES[path], usual(base, path))
            one, other = with_leaf(first, path, what), with_leaf(second, path, further(path, what))
            if await refusal(world.cluster, other, edit=True):
                other = with_leaf(second, path, what)
            if not together or not (
                await refusal(world.cluster, one, edit=True) or await refusal(world.cluster, other, edit=True)
            ):
                together.append(path)
                left.remove(path)
                first, second = one, other
        yield together, first, second


def without_births(end: End) -> End:
    """Who made a Secret once is written beside each field for as long as nobody has changed it, and not again."""
    objects = {name: copy.deepcopy(child) for name, child in end.objects.items()}
    for child in objects.values():
        child["metadata"]["fields"].pop("taskora-operator Update ", None)
    return replace(end, objects=objects)


def conditions(status: Mapping[str, Any]) -> Mapping[str, str]:
    return {c["type"]: c["message"] for c in status.get("conditions", ()) if c["status"] == "False"}


@pytest.mark.parametrize("name", sorted({home(path) for path in LEAVES}))
async def test_a_leaf_is_followed_and_taken_out_again_or_refused_or_told(worlds: Worlds, name: str) -> None:
    base: Body = SPECS[name]
    paths = [path for path in LEAVES if home(path) == name]
    async with worlds.new(desired) as world:
        await bring(world.cluster)
        await world.make(**base)
        unseen = await world.cluster.status()
        assert unseen == {"observedGeneration": NOT_YET}, "kstatus waits for what nobody has looked at"
        await world.start()
        await world.settled(deadline=DEADLINE)
        await world.snapshot()
        world.wire.arm(pass_on)
        before = without_births(await world.end())
        alone = {path: with_leaf(base, path, value(path, LEAVES[path], usual(base, path))) for path in paths}
        said = {path: told for path, body in alone.items() if (told := await refusal(world.cluster, body, edit=True))}
        assert said.keys() == REFUSED.keys() & set(paths), f"refused: {said}"
        for path, told in said.items():
            assert REFUSED[path] in told
        for path in TOLD.keys() & set(paths):
            await world.put(alone[path])

            async def told_of(word: str = TOLD[path]) -> bool:
                return any(word in text for text in conditions(await world.cluster.status()).values())

            await world.until(told_of, f"a condition that tells of {path}")
            await world.idle()
        assert_same(without_births(await edited(world, base)), before, "taken back")
        good = [path for path in paths if path not in said and path not in TOLD]
        async for together, one, other in batches(world, base, good):
            for body in (one, other) if one != other else (one,):
                await edited(world, body)
            after = await edited(world, base)
            assert_same(without_births(after), before, f"without {', '.join(together)}")
            assert after.altered == frozenset(), "data was touched"
        tried(f"leaves of {name}", len(paths))
