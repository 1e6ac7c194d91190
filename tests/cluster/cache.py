"""Where everything made lies, outside the checkout, and how a thing is made once for its inputs.

built/NAME-KEY/   programs, jars, wheels; KEY is a hash of what they were made from
bin/              links to the programs in use, for PATH
logs/ locks/
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent


def root() -> Path:
    given = os.environ.get("TASKORA_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given).absolute() if given else base / "taskora"


def folder(name: str) -> Path:
    path = root() / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def key(*inputs: str | bytes | Path) -> str:
    """A short hash of texts and of files or folders (their names, contents and executable bits)."""
    digest = hashlib.sha256()
    for given in inputs:
        for part in _parts(given):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:12]


def _parts(given: str | bytes | Path) -> Iterator[bytes]:
    if not isinstance(given, Path):
        yield given.encode() if isinstance(given, str) else given
    elif given.is_file():
        yield given.read_bytes()
    else:
        for path in sorted(p for p in given.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
            yield str(path.relative_to(given)).encode()
            yield path.read_bytes()
            yield bytes([bool(path.stat().st_mode & 0o100)])


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """One holder at a time on this machine; given up by the kernel when the holder dies."""
    with (folder("locks") / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def path_of(name: str, *inputs: str | bytes | Path) -> Path:
    return folder("built") / f"{name}-{key(*inputs)}"


def made(target: Path, make: Callable[[Path], None]) -> bool:
    """Lets `make` fill a new folder, then renames it to `target`: it is whole or not there. False if it was there."""
    if target.exists():
        return False
    draft = target.with_name(f".{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    make(draft)
    draft.rename(target)
    return True


def write(path: Path, text: str, *, mode: int = 0o644) -> None:
    """The whole new text or the old one, whatever happens meanwhile."""
    draft = path.with_name(f".{path.name}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.rename(path)


def link(program: Path) -> Path:
    """Puts a program on the PATH of what this package runs."""
    place = folder("bin") / program.name
    draft = place.with_name(f".{place.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.symlink_to(program)
    draft.replace(place)
    return place
