"""Logs, events and completion: what becomes of lines."""

import json
import signal
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubectl_taskora.arguments import ROLES, TOPICS, parser
from kubectl_taskora.commands.backups import job_of, listing, progress, with_backup
from kubectl_taskora.completion import FILES, NO_FILES, SCRIPTS, candidates, subcommands
from kubectl_taskora.logs import data, merged, parsed
from kubectl_taskora.logs import told as logs_told
from kubectl_taskora.tailing import bound, reader, told
from taskora_operator.api.services import Engine
from taskora_operator.desired.topics import TOPICS as DESIRED_TOPICS
from taskora_operator.profiles import RoleName

from tests.unit.cli.screens import same_as_reviewed


def log(*lines: tuple[str, Any]) -> str:
    return "".join(f"{time} {line if isinstance(line, str) else json.dumps(line)}\n" for time, line in lines)


FAILED = {"message": "POST /api/v1/tasks", "request_id": "r1", "status": 503}
FRONTEND = log(
    ("2026-03-01T03:00:01.100000000Z", {"level": "info", **FAILED, "ms": 61.2}),
    ("2026-03-01T03:00:01.900000000Z", {"level": "info", "message": "GET /", "request_id": "r2", "status": 200}),
)
TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1\nTimeoutError'
BACKEND = log(
    ("2026-03-01T03:00:01.050000000Z", {"level": "error", **FAILED, "trace_id": "t1", "exception": TRACEBACK}),
    ("2026-03-01T03:00:00.000000000Z", "Killed"),
)


def both() -> Any:
    return [parsed(FRONTEND, pod="f-1", role="frontend"), parsed(BACKEND, pod="b-1", role="backend")]


def test_the_story_of_a_request_is_told_in_order() -> None:
    same_as_reviewed("logs-request", "\n".join(logs_told(merged(both(), request="r1"))))


def test_a_trace_names_its_lines_as_well_and_without_either_all_are_told() -> None:
    assert len(merged(both(), request="t1")) == 1
    assert [line.role for line in merged(both())] == ["backend", "backend", "frontend", "frontend"]
    assert "Killed" in next(logs_told(merged(both())))


def test_a_story_of_more_than_one_day_has_dates() -> None:
    night = log(("2026-02-28T23:59:59.000000000Z", "before"), ("2026-03-01T00:00:01.250000000Z", "after"))
    before, after = logs_told(merged([parsed(night, pod="b-1", role="backend")]))
    assert before.startswith("02-28 23:59:59.000 backend ")
    assert after.startswith("03-01 00:00:01.250 backend ")


def test_programs_get_lines_of_json_with_the_pod() -> None:
    (line,) = [json.loads(data(each)) for each in merged(both(), request="t1")]
    assert (line["pod"], line["status"], line["time"]) == ("b-1", 503, "2026-03-01T03:00:01.050000000Z")


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), max_size=20)))
def test_no_line_is_lost_whatever_it_says(lines: list[str]) -> None:
    text = "".join(f"2026-03-01T03:00:00Z {line}\n" for line in lines)
    assert len(merged([parsed(text, pod="p", role="audit")])) == len(lines)


def test_an_event_is_told_by_what_it_is() -> None:
    event = {
        "specversion": "1.0", "type": "dev.taskora.task.created.v1", "source": "/taskora/backend",
        "time": "2026-03-01T03:00:01Z", "data": {"seq": 7, "user_id": "u"},
    }  # fmt: skip
    assert told(json.dumps(event)) == "03:00:01 task.created           /taskora/backend seq=7 user_id=u"
    assert told("no JSON") == "no JSON"
    assert told('{"a": 1}') == '{"a": 1}'


@pytest.mark.parametrize("engine", [Engine.KAFKA, Engine.REDPANDA])
def test_each_engine_has_its_own_reader(engine: Engine) -> None:
    words = " ".join(reader(engine, ["a.task-events", "a.user-events"], bootstrap="b:9092", beginning=True))
    assert "task-events" in words
    assert "user-events" in words
    assert "b:9092" in words
    assert ("rpk" in words) == (engine is Engine.REDPANDA)


def test_a_reader_ends_with_the_stream_that_asked_for_it() -> None:
    with subprocess.Popen(bound(["sleep", "600"]), stdin=subprocess.PIPE) as reading:
        assert reading.stdin is not None
        reading.stdin.close()
        assert reading.wait(timeout=60) == -signal.SIGTERM


