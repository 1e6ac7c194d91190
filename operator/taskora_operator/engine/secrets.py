"""Contents of the Secrets that what is wanted depends on, read again only when they may have changed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from taskora_operator.cluster.apiserver import ApiServer
from taskora_operator.cluster.permissions import SECRETS
from taskora_operator.desired.model import Key, Manifest
from taskora_operator.reconcile.found import Found


@dataclass(frozen=True, slots=True)
class _Read:
    version: str | None  # of one we watch; None for one the user brought
    at: float
    data: Mapping[str, str]


class SecretReader:
    """The user's own Secrets are not watched (that would mean watching everybody's): they are read every `keep` s."""

    def __init__(self, api: ApiServer, *, keep: float) -> None:
        self._api = api
        self._keep = keep
        self._read: dict[tuple[str, str], _Read] = {}

    async def read(
        self, namespace: str, names: Sequence[str], *, found: Mapping[Key, Found], now: float
    ) -> Mapping[str, Mapping[str, str]]:
        """Decoded keys of those Secrets that exist."""
        result: dict[str, Mapping[str, str]] = {}
        for name in names:
            have = found.get(Key("v1", "Secret", name))
            version = have.resource_version if have else None
            known = self._read.get((namespace, name))
            if known is None or known.version != version or (version is None and now - known.at >= self._keep):
                body = await self._api.get(SECRETS, namespace, name)
                if body is None:
                    self._read.pop((namespace, name), None)
                    continue
                known = _Read(version, now, _decoded(body))
                self._read[namespace, name] = known
            result[name] = known.data
        return result

    def forget(self, namespace: str) -> None:
        for key in [key for key in self._read if key[0] == namespace]:
            del self._read[key]


def _decoded(body: Manifest) -> Mapping[str, str]:
    data: Mapping[str, str] = body.get("data") or {}
    return {key: _text(value) for key, value in data.items()}


def _text(value: str) -> str:
    """What is not text (a keystore, say) can't be used as a setting; it counts as empty."""
    try:
        return base64.b64decode(value).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
