"""`taskora serve ROLE` runs one role, `taskora migrate` renews the schema, `taskora backup` keeps dumps."""

import argparse
import asyncio
import gc
import importlib
import os
import sys

import uvloop
from pydantic import ValidationError

from taskora import telemetry
from taskora.roles.serve import serve
from taskora.settings import Role, Settings


def main() -> None:
    parser = argparse.ArgumentParser(prog="taskora", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="run one role until SIGTERM").add_argument(
        "role", choices=[role.value for role in Role]
    )
    commands.add_parser("migrate", help="bring the schema, its grants and the first administrator up to date")
    commands.add_parser("backup", help="store a dump, fetch one, or list them").add_argument(
        "words", nargs="+", metavar="store|fetch NAME|list"
    )
    asked = parser.parse_args()
    try:
        settings = Settings()
    except ValidationError as error:
        fields = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        sys.exit(f"The environment is not right (docs/environment.md): {fields}")
    name = asked.role if asked.command == "serve" else asked.command
    telemetry.configure(role=name, version=settings.version, instance=settings.instance, level=settings.log_level.value)
    match asked.command:
        case "serve":
            sys.exit(_serve(Role(asked.role), settings))
        case "backup":
            sys.exit(importlib.import_module("taskora.roles.backup").backup(asked.words, settings))
        case _:
            sys.exit(importlib.import_module("taskora.roles.migrate").migrate(settings))


def _serve(role: Role, settings: Settings) -> int:
    """Only the role asked for is imported: a notifier need not carry the pages."""
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        tracing = importlib.import_module("taskora.tracing").Tracing(
            role=role.value,
            version=settings.version,
            instance=settings.instance,
            namespace=settings.namespace,
            pod=settings.pod_name,
        )
        telemetry.collect(tracing)
    # A request makes hundreds of objects and no cycles: to look for those every 700 costs a list a twentieth.
    gc.set_threshold(20_000)
    served = importlib.import_module(f"taskora.roles.{role.value}").build(settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve(served, settings))


if __name__ == "__main__":
    main()
