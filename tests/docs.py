"""What the documents tell people to type: commands in blocks, and `kubectl taskora …` in the text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
PROGRAMS = ("kubectl", "helm", "make")
BLOCK = re.compile(r"^(?: {4}| {8})(?:\$ )?(\S.*)$")
SAMPLE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(kubectl taskora [^`]+)`")


@dataclass(frozen=True)
class Command:
    page: Path
    words: tuple[str, ...]

    @property
    def program(self) -> str:
        return self.words[0]

    @property
    def plugin(self) -> bool:
        return self.words[:2] == ("kubectl", "taskora")

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {shlex.join(self.words)}"


def commands() -> Iterator[Command]:
    for page in PAGES:
        text = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))
        found = [match[1] for line in text.splitlines() if (match := BLOCK.match(line))]
        for line in (*found, *INLINE.findall(text)):
            if line.startswith(tuple(f"{program} " for program in PROGRAMS)):
                for part in _parts(line):
                    if part and part[0] in PROGRAMS:
                        yield Command(page, tuple(part))


def samples() -> Iterator[tuple[str, str]]:
    """Every TaskoraDeployment in a block of YAML, with the page it stands on."""
    for page in PAGES:
        for number, text in enumerate(SAMPLE.findall(page.read_text(encoding="utf-8"))):
            if "kind: TaskoraDeployment" in text:
                yield f"{page.relative_to(ROOT)}#{number}", text


def _parts(line: str) -> Iterator[list[str]]:
    """A line's commands, without comments, and without where their output goes."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&<>")
    lexer.whitespace_split = True
    part: list[str] = []
    for word in lexer:
        if set(word) <= set("|;&"):
            yield part
            part = []
        elif set(word) <= set("<>"):
            break
        else:
            part.append(word)
    yield part
