"""docs/traceability.md leaves no row of the specification out, and names only tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

from taskora_operator.desired import alerts

ROOT = Path(__file__).parents[2]
TEXT, _, ALERTS = (ROOT / "docs" / "traceability.md").read_text().partition("## Alerts\n")
SCENARIOS = {1: 3, 2: 3, 3: 3, 4: 3, 5: 3, 6: 3, 7: 3}
ROWS = {
    *(f"FR-{n:03}" for n in range(1, 32)),
    *(f"SC-{n:03}" for n in range(1, 11)),
    *(f"US{story}.{n}" for story, count in SCENARIOS.items() for n in range(1, count + 1)),
    *(f"E{n}" for n in range(1, 6)),
    *(f"T{n}" for n in range(1, 8)),
}


def rows() -> dict[str, list[str]]:
    cells = [[c.strip() for c in line.strip("|").split(" | ")] for line in TEXT.splitlines() if line.startswith("| ")]
    return {c[0]: c for c in cells if c[0] != "row"}


def test_every_row_of_the_specification_is_there() -> None:
    assert set(rows()) == ROWS


def test_every_row_has_a_known_state() -> None:
    assert [c for c in rows().values() if not re.match(r"(shown|part|later)\b", c[-1].strip(" |"))] == []


def test_every_named_test_exists() -> None:
    missing: list[str] = []
    for path, _, name in re.findall(r"`(tests/[\w/.]+)(::(\w+))?`", TEXT):
        file = ROOT / path
        if not file.exists() or (name and f"def {name}(" not in file.read_text()):
            missing.append(f"{path}::{name}")
    assert missing == []


def test_every_alert_has_its_cause_and_the_test_that_causes_it() -> None:
    rows = [line for line in ALERTS.splitlines() if line.startswith("| `")]
    told = [name for row in rows for name in re.findall(r"`(Taskora\w+)`", row)]
    assert sorted(told) == sorted(alert.name for alert in (*alerts.INSTANCE, *alerts.OPERATOR))
    files = re.findall(r"`(tests/[\w/]+/test_(?:watching|failing_pods|story_watch)\.py)`", ALERTS)
    there = "".join((ROOT / file).read_text() for file in files)
    assert all(f"def {name}(" in there for row in rows for name in re.findall(r"`(test_\w+)`", row))


def test_what_is_shown_names_its_test() -> None:
    assert [row for row, cells in rows().items() if cells[-1].startswith("shown") and "tests/" not in cells[3]] == []
