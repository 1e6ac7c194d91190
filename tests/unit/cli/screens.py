"""Texts as people see them at 80 columns, kept for review.

After a wanted change: `TASKORA_GOLDEN=write pytest tests/unit/cli`.
"""

import os
from pathlib import Path

SCREENS = Path(__file__).parent / "screens"
WIDTH = 80


def same_as_reviewed(name: str, text: str) -> None:
    file = SCREENS / f"{name}.txt"
    if os.environ.get("TASKORA_GOLDEN") == "write":
        file.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == file.read_text(encoding="utf-8")
    for line in text.splitlines():
        assert len(line) <= WIDTH or line.startswith("      "), f"wider than a terminal: {line!r}"  # a command is whole
        assert line == line.rstrip(), f"blanks at the end of {line!r}"
