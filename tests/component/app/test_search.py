"""Searching in tasks and making them from a line, as users see it."""

from typing import Any

import httpx
import pytest

from .conftest import all_pages, join
from .test_api import Headers, kind, make


async def found(api: httpx.AsyncClient, headers: Headers, q: str, **query: Any) -> list[str]:
    answer = await api.get("/tasks", params={"q": q, **query}, headers=headers)
    assert answer.status_code == 200, answer.text
    return [task["title"] for task in answer.json()["items"]]


async def test_a_search_gives_the_best_first_also_for_words_begun_or_mistyped(
    api: httpx.AsyncClient, headers: Headers
) -> None:
    await make(api, headers, "Groceries", description="for the invoice party")
    await make(api, headers, "Send the invoice to Müller")
    await make(api, headers, "Call the dentist")
    gone = await make(api, headers, "Old invoice")
    await api.delete(f"/tasks/{gone['id']}", headers=headers)
    eve = (await join(api, "eve@example.org"))["headers"]
    await make(api, eve, "Eve's invoice")

    assert await found(api, headers, "invoice") == ["Send the invoice to Müller", "Groceries"]
    assert await found(api, headers, "inv") == ["Send the invoice to Müller", "Groceries"]
    assert await found(api, headers, "invoice -party") == ["Send the invoice to Müller"]
    assert await found(api, headers, '"the invoice to"') == ["Send the invoice to Müller"]
    assert set(await found(api, headers, "dentist or groceries")) == {"Call the dentist", "Groceries"}
    assert await found(api, headers, "müll") == ["Send the invoice to Müller"]
    assert await found(api, headers, "dentits") == ["Call the dentist"]
    assert await found(api, headers, "zzz") == []
    assert await found(api, headers, "!!!") == []
    assert await found(api, headers, "invoice", trash=True) == ["Old invoice"]
    assert await found(api, headers, "invoice", sort="title") == ["Groceries", "Send the invoice to Müller"]


async def test_what_was_looked_for_is_marked_as_a_browser_counts(api: httpx.AsyncClient, headers: Headers) -> None:
    await make(api, headers, "🍎 buy apples", description="apples, twice: Apples")
    item = (await api.get("/tasks?q=apples", headers=headers)).json()["items"][0]
    assert item["marks"] == {"title": [[7, 13]], "description": [[0, 6], [15, 21]]}
    assert "marks" not in (await api.get("/tasks", headers=headers)).json()["items"][0]


async def test_what_a_mistyped_word_found_is_marked_too(api: httpx.AsyncClient, headers: Headers) -> None:
    await make(api, headers, "Call the dentist", description="Dentist, not doctor")
    item = (await api.get("/tasks?q=call dentits", headers=headers)).json()["items"][0]
    assert item["marks"] == {"title": [[0, 4], [9, 16]], "description": [[0, 7]]}


@pytest.mark.parametrize("q", ["paper", "papre"])
async def test_a_searchs_pages_follow_one_another_without_gap_or_repeat(
    api: httpx.AsyncClient, headers: Headers, q: str
) -> None:
    for number in range(9):
        await make(api, headers, "paper " * (number % 3 + 1), description="paper" * (number % 2))
    seen = [task["id"] for task in await all_pages(api, "/tasks", headers, q=q, limit=2)]
    assert len(seen) == len(set(seen)) == 9


@pytest.mark.parametrize(
    "q", ["'", "\\", "a & b | !", "<->", ":*", "'; DROP TABLE tasks; --", "((", "-", '"', "a\u202eb"]
)
async def test_any_text_is_a_search(api: httpx.AsyncClient, headers: Headers, q: str) -> None:
    await make(api, headers, "a b")
    assert isinstance(await found(api, headers, q), list)


async def test_a_line_becomes_a_task_with_all_it_says(api: httpx.AsyncClient, headers: Headers) -> None:
    line = "Pay rent every 31st 9am !urgent #home remind 1d"
    parsed = (await api.post("/tasks/parse", json={"text": line}, headers=headers)).json()
    assert (parsed["title"], parsed["priority"], parsed["tags"]) == ("Pay rent", "urgent", ["home"])
    assert {token["kind"] for token in parsed["tokens"]} >= {"recurrence", "priority", "tag", "reminder"}
    made = await api.post("/tasks/quick-add", json={"text": line}, headers=headers)
    assert made.status_code == 201, made.text
    task = made.json()
    assert (task["title"], task["recurrence"]["month_day"], task["due_at"]) == ("Pay rent", 31, parsed["due_at"])
    assert [one["minutes_before"] for one in task["reminders"]] == [1440]
    assert (await api.get("/tasks", headers=headers)).json()["items"][0]["id"] == task["id"]


@pytest.mark.parametrize("text", ["", "   ", "#home", "x" * 2001, "\0", "every 31st"])
async def test_a_line_without_a_title_is_explained(api: httpx.AsyncClient, headers: Headers, text: str) -> None:
    answer = await api.post("/tasks/quick-add", json={"text": text}, headers=headers)
    if answer.status_code != 201:
        assert (answer.status_code, kind(answer)) == (422, "invalid")
        assert answer.json()["errors"]
