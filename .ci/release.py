"""Whether a release can be made, and what belongs to it: `python3 .ci/release.py 1.1.0`. Changes nothing but build/.

Python's standard library alone; git and helm are found on PATH. Every reason against it is told, not the first alone.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
BUILT = ROOT / "build" / "release"
CHARTS = (ROOT / "manifests" / "operator", ROOT / "manifests" / "instance")
VERSION = re.compile(r"\d+\.\d+\.\d+")


def main(version: str) -> int:
    if not VERSION.fullmatch(version):
        print(f"{version!r} is no release: write three numbers, as 1.1.0.", file=sys.stderr)
        return 1
    reasons = [*against(version, ROOT), *_against_now(version)]
    for reason in reasons:
        print(f"not yet: {reason}", file=sys.stderr)
    if reasons:
        return 1
    shutil.rmtree(BUILT, ignore_errors=True)
    BUILT.mkdir(parents=True)
    for chart in CHARTS:
        subprocess.run(["helm", "package", "-d", BUILT, chart], check=True, stdout=subprocess.DEVNULL)
    shutil.copy(ROOT / "manifests" / "install.yaml", BUILT)
    (BUILT / "notes.md").write_text(notes(version, ROOT), encoding="utf-8")
    print(notes(version, ROOT))
    print(f"{BUILT.relative_to(ROOT)}: {', '.join(sorted(path.name for path in BUILT.iterdir()))}", file=sys.stderr)
    return 0


def against(version: str, root: Path) -> Iterator[str]:
    """What the files say against it."""
    for place, found in _versions(root):
        if found != version:
            yield f"{place} says {found}."
    if not notes(version, root):
        yield f"docs/changelog.md tells nothing under the heading `## {version}`."


def _versions(root: Path) -> Iterator[tuple[str, str]]:
    places = {"pyproject.toml": r'^version = "(.*)"$'}
    for chart in CHARTS:
        places[str(chart.relative_to(ROOT) / "Chart.yaml")] = r'^(?:version|appVersion): "?([^"\n]*)"?$'
    for sample in sorted((root / "manifests" / "samples").glob("*.yaml")):
        places[str(sample.relative_to(root))] = r'^  version: "(.*)"$'
    for place, pattern in places.items():
        for found in re.findall(pattern, (root / place).read_text(encoding="utf-8"), re.MULTILINE):
            yield place, found


def notes(version: str, root: Path) -> str:
    """Of a release, as Changes tells them; empty if it does not."""
    text = (root / "docs" / "changelog.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True)).get(version, "").strip()


def _against_now(version: str) -> Iterator[str]:
    if changed := _git("status", "--porcelain"):
        yield f"{len(changed.splitlines())} files are not committed."
    if _git("tag", "--list", f"v{version}"):
        yield f"there is a tag v{version} already."


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
