"""`kubectl taskora`: reads the command line, runs one command, prints its answer, ends with its status."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import shutil
import sys
from collections.abc import Awaitable, Callable, Sequence

from taskora_operator.cluster.apiserver import ApiError, UnreachableError

from kubectl_taskora.answer import Answer
from kubectl_taskora.arguments import parse
from kubectl_taskora.completion import SCRIPTS
from kubectl_taskora.connection import Connection
from kubectl_taskora.errors import CommandError, Exit
from kubectl_taskora.session import MAX_WIDTH, MIN_WIDTH, Session
from kubectl_taskora.text import wrapped

# Where each is; what it needs is imported for it alone.
COMMANDS = {
    "status": "status:status",
    "plan": "plan:plan",
    "doctor": "doctor:doctor",
    "scale": "changes:scale",
    "pause": "changes:pause",
    "resume": "changes:resume",
    "suspend": "changes:suspend",
    "wake": "changes:wake",
    "upgrade": "releases:upgrade",
    "rollback": "releases:rollback",
    "rotate": "rotation:rotate",
    "backup": "backups:backup",
    "restore": "backups:restore",
    "events": "events:events",
    "logs": "logs:logs",
    "open": "page:open_page",
}


def main() -> None:
    try:
        sys.exit(run(sys.argv[1:]))
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(130)


def run(words: Sequence[str]) -> int:
    asked = parse(words)
    if asked.command == "completion":
        print(SCRIPTS[asked.shell], end="")
        return Exit.OK
    try:
        return int(asyncio.run(_run(asked)))
    except CommandError as error:
        print("\n".join(wrapped(str(error), width=80)), file=sys.stderr)
        return int(error.code)


async def _run(asked: argparse.Namespace) -> Exit:
    connection = Connection.open(kubeconfig=asked.kubeconfig, context=asked.context, namespace=asked.namespace)
    session = Session(connection, json=asked.output == "json")
    if sys.stdout.isatty():
        session.line_width = shutil.get_terminal_size((80, 24)).columns
        session.width = min(max(session.line_width, MIN_WIDTH), MAX_WIDTH)
    module, _, name = COMMANDS[asked.command].partition(":")
    command: Callable[[Session, argparse.Namespace], Awaitable[Answer]] = getattr(
        importlib.import_module(f"kubectl_taskora.commands.{module}"), name
    )
    try:
        answer = await command(session, asked)
    except ApiError as error:
        raise CommandError(_in_words(error)) from error
    except UnreachableError as error:
        raise CommandError(f"The API server does not answer: {error}") from error
    if session.json and answer.data is not None:
        print(json.dumps(answer.data, indent=2, ensure_ascii=False, default=str))
    elif answer.text:
        session.show(answer.text)
    return answer.code


def _in_words(error: ApiError) -> str:
    match error.code:
        case 401:
            return "The API server does not know you: log in again (`kubectl auth whoami` says as whom)."
        case 403:
            return f"You may not: {error.message}"
        case 409:
            return f"Somebody else changed it at the same moment: look again and repeat. ({error.message})"
        case _:
            return error.message


if __name__ == "__main__":
    main()
