"""What was accepted: the clients' side of the truth, kept outside of everything that is killed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Ledger:
    """By user id: how many writes were accepted, and each task as the last accepted answer showed it.

    One client at a time writes for a user, so the last answer is the state that must be found.
    """

    accepted: dict[str, int] = field(default_factory=dict)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def note(self, user_id: str, task: dict[str, Any]) -> None:
        self.accepted[user_id] = self.accepted.get(user_id, 0) + 1
        self.tasks.setdefault(user_id, {})[task["id"]] = task

    @property
    def total(self) -> int:
        return sum(self.accepted.values())

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Ledger:
        return cls(**json.loads(path.read_text()))
