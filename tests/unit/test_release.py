"""What `make release` holds before anything is tagged."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
VERSION = "1.0.0"


@pytest.fixture(scope="module")
def release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", ROOT / ".ci" / "release.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A copy of what a release is judged by."""
    for name in ("pyproject.toml", "docs/changelog.md", "manifests"):
        place = tmp_path / name
        place.parent.mkdir(exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, place)
    return tmp_path


def test_what_is_in_the_checkout_is_one_version(release: ModuleType, files: Path) -> None:
    assert [*release.against(VERSION, files)] == []
    assert release.notes(VERSION, files)


@pytest.mark.parametrize(
    "file",
    ["pyproject.toml", "manifests/operator/Chart.yaml", "manifests/instance/Chart.yaml", "manifests/samples/gke.yaml"],
)
def test_a_file_that_was_forgotten_is_named(release: ModuleType, files: Path, file: str) -> None:
    text = (files / file).read_text()
    (files / file).write_text(text.replace(VERSION, "0.9.0"))
    assert {reason.split(" says ")[0] for reason in release.against(VERSION, files)} == {file}


def test_a_release_without_notes_is_none(release: ModuleType, files: Path) -> None:
    (files / "docs/changelog.md").write_text("# Changes\n\n## 1.0.0-rc1\nMuch.\n")
    assert [*release.against(VERSION, files)] == ["docs/changelog.md tells nothing under the heading `## 1.0.0`."]


@pytest.mark.parametrize("version", ["", "v1.0.0", "1.0", "1.0.0-rc1"])
def test_what_is_no_version_is_refused_before_anything_else(release: ModuleType, version: str) -> None:
    assert release.main(version) == 1
