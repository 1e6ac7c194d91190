"""The chat: one conversation, and those before it."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from taskora.clock import now
from taskora.domain.chat import MESSAGE_MOST
from taskora.domain.problems import Invalid, NotFound
from taskora.domain.wording import at
from taskora.web import words
from taskora.web.forms import Routes, key_of, see_other, text
from taskora.web.frame import Frame, uuid_of

NUMBERED = re.compile(r"(\d+)\. ")
TRY = (
    "What is due this week?",
    "Add call Mum tomorrow 18:00 #family",
    "Show urgent tasks",
    "What did I complete today?",
    "Help",
)


MODEL_PATIENCE = 40
"""Seconds for an answer: a model may read the message first."""


class Message(BaseModel):
    """`tasks`: those it names, in its order."""

    model_config = ConfigDict(frozen=True)

    no: int
    role: str
    text: str
    created_at: datetime
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of an answer; `task_id` where it names a task, `no` where it is numbered: "2."."""

    text: str
    no: str = ""
    task_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Said:
    message: Message
    when: str
    lines: tuple[Line, ...]

    @property
    def mine(self) -> bool:
        return self.message.role == "user"


class Chat:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._ask = frame.ask

    def routes(self) -> Routes:
        return [
            ("GET", "/chat", self.begin),
            ("POST", "/chat", self.say),
            ("GET", "/chat/{conversation_id}", self.show),
        ]

    async def begin(self, request: Request) -> Response:
        """A new conversation, with what one might say."""
        return await self._page(request, "", error="", typed="")

    async def show(self, request: Request) -> Response:
        """What was said, the last last."""
        conversation_id = uuid_of(request.path_params["conversation_id"])
        if conversation_id is None:
            raise NotFound("There is no such conversation.")
        return await self._page(request, conversation_id, error="", typed="")

    async def say(self, request: Request) -> Response:
        """Say something, in a conversation or to begin one."""
        session, form = await self._frame.sessions.form(request)
        message, conversation_id = text(form, "message"), uuid_of(text(form, "conversation"))
        content = {"message": message, "conversation_id": conversation_id}
        try:
            key = key_of(form, _digest(message))
            said = await self._ask(session, "POST", "chat", content=content, key=key, limit=MODEL_PATIENCE)
        except Invalid as problem:
            return await self._page(request, conversation_id or "", error=problem.detail, typed=message)
        return see_other(f"/chat/{said['conversation_id']}#last")

    async def _page(self, request: Request, conversation_id: str, *, error: str, typed: str) -> Response:
        session = await self._frame.sessions.required(request)
        zone = session.profile.zone
        today = now().astimezone(zone).date()
        seq = await self._frame.seq(session)
        found = await self._ask(session, "GET", f"chat/{conversation_id}") if conversation_id else None
        talks = await self._ask(session, "GET", "chat")
        return await self._frame.page(
            request,
            "chat.html",
            session,
            seq=seq,
            status=422 if error else 200,
            conversation_id=conversation_id,
            said=told([Message.model_validate(one) for one in found["messages"]] if found else [], zone=zone),
            talks=[
                (one["id"], one["title"], words.day_named(_day(one["updated_at"], zone), today=today))
                for one in talks["items"]
            ],
            suggestions=TRY,
            most=MESSAGE_MOST,
            error=error,
            typed=typed,
        )


def told(messages: Sequence[Message], *, zone: ZoneInfo) -> list[Said]:
    """Messages as they are shown: lines that name a task lead to it."""
    return [Said(message=one, when=at(one.created_at.astimezone(zone)), lines=tuple(_lines(one))) for one in messages]


def _digest(message: str) -> str:
    """Another message of the same form is another act."""
    return hashlib.sha256(message.encode(errors="surrogatepass")).hexdigest()[:16]


def _lines(message: Message) -> list[Line]:
    lines = message.text.split("\n")
    found = [NUMBERED.match(line) for line in lines]
    numbered = any(found)
    made: list[Line] = []
    for line, number in zip(lines, found, strict=True):
        at = int(number[1]) - 1 if number else 0 if len(message.tasks) == 1 and not numbered else -1
        task_id = message.tasks[at] if 0 <= at < len(message.tasks) else ""
        text, no = (line[number.end() :], f"{number[1]}.") if number else (line, "")
        made.append(Line(text=text, no=no, task_id=task_id))
    return made


def _day(moment: str, zone: ZoneInfo) -> date:
    return datetime.fromisoformat(moment).astimezone(zone).date()
