"""How a command ends: its exit status, and the error that is one sentence for a person."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """docs/kubectl-taskora.md tells the same."""

    OK = 0
    ERROR = 1  # it could not be done, or `doctor` found a problem
    CHANGES = 2  # `plan` alone: an apply would change something
    TIMEOUT = 3  # what was waited for did not come about in time
    USAGE = 64  # the command line makes no sense


class CommandError(Exception):
    """What went wrong and what to do, in a sentence."""

    def __init__(self, message: str, *, code: Exit = Exit.ERROR) -> None:
        super().__init__(message)
        self.code = code
