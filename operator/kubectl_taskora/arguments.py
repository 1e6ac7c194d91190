"""The command line, as data that parsing, help and completion share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from kubectl_taskora.errors import Exit

PROGRAM = "kubectl taskora"
ROLES = ("frontend", "backend", "scheduler", "audit", "notifier", "insights")
TOPICS = ("task-events", "reminder-events", "user-events", "chat-events", "system-events", "dead-letters")
SUGGESTED = {"roles": [f"{role}=" for role in ROLES], "topics": TOPICS}
EPILOG = """\
exit status: 0 done
             1 could not be done, or doctor found a problem
             2 plan: an apply would change something
             3 what was waited for is not there in time
             64 the command line makes no sense"""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, f"{self.prog}: {message}\n")


def parser() -> Parser:
    top = Parser(
        prog=PROGRAM,
        description="Look after a Taskora: one instance in each namespace, which -n names.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_common(top=True)],
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, help_: str, *, waits: bool = False) -> Parser:
        made = commands.add_parser(name, help=help_, description=f"{help_[0].upper()}{help_[1:]}.", parents=[_common()])
        if waits:
            made.add_argument("--wait", action="store_true", help="return when it is there, telling how far it is")
            made.add_argument(
                "--timeout", type=seconds, default=300.0, metavar="TIME", help="how long: 90s, 5m, 1h (5m)"
            )
        return made

    command("status", "the instance as a tree with its health", waits=True)
    plan = command("plan", "what applying a file would change, and what people would notice")
    plan.add_argument(
        "-f", "--file", metavar="FILE", help="a TaskoraDeployment (- for standard input); left out: what is yet to do"
    )
    plan.add_argument("--brief", action="store_true", help="objects only, without their fields")
    doctor = command("doctor", "what is missing or wrong, each with the command that mends it")
    doctor.add_argument("-f", "--file", metavar="FILE", help="look for what this TaskoraDeployment would need")
    scale = command("scale", "how many pods a role has", waits=True)
    scale.add_argument("roles", nargs="+", metavar="ROLE=N", help="for example backend=3 frontend=2")
    command("pause", "stop acting on changes; what runs goes on", waits=True)
    command("resume", "act on changes again", waits=True)
    command("suspend", "scale everything to zero, keeping data", waits=True)
    command("wake", "end a suspension", waits=True)
    upgrade = command("upgrade", "to a newer release, migrating the database first", waits=True)
    upgrade.add_argument("version", metavar="VERSION", help="for example 1.2.0")
    upgrade.add_argument("--tag", metavar="TAG", help="of the image, where it is not the version")
    upgrade.add_argument("--digest", metavar="SHA256", help="of the image")
    rollback = command("rollback", "to the release that served before, where the database allows it", waits=True)
    rollback.add_argument("--to", metavar="VERSION", help="another that has served")
    command("rotate", "replace the credentials that were made, without a failed request", waits=True)
    backup = command("backup", "dump the database now, or list the dumps there are", waits=True)
    backup.add_argument("--list", action="store_true", help="what lies in the storage")
    restore = command("restore", "a new instance that begins with a backup", waits=True)
    restore.add_argument("name", metavar="BACKUP", help="as `backup --list` tells it")
    restore.add_argument("-f", "--file", metavar="FILE", required=True, help="the new TaskoraDeployment")
    restore.add_argument("--claim", metavar="NAME", help="a volume of backups that another instance left here")
    events = command("events", "what passes over the topics")
    events.add_argument("topics", nargs="*", metavar="TOPIC", help="(task-events)")
    events.add_argument("--beginning", action="store_true", help="from the oldest that is kept")
    events.add_argument("--for", dest="seconds", type=seconds, metavar="TIME", help="end after 30s, 5m (until Ctrl-C)")
    logs = command("logs", "what all roles said, in the order they said it; times are UTC")
    logs.add_argument("--request-id", metavar="ID", help="of one request, or one trace")
    logs.add_argument("--since", type=seconds, default=3600.0, metavar="TIME", help="10m, 24h (1h)")
    logs.add_argument("--role", action="append", default=[], choices=ROLES, help="of these roles alone")
    command("open", "the address, in a browser where there is one").add_argument(
        "--print", action="store_true", help="only print it"
    )
    command("completion", "the script that completes kubectl-taskora in a shell").add_argument(
        "shell", choices=["bash", "zsh", "fish"]
    )
    return top


def _common(*, top: bool = False) -> Parser:
    """Options that may stand before and after the command."""

    def usual(value: object) -> object:
        return value if top else argparse.SUPPRESS

    common = Parser(add_help=False)
    group = common.add_argument_group("everywhere")
    group.add_argument("-n", "--namespace", metavar="NAME", default=usual(None), help="where the instance is")
    group.add_argument("--context", metavar="NAME", default=usual(None), help="of the kubeconfig")
    group.add_argument(
        "--kubeconfig", metavar="FILE", default=usual(None), help="instead of KUBECONFIG and ~/.kube/config"
    )
    group.add_argument("-o", "--output", choices=["text", "json"], default=usual("text"), help="for people or programs")
    return common


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> float:
    """`90s`, `5m`, `1h`, or a number of seconds."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "s")
    try:
        amount = float(number) * _UNITS[unit]
    except ValueError:
        amount = -1.0
    if not 0 <= amount < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 90s, 5m or 1h")
    return amount


def parse(words: Sequence[str]) -> argparse.Namespace:
    return parser().parse_args(words)
