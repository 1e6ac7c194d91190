"""Which tasks a list asks for, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal
from uuid import UUID

from taskora.domain.due import Span
from taskora.domain.search import Search
from taskora.domain.tasks import Priority, Status

SORT_KEYS_MOST = 4


class SortKey(StrEnum):
    PRIORITY = "priority"
    DUE_AT = "due_at"
    TITLE = "title"
    STATUS = "status"
    POSITION = "position"
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    COMPLETED_AT = "completed_at"
    DELETED_AT = "deleted_at"


@dataclass(frozen=True, slots=True)
class Order:
    """One term of an order. What has no due date, or is not done, comes last when ascending."""

    key: SortKey
    descending: bool

    def __str__(self) -> str:
        return f"-{self.key}" if self.descending else self.key.value


def parse_sort(text: str) -> tuple[Order, ...]:
    """`-priority,due_at,title`; empty: the newest first. Raises ValueError with a sentence."""
    terms = [term for term in text.split(",") if term]
    if len(terms) > SORT_KEYS_MOST:
        raise ValueError(f"A list is sorted by at most {SORT_KEYS_MOST} keys.")
    orders: list[Order] = []
    for term in terms:
        name = term.removeprefix("-")
        if name not in set(SortKey):
            raise ValueError(f"A list is sorted by {', '.join(SortKey)}; “-” before one turns it round.")
        orders.append(Order(SortKey(name), term.startswith("-")))
    if len({order.key for order in orders}) < len(orders):
        raise ValueError("Each key is named once.")
    return tuple(orders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """`tags`: any or all of them. `after`: the keys of the last one already seen, its id last.

    `trashed`: what is in the trash, instead of what is not.
    """

    status: Sequence[Status] = ()
    priority: Sequence[Priority] = ()
    tags: Sequence[str] = ()
    tag_mode: Literal["any", "all"] = "all"
    due: Span | None = None
    parent_id: UUID | None = None
    trashed: bool = False
    search: Search | None = None
    sort: Sequence[Order] = ()
    after: Sequence[str] = ()
    limit: int = 50
