"""A language model behind Dapr's conversation API: it reads messages of the chat. Away, it is done without."""

import logging
from collections.abc import Sequence
from typing import Any

from prometheus_client import Counter
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from taskora.dapr import Dapr, DaprError
from taskora.domain.chat_tools import Present, Reading, instructions, intents_of, tools

log = logging.getLogger("taskora.chat")

COMPONENT = "chat"
PATIENCE = 20.0
"""Seconds for an answer; then the built-in grammar reads the message."""

READINGS = Counter("taskora_chat_readings", "Messages of the chat shown to a model, by what became of it", ["result"])


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)


class _Function(_Shape):
    name: str = ""
    arguments: str = ""


class _ToolCall(_Shape):
    function: _Function = _Function()


class _Message(_Shape):
    content: str = ""
    calls: tuple[_ToolCall, ...] = Field(default=(), alias="toolCalls")


class _Choice(_Shape):
    message: _Message = _Message()


class _Output(_Shape):
    choices: tuple[_Choice, ...] = ()


class _Answer(_Shape):
    outputs: tuple[_Output, ...] = ()


class Model:
    """Whoever `spec.chat` names."""

    def __init__(self, dapr: Dapr) -> None:
        self._dapr = dapr

    async def read(self, message: str, *, before: Sequence[tuple[str, str]], present: Present) -> Reading | None:
        """What `message` asks for, after what was said `before` (role, text); None when no answer can be had."""
        try:
            answer = await self._dapr.converse(COMPONENT, _question(message, before, present), limit=PATIENCE)
            found = _Answer.model_validate_json(answer)
        except (DaprError, ValidationError) as error:
            READINGS.labels("failed").inc()
            log.warning("The chat's model can't be asked; the built-in grammar reads: %s", type(error).__name__)
            log.debug("It said: %s", error)
            return None
        messages = [choice.message for output in found.outputs for choice in output.choices]
        calls = [(call.function.name, call.function.arguments) for said in messages for call in said.calls]
        text = " ".join(said.content.strip() for said in messages if said.content.strip())
        if not calls and not text:
            READINGS.labels("empty").inc()
            return None
        READINGS.labels("read").inc()
        return Reading(intents=intents_of(calls, present), text=text)


def _question(message: str, before: Sequence[tuple[str, str]], present: Present) -> dict[str, Any]:
    said = [("system", instructions(present)), *before, ("user", message)]
    names = {"system": "ofSystem", "user": "ofUser", "assistant": "ofAssistant"}
    return {
        "inputs": [{"messages": [{names[role]: {"content": [{"text": text}]}} for role, text in said]}],
        "tools": tools(),
        "toolChoice": "auto",
        "temperature": 0,
    }
