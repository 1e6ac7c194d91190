"""Tags over HTTP."""

from dataclasses import asdict
from uuid import UUID

from fastapi import APIRouter, Response

from taskora.api.calls import Calling, problems
from taskora.api.routes import Route
from taskora.api.shapes import TagList, TagShown
from taskora.asgi import json_response
from taskora.domain.people import User
from taskora.domain.tags import TagDraft, TagPatch
from taskora.services import tags
from taskora.store.database import Reading, Writing

router = APIRouter(prefix="/api/v1/tags", tags=["tags"], route_class=Route)

WRITING = problems(401, 404, 409, 413, 422, 429, 503)


@router.get("", response_model=TagList, responses=problems(401, 429, 503))
async def listed(calling: Calling) -> Response:
    """All of them by name, with how many open tasks carry each."""

    async def page(uow: Reading, user: User) -> object:
        return {"items": await tags.listed(uow, user)}

    return json_response(await calling.read(page))


@router.post("", status_code=201, response_model=TagShown, responses=problems(401, 409, 413, 422, 429, 503))
async def create(draft: TagDraft, calling: Calling) -> Response:
    async def act(uow: Writing, user: User) -> object:
        return asdict(await tags.create(uow, user, draft=draft))

    return await calling.answer(act, status=201)


@router.patch("/{tag_id}", response_model=TagShown, responses=WRITING)
async def update(tag_id: UUID, patch: TagPatch, calling: Calling) -> Response:
    """A new name is on every task that carries the tag."""

    async def act(uow: Writing, user: User) -> object:
        return asdict(await tags.update(uow, user, tag_id=tag_id, patch=patch))

    return await calling.answer(act)


@router.delete("/{tag_id}", response_model=TagShown, responses=WRITING)
async def delete(tag_id: UUID, calling: Calling) -> Response:
    """Also off every task that carries it."""

    async def act(uow: Writing, user: User) -> object:
        return asdict(await tags.delete(uow, user, tag_id=tag_id))

    return await calling.answer(act)
