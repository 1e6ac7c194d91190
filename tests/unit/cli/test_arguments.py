"""The command line."""

import argparse
import importlib
from datetime import UTC, datetime, timedelta

import pytest
from kubectl_taskora.__main__ import COMMANDS
from kubectl_taskora.arguments import parse, parser, seconds
from kubectl_taskora.commands.changes import roles
from kubectl_taskora.errors import CommandError, Exit
from kubectl_taskora.text import age, duration, painted, plain, size

from tests.unit.cli.screens import same_as_reviewed


def commands() -> list[str]:
    return next(list(a.choices) for a in parser()._actions if isinstance(a, argparse._SubParsersAction))


def test_every_command_is_there_and_leads_somewhere() -> None:
    assert sorted(commands()) == sorted([*COMMANDS, "completion"])
    for where in COMMANDS.values():
        module, _, name = where.partition(":")
        assert callable(getattr(importlib.import_module(f"kubectl_taskora.commands.{module}"), name))


def test_help_is_one_screen() -> None:
    same_as_reviewed("help", parser().format_help().rstrip())


@pytest.mark.parametrize("words", [["-n", "a", "-o", "json", "status"], ["status", "-n", "a", "-o", "json"]])
def test_common_options_stand_before_or_after_the_command(words: list[str]) -> None:
    asked = parse(words)
    assert (asked.namespace, asked.output, asked.context) == ("a", "json", None)


@pytest.mark.parametrize("words", [[], ["fly"], ["scale"], ["status", "--timeout", "soon"], ["status", "-o", "xml"]])
def test_a_command_line_without_sense_ends_with_its_own_status(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(words)
    assert ended.value.code == Exit.USAGE
    assert "kubectl taskora" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "amount"), [("90s", 90), ("5m", 300), ("1h", 3600), ("2d", 172800), ("7", 7), ("1.5m", 90)]
)
def test_times_are_written_as_everywhere(text: str, amount: float) -> None:
    assert seconds(text) == amount


@pytest.mark.parametrize("text", ["", "m", "-1s", "1w", "inf", "nan"])
def test_no_time_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        seconds(text)


def test_pods_are_counted_by_role() -> None:
    assert roles(["frontend=2", "backend=0"]) == {"frontend": 2, "backend": 0}
    for bad in ("front=2", "backend", "backend=", "backend=many", "backend=-1", "backend=101"):
        with pytest.raises(CommandError) as refused:
            roles([bad])
        assert refused.value.code is Exit.USAGE


def test_ages_and_sizes_are_said_as_people_do() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    spans = [(0, "0 s"), (119, "119 s"), (120, "2 min"), (3600, "1 h"), (86400, "1 d"), (-5, "0 s"), (90000, "1 d")]
    assert [duration(timedelta(seconds=s)) for s, _ in spans] == [told for _, told in spans]
    assert age("2026-01-01T21:00:00Z", now=now) == "3 h"
    assert age(None, now=now) == ""
    assert [size(n) for n in (0, 1023, 1024, 1536, 150 * 2**20, 3 * 2**40)] == [
        "0 B", "1023 B", "1.0 KiB", "1.5 KiB", "150 MiB", "3.0 TiB",
    ]  # fmt: skip


def test_colour_follows_the_glyph_and_changes_no_word() -> None:
    line = "│   ✗ backend      1/3"
    assert "\033[31m✗\033[0m" in painted(line)
    assert painted("no glyph: a - b") == "no glyph: a - b"
    assert plain(line) == "|   x backend      1/3"
