"""Saved views over HTTP."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from taskora.api.calls import Calling, problems
from taskora.api.routes import Route
from taskora.api.shapes import ViewList, ViewShown
from taskora.api.tasks import Query
from taskora.asgi import json_response
from taskora.domain.people import User
from taskora.domain.text import Label
from taskora.services import views
from taskora.store.database import Reading, Writing

router = APIRouter(prefix="/api/v1/views", tags=["views"], route_class=Route)

WRITING = problems(401, 404, 413, 422, 429, 503)


class ViewDraft(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Label
    query: Query


class ViewPatch(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Label = ""
    query: Query = Query()


@router.get("", response_model=ViewList, responses=problems(401, 422, 429, 503))
async def listed(calling: Calling) -> Response:
    async def page(uow: Reading, user: User) -> object:
        return {"items": [asdict(view) for view in await views.listed(uow, user)]}

    return json_response(await calling.read(page))


@router.post("", status_code=201, response_model=ViewShown, responses=problems(401, 409, 413, 422, 429, 503))
async def create(draft: ViewDraft, calling: Calling) -> Response:
    async def act(uow: Writing, user: User) -> object:
        return asdict(await views.create(uow, user, name=draft.name, query=_kept(draft.query)))

    return await calling.answer(act, status=201)


@router.patch("/{view_id}", response_model=ViewShown, responses=WRITING)
async def update(view_id: UUID, patch: ViewPatch, calling: Calling) -> Response:
    given = {"name": patch.name, "query": _kept(patch.query)}
    changes = {name: value for name, value in given.items() if name in patch.model_fields_set}

    async def act(uow: Writing, user: User) -> object:
        return asdict(await views.update(uow, user, view_id=view_id, changes=changes))

    return await calling.answer(act)


@router.delete("/{view_id}", response_model=ViewShown, responses=WRITING)
async def delete(view_id: UUID, calling: Calling) -> Response:
    async def act(uow: Writing, user: User) -> object:
        return asdict(await views.delete(uow, user, view_id=view_id))

    return await calling.answer(act)


def _kept(query: Query) -> dict[str, Any]:
    return query.model_dump(mode="json", exclude_defaults=True)
