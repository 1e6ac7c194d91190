"""What the documents say is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kubectl_taskora.arguments import parse
from taskora_operator.desired import alerts

from tests.cluster import commands as cluster
from tests.docs import PAGES, PROGRAMS, ROOT, Command, commands, lines

ALERTS = (*alerts.INSTANCE, *alerts.OPERATOR)
RUNBOOKS = ROOT / "docs" / "runbooks"
COMMANDS = [*dict.fromkeys(commands())]
CLUSTER = re.compile(r"python3 tests/cluster (\w+)")


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    there = {page.stem for page in RUNBOOKS.glob("*.md")} - {"index"}
    assert there == {alert.runbook for alert in ALERTS}


def test_the_index_names_every_alert_beside_its_page() -> None:
    rows = [line for line in (RUNBOOKS / "index.md").read_text(encoding="utf-8").splitlines() if "](" in line]
    told = {
        name: page
        for row in rows
        for page in re.findall(r"\((\S+)\.md\)", row)
        for name in re.findall(r"`(Taskora\w+)`", row)
    }
    assert told == {alert.name: alert.runbook for alert in ALERTS}


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*-*.md")), ids=lambda page: page.stem)
def test_a_runbook_says_what_users_notice_what_to_type_first_and_how_it_ends(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert "\n**Users** " in text
    assert "\n## Over when\n" in text
    first = text.split("## First\n")[1].split("\n\n")[0].splitlines()
    assert len(first) == 3
    assert all(line.startswith("    kubectl ") for line in first)


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.plugin], ids=str)
def test_kubectl_taskora_takes_what_the_documents_type(command: Command) -> None:
    parse(command.words[2:])


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.program == "make"], ids=str)
def test_make_has_the_targets_that_the_documents_name(command: Command) -> None:
    rules = re.findall(r"^([a-z -]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    targets = {target for rule in rules for target in rule.split()}
    named = {word for word in command.words[1:] if not word.startswith("-") and "=" not in word}
    assert named <= targets


@pytest.mark.parametrize("line", [pytest.param(line, id=f"{page.relative_to(ROOT)}: {line}") for page, line in lines()])
def test_a_line_of_a_block_is_a_command_that_is_tested(line: str) -> None:
    assert line.startswith(tuple(f"{program} " for program in PROGRAMS)) or CLUSTER.search(line)


def test_what_is_asked_of_the_local_cluster_is_what_it_does() -> None:
    asked = {word for page in PAGES for word in CLUSTER.findall(page.read_text(encoding="utf-8"))}
    assert asked
    assert [word for word in asked if not hasattr(cluster, word)] == []


def test_the_decisions_are_listed_by_their_titles() -> None:
    """After a new one: `TASKORA_GOLDEN=write pytest tests/unit/test_docs.py`."""
    index = ROOT / "docs" / "decisions" / "index.md"
    titles = {
        page.name: page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        for page in sorted(index.parent.glob("0*.md"))
    }
    above = index.read_text(encoding="utf-8").partition("- [")[0]
    told = above + "".join(f"- [{title}]({name})\n" for name, title in titles.items())
    if os.environ.get("TASKORA_GOLDEN") == "write":
        index.write_text(told, encoding="utf-8")
    assert told == index.read_text(encoding="utf-8")


def test_the_site_builds_and_every_link_and_anchor_leads_somewhere(tmp_path: Path) -> None:
    words = ["build", "--strict", "--config-file", str(ROOT / "mkdocs.yml"), "--site-dir", str(tmp_path / "site")]
    done = subprocess.run([sys.executable, "-m", "properdocs", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
