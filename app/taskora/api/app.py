"""The backend's application: routers, problem documents, and the OpenAPI document that names both."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from taskora.api import admin, auth, calendar, chat, me, notifications, recurrence, reminders, sync, tags, tasks, views
from taskora.api.calls import Backend
from taskora.api.shapes import Problem
from taskora.asgi import Health, application

# Looked through in this order: what is asked for most comes first.
ROUTERS = (
    tasks.router,
    auth.router,
    me.router,
    recurrence.router,
    reminders.router,
    tags.router,
    views.router,
    notifications.router,
    calendar.router,
    chat.router,
    admin.router,
    sync.router,
)


def build(health: Health, backend: Backend, *, version: str) -> FastAPI:
    app = application(health, title="Taskora", version=version, openapi_url="/api/openapi.json")
    app.state.backend = backend
    # Not by include_router: what it makes looks through the routes of each router twice.
    for router in ROUTERS:
        app.router.routes.extend(router.routes)

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(problem.pop("$defs"), Problem=problem)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = document
    return app
