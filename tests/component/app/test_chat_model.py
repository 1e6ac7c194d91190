"""The chat through a real sidecar's conversation component, with a stand-in for the language model behind it.

No model can be had where the tests run: a small server that speaks OpenAI's protocol takes its place, and answers each
message as the test says. What goes to it and what comes back passes daprd's own `conversation.openai`.
"""

import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from taskora.api.app import build
from taskora.api.calls import Backend
from taskora.asgi import Health
from taskora.converse import Model
from taskora.dapr import Dapr
from taskora.services.passwords import Passwords
from taskora.settings import Registration
from taskora.store.database import Database

from tests.cluster.process import free_port
from tests.cluster.services import Daprd

from .conftest import Urls, join
from .test_api import Headers

Answer = dict[str, Any]


@dataclass
class StandIn:
    """What was asked, and what is answered next; `None` answers 500."""

    port: int
    asked: list[dict[str, Any]] = field(default_factory=list)
    answer: Answer | None = None


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            model.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = json.dumps(completion(model.answer)).encode() if model.answer is not None else b"{}"
            self.send_response(200 if model.answer is not None else 500)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    model = StandIn(server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield model
    server.shutdown()


@pytest.fixture(scope="module")
def sidecar(stand_in: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daprd]:
    components: Path = tmp_path_factory.mktemp("components")
    metadata = {"key": "none", "model": "stand-in", "endpoint": f"http://127.0.0.1:{stand_in.port}/v1"}
    component = {
        "apiVersion": "dapr.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "chat"},
        "spec": {
            "type": "conversation.openai",
            "version": "v1",
            "metadata": [{"name": name, "value": value} for name, value in metadata.items()],
        },
    }
    (components / "chat.yaml").write_text(yaml.safe_dump(component))
    with Daprd(app_id="backend", components=components) as daprd:
        yield daprd


@pytest.fixture
async def api(database: Database, sidecar: Daprd) -> AsyncIterator[httpx.AsyncClient]:
    dapr = Dapr(sidecar.url)
    async with client(database, dapr) as one:
        yield one
    await dapr.close()


def client(database: Database, dapr: Dapr) -> httpx.AsyncClient:
    backend = Backend(database, Passwords(), Registration.OPEN, wake=lambda: None, model=Model(dapr))
    app = build(Health(ready=database.missing), backend, version="test")
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://backend/api/v1", timeout=60)


@pytest.fixture
async def headers(api: httpx.AsyncClient) -> Headers:
    return (await join(api))["headers"]


@pytest.fixture
def says(stand_in: StandIn) -> Callable[..., None]:
    """What the model answers from here on: calls of tools, each a name and its arguments, or a text."""

    def say(*calls: tuple[str, dict[str, Any]], text: str = "") -> None:
        stand_in.asked.clear()
        stand_in.answer = {"calls": calls, "text": text}

    return say


def completion(answer: Answer) -> dict[str, Any]:
    calls = [
        {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
        for number, (name, given) in enumerate(answer["calls"])
    ]
    message = {"role": "assistant", "content": answer["text"] or None, **({"tool_calls": calls} if calls else {})}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


async def talk(api: httpx.AsyncClient, headers: Headers, message: str, **more: Any) -> dict[str, Any]:
    answer = await api.post("/chat", json={"message": message, **more}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def titles(api: httpx.AsyncClient, headers: Headers) -> list[str]:
    return [task["title"] for task in (await api.get("/tasks", headers=headers)).json()["items"]]


async def test_a_stand_in_model_calls_tools_and_taskora_does_it_and_says_what_was_done(
    api: httpx.AsyncClient, headers: Headers, says: Callable[..., None], stand_in: StandIn
) -> None:
    says(("add_task", {"title": "Rent", "when": "2035-03-31 9:00", "priority": "urgent", "tags": ["home"]}))
    message = "Oh dear, the landlord wants his money at the end of March 2035, nine sharp"
    said = await talk(api, headers, message)
    assert (said["intent"], said["text"]) == ("create", "Added “Rent”, due Sat 31 Mar 2035 09:00.")
    task = said["tasks"][0]
    assert (task["priority"], task["tags"], task["due_at"]) == ("urgent", ["home"], "2035-03-31T07:00:00Z")
    asked = stand_in.asked[0]
    assert {tool["function"]["name"] for tool in asked["tools"]} >= {"add_task", "list_tasks", "move_task"}
    assert message in json.dumps(asked["messages"][-1])


async def test_a_stand_in_model_may_call_several_tools_and_all_of_it_happens(
    api: httpx.AsyncClient, headers: Headers, says: Callable[..., None]
) -> None:
    says(("add_task", {"title": "Milk"}), ("add_task", {"title": "Bread"}), ("complete_task", {"task": "milk"}))
    said = await talk(api, headers, "milk and bread, and I have the milk already")
    assert said["text"].splitlines() == ["Added “Milk”.", "Added “Bread”.", "Done: “Milk”."]
    says(("list_tasks", {"status": "completed"}))
    assert [task["title"] for task in (await talk(api, headers, "what did I get done?"))["tasks"]] == ["Milk"]
    says(("move_task", {"task": "bread", "to": "2035-01-02"}))
    assert (await talk(api, headers, "bread can wait"))["tasks"][0]["due_date"] == "2035-01-02"


async def test_a_stand_in_model_is_told_what_was_said_before_and_a_bare_choice_needs_none(
    api: httpx.AsyncClient, headers: Headers, says: Callable[..., None], stand_in: StandIn
) -> None:
    for title in ("Call Mum", "Call Dad"):
        says(("add_task", {"title": title}))
        await talk(api, headers, title)
    says(("complete_task", {"task": "call"}))
    which = await talk(api, headers, "I made that call")
    assert which["text"].startswith("Which one do you mean?")
    says(text="Never asked")
    chosen = await talk(api, headers, "the first", conversation_id=which["conversation_id"])
    assert (chosen["intent"], stand_in.asked) == ("complete", [])
    await talk(api, headers, "thank you", conversation_id=which["conversation_id"])
    assert [one["role"] for one in stand_in.asked[0]["messages"]] == [
        "system", "user", "assistant", "user", "assistant", "user",
    ]  # fmt: skip


async def test_what_a_stand_in_model_only_says_changes_nothing(
    api: httpx.AsyncClient, headers: Headers, says: Callable[..., None]
) -> None:
    says(text="I can only help with your tasks.")
    said = await talk(api, headers, "Who won the league?")
    assert (said["intent"], said["text"]) == ("said", "I can only help with your tasks.")
    assert await titles(api, headers) == []


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("add_task", {}),
        ("add_task", {"title": ""}),
        ("add_task", {"title": "x" * 5000}),
        ("add_task", {"title": "x", "priority": "enormous"}),
        ("move_task", {"task": "x", "to": "purple"}),
        ("drop_tables", {"task": "x"}),
        ("delete_task", {"task": ["x"]}),
    ],
)
async def test_calls_of_a_stand_in_model_that_mean_nothing_are_questions_back(
    api: httpx.AsyncClient, headers: Headers, says: Callable[..., None], name: str, given: dict[str, Any]
) -> None:
    says((name, given))
    assert (await talk(api, headers, "do it"))["intent"] == "ask"
    assert await titles(api, headers) == []


async def test_while_the_stand_in_model_fails_the_built_in_grammar_answers(
    api: httpx.AsyncClient, headers: Headers, stand_in: StandIn
) -> None:
    stand_in.answer = None
    assert (await talk(api, headers, "add pay rent tomorrow"))["intent"] == "create"
    lost = await talk(api, headers, "gibberish of a kind")
    assert lost["intent"] == "ask"
    assert "plain commands" in lost["text"]


async def test_without_its_sidecar_the_chat_answers_by_the_built_in_grammar(database: Database) -> None:
    dapr = Dapr(f"http://127.0.0.1:{free_port()}")
    async with client(database, dapr) as api:
        headers = (await join(api))["headers"]
        assert (await talk(api, headers, "add pay rent tomorrow"))["intent"] == "create"
        assert await titles(api, headers) == ["pay rent"]
    await dapr.close()


async def test_a_message_sent_twice_to_a_stand_in_model_does_it_once(
    api: httpx.AsyncClient, headers: Headers, says: Callable[..., None], urls: Urls
) -> None:
    says(("add_task", {"title": "Once"}))
    keyed = {**headers, "Idempotency-Key": "twice"}
    first, again = [await talk(api, keyed, "once, please") for _ in range(2)]
    assert first == again
    assert urls.sql("SELECT count(*) FROM tasks") == "1"
