"""What backups leave behind, read once for each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from taskora_operator.api.backup import Backup
from taskora_operator.api.status import LastBackup
from taskora_operator.desired.model import Key, Manifest
from taskora_operator.engine.instances import InstanceKey
from taskora_operator.engine.pods import PodReader
from taskora_operator.reconcile.backups import Backups, complaint, judge, newest, stored
from taskora_operator.reconcile.found import Found


class BackupReader:
    """A Job's pods are read when it has ended, and not again."""

    def __init__(self) -> None:
        self._read: dict[InstanceKey, tuple[str, LastBackup | None, str]] = {}  # UID of the Job that ended last

    async def look(
        self,
        key: InstanceKey,
        asked: Backup,
        reader: PodReader,
        found: Mapping[Key, Found],
        *,
        before: LastBackup | None,
    ) -> Backups:
        """`before` is the last one the status tells of. Raises `ApiError` and `UnreachableError`."""
        ended, good = newest(found.values(), instance=key.name)
        if ended is None:
            return judge(None, last=before, words="", scheduled=asked.schedule is not None)
        known = self._read.get(key)
        if known is None or known[0] != ended.uid:
            last = before
            if good is not None and (
                before is None or good.traits.completed_at is None or good.traits.completed_at >= before.time
            ):
                last = stored(await _pods(reader, good)) or before
            words = "" if ended.health.ok else complaint(await _pods(reader, ended))
            known = (ended.uid, last, words)
            if not reader.refused:
                self._read[key] = known
        return judge(ended, last=known[1] or before, words=known[2], scheduled=asked.schedule is not None)

    def forget(self, key: InstanceKey) -> None:
        self._read.pop(key, None)


async def _pods(reader: PodReader, job: Found) -> Sequence[Manifest]:
    return [pod for pod in await reader.read() or () if pod["metadata"]["labels"].get("job-name") == job.key.name]
