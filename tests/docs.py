"""What the documents tell people to type: commands in blocks, and `kubectl …`, `helm …`, `make …` in the text."""

from __future__ import annotations

import html
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown import markdown

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
PROGRAMS = ("kubectl", "helm", "make")
BLOCK = re.compile(r"<pre><code>(.*?)</code></pre>", re.DOTALL)  # those of a language have a class
SAMPLE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(rf"<code>((?:{'|'.join(PROGRAMS)}) [^<]+)</code>")


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
        text = _rendered(page)
        for line in (*_lines(text), *map(html.unescape, INLINE.findall(BLOCK.sub("", text)))):
            for part in _parts(line):
                if part and part[0] in PROGRAMS and part[1:] not in ([], ["taskora"]):
                    yield Command(page, tuple(part))


def lines() -> Iterator[tuple[Path, str]]:
    """Every line of a block that is of no language, and the page it stands on."""
    for page in PAGES:
        yield from ((page, line) for line in _lines(_rendered(page)))


def samples() -> Iterator[tuple[str, str]]:
    """Every TaskoraDeployment in a block of YAML, with the page it stands on."""
    for page in PAGES:
        for number, text in enumerate(SAMPLE.findall(page.read_text(encoding="utf-8"))):
            if "kind: TaskoraDeployment" in text:
                yield f"{page.relative_to(ROOT)}#{number}", text


def _rendered(page: Path) -> str:
    return markdown(page.read_text(encoding="utf-8"), extensions=["fenced_code", "tables"])


def _lines(text: str) -> Iterator[str]:
    for block in BLOCK.findall(text):
        yield from html.unescape(block).replace("\\\n", " ").strip().splitlines()


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
