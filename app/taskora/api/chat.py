"""The chat over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, ConfigDict

from taskora import clock
from taskora.api.calls import Call, Calling, problems
from taskora.api.routes import Route
from taskora.api.shapes import Conversation, Replied, Talks
from taskora.asgi import json_response
from taskora.converse import Model
from taskora.domain.chat import MESSAGE_MOST, Choose, NeverMind, understand
from taskora.domain.chat_tools import Present, Reading
from taskora.domain.people import User
from taskora.domain.tasks import shown
from taskora.domain.text import readable, required
from taskora.services import chat
from taskora.store import database as store
from taskora.store.database import Writing

router = APIRouter(prefix="/api/v1/chat", tags=["chat"], route_class=Route)


def _message(text: str) -> str:
    return required(readable(text, most=MESSAGE_MOST, lines=True))


class Saying(BaseModel):
    """`conversation_id`: what this goes on with; left out, a new conversation begins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message: Annotated[str, AfterValidator(_message)]
    conversation_id: UUID | None = None


@router.post("", response_model=Replied, responses=problems(401, 404, 413, 422, 429, 503))
async def talk(saying: Saying, calling: Calling) -> Response:
    """Plain English about one's tasks: “what is due this week”, “move rent to Friday”, “help”."""

    model = calling.backend.model
    read = await _read(calling, model, saying) if model else None

    async def act(uow: Writing, user: User) -> object:
        done = await chat.talk(
            uow,
            user,
            message=saying.message,
            conversation_id=saying.conversation_id,
            read=read,
            alone=model is not None,
        )
        reply = done.reply
        return {
            "conversation_id": done.conversation_id,
            "no": done.no,
            "text": reply.text,
            "intent": reply.intent,
            "tasks": [shown(task) for task in reply.tasks],
            "created_at": done.at,
        }

    return await calling.answer(act)


@router.get("", response_model=Talks, responses=problems(401, 422, 429, 503))
async def listed(calling: Calling) -> Response:
    """The latest conversations, the last one first."""

    async def page(uow: store.Reading, user: User) -> object:
        return {"items": await chat.listed(uow, user)}

    return json_response(await calling.read(page))


@router.get("/{conversation_id}", response_model=Conversation, responses=problems(401, 404, 422, 429, 503))
async def said(conversation_id: UUID, calling: Calling) -> Response:
    """What was said, the first first; of a long one, its end."""

    async def page(uow: store.Reading, user: User) -> object:
        return {"id": conversation_id, "messages": await chat.said(uow, user, conversation_id=conversation_id)}

    return json_response(await calling.read(page))


async def _read(calling: Call, model: Model, saying: Saying) -> Reading | None:
    """What the model makes of it, asked while no transaction is open; a bare choice among tasks needs none."""

    async def before(uow: store.Reading, user: User) -> tuple[list[tuple[str, str]], bool, Present]:
        said, waits = await chat.before(uow, user, conversation_id=saying.conversation_id)
        return said, waits, Present(clock.now(), user.zone, user.preferences.week_start)

    said, waits, present = await calling.read(before)
    if waits:
        plain = understand(saying.message, now=present.now, zone=present.zone, week_start=present.week_start)
        if isinstance(plain, Choose | NeverMind):
            return None
    return await model.read(saying.message, before=said, present=present)
