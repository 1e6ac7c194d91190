"""Pages without scripts, and the API through the frontend, as a browser sees the real thing."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import httpx

from tests.component.app.conftest import PASSWORD, by_day

from .conftest import Stack
from .plain import Browser, as_the_same, browsing, opened


async def test_a_task_is_added_completed_reopened_and_thrown_away_by_forms_alone(ada: Browser) -> None:
    assert "A clean page" in ada.html
    await ada.send("/tasks", title="Post the <b>letter</b>")
    assert "Post the &lt;b&gt;letter&lt;/b&gt;" in ada.html
    await ada.send("/acts", button="Complete: Post the <b>letter</b>")
    assert "Completed <b" in ada.html
    assert 'aria-label="Reopen: Post the' in ada.html
    await ada.send("/acts", button="Reopen: Post the")
    assert 'aria-label="Complete: Post the' in ada.html
    await ada.go(opened(ada.html))
    await ada.send("/acts", button="Move to trash")
    assert "Moved to trash" in ada.html
    assert 'id="task-' not in ada.html
    await ada.send("/acts", button=" restore")
    assert 'id="task-' in ada.html


async def test_a_form_sent_twice_does_it_once(ada: Browser) -> None:
    page = ada.html
    await ada.send("/tasks", title="Once")
    ada.html = page
    await ada.send("/tasks", title="Once")
    assert ada.html.count('id="task-') == 1


async def test_an_open_task_is_edited_by_its_form(ada: Browser) -> None:
    await ada.send("/tasks", title="Pay rent")
    await ada.go(opened(ada.html))
    await ada.send(
        "/tasks/", title="Pay the rent", due="2031-05-01 09:00", priority="urgent",
        add_tags="home, money", description="By **hand**",
    )  # fmt: skip
    assert 'id="d-2031-05-01"' in ada.html
    assert '<time class="due" datetime="2031-05-01T09:00+02:00">09:00</time>' in ada.html
    assert "<strong>hand</strong>" in ada.html
    assert 'aria-label="Urgent priority"' in ada.html
    assert re.findall(r'<span class="tag" data-hue="\w+">(\w+)</span>', ada.html) == ["home", "money"] * 2
    await ada.send("/tasks/", due="")
    assert 'id="d-none"' in ada.html


async def test_two_edits_of_different_fields_both_stay(stack: Stack, ada: Browser) -> None:
    await ada.send("/tasks", title="Book the ferry")
    await ada.go(opened(ada.html))
    async with browsing(stack, at=1) as other:
        await as_the_same(other, ada)
        await other.go(opened(other.html))
        await other.send("/tasks/", priority="high")
    await ada.send("/tasks/", title="Book the bridge")
    assert "Book the bridge" in ada.html
    assert 'aria-label="High priority"' in ada.html


async def test_two_edits_of_one_field_are_compared_and_nothing_typed_is_lost(stack: Stack, ada: Browser) -> None:
    await ada.send("/tasks", title="Book the ferry")
    await ada.go(opened(ada.html))
    async with browsing(stack, at=1) as other:
        await as_the_same(other, ada)
        await other.go(opened(other.html))
        await other.send("/tasks/", title="Book the train", description="From platform 3")
    await ada.send("/tasks/", title="Book the bridge")
    assert ada.answer.status_code == 412
    assert all(text in ada.html for text in ("Also changed elsewhere", "Book the train", "Book the bridge"))
    await ada.send("/tasks/")
    assert 'dir="auto">Book the bridge</a>' in re.sub(r"href=\S+ ", "", ada.html).replace(' aria-current="true"', "")
    assert "From platform 3" in ada.html


async def test_an_act_on_what_changed_elsewhere_says_so_and_does_nothing(stack: Stack, ada: Browser) -> None:
    await ada.send("/tasks", title="Book the ferry")
    async with browsing(stack, at=1) as other:
        await as_the_same(other, ada)
        await other.go(opened(other.html))
        await other.send("/acts", button="Move to trash")
    await ada.send("/acts", button="Complete: Book the ferry")
    assert "changed elsewhere" in ada.html


async def test_each_list_shows_what_belongs_to_it(ada: Browser) -> None:
    zone = by_day()
    await ada.go("/settings")
    await ada.send("/settings/profile", time_zone=zone)
    today = datetime.now(ZoneInfo(zone)).date()
    for title, due in (("For today", today), ("For next week", today + timedelta(days=7)), ("Some day", None)):
        task = {"title": title, "due_date": due and due.isoformat(), "tags": ["home"]}
        if due == today:
            task["recurrence"] = {"frequency": "daily", "interval": 10}
        answer = await ada.client.post("/api/v1/tasks", json=task, headers={"Origin": ada.origin})
        assert answer.status_code == 201, answer.text
    shown = {
        "/": {"For today", "For next week", "Some day"},
        "/today": {"For today"},
        "/upcoming": {"For today", "For next week"},
        "/board": {"For today", "For next week", "Some day"},
        "/tags/home": {"For today", "For next week", "Some day"},
        "/search?q=week": {"For next <mark>week</mark>"},
    }
    for path, titles in shown.items():
        html = await ada.go(path)
        assert set(re.findall(r'<a class="row-t"[^>]*>(.+?)<(?!mark|/mark)', html)) == titles, path
    assert "For today<span" in await ada.go("/upcoming"), "where a repeating task will stand again"
    await ada.go("/")
    await ada.go(opened(ada.html))
    await ada.send("/acts", button="Move to trash")
    await ada.go("/trash")
    await ada.send("/acts", button="Put back: ")
    assert "The trash is empty" in await ada.go("/trash")
    for path in ("/tags", "/browse", "/completed", "/settings"):
        await ada.go(path)
        assert ada.answer.status_code == 200, path


async def test_a_subtask_outside_its_parent_names_it_and_a_parent_counts_all_its_subtasks(ada: Browser) -> None:
    await ada.send("/tasks", title="Party #home")
    await ada.go(opened(ada.html))
    for part in ("Bake a cake", "Buy tea"):
        await ada.send("/tasks", form="sub-add", title=part)
    await ada.send("/acts", button="Complete: Bake a cake")
    await ada.go("/search?q=tea")
    party = re.search(r'<a class="of"[^>]* href="([^"]+)">Part of Party</a>', ada.html)
    assert party
    assert ">Party</textarea>" in await ada.go(party[1].replace("&amp;", "&"))
    await ada.go("/search?q=tea")
    await ada.go(opened(ada.html))
    await ada.send("/tasks/", due="today", add_tags="home")
    for path in ("/", "/today", "/upcoming", "/tags/home"):
        assert ">Part of Party</a>" in await ada.go(path), path
    assert ">Part of Party</a>" in await ada.go("/completed")
    for path in ("/", "/board", "/tags/home", "/search?q=party"):
        assert "Subtasks </span>1/2</span>" in await ada.go(path), path


async def test_one_line_is_a_task_with_its_date_tag_and_repeat(ada: Browser) -> None:
    await ada.send("/tasks", title="Pay rent every 31st 9am !urgent #home")
    assert re.search(r'<a class="row-t"[^>]*>Pay rent<', ada.html)
    for told in ("Every month on the 31st", ">home</span>", "Urgent priority", ">09:00</time>"):
        assert told in ada.html, told


async def test_the_open_task_takes_repeats_reminders_subtasks_and_tags_by_forms_alone(ada: Browser) -> None:
    await ada.send("/tasks", title="Pay rent")
    await ada.go(opened(ada.html))
    await ada.send("/tasks/", due="31 Jan 2031", rec_unit="monthly", rec_on="", add_tags="home, money")
    assert "Every month on the 31st, or the last day" in ada.html
    assert re.findall(r"<b>(\d+)</b>", ada.html) == ["31", "28", "31", "30", "31"]
    assert "February 2031 has no 31st." in ada.html
    await ada.send("/tasks/", rec_words="every 2 weeks on mon, 3 times")
    assert "Every 2 weeks on Monday, 3 times" in ada.html
    await ada.send("/acts", button=" remind 1440")
    await ada.send("/tasks/", form="remind-f", when="2031-01-30 8:00")
    assert all(said in ada.html for said in ("1 day before", "Thu 30 Jan 2031 08:00"))
    await ada.send("/acts", button="Take off the reminder 1 day before")
    assert "1 day before</span>" not in ada.html
    await ada.send("/acts", button="Take off the tag money")
    assert "Take off the tag home" in ada.html
    assert "Take off the tag money" not in ada.html
    await ada.send("/tasks", form="sub-add", title="Ask the bank")
    assert "0 of 1" in ada.html
    await ada.send("/acts", button="Complete: Ask the bank")
    assert "1 of 1" in ada.html
    assert "Ask the bank" not in await ada.go("/today")


async def test_a_long_history_is_read_back_to_its_beginning(stack: Stack, ada: Browser) -> None:
    await ada.send("/tasks", title="Pay rent")
    task = opened(ada.html)
    mine = f"user_id = '{ada.session['profile']['user_id']}'"
    # As the audit log has it, one more than are shown at once; what was said stays sealed.
    stack.urls.sql(
        "INSERT INTO audit_log (user_id, no, event_id, action, resource, occurred_at, recorded_at, entry, previous,"
        " hash) SELECT user_id, n, gen_random_uuid(), '', 'task/' || id, now(), now(), jsonb_build_object("
        "'event_id', n, 'data', NULL, 'time', now(), 'action', 'dev.taskora.task.' || CASE n WHEN 1 THEN 'created'"
        f" ELSE 'completed' END || '.v1'), '\\x00', '\\x00' FROM tasks, generate_series(1, 31) n WHERE {mine}"
    )

    async def told(link: str) -> list[str]:
        await ada.go(link.replace("&amp;", "&"))
        return re.findall(r"<li><span>(Added|Completed)", ada.html)

    def link(name: str) -> str:
        found = re.search(rf'href="([^"]+)">{name}</a>', ada.html)
        assert found
        return found[1]

    assert await told(task) == ["Completed"] * 30
    assert "Latest</a>" not in ada.html
    assert await told(link("Earlier")) == ["Added"]
    assert "Earlier</a>" not in ada.html
    assert await told(link("Latest")) == ["Completed"] * 30
    await told(link("Earlier"))
    assert "before=" not in re.search(r'id="panel-close" href="([^"]+)"', ada.html)[1]  # pyright: ignore[reportOptionalSubscript]
    stack.urls.sql(f"DELETE FROM audit_log WHERE {mine}")


async def test_a_new_due_date_in_a_series_is_for_this_one_or_for_later_ones_too(ada: Browser) -> None:
    await ada.send("/tasks", title="Swim")
    await ada.go(opened(ada.html))
    await ada.send("/tasks/", due="6 Jan 2031", rec_unit="daily", rec_every="7")
    await ada.send("/tasks/", due="8 Jan 2031")
    assert re.findall(r"<b>(\d+)</b>", ada.html)[1:] == ["13", "20", "27", "3"]
    await ada.send("/tasks/", form="edit", due="10 Jan 2031", scope="future")
    assert re.findall(r"<b>(\d+)</b>", ada.html) == ["10", "17", "24", "31", "7"]
    await ada.send("/acts", button="Skip to the next date")
    assert "Skipped, next on Fri 17 January:" in ada.html
    assert re.findall(r"<b>(\d+)</b>", ada.html) == ["17", "24", "31", "7", "14"]


async def test_a_task_is_made_a_subtask_by_words_or_link_and_taken_out_again(ada: Browser) -> None:
    for title in ("Party", "Party hats", "Buy tea"):
        await ada.send("/tasks", title=title)
    tea = opened(await ada.go("/search?q=tea"))
    await ada.go(tea)
    for typed, said in (("nothing such", "finds no open task like"), ("part", "Two tasks are like")):
        await ada.send("/tasks/", form="part-f", of=typed)
        assert (ada.answer.status_code, said in ada.html) == (422, True), typed
        await ada.go(tea)
    await ada.send("/tasks/", form="part-f", of="party")
    assert "Made a subtask:" in ada.html
    assert re.search(r'class="part-of">Part of <a[^>]*>Party</a>', ada.html)
    await ada.send("/acts", button="Take out of Party")
    assert "A task of its own now:" in ada.html
    assert 'class="part-of"' not in ada.html
    undo = re.search(r'data-undo form="acts" name="do" value="([^"]+)"', ada.html)
    assert undo
    await ada.send("/acts", button=undo[1])
    assert "Made a subtask:" in ada.html
    await ada.send("/acts", button="Take out of Party")
    hats = re.search(r'id="task-([^"]+)"', await ada.go("/search?q=hats"))
    assert hats
    await ada.go(tea)
    await ada.send("/tasks/", form="part-f", of=f"{ada.origin}/tasks/{hats[1]}")
    assert re.search(r'class="part-of">Part of <a[^>]*>Party hats</a>', ada.html)


async def test_a_tag_is_made_coloured_and_pinned_by_forms_alone(ada: Browser) -> None:
    await ada.go("/tags")
    await ada.send("/tags", name="garden", color="moss", pinned="on")
    assert '<span class="tag dot" data-hue="moss"></span><span dir="auto">garden</span>' in await ada.go("/")


async def test_pages_carry_a_policy_and_nothing_caches_them(ada: Browser) -> None:
    nonce = re.search(r"'nonce-([\w-]+)'", ada.answer.headers["content-security-policy"])
    assert nonce
    assert all(f'nonce="{nonce[1]}"' in script for script in re.findall(r"<script[^>]*>", ada.html))
    assert ada.answer.headers["cache-control"] == "no-store"
    (sheet, *_) = re.findall(r'href="(/static/[^"]+\.css)"', ada.html)
    assert "immutable" in (await ada.client.get(sheet)).headers["cache-control"]


async def test_an_address_that_is_none_is_a_page_for_people_and_a_problem_for_programs(ada: Browser) -> None:
    await ada.go("/nowhere")
    assert (ada.answer.status_code, "Back to Inbox" in ada.html) == (404, True)
    answer = await ada.client.get("/api/v1/nowhere")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


# The API through the frontend


async def test_programs_use_the_api_with_a_token_and_see_its_headers(stack: Stack, ada: Browser) -> None:
    async with httpx.AsyncClient(base_url=stack.doors[1].url) as client:
        who = {"email": ada.session["profile"]["email"], "password": PASSWORD}
        token = (await client.post("/api/v1/auth/token", json=who)).json()["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        made = await client.post("/api/v1/tasks", json={"title": "By a program"}, headers=bearer)
        assert (made.status_code, made.headers["etag"]) == (201, '"1"')
        path = f"/api/v1/tasks/{made.json()['id']}"
        changed = await client.patch(path, json={"title": "New"}, headers={**bearer, "If-Match": '"7"'})
        assert (changed.status_code, changed.json()["current"]["title"]) == (412, "By a program")
        assert (await client.get("/api/openapi.json")).json()["info"]["title"] == "Taskora"


async def test_what_is_inside_stays_inside(ada: Browser) -> None:
    for path in ("/api/v1/internal/heads", "/api/v1/%69nternal/heads", "/api/v1//internal/heads"):
        answer = await ada.client.post(path, json={"sessions": []}, headers={"Origin": ada.origin})
        assert answer.status_code == 404, path


async def test_a_body_too_large_is_refused(ada: Browser) -> None:
    body = b" " * (1 << 20) + b"{}"
    answer = await ada.client.post("/api/v1/tasks", content=body, headers={"Origin": ada.origin})
    assert answer.status_code == 413


async def test_the_sidecars_port_takes_events_from_the_sidecar_alone(stack: Stack) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"http://127.0.0.1:{stack.doors[0].app_port}/events/task-events", json={})
    assert answer.status_code == 401
