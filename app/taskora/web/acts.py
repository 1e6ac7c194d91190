"""What the pages' forms do. Every act is a form, so all of it works without scripts."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from taskora.clock import now
from taskora.domain.problems import Changed, Invalid, NotFound
from taskora.domain.quick_add import dated, parse, reminding
from taskora.domain.series import DUE_FIELDS
from taskora.web import edits, words
from taskora.web.backend import TaskPage
from taskora.web.cookie import Profile, Session
from taskora.web.forms import back, key_of, text, typed_in
from taskora.web.frame import Frame, uuid_of
from taskora.web.ledger import Task
from taskora.web.panel import PRIORITIES, STATUSES, fields_of


@dataclass(frozen=True)
class Act:
    """One act, as a button carries it: `ID VERSION verb argument…`; version `-` is any. Of many tasks: `ID,ID,… -`."""

    ids: tuple[str, ...]
    version: int | None
    verb: str
    argument: str

    @classmethod
    def parse(cls, value: str) -> "Act":
        """Raises `Invalid`."""
        ids, version, verb, *rest = [*value.split(" ", 3), "", "", ""]
        found = tuple(one for one in map(uuid_of, ids.split(",")) if one)
        if len(found) != len(ids.split(",")) or not (version == "-" or version.isdecimal()) or not verb:
            raise Invalid("This button says nothing that Taskora understands. Reload the page and try again.")
        return cls(found, None if version == "-" else int(version), verb, rest[0])

    def call(self, profile: Profile) -> tuple[str, str, dict[str, Any] | None]:
        """Method, path and content for the backend; raises `Invalid`."""
        first, *others = self.ids
        if others:
            return "POST", "tasks/bulk", {"ids": self.ids, **self._of_many(profile)}
        path = f"tasks/{first}"
        match self.verb, self.argument:
            case (("complete" | "reopen" | "restore"), ""):
                return "POST", f"{path}/{self.verb}", None
            case "trash", "":
                return "DELETE", path, None
            case "skip", "":
                return "POST", f"{path}/skip", None
            case "remind", minutes if minutes.isdecimal():
                return "POST", f"{path}/reminders", {"minutes_before": int(minutes)}
            case "unremind", reminder if uuid_of(reminder):
                return "DELETE", f"reminders/{uuid_of(reminder)}", None
            case "tag", name if name:
                return "POST", "tasks/bulk", {"ids": self.ids, "act": "update", "add_tags": [name]}
            case "untag", name if name:
                return "POST", "tasks/bulk", {"ids": self.ids, "act": "update", "remove_tags": [name]}
            case _:
                return "PATCH", path, self._patch(profile)

    def _of_many(self, profile: Profile) -> dict[str, Any]:
        match self.verb, self.argument:
            case (("complete" | "reopen" | "restore"), ""):
                return {"act": self.verb}
            case "trash", "":
                return {"act": "delete"}
            case "tag", name if name:
                return {"act": "update", "add_tags": [name]}
            case _:
                return {"act": "update", "patch": self._patch(profile)}

    def _patch(self, profile: Profile) -> dict[str, Any]:
        match self.verb, self.argument:
            case "due", when:
                return _due(when, profile)
            case "status", status if status in STATUSES:
                return {"status": status}
            case "priority", priority if priority in PRIORITIES:
                return {"priority": priority}
            case "part", parent if not parent or uuid_of(parent):
                return {"parent_id": uuid_of(parent)}
            case "move", place:
                # Where it stands from now on, and the column or the day it was moved to.
                at, _, to = place.partition(" ")
                moved = {"status": to} if to in STATUSES else _due(to.removeprefix("none"), profile) if to else {}
                return {"position": _number(at), **moved}
            case _:
                raise Invalid(f"Taskora doesn't know how to “{self.verb} {self.argument}” a task.")


class Acts:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._ask = frame.ask

    async def add(self, request: Request) -> Response:
        """Quick add: a task from one line."""
        session, form = await self._frame.sessions.form(request)
        zone, typed = session.profile.zone, text(form, "title")
        meant = parse(typed, now=now(), zone=zone, week_start=session.profile.week_start)
        parent = uuid_of(text(form, "parent_id"))
        # A line that makes no task as it was understood is kept as it was typed.
        content: dict[str, Any] = {"title": typed} if meant.faults else meant.draft()
        if tag := text(form, "tags"):
            content["tags"] = [*content.get("tags", []), tag]
        if text(form, "due") == "today" and meant.due is None:
            content["due_date"] = now().astimezone(zone).date().isoformat()
        if parent is not None:
            content["parent_id"] = parent
        await self._ask(session, "POST", "tasks", content=content, key=key_of(form, "add"))
        return back(form)

    async def act(self, request: Request) -> Response:
        """The act of the button that was pressed."""
        session, form = await self._frame.sessions.form(request)
        act = Act.parse(text(form, "do"))
        method, path, content = act.call(session.profile)
        one = len(act.ids) == 1
        note = {"was": await self._was(session, act.ids[0], act.verb)} if one and act.verb in ("due", "part") else {}
        try:
            key = key_of(form, text(form, "do"))
            await self._ask(session, method, path, content=content, key=key, version=act.version)
        except (Changed, NotFound):
            return back(form, did="stale", task=act.ids[0])
        return back(form, did=act.verb, task=",".join(act.ids), **note)

    async def edit(self, request: Request) -> Response:
        """The open task's form: only what differs from what it was made with is sent."""
        session, form = await self._frame.sessions.form(request)
        task_id, zone = uuid_of(request.path_params["task_id"]), session.profile.zone
        if task_id is None:
            raise NotFound("There is no such task.")
        week_start = session.profile.week_start
        typed = edits.understood(typed_in(form), now=now(), zone=zone, week_start=week_start)
        content = edits.changed(typed, zone=zone)
        if not content:
            return back(form)
        version = text(form, "_version")
        wanted, key = int(version) if version.isdecimal() else None, key_of(form, "edit")
        # Of a task that comes again, a new due date is for this one alone unless its form says otherwise.
        later = "scope=future" if text(form, "scope") == "future" and content.keys() & DUE_FIELDS else ""
        # Somebody else's change to other fields is no reason to ask: the same wish again, on what is there now.
        for attempt in range(3):
            try:
                await self._ask(
                    session, "PATCH", f"tasks/{task_id}", query=later, content=content, version=wanted,
                    key=f"{key}.{attempt}" if key and attempt else key,
                )  # fmt: skip
            except Changed as problem:
                current = Task.model_validate(problem.extra["current"])
                found = edits.clashes(typed, content, fields_of(current, zone=zone))
                if found:
                    return await self._clash(
                        request, session, form, content=edits.fields(content), current=current, clashes=found
                    )
                wanted = current.version
            else:
                break
        return back(form, did="edit", task=task_id)

    async def remind(self, request: Request) -> Response:
        """One more reminder, told in words: "1 day before", "tomorrow 9am"."""
        session, form = await self._frame.sessions.form(request)
        task_id, said = uuid_of(request.path_params["task_id"]) or "", text(form, "when")
        zone, week_start = session.profile.zone, session.profile.week_start
        asked = reminding(said, now=now(), zone=zone, week_start=week_start)
        if asked is None:
            raise Invalid(f"Taskora doesn’t understand “{said}”. Try “1 day before”, “30 min”, or “tomorrow 9am”.")
        await self._ask(session, "POST", f"tasks/{task_id}/reminders", content=asked, key=key_of(form, "remind"))
        return back(form)

    async def part(self, request: Request) -> Response:
        """A task made a subtask of the one that is told by its title, its link or some of its words."""
        session, form = await self._frame.sessions.form(request)
        task_id, typed = uuid_of(request.path_params["task_id"]) or "", text(form, "of")
        parent = uuid_of(urlsplit(typed).path.rsplit("/", 1)[-1]) or await self._meant(session, typed, but=task_id)
        was = await self._was(session, task_id, "part")
        content = {"parent_id": parent}
        await self._ask(session, "PATCH", f"tasks/{task_id}", content=content, key=key_of(form, "part"))
        return back(form, did="part", task=task_id, was=was)

    async def make_tag(self, request: Request) -> Response:
        """A tag with its colour."""
        session, form = await self._frame.sessions.form(request)
        await self._ask(session, "POST", "tags", content=_tag(form), key=key_of(form, "tag"))
        return back(form)

    async def change_tag(self, request: Request) -> Response:
        """A tag's name, colour and pin; or without it."""
        session, form = await self._frame.sessions.form(request)
        path = f"tags/{uuid_of(request.path_params['tag_id']) or ''}"
        if text(form, "do") == "delete":
            await self._ask(session, "DELETE", path, key=key_of(form, "delete"))
        else:
            await self._ask(session, "PATCH", path, content=_tag(form), key=key_of(form, "save"))
        return back(form)

    async def _clash(
        self,
        request: Request,
        session: Session,
        form: FormData,
        *,
        content: Collection[str],
        current: Task,
        clashes: list[edits.Clash],
    ) -> Response:
        """Both versions side by side; nothing typed is lost, and its user says which is to stay."""
        mine = [(name, text(form, name, strip=False)) for name in form if edits.field_of(name) in content]
        return await self._frame.page(
            request, "clash.html", session, seq=0, status=412, task=current, clashes=clashes, mine=mine,
            theirs=fields_of(current, zone=session.profile.zone), back_to=text(form, "_from"),
        )  # fmt: skip

    async def _meant(self, session: Session, typed: str, *, but: str) -> str:
        """The open task that is called so, else the only one with such words. Raises `Invalid`."""
        query = urlencode([("q", typed), ("status", "todo"), ("status", "in_progress"), ("limit", 100)])
        page = TaskPage.model_validate(await self._ask(session, "GET", "tasks", query=query))
        found = [task for task in page.items if task.parent_id is None and task.id != but]
        named = [task for task in found if task.title.casefold() == typed.casefold()] or found
        if len(named) == 1:
            return named[0].id
        if not named:
            raise Invalid(f"Taskora finds no open task like “{typed}” that could have parts. Type some of its title.")
        raise Invalid(f"{words.counted(len(named), 'task').capitalize()} are like “{typed}”. Type more of its title.")

    async def _was(self, session: Session, task_id: str, verb: str) -> str:
        """What an act will change, as the argument of the act that takes it back."""
        try:
            task = Task.model_validate(await self._ask(session, "GET", f"tasks/{task_id}"))
        except NotFound:
            return ""
        if verb == "part":
            return task.parent_id or ""
        return edits.written_due(task.due_at or task.due_date, zone=session.profile.zone)


def _due(when: str, profile: Profile) -> dict[str, Any]:
    """The due date that an act's argument tells, in words too. Raises `Invalid`."""
    zone = profile.zone
    due = edits.written_due(dated(when, now=now(), zone=zone, week_start=profile.week_start), zone=zone)
    if when and not due:
        raise Invalid(edits.NO_DATE.format(when))
    return edits.due_content(due, zone=zone)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise Invalid("A task's place in its list is a number.") from error


def _tag(form: FormData) -> dict[str, Any]:
    return {"name": text(form, "name"), "color": text(form, "color"), "pinned": "pinned" in form}
