"""What a command is given: the cluster, the width of the screen, and a way to say how far it is."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TextIO

from kubectl_taskora.connection import Connection
from kubectl_taskora.text import painted, plain, wrapped

MIN_WIDTH, MAX_WIDTH = 60, 100


@dataclass(slots=True)
class Session:
    connection: Connection
    width: int = 80
    line_width: int = 10_000  # of lines that are not wrapped: a terminal cuts them, a file holds them whole
    json: bool = False
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)

    def show(self, text: str) -> None:
        """A finished piece of output."""
        print(dressed(text, self.out), file=self.out, flush=True)

    def say(self, text: str) -> None:
        """How far it is, beside the output."""
        print(dressed("\n".join(wrapped(text, width=self.width, rest="  ")), self.err), file=self.err, flush=True)


def dressed(text: str, stream: TextIO) -> str:
    """Coloured on a terminal; without its glyphs where the terminal has none."""
    if not (stream.encoding or "utf-8").lower().replace("-", "").startswith("utf"):
        text = plain(text)
    return painted(text) if stream.isatty() else text
