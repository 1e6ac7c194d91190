"""What a command gives back: the same thing as text for people and as data for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kubectl_taskora.errors import Exit


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    data: Any  # plain data, for `-o json`
    code: Exit = Exit.OK
