"""The environment document and the application say the same: variables, routes, ports."""

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from taskora import deliveries
from taskora.asgi import BODY_LIMIT
from taskora.roles import audit, backend, insights, notifier, scheduler
from taskora.roles.backup import BackupSettings
from taskora.roles.serve import Served
from taskora.settings import Settings

DOCUMENT = (Path(__file__).parents[3] / "docs/environment.md").read_text()
BUILT = {"audit": audit, "backend": backend, "insights": insights, "notifier": notifier, "scheduler": scheduler}


def paths(served: Served) -> set[str]:
    assert isinstance(served.app, FastAPI)
    return {str(getattr(route, "path", "")) for route in served.app.routes}


def test_every_variable_in_the_document_is_read() -> None:
    named = set(re.findall(r"`((?:TASKORA|DAPR|APP|POD)_[A-Z_]+)`", DOCUMENT))
    read = {str(field.validation_alias or f"TASKORA_{name.upper()}") for name, field in Settings.model_fields.items()}
    read |= {f"TASKORA_BACKUP_{name.upper()}" for name in BackupSettings.model_fields}
    assert named - read == set()
    assert len(named) > 15


def test_settings_come_from_the_environment_and_never_show_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKORA_DATABASE_URL", "postgresql://app:hunter2@db/taskora")
    monkeypatch.setenv("APP_API_TOKEN", "hunter3")
    monkeypatch.setenv("TASKORA_EXTERNAL_URL", "https://tasks.example:8443/")
    settings = Settings()
    assert settings.app_api_token.get_secret_value() == "hunter3"
    assert settings.secure
    assert settings.external_origin == "https://tasks.example:8443"
    assert "hunter" not in repr(settings)


def subscriptions() -> list[tuple[str, str]]:
    """(role, route) of each row of the document's table of subscriptions that these roles serve."""
    found: list[tuple[str, str]] = []
    for row in re.findall(r"^\| `\{name\}-(.*)$", DOCUMENT, re.MULTILINE):
        role = row.split("-", 1)[0]
        topics = re.findall(r"((?:task|user|reminder|chat|system)-events|dead-letters)", row.split("|")[0])
        found += [(role, f"/events/{topic}") for topic in topics]
    return [(role, route) for role, route in found if role in BUILT]


@pytest.mark.parametrize(("role", "route"), subscriptions())
def test_every_subscribed_route_exists(role: str, route: str) -> None:
    assert route in paths(BUILT[role].build(Settings()))


def test_roles_take_as_much_as_a_sidecar_hands_over() -> None:
    assert f"up to {deliveries.MOST} records" in DOCUMENT
    for role in BUILT.keys() - {"backend", "scheduler"}:
        assert BUILT[role].build(Settings()).limit > deliveries.MOST * BODY_LIMIT * 4 / 3


def test_the_document_lists_all_subscriptions() -> None:
    assert len(subscriptions()) == 8


@pytest.mark.parametrize("binding", ["/reminder-cron", "/recurrence-cron"])
def test_every_binding_has_its_route(binding: str) -> None:
    assert binding in paths(scheduler.build(Settings()))


@pytest.mark.parametrize("role", BUILT)
def test_every_role_has_the_probes(role: str) -> None:
    assert {"/healthz", "/readyz", "/healthz/consume"} <= paths(BUILT[role].build(Settings()))
