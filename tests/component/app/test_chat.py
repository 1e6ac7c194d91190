"""The chat: what a person says, and what is then so."""

from typing import Any

import httpx
from jsonschema import Draft202012Validator
from taskora.domain.payloads import schema
from taskora.store.database import Database

from .conftest import Urls, join
from .test_api import Headers, kind, make


async def say(
    api: httpx.AsyncClient, headers: Headers, message: str, conversation: dict[str, Any] | None = None
) -> dict[str, Any]:
    body = {"message": message, "conversation_id": conversation["conversation_id"] if conversation else None}
    answer = await api.post("/chat", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_conversation_makes_shows_moves_and_completes_tasks(api: httpx.AsyncClient, headers: Headers) -> None:
    made = await say(api, headers, "Add pay rent every 31st 9am #home")
    assert made["text"].startswith("Added “pay rent”")
    assert made["tasks"][0]["recurrence"]["month_day"] == 31
    await make(api, headers, "Call the dentist", due_date="2020-01-01")
    late = await say(api, headers, "What is overdue?", made)
    assert [task["title"] for task in late["tasks"]] == ["Call the dentist"]
    moved = await say(api, headers, "move it to 2 March 2031", late)
    assert moved["tasks"][0]["due_date"] == "2031-03-02"
    later = await say(api, headers, "postpone it by 2 days", moved)
    assert later["tasks"][0]["due_date"] == "2031-03-04"
    done = await say(api, headers, "complete call the dentist", later)
    assert done["tasks"][0]["status"] == "done"
    again = await say(api, headers, "reopen it", done)
    assert again["tasks"][0]["status"] == "todo"
    gone = await say(api, headers, "delete it", again)
    assert gone["tasks"][0]["deleted_at"]
    lost = await say(api, headers, "complete it", gone)
    assert (lost["intent"], lost["tasks"]) == ("refused", [])
    read = (await api.get(f"/chat/{made['conversation_id']}", headers=headers)).json()
    assert [message["no"] for message in read["messages"]] == list(range(1, 17))
    assert read["messages"][0]["text"] == "Add pay rent every 31st 9am #home"


async def test_of_several_the_user_chooses_by_number_and_nothing_happens_before(
    api: httpx.AsyncClient, headers: Headers
) -> None:
    for title in ("Call Ada", "Call Bob"):
        await make(api, headers, title)
    asked = await say(api, headers, "complete call")
    assert [task["title"] for task in asked["tasks"]] == ["Call Bob", "Call Ada"]
    assert {task["status"] for task in asked["tasks"]} == {"todo"}
    wrong = await say(api, headers, "7", asked)
    assert wrong["tasks"] == []
    asked = await say(api, headers, "move call to 2 March 2031", asked)
    done = await say(api, headers, "the last one", asked)
    assert (done["tasks"][0]["title"], done["tasks"][0]["due_date"]) == ("Call Ada", "2031-03-02")


async def test_a_subtask_is_named_with_what_it_is_a_part_of(api: httpx.AsyncClient, headers: Headers) -> None:
    party = await make(api, headers, "Party")
    await make(api, headers, "Buy tea", parent_id=party["id"], priority="urgent")
    assert "1. Buy tea (part of Party)" in (await say(api, headers, "show urgent tasks"))["text"]


async def test_everything_said_is_a_chat_event_once_and_as_its_schema_says(
    api: httpx.AsyncClient, headers: Headers, urls: Urls, database: Database
) -> None:
    await api.patch("/me", json={"training_consent": True}, headers=headers)
    keyed = {**headers, "Idempotency-Key": "said"}
    for _ in range(2):
        assert (await api.post("/chat", json={"message": "add milk"}, headers=keyed)).status_code == 200
    async with database.read() as uow:
        rows = await uow.rows("SELECT event FROM outbox WHERE topic = 'chat-events' ORDER BY id")
    data = [row["event"]["data"] for row in rows]
    assert [(one["no"], one["role"], one["training"]) for one in data] == [(1, "user", True), (2, "assistant", True)]
    for one in data:
        Draft202012Validator(schema("dev.taskora.chat.said.v1")).validate(one)
    assert urls.sql("SELECT count(*) FROM tasks") == "1"


async def test_a_conversation_is_its_owners_alone(api: httpx.AsyncClient, headers: Headers) -> None:
    begun = await say(api, headers, "add milk")
    eve = (await join(api, "eve@example.org"))["headers"]
    await say(api, eve, "complete milk")
    assert (await api.get("/tasks?status=done", headers=headers)).json()["items"] == []
    for answer in (
        await api.get(f"/chat/{begun['conversation_id']}", headers=eve),
        await api.post("/chat", json={"message": "x", "conversation_id": begun["conversation_id"]}, headers=eve),
    ):
        assert (answer.status_code, kind(answer)) == (404, "not_found")
