"""Dump, lose everything, restore: PostgreSQL's own programs, the operator's scripts, a folder and an S3 server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from taskora.store.migrate import upgrade
from taskora.store.schema import tasks
from taskora_operator.desired.kube import render

from tests.cluster.services import S3, Postgres

from .conftest import Urls, join

# What each storage's pod is told: docs/environment.md.
Storage = dict[str, str]


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    with S3() as server:
        yield server


def storage_of(kind: str, folder: Path, request: pytest.FixtureRequest) -> Storage:
    if kind == "folder":
        shelf = folder / "shelf"
        shelf.mkdir()
        return {"TASKORA_BACKUP_URL": f"file://{shelf}"}
    server: S3 = request.getfixturevalue("s3")
    return {
        "TASKORA_BACKUP_URL": f"s3://{server.bucket}/{folder.name}",
        "TASKORA_BACKUP_ENDPOINT": server.url,
        "TASKORA_BACKUP_REGION": "us-east-1",
        "TASKORA_BACKUP_ACCESS_KEY_ID": server.access_key_id,
        "TASKORA_BACKUP_SECRET_ACCESS_KEY": server.secret_access_key,
    }


@pytest.fixture(params=["folder", "S3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return storage_of(request.param, tmp_path, request)


class Pods:
    """Runs the containers of a backup's and a restore's pod, in order, over one work folder."""

    def __init__(self, folder: Path, storage: Storage) -> None:
        self.work, self.storage = folder / "work", storage
        self.work.mkdir()
        for name in ("dump", "restore"):
            (folder / f"{name}.sh").write_text(render(f"backup-{name}.sh.j2"), encoding="utf-8")
        self._scripts = folder

    def script(self, name: str, url: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "DATABASE_URL": url, "WORK": str(self.work), **more}
        return _run(["/bin/sh", str(self._scripts / f"{name}.sh")], environment)

    def program(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        told = self.work.parent / "told"
        given = {"TASKORA_BACKUP_WORK": str(self.work), "TASKORA_BACKUP_TOLD": str(told), "TASKORA_INSTANCE": "taskora"}
        return _run(
            [sys.executable, "-m", "taskora", "backup", *words], {**os.environ, **self.storage, **given, **more}
        )

    def back_up(self, url: str, **more: str) -> dict[str, Any]:
        """What the pod leaves as its last words."""
        for ended in (self.script("dump", url), self.program("store", **more)):
            assert ended.returncode == 0, ended.stdout + ended.stderr
        return json.loads((self.work.parent / "told").read_text(encoding="utf-8"))

    def restore(self, name: str, url: str) -> subprocess.CompletedProcess[str]:
        fetched = self.program("fetch", name)
        assert fetched.returncode == 0, fetched.stdout
        return self.script("restore", url, BACKUP=name)

    def names(self) -> list[str]:
        ended = self.program("list")
        assert ended.returncode == 0, ended.stdout
        return [json.loads(line)["name"] for line in ended.stdout.splitlines() if '"bytes"' in line]


def _run(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def pods(tmp_path: Path, storage: Storage) -> Pods:
    return Pods(tmp_path, storage)


@pytest.fixture
def folder_pods(tmp_path: Path, request: pytest.FixtureRequest) -> Pods:
    return Pods(tmp_path, storage_of("folder", tmp_path, request))


def contents(urls: Urls) -> dict[str, str]:
    """Every row of every table, as text."""
    tables = urls.sql("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    rows = "SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') FROM \"{}\" t"
    return {table: urls.sql(rows.format(table)) for table in sorted(tables.split())}


@pytest.fixture
def fresh(postgres: Postgres) -> Iterator[Callable[[], Urls]]:
    """Empty databases, as a new instance has one."""
    made: list[Urls] = []

    def make() -> Urls:
        urls = Urls(postgres, f"fresh_{os.getpid()}_{len(made)}")
        postgres.sql(f"CREATE DATABASE {urls.name} OWNER taskora_owner")
        made.append(urls)
        return urls

    yield make
    for urls in made:
        postgres.sql(f"DROP DATABASE {urls.name} WITH (FORCE)")


async def test_every_row_is_there_after_the_database_was_lost_and_restored(
    urls: Urls, api: httpx.AsyncClient, pods: Pods, fresh: Callable[[], Urls]
) -> None:
    ada = await join(api)
    for number in range(20):
        made = await api.post("/tasks", json={"title": f"task {number} – Ω"}, headers=ada["headers"])
        assert made.status_code == 201, made.text
    before = contents(urls)
    assert sum("– Ω" in row for row in before[tasks.name].split("\n")) == 20
    told = pods.back_up(urls.owner)
    assert pods.names() == [told["name"]]
    for file in pods.work.iterdir():
        file.unlink()
    new = fresh()
    ended = pods.restore(told["name"], new.owner)
    assert ended.returncode == 0, ended.stderr
    upgrade(new.owner, app_login="taskora_app")
    after = contents(new)
    assert after == before
    assert new.sql("SELECT has_table_privilege('taskora_app', 'alembic_version', 'SELECT')") == "t", (
        "the grants are back"
    )


def test_data_that_is_there_is_never_restored_over(urls: Urls, folder_pods: Pods, fresh: Callable[[], Urls]) -> None:
    name = folder_pods.back_up(urls.owner)["name"]
    other = fresh()
    other.sql("CREATE TABLE mine (n int); INSERT INTO mine VALUES (7)")
    ended = folder_pods.restore(name, other.owner)
    assert ended.returncode == 1
    assert "The database holds data already (1 tables)" in ended.stderr
    assert "Take spec.backup.restoreFrom out" in ended.stderr
    assert contents(other) == {"mine": "(7)"}


def test_a_restore_that_runs_again_changes_nothing(urls: Urls, folder_pods: Pods, fresh: Callable[[], Urls]) -> None:
    name = folder_pods.back_up(urls.owner)["name"]
    new = fresh()
    assert folder_pods.restore(name, new.owner).returncode == 0
    new.sql("CREATE TABLE since (n int)")
    again = folder_pods.restore(name, new.owner)
    assert again.returncode == 0
    assert "was restored before" in again.stdout
    assert "since" in contents(new)


def test_a_restore_cut_off_before_its_last_word_is_finished(
    urls: Urls, folder_pods: Pods, fresh: Callable[[], Urls]
) -> None:
    name = folder_pods.back_up(urls.owner)["name"]
    new = fresh()
    assert folder_pods.restore(name, new.owner).returncode == 0
    new.sql(f"COMMENT ON DATABASE {new.name} IS 'taskora: restoring {name}'")
    ended = folder_pods.restore(name, new.owner)
    assert ended.returncode == 0, ended.stderr
    assert contents(new) == contents(urls)
    assert new.sql(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
    ) == (f"taskora: restored {name}")


def test_a_dump_cut_short_leaves_the_database_empty_and_says_so(
    urls: Urls, folder_pods: Pods, fresh: Callable[[], Urls]
) -> None:
    name = folder_pods.back_up(urls.owner)["name"]
    assert folder_pods.program("fetch", name).returncode == 0
    dump = folder_pods.work / "dump"
    dump.write_bytes(dump.read_bytes()[:-2000])
    new = fresh()
    assert folder_pods.script("restore", new.owner, BACKUP=name).returncode != 0
    assert contents(new) == {}


def test_a_damaged_backup_is_not_fetched(urls: Urls, folder_pods: Pods) -> None:
    name = folder_pods.back_up(urls.owner)["name"]
    stored = Path(folder_pods.storage["TASKORA_BACKUP_URL"].removeprefix("file://")) / f"{name}.dump"
    bytes_ = bytearray(stored.read_bytes())
    bytes_[len(bytes_) // 2] ^= 1
    stored.write_bytes(bytes_)
    ended = folder_pods.program("fetch", name)
    assert ended.returncode == 1
    assert f"{name} is damaged" in ended.stdout


def test_the_newest_are_kept_and_another_instances_are_left_alone(urls: Urls, pods: Pods) -> None:
    assert pods.script("dump", urls.owner).returncode == 0
    assert pods.program("store", TASKORA_INSTANCE="other").returncode == 0
    other = pods.names()
    made: list[str] = []
    while len(made) < 4:  # names are a second apart
        name = pods.back_up(urls.owner, TASKORA_BACKUP_KEEP="2")["name"]
        made += [name] if name not in made else []
    assert pods.names() == [*other, *made[-2:]]


def test_what_was_cut_off_while_storing_is_no_backup(urls: Urls, folder_pods: Pods) -> None:
    shelf = Path(folder_pods.storage["TASKORA_BACKUP_URL"].removeprefix("file://"))
    (shelf / "taskora-20200101T000000Z.dump").write_bytes(b"half")
    name = folder_pods.back_up(urls.owner)["name"]
    assert folder_pods.names() == [name]


def test_a_backup_that_is_not_there_is_told_with_those_that_are(urls: Urls, pods: Pods) -> None:
    name = pods.back_up(urls.owner)["name"]
    ended = pods.program("fetch", "taskora-19700101T000000Z")
    assert ended.returncode == 1
    assert f"The newest there: {name}" in ended.stdout


def test_a_database_without_our_tables_is_not_taken_for_a_backup(pods: Pods, fresh: Callable[[], Urls]) -> None:
    ended = pods.script("dump", fresh().owner)
    assert ended.returncode == 1
    assert "does not hold Taskora's tables" in ended.stderr


def test_wrong_keys_are_told_in_the_storages_words_and_never_printed(
    urls: Urls, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    storage = storage_of("S3", tmp_path, request)
    pods = Pods(tmp_path, {**storage, "TASKORA_BACKUP_SECRET_ACCESS_KEY": "swordfish"})
    assert pods.script("dump", urls.owner).returncode == 0
    ended = pods.program("store")
    assert ended.returncode == 1
    assert "could not be stored" in ended.stdout
    assert "swordfish" not in ended.stdout + ended.stderr