def test_a_reader_that_ends_by_itself_is_not_waited_for() -> None:
    with subprocess.Popen(bound(["echo", "a b"]), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reading:
        assert reading.stdout is not None
        assert (reading.stdout.read(), reading.wait(timeout=60)) == (b"a b\n", 0)


def test_what_can_be_written_is_what_there_is() -> None:
    assert set(ROLES) == {str(role) for role in RoleName}
    assert set(TOPICS) == set(DESIRED_TOPICS)


@pytest.mark.parametrize(
    ("words", "found", "directive"),
    [
        (["st"], ["status"], NO_FILES),
        (["-n", "tasks", "sus"], ["suspend"], NO_FILES),
        (["scale", "ba"], ["backend="], NO_FILES),
        (["logs", "--role", "s"], ["scheduler"], NO_FILES),
        (["status", "--wa"], ["--wait"], NO_FILES),
        (["plan", "-f", ""], [], FILES),
        (["status", "-o", ""], ["json", "text"], NO_FILES),
        (["events", "user"], ["user-events"], NO_FILES),
        (["fly", "x"], [], NO_FILES),
    ],
)
def test_completion_knows_the_command_line(words: list[str], found: list[str], directive: int) -> None:
    assert candidates(words) == (found, directive)


def test_completion_of_nothing_is_every_command() -> None:
    assert candidates([""]) == (sorted(subcommands(parser())), NO_FILES)


def test_bash_completes_by_the_script(tmp_path: Any) -> None:
    program = tmp_path / "kubectl_complete-taskora"
    program.write_text("#!/bin/sh\nprintf 'pause\\nplan\\n:4\\n'\n", encoding="utf-8")
    program.chmod(0o755)
    test = SCRIPTS["bash"] + 'COMP_WORDS=(kubectl-taskora pl); COMP_CWORD=1; _kubectl_taskora; echo "${COMPREPLY[@]}"'
    ended = subprocess.run(
        ["bash", "-c", test], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "plan"


# Backups


POD = {"initContainers": [{"name": "dump"}], "containers": [{"name": "store", "args": ["backup", "store"]}]}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"backoffLimit": 2, "template": {"spec": POD}}}
CRON = {
    "metadata": {"name": "taskora-backup", "namespace": "tasks", "uid": "u"},
    "spec": {"jobTemplate": TEMPLATE},
}


def test_a_backup_by_hand_is_the_scheduled_one() -> None:
    job = job_of(CRON, name="taskora-backup-by-hand-1")
    assert job["spec"] == TEMPLATE["spec"]
    assert job["metadata"]["ownerReferences"][0]["uid"] == "u", "it goes with the CronJob"
    assert job["metadata"]["labels"] == {"a": "b"}


def test_listing_dumps_nothing() -> None:
    job = job_of(CRON, name="taskora-list-1", words=["backup", "list"])
    pod = job["spec"]["template"]["spec"]
    assert "initContainers" not in pod
    assert pod["containers"][0]["args"] == ["backup", "list"]
    assert POD["initContainers"], "the CronJob is as it was"


def test_backups_are_found_among_other_lines() -> None:
    text = log(
        ("t", {"name": "a", "bytes": 1, "time": "x"}), ("t", {"message": "hello"}), ("t", "no JSON"), ("t", "[1]")
    )
    assert [each["name"] for each in listing(text)] == ["a"]


def test_a_restore_adds_what_it_begins_with_and_leaves_the_rest() -> None:
    spec = {"profile": "Local", "backup": {"schedule": "@daily"}}
    assert with_backup(spec, "b", claim=None) == {
        **spec,
        "backup": {"schedule": "@daily", "restoreFrom": {"name": "b"}},
    }
    assert with_backup({}, "b", claim="old")["backup"]["restoreFrom"] == {"name": "b", "claimName": "old"}
    elsewhere = {"backup": {"restoreFrom": {"name": "a", "s3": {"bucket": "c"}}}}
    assert with_backup(elsewhere, "b", claim=None)["backup"]["restoreFrom"] == {"name": "b", "s3": {"bucket": "c"}}


def test_progress_says_what_the_pod_is_at() -> None:
    def pod(kind: str, name: str, state: Any) -> Any:
        return {"status": {kind: [{"name": name, "state": state}]}}

    runs, stuck = {"running": {"startedAt": "x"}}, {"waiting": {"reason": "ErrImagePull"}}
    assert progress([]) == "its pod is made"
    assert progress([pod("initContainerStatuses", "dump", runs)]) == "the database is dumped"
    assert progress([pod("containerStatuses", "store", runs)]) == "the dump is stored and read back"
    assert progress([pod("containerStatuses", "store", stuck)]) == "store: ErrImagePull"
    full = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: 1 Insufficient cpu. More."}
    waiting = progress([{"status": {"conditions": [full]}}])
    assert waiting == "no node takes its pod: 0/1 nodes are available: 1 Insufficient cpu"
