"""Saved views: a name for filters and an order."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

VIEWS_MOST = 100


@dataclass(frozen=True, slots=True)
class View:
    """`query`: as `GET tasks` takes it."""

    id: UUID
    name: str
    query: dict[str, Any]
