"""Tags: words with a colour. Two spellings of one word (by case) are one tag."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2s
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from taskora.domain.text import TagName

TAGS_MOST = 500


class Color(StrEnum):
    """The palette: names, so that light and dark pages each give them their own shade."""

    SLATE = "slate"
    ROSE = "rose"
    CLAY = "clay"
    AMBER = "amber"
    MOSS = "moss"
    TEAL = "teal"
    SKY = "sky"
    IRIS = "iris"
    PLUM = "plum"


@dataclass(frozen=True, slots=True)
class Tag:
    """`pinned`: a list of its own beside the inbox."""

    id: UUID
    name: str
    color: str
    pinned: bool


class TagDraft(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: TagName
    color: Color | None = None
    pinned: bool = False


class TagPatch(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: TagName = ""
    color: Color = Color.SLATE
    pinned: bool = False


def color_of(name: str) -> Color:
    """The colour of a tag nobody gave one: the same word has the same colour for everybody."""
    colors = [color for color in Color if color is not Color.SLATE]
    return colors[blake2s(name.casefold().encode(), digest_size=2).digest()[0] % len(colors)]


def renamed(tags: Sequence[str], old: str, new: str | None) -> tuple[str, ...]:
    """A task's tags after `old` became `new`, or went (None)."""
    kept: dict[str, str] = {}
    for tag in tags:
        name = tag if tag != old else new
        if name is not None:
            kept.setdefault(name.casefold(), name)
    return tuple(kept.values())
