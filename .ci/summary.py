"""Results of tests as Markdown, for a workflow's summary: `python3 .ci/summary.py FOLDER` reads JUnit and coverage."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as ET


def main(folder: Path) -> None:
    print("| part | passed | failed | skipped | seconds | lines covered |\n|---|---|---|---|---|---|")
    failures: list[str] = []
    for file in sorted(folder.glob("*.junit.xml")):
        part = file.name.removesuffix(".junit.xml")
        root = ET.parse(file).getroot()  # noqa: S314 - our own test runner's file
        suites = list(root.iter("testsuite"))
        total, failed, skipped = (
            sum(int(suite.get(name, 0)) + int(suite.get(also, 0) if also else 0) for suite in suites)
            for name, also in (("tests", ""), ("failures", "errors"), ("skipped", ""))
        )
        seconds = sum(float(suite.get("time", 0)) for suite in suites)
        coverage = folder / f"{part}.coverage.xml"
        covered = f"{_covered(coverage):.0%}" if coverage.exists() else ""
        print(f"| {part} | {total - failed - skipped} | {failed} | {skipped} | {seconds:.0f} | {covered} |")
        failures += [
            f"- `{case.get('classname')}::{case.get('name')}`: {(bad.get('message') or '').splitlines()[:1]}"
            for case in root.iter("testcase")
            for bad in (*case.findall("failure"), *case.findall("error"))
        ]
    print("\n" + "\n".join(failures or ["Nothing failed."]))


def _covered(file: Path) -> float:
    return float(ET.parse(file).getroot().get("line-rate", 0))  # noqa: S314 - our own test runner's file


if __name__ == "__main__":
    main(Path(sys.argv[1]))
