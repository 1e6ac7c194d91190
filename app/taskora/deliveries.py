"""What a sidecar hands over: many records of one topic in one call, as they are there, and a word on each in return.

Dapr's bulk subscription, raw. Always 200 with a verdict on every record: what has none comes again, and a 404 would
drop them all unread.
"""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum

from fastapi import FastAPI, Request, Response
from pydantic import Base64Bytes, BaseModel, Field

from taskora.asgi import BODY_LIMIT, json_response
from taskora.domain.events import Topic

# What the operator lets a sidecar hand over at once, each as large as a broker takes it, and base64 around it.
MOST = 100
LIMIT = MOST * BODY_LIMIT * 3 // 2


class Verdict(StrEnum):
    """Never DROP: Dapr 1.18 looks for what to drop at a place it may have left (docs/decisions/024)."""

    SUCCESS = "SUCCESS"
    RETRY = "RETRY"


class _Entry(BaseModel):
    entry_id: str = Field(alias="entryId")
    event: Base64Bytes


class _Bulk(BaseModel):
    entries: list[_Entry]


Take = Callable[[Sequence[bytes]], Awaitable[Sequence[Verdict]]]


def subscribe(app: FastAPI, topic: Topic, *, take: Take) -> None:
    """Route `POST /events/{topic}` to `take`, which gives a verdict on each record, in their order."""

    async def delivered(request: Request) -> Response:
        entries = _Bulk.model_validate_json(await request.body()).entries
        verdicts = await take([entry.event for entry in entries])
        told = [
            {"entryId": entry.entry_id, "status": verdict.value}
            for entry, verdict in zip(entries, verdicts, strict=True)
        ]
        return json_response({"statuses": told})

    app.add_api_route(f"/events/{topic.value}", delivered, methods=["POST"], include_in_schema=False)
