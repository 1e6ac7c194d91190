"""`taskora backup store|fetch|list`: what a backup's and a restore's pod do beside PostgreSQL's own programs."""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from taskora.settings import Settings
from taskora.store.backups import BackupFailed, Keys, Shelf, backup_name, open_shelf

log = logging.getLogger("taskora.backup")

READ_BYTES = 2**20


class BackupSettings(BaseSettings):
    """docs/environment.md; fields are read as `TASKORA_BACKUP_{NAME}`."""

    model_config = SettingsConfigDict(env_prefix="TASKORA_BACKUP_", frozen=True, extra="ignore")

    url: str = "file:///backups"
    region: str = ""
    endpoint: str = ""
    access_key_id: SecretStr | None = None
    secret_access_key: SecretStr | None = None
    keep: int = 7
    work: Path = Path("/work")
    told: Path = Path("/dev/termination-log")
    """Where the kubelet reads a container's last words."""


def backup(words: list[str], settings: Settings) -> int:
    """Returns the process's status; what went wrong is one sentence in the log."""
    asked = BackupSettings()
    try:
        _commands(words, settings, asked)
    except (BackupFailed, OSError) as error:
        log.error("%s", error)
        return 1
    return 0


def _commands(words: list[str], settings: Settings, asked: BackupSettings) -> None:
    shelf = _shelf(asked)
    match words:
        case ["store"]:
            _store(shelf, settings.instance, asked)
        case ["fetch", name]:
            shelf.get(name, asked.work / "dump")
            log.info("Fetched %s", name)
        case ["list"]:
            for each in shelf.all():
                print(json.dumps({"name": each.name, "time": each.time.isoformat(), "bytes": each.bytes}))  # noqa: T201
        case _:
            raise BackupFailed("Say what to do: taskora backup store, fetch NAME or list.")


def _shelf(asked: BackupSettings) -> Shelf:
    key, secret = asked.access_key_id, asked.secret_access_key
    keys = Keys(key.get_secret_value(), secret.get_secret_value()) if key and secret else None
    return open_shelf(asked.url, region=asked.region, endpoint=asked.endpoint, keys=keys)


def _store(shelf: Shelf, instance: str, asked: BackupSettings) -> None:
    """The dump that another container has left, if it is still what that container saw."""
    dump, sha256 = asked.work / "dump", (asked.work / "sha256").read_text(encoding="utf-8").strip()
    if _digest(dump) != sha256:
        raise BackupFailed("The dump changed since it was made: the node's disk may be failing. Try again.")
    made = shelf.put(backup_name(instance, datetime.now(UTC)), dump, sha256=sha256)
    for name in shelf.prune(instance, keep=asked.keep):
        log.info("Deleted %s: %d are kept", name, asked.keep)
    told = {"name": made.name, "time": made.time.isoformat(), "bytes": made.bytes, "sha256": sha256}
    asked.told.write_text(json.dumps(told), encoding="utf-8")
    log.info("Stored %s, %d bytes", made.name, made.bytes)


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as bytes_:
        while chunk := bytes_.read(READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
