"""The OpenAPI document is kept, whatever is sent: no failure of ours, no answer it does not name, no other shape."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from taskora.api.app import build
from taskora.api.calls import Backend
from taskora.asgi import Health
from taskora.services.passwords import Passwords
from taskora.settings import Registration
from taskora.store.database import Database

from tests.cluster.process import answers
from tests.cluster.services import Postgres

from .conftest import PASSWORD, Urls
from .test_processes import backend

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
# Of each way to ask: enough to reach every branch over a run, few enough for a minute and a half.
SIGNED_IN, NOBODY = 15, 4

DOCUMENT = build(
    Health(), Backend(Database(role="backend"), Passwords(), Registration.OPEN, lambda: None), version="test"
).openapi()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = {result.ok().label: result.ok() for result in SCHEMA.get_all_operations()}


def can_be_asked_otherwise(label: str) -> bool:
    """Whether there is anything in the request that could be wrong."""
    operation = OPERATIONS[label]
    return bool(operation.body) or any(one.location.value in ("path", "query") for one in operation.iter_parameters())


ASKED = [
    (label, signed_in, mode)
    for label in OPERATIONS
    for signed_in in (True, False)
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or can_be_asked_otherwise(label)
]


class Served:
    """A backend with somebody in it who has one of everything."""

    def __init__(self, url: str, urls: Urls) -> None:
        self.url = url
        with httpx.Client(base_url=f"{url}/api/v1", timeout=30) as api:
            account = {"email": "ada@example.org", "password": PASSWORD, "display_name": "Ada"}
            token = api.post("/auth/register", json=account).json()["session"]["token"]
            urls.sql("UPDATE users SET is_admin = true")
            self.headers = {"Taskora-Session": token}
            api.headers.update(self.headers)
            series = {"title": "Rent", "due_date": "2026-01-31", "recurrence": {"frequency": "monthly"}}
            task = api.post("/tasks", json={**series, "tags": ["home"], "reminders": [{"minutes_before": 60}]}).json()
            self.ids: dict[str, str] = {
                "task_id": task["id"],
                "tag_id": api.get("/tags").json()["items"][0]["id"],
                "view_id": api.post("/views", json={"name": "v", "query": {"sort": "title"}}).json()["id"],
                "conversation_id": api.post("/chat", json={"message": "help"}).json()["conversation_id"],
                "secret": api.post("/me/calendar").json()["path"].split("/")[-1].removesuffix(".ics"),
            }
        urls.sql(
            "INSERT INTO notifications (id, user_id, task_id, reminder_id, generation, title, created_at)"
            " SELECT gen_random_uuid(), user_id, task_id, id, 1, 'x', now() FROM reminders;"
            "INSERT INTO dead_letters (id, consumer, topic, reason, body, created_at)"
            " VALUES (gen_random_uuid(), 'audit', 'task-events', 'x', '{', now())"
        )
        self.ids["notification_id"] = urls.sql("SELECT id FROM notifications")
        self.ids["letter_id"] = urls.sql("SELECT id FROM dead_letters")


@pytest.fixture(scope="module")
def served(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    postgres.sql("CREATE DATABASE contract TEMPLATE template_taskora OWNER taskora_owner")
    urls = Urls(postgres, "contract")
    folder: Path = tmp_path_factory.mktemp("contract")
    process, url = backend(urls, folder, TASKORA_RATE_LIMIT="0")
    process.start(lambda: answers(int(url.rsplit(":", 1)[1])), seconds=60)
    try:
        yield Served(url, urls)
    finally:
        process.stop(kill=True)


@pytest.mark.parametrize(("label", "signed_in", "mode"), ASKED)
def test_every_answer_is_one_the_document_names(
    served: Served, label: str, signed_in: bool, mode: GenerationMode
) -> None:
    operation = OPERATIONS[label]
    ours = {name: served.ids[name] for name in served.ids if f"{{{name}}}" in label}
    cases = operation.as_strategy(generation_mode=mode)
    if ours and mode is GenerationMode.POSITIVE:  # what is there, and what is not
        cases = st.one_of(operation.as_strategy(generation_mode=mode, path_parameters=ours), cases)
    headers = served.headers if signed_in and not label.endswith("/auth/logout") else {}

    @settings(
        max_examples=SIGNED_IN if signed_in else NOBODY,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def check(case: Case) -> None:
        for name in ("Taskora-Session", "Authorization"):
            (case.headers or {}).pop(name, None)
        response = case.call(base_url=served.url, headers=headers, timeout=20)
        case.validate_response(response, checks=CHECKS)

    check()


def test_every_route_says_what_it_answers_and_who_may_ask() -> None:
    for path, verbs in DOCUMENT["paths"].items():
        for verb, operation in verbs.items():
            statuses = set(operation["responses"])
            label = f"{verb} {path}"
            assert "503" in statuses, label
            open_to_all = path.startswith(("/api/v1/auth/", "/api/v1/calendar/")) and not path.endswith("logout")
            assert ("401" in statuses) == (not open_to_all or path.endswith(("login", "token"))), label
            assert not {parameter["name"] for parameter in operation.get("parameters", [])} & {"args", "kwargs"}, label
            if "requestBody" in operation:
                assert {"400", "413", "422"} <= statuses, label
            if "/admin/" in path:
                assert "403" in statuses, label
            if "{" in path:
                assert "404" in statuses, label
