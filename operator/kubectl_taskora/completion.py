"""What may come next on the command line, for kubectl's own completion and for scripts of three shells.

kubectl asks the program `kubectl_complete-taskora`; the scripts ask it, too, so there is one source.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kubectl_taskora.arguments import SUGGESTED, parser

NO_FILES, FILES = 4, 0  # cobra's directives, which kubectl understands
PROGRAM = "kubectl_complete-taskora"

SCRIPTS = {
    "bash": f"""\
_kubectl_taskora() {{
  local found
  found=$({PROGRAM} "${{COMP_WORDS[@]:1:COMP_CWORD}}" | grep -v '^:')
  COMPREPLY=($(compgen -W "$found" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _kubectl_taskora kubectl-taskora
""",
    "zsh": f"""\
#compdef kubectl-taskora
_kubectl_taskora() {{
  local -a found
  found=(${{(f)"$({PROGRAM} "${{(@)words[2,CURRENT]}}" | grep -v '^:')"}})
  (( $#found )) && compadd -a found || _files
}}
compdef _kubectl_taskora kubectl-taskora
""",
    "fish": f"""\
complete -c kubectl-taskora -f -a '({PROGRAM} (commandline -opc)[2..] (commandline -ct) | grep -v "^:")'
""",
}


def candidates(words: Sequence[str]) -> tuple[list[str], int]:
    """What the last word may become, and whether files may do as well."""
    *before, last = words or [""]
    top = parser()
    commands = subcommands(top)
    command = next((word for word in before if word in commands), None)
    actions = _actions(commands[command] if command else top)
    asked = next((a for a in actions if before and before[-1] in a.option_strings and a.nargs != 0), None)
    if asked is not None:
        return _beginning(suggested(asked), last), FILES if asked.metavar == "FILE" else NO_FILES
    if last.startswith("-"):
        return _beginning((option for action in actions for option in action.option_strings), last), NO_FILES
    if command is None:
        return _beginning(commands, last), NO_FILES
    values = (value for action in actions if not action.option_strings for value in suggested(action))
    return _beginning(values, last), NO_FILES


def suggested(action: argparse.Action) -> Sequence[str]:
    return [str(choice) for choice in action.choices or SUGGESTED.get(action.dest, ())]


def subcommands(top: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    choices: Any = next(action.choices for action in _actions(top) if action.dest == "command")
    return choices


def _actions(of: argparse.ArgumentParser) -> Sequence[argparse.Action]:
    return of._actions  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001 - argparse tells no other way


def _beginning(values: Iterable[str], with_: str) -> list[str]:
    return sorted(value for value in values if value.startswith(with_))


def main() -> None:
    found, directive = candidates(sys.argv[1:])
    print("\n".join([*found, f":{directive}"]))  # noqa: T201 - that is what it is for
