"""Somebody else's program reads the events as docs/reading-events.md tells: Dapr's SDK, a sidecar of its own."""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from taskora import clock
from taskora.dapr import Dapr, Outgoing
from taskora.domain.events import Topic

from tests.cluster.envtest import ApiServer
from tests.cluster.process import Process
from tests.cluster.services import Daprd, Kafka
from tests.docs import ROOT

from .conftest import an_event, until
from .sidecars import make_topics

PAGE = (ROOT / "docs" / "reading-events.md").read_text(encoding="utf-8")
POLICY, COMPONENT, PROGRAM = re.findall(r"^```(?:yaml|python)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
async def kafka() -> Any:
    with Kafka() as broker:
        await make_topics(broker)
        yield broker


@pytest.fixture
def sidecar(kafka: Kafka, tmp_path: Path) -> Iterator[Daprd]:
    folder = tmp_path / "components"
    folder.mkdir()
    (folder / "events.yaml").write_text(COMPONENT.replace("taskora-broker.tasks.svc:9092", kafka.bootstrap))
    with Daprd(app_id="reports", components=folder) as daprd:
        yield daprd


async def test_the_program_on_the_page_tells_what_was_completed(sidecar: Daprd, tmp_path: Path) -> None:
    user, log = str(clock.new_id()), tmp_path / "program.log"
    made, done, last = (
        an_event(Topic.TASK, verb, user, task={"title": title})
        for verb, title in (("created", "Post the letter"), ("completed", "Post the letter"), ("completed", "Rest"))
    )
    writer = Dapr(sidecar.url)
    for event in (made, done, done, last):
        await writer.publish_many(Topic.TASK.value, [Outgoing(json.dumps(event), user, "")], component="taskora-events")
    await writer.close()
    addresses = {"DAPR_HTTP_ENDPOINT": sidecar.url, "DAPR_GRPC_ENDPOINT": f"127.0.0.1:{sidecar.grpc_port}"}
    program = Process(sys.executable, "-c", PROGRAM, log=log, env={**os.environ, **addresses})
    program.start(lambda: True)
    try:
        await until(lambda: log.read_text().endswith("Rest\n"))
    finally:
        program.stop(kill=True)
    assert log.read_text() == f"{user} Post the letter\n{user} Rest\n"


def test_the_policy_is_taken_by_the_api_server(envtest: ApiServer) -> None:
    body = yaml.safe_load(POLICY)
    body["metadata"]["namespace"] = "default"
    envtest.kubectl("apply", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(body))
