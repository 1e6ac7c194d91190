"""Redis takes the passwords that its Secret holds, whatever becomes of the Secret, and is not started again for it.

Sidecars read theirs when they start, in the API server, by the account of their role.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from taskora_operator.desired import desired
from taskora_operator.desired.model import Manifest
from taskora_operator.profiles import resolve

from tests.cluster.progress import Failure
from tests.cluster.services import Daprd
from tests.component.operator.cluster import Cluster, until
from tests.component.operator.servers import Connection, Redis
from tests.specs import facts, spec


@pytest.fixture
def redis() -> Iterator[Redis]:
    with Redis(holding("first")) as server:
        yield server


def holding(used: str, idle: str = "") -> Mapping[str, str]:
    return {"host": "h", "port": "6379", "username": "default", "password": used, "standby-password": idle, "ca": ""}


async def let_in(redis: Redis, password: str) -> None:
    await until(lambda: asyncio.to_thread(redis.lets_in, password), f"{password} let in")


async def refused(redis: Redis, password: str) -> None:
    await until(lambda: asyncio.to_thread(redis.lets_in, password), f"{password} refused", good=lambda in_: not in_)


async def test_a_password_is_turned_under_a_connection_that_stays(redis: Redis) -> None:
    connection = Connection(redis, password="first")
    try:
        assert connection.ask("SET session there") == "+OK"
        pid = redis.process.pid
        redis.credentials.show(holding("first", "second"))
        await let_in(redis, "second")
        assert redis.lets_in("first")
        redis.credentials.show(holding("second", "first"))
        redis.credentials.show(holding("second"))
        await refused(redis, "first")
        assert redis.lets_in("second")
        assert connection.ask("STRLEN session") == ":5", "who is in stays in"
        assert redis.ready()
        assert redis.process.alive()
        assert redis.process.pid == pid
    finally:
        connection.close()


async def test_a_secret_that_was_made_anew_heals(redis: Redis) -> None:
    """By whoever deleted it after a leak: nothing it holds is known to Redis."""
    redis.credentials.show(holding("another"))
    await let_in(redis, "another")
    assert not redis.lets_in("first")
    assert redis.ready()


async def test_what_redis_keeps_outlives_its_pod_and_its_passwords(redis: Redis) -> None:
    assert redis.said("set", "session", "there", password="first") == "OK"
    keeper = redis.keeper()
    redis.stop()
    redis.credentials.show(holding("second", "first"))
    redis.start()
    assert redis.lets_in("second"), "from the start"
    assert redis.said("get", "session", password="first") == "there"
    assert redis.keeper() != keeper
    assert "WRONGPASS" in redis.said("ping", password=keeper, user="keeper")


async def test_nobody_comes_in_without_a_password(redis: Redis) -> None:
    assert "NOAUTH" in redis.said("ping", password="")
    assert not redis.lets_in(hashlib.sha256(b"first").hexdigest()), "what Redis keeps is not what it takes"
    redis.credentials.show({"password": "of an older operator"})
    await let_in(redis, "of an older operator")
    redis.credentials.show(holding("", "only this"))
    redis.credentials.show(holding("last"))
    await let_in(redis, "last")
    assert "NOAUTH" in redis.said("ping", password="")
    assert not redis.lets_in("only this")


@pytest.mark.parametrize("words", ["get session", "set session x", "scan 0", "config get *", "acl list", "flushall"])
def test_the_keeper_keeps_passwords_and_does_nothing_else(redis: Redis, words: str) -> None:
    assert "NOPERM" in redis.said(*words.split(), password=redis.keeper(), user="keeper")


async def test_a_fresh_password_is_proved_once_redis_takes_it(redis: Redis) -> None:
    expected = hashlib.sha256(b"second").hexdigest()[:16]
    with redis.prove({"REDISCLI_AUTH": "first", "EXPECTED": expected}) as older:
        assert older.wait(20) == 1
    with redis.prove({"REDISCLI_AUTH": "second", "EXPECTED": expected}) as proof:
        assert proof.stdout is not None
        assert "WRONGPASS" in await asyncio.to_thread(proof.stdout.readline)
        redis.credentials.show(holding("first", "second"))
        assert await asyncio.to_thread(proof.wait, 20) == 0


async def account(cluster: Cluster, *kinds: str) -> Mapping[str, Manifest]:
    """The frontend's account, and what Redis' Secret holds; returns all that is wanted, by `Kind/name`."""
    made = {
        str(each.key): each.manifest for each in desired(resolve(spec()), facts(namespace=cluster.namespace)).objects
    }
    for kind in kinds:
        await cluster.make(made[f"{kind}/taskora-frontend"])
    await cluster.make({**made["Secret/taskora-cache"], "stringData": holding("first")})
    return made


def components(
    cluster: Cluster, made: Mapping[str, Manifest], folder: Path, *, redis: Redis, order: tuple[str, ...]
) -> Path:
    """Those of the frontend's sidecar that have to do with Redis, in an order; found here are Redis and the API."""
    token = cluster.server.kubectl("-n", cluster.namespace, "create", "token", "taskora-frontend").strip()
    config = json.loads(cluster.server.kubeconfig.read_text(encoding="utf-8"))
    config["users"][0]["user"]["token"] = token
    (folder / "kubeconfig").write_text(json.dumps(config), encoding="utf-8")
    here = {"redisHost": f"127.0.0.1:{redis.port}"}
    also = {"kubernetes-secrets": [{"name": "kubeconfigPath", "value": str(folder / "kubeconfig")}]}
    (folder / "components").mkdir()
    for number, name in enumerate(order):
        component = json.loads(json.dumps(made[f"Component/{name}"]))
        items = [
            {**each, "value": here[each["name"]]} if each["name"] in here else each
            for each in component["spec"]["metadata"]
        ]
        component["spec"]["metadata"] = [*items, *also.get(name, [])]
        (folder / "components" / f"{number}.yaml").write_text(json.dumps(component), encoding="utf-8")  # which is YAML
    return folder / "components"


