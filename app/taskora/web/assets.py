"""Static files under an address that holds the digest of them all: kept for ever by browsers, new with every release.

One digest for all, so that modules import each other by plain relative names and still change together.
"""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from taskora.domain.problems import NotFound

FOLDER = Path(__file__).parent / "static"
_FOR_EVER = "public, max-age=31536000, immutable"
_BRIEFLY = "public, max-age=60"


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file as it is sent: its type, its bytes, and the same compressed."""

    media_type: str
    plain: bytes
    packed: bytes


class Assets:
    """Every static file, in memory: they are few and small."""

    def __init__(self, folder: Path = FOLDER) -> None:
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
        summed = hashlib.sha256()
        for name, content in files.items():
            summed.update(name.encode() + b"\0" + content + b"\0")
        self.digest = summed.hexdigest()[:16]
        self._files = {name: _asset(name, content) for name, content in files.items()}

    def url(self, name: str) -> str:
        """The address of a file; raises KeyError for a name that is not there, so that a typing error shows at once."""
        self._files[name]
        return f"/static/{self.digest}/{name}"

    async def serve(self, request: Request) -> Response:
        """A file of this release, or its present form under an address of another: mixed replicas during an upgrade."""
        asset = self._files.get(request.path_params["name"])
        if asset is None:
            raise NotFound("There is no such file.")
        ours = request.path_params["digest"] == self.digest
        headers = {
            "Cache-Control": _FOR_EVER if ours else _BRIEFLY,
            "ETag": f'"{self.digest}"',
            "Vary": "Accept-Encoding",
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(asset.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.media_type)
        return Response(asset.plain, headers=headers, media_type=asset.media_type)


def _asset(name: str, content: bytes) -> Asset:
    media_type = "text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0] or "text/plain"
    return Asset(media_type=media_type, plain=content, packed=gzip.compress(content, 9, mtime=0))
