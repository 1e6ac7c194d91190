"""Where dumps of the database lie: a folder or storage that speaks S3, written and read alike.

A dump is there once its digest lies beside it: that is written last, after the dump was read back. What was cut off
before that is no backup, and is cleared away with the next one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore, S3Config

PART_BYTES = 16 * 2**20


class BackupFailed(Exception):
    """The sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Backup:
    name: str
    time: datetime
    bytes: int


@dataclass(frozen=True, slots=True)
class Keys:
    """How an S3 storage knows us. Without: by the pod's identity."""

    access_key_id: str
    secret_access_key: str


def backup_name(instance: str, at: datetime) -> str:
    """`taskora-20260301T030000Z`: names sort as they were made."""
    return f"{instance}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def open_shelf(url: str, *, region: str = "", endpoint: str = "", keys: Keys | None = None) -> Shelf:
    """`file:///folder` or `s3://bucket/prefix`. `endpoint`: the storage's own address, else Amazon's."""
    address = urlsplit(url)
    if address.scheme == "file":
        return Shelf(LocalStore(address.path, automatic_cleanup=True), where=address.path)
    config: S3Config = {"region": region or "us-east-1", "checksum_algorithm": "SHA256"}
    if endpoint:
        config["endpoint"] = endpoint
    if keys:
        config["access_key_id"], config["secret_access_key"] = keys.access_key_id, keys.secret_access_key
    store = S3Store(
        address.netloc,
        prefix=address.path.strip("/") or None,
        config=config,
        client_options={"allow_http": endpoint.startswith("http://"), "timeout": "300s"},
    )
    return Shelf(store, where=f"{url} at {endpoint or 'Amazon S3'}")


class Shelf:
    """Raises `BackupFailed` with the storage's own words."""

    def __init__(self, store: ObjectStore, *, where: str) -> None:
        self._store, self._where = store, where

    def put(self, name: str, dump: Path, *, sha256: str) -> Backup:
        """Store a dump, read it back, and only then call it a backup."""
        try:
            with dump.open("rb") as file:
                obstore.put(self._store, _dump(name), file, chunk_size=PART_BYTES)
            stored = self._digest(name)
            if stored != sha256:
                obstore.delete(self._store, _dump(name))
                raise BackupFailed(f"{name} came back from {self._where} with other bytes than it was sent: try again.")
            obstore.put(self._store, _mark(name), f"{sha256}\n".encode())
            about = obstore.head(self._store, _dump(name))
        except BaseError as error:
            raise self._failed(f"{name} could not be stored", error) from error
        return Backup(name, about["last_modified"], about["size"])

    def get(self, name: str, into: Path) -> None:
        """Fetch a dump into a file, and compare it with the digest that lies beside it."""
        try:
            mark = obstore.get(self._store, _mark(name))
            expected = mark.bytes().to_bytes().decode().strip()
            found = obstore.get(self._store, _dump(name))
            digest = hashlib.sha256()
            with into.open("wb") as file:
                for chunk in _chunks(found):
                    digest.update(chunk)
                    file.write(chunk)
        except FileNotFoundError as error:
            there = ", ".join(backup.name for backup in self.all()[-5:]) or "none"
            raise BackupFailed(f"There is no backup {name} in {self._where}. The newest there: {there}.") from error
        except BaseError as error:
            raise self._failed(f"{name} could not be fetched", error) from error
        if digest.hexdigest() != expected:
            into.unlink()
            raise BackupFailed(f"{name} is damaged: its digest is not the one beside it. Take another backup.")

    def all(self, instance: str | None = None) -> Sequence[Backup]:
        """The backups there (of one instance), oldest first."""
        try:
            pages: Iterator[list[ObjectMeta]] = cast(Any, self._store).list()  # its types speak of Arrow, too
            listed = [about for page in pages for about in page]
        except BaseError as error:
            raise self._failed("The backups could not be listed", error) from error
        marked = {about["path"].removesuffix(".sha256") for about in listed if about["path"].endswith(".dump.sha256")}
        found = [
            Backup(about["path"].removesuffix(".dump"), about["last_modified"], about["size"])
            for about in listed
            if about["path"] in marked and (instance is None or _is_of(instance, about["path"]))
        ]
        return sorted(found, key=lambda backup: backup.name)

    def prune(self, instance: str, *, keep: int) -> Sequence[str]:
        """Delete all of an instance's backups but the newest `keep`; returns what went."""
        gone = [backup.name for backup in self.all(instance)[:-keep]]
        try:
            for name in gone:  # first what makes it a backup
                obstore.delete(self._store, _mark(name))
                obstore.delete(self._store, _dump(name))
        except BaseError as error:
            raise self._failed("Old backups could not be deleted", error) from error
        return gone

    def _digest(self, name: str) -> str:
        digest = hashlib.sha256()
        for chunk in _chunks(obstore.get(self._store, _dump(name))):
            digest.update(chunk)
        return digest.hexdigest()

    def _failed(self, what: str, error: BaseError) -> BackupFailed:
        return BackupFailed(f"{what} ({self._where}): {_first_line(error)}")


def _chunks(found: obstore.GetResult) -> Iterator[bytes]:
    yield from found.stream(min_chunk_size=PART_BYTES)


def _dump(name: str) -> str:
    return f"{name}.dump"


def _mark(name: str) -> str:
    return f"{name}.dump.sha256"


def _is_of(instance: str, path: str) -> bool:
    return re.fullmatch(rf"{re.escape(instance)}-\d{{8}}T\d{{6}}Z\.dump", path) is not None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