def keeps(sidecar: Daprd, value: str) -> bool:
    """Whether what is saved through the sidecar is found through it."""
    state = f"{sidecar.url}/v1.0/state/statestore"
    body = json.dumps([{"key": "session", "value": value}]).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(urllib.request.Request(state, body, {"Content-Type": "application/json"}), timeout=20).close()
    with opener.open(f"{state}/session", timeout=20) as answer:
        return json.load(answer) == value


@pytest.mark.parametrize("order", [("statestore", "kubernetes-secrets"), ("kubernetes-secrets", "statestore")])
async def test_sidecars_that_were_begun_before_and_after_a_turn_are_both_let_in(
    cluster: Cluster, redis: Redis, tmp_path: Path, order: tuple[str, ...]
) -> None:
    made = await account(cluster, "ServiceAccount", "Role", "RoleBinding")
    folder = components(cluster, made, tmp_path, redis=redis, order=order)

    async def turn(used: str, idle: str = "") -> None:
        await cluster.edit("Secret", "taskora-cache", {"stringData": holding(used, idle)})
        redis.credentials.show(holding(used, idle))

    def part_all() -> None:
        """Everybody has to log in anew."""
        assert int(redis.said("client", "kill", "type", "normal", password="second")) > 0

    with Daprd(app_id="frontend", components=folder) as old:
        assert keeps(old, "before")
        await turn("first", "second")
        await let_in(redis, "second")
        await turn("second", "first")
        with Daprd(app_id="frontend", components=folder) as new:
            part_all()
            assert keeps(old, "by the old")
            assert keeps(new, "by the new")
            old.stop()
            await turn("second")
            await refused(redis, "first")
            part_all()
            assert keeps(new, "after")


async def test_a_sidecar_that_may_not_read_the_password_ends_so_that_it_is_started_again(
    cluster: Cluster, redis: Redis, tmp_path: Path
) -> None:
    made = await account(cluster, "ServiceAccount")
    folder = components(cluster, made, tmp_path, redis=redis, order=("kubernetes-secrets", "statestore"))
    with pytest.raises(Failure, match="daprd ended with"), Daprd(app_id="frontend", components=folder):
        pass
