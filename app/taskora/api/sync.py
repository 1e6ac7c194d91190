"""Keeping up: one user's changes since a seq, and for the frontend's pods the heads of many sessions at once."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from taskora.api.calls import Calling, Serving, problems
from taskora.api.routes import Route
from taskora.api.shapes import Changes, Heads
from taskora.asgi import json_response
from taskora.services import feed

router = APIRouter(prefix="/api/v1", tags=["sync"], route_class=Route)

SHA256 = r"^[0-9a-f]{64}$"


class Watching(BaseModel):
    """`sessions`: the SHA-256, in hex, of each watched session's token."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sessions: Annotated[list[Annotated[str, Field(pattern=SHA256)]], Field(max_length=10_000)]


@router.get("/changes", response_model=Changes, responses=problems(401, 410, 422, 503))
async def changes(since: Annotated[int, Query(ge=0, lt=2**62)], calling: Calling) -> Response:
    items, seq = await calling.read(lambda uow, user: feed.changes(uow, user, since=since))
    return json_response({"items": items, "seq": seq})


@router.post("/internal/heads", response_model=Heads, responses=problems(422, 503), include_in_schema=False)
async def heads(body: Watching, serving: Serving) -> Response:
    async with serving.database.read() as uow:
        live, revoked, lag = await feed.heads(uow, sessions=[bytes.fromhex(token) for token in body.sessions])
    return json_response({"heads": live, "revoked": revoked, "relay_lag_seconds": lag})
