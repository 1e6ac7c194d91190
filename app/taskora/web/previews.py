"""What something would be while somebody is at it: pieces of pages, asked for by scripts. Nothing is saved."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from taskora.clock import now
from taskora.domain.due import due_day
from taskora.domain.problems import Invalid
from taskora.domain.quick_add import dated, parse
from taskora.domain.tags import color_of
from taskora.domain.wording import said
from taskora.web import edits, repeat, words
from taskora.web.cookie import Profile
from taskora.web.forms import text, typed_in
from taskora.web.frame import Frame, uuid_of
from taskora.web.line import meanings, pieces
from taskora.web.opened import Ask, planned
from taskora.web.repeat import Repeat
from taskora.web.shapes import Planned


class Previews:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def repeats(self, request: Request) -> Response:
        """The editor of when a task comes again, and the dates that its controls or words come to."""
        session, form = await self._frame.sessions.form(request)
        ask = partial(self._frame.ask, session)
        shown = await _repeat(ask, typed_in(form), request.path_params["task_id"], session.profile)
        return self._frame.piece(request, "repeat.html", repeat=shown)

    async def line(self, request: Request) -> Response:
        """What a line of quick add is understood as."""
        session, form = await self._frame.sessions.form(request)
        moment, zone, typed = now(), session.profile.zone, text(form, "line", strip=False)
        read = parse(typed, now=moment, zone=zone, week_start=session.profile.week_start)
        hues = (await self._frame.side(session)).hue if read.tags else color_of
        return self._frame.piece(
            request,
            "line.html",
            pieces=list(pieces(typed, read)),
            meanings=list(meanings(read, now=moment, zone=zone)),
            tags=[(tag, hues(tag)) for tag in read.tags],
            # That nothing is said yet of what is to be done goes without saying.
            faults=read.faults if read.title else (),
        )

    async def when(self, request: Request) -> Response:
        """The due date that words tell."""
        session, form = await self._frame.sessions.form(request)
        moment, zone, typed = now(), session.profile.zone, text(form, "when")
        due = dated(typed, now=moment, zone=zone, week_start=session.profile.week_start)
        today = moment.astimezone(zone).date()
        return self._frame.piece(
            request,
            "when.html",
            value=edits.written_due(due, zone=zone),
            said=said(due, today=today, zone=zone) if due else "",
            distance=words.distance(due_day(due, zone=zone), today=today) if due else "",
            fault=edits.NO_DATE.format(typed) if typed and due is None else "",
        )


async def _repeat(ask: Ask, form: Mapping[str, str], task_id: str, profile: Profile) -> Repeat:
    moment, zone = now(), profile.zone
    today, due = moment.astimezone(zone).date(), form.get("was.due", "")
    begins = date.fromisoformat(due[:10]) if due else None
    blank = repeat.repeat_of(None, due=begins, today=today, zone=zone)
    try:
        pattern = repeat.pattern_of(form, begins=begins, now=moment, zone=zone, week_start=profile.week_start)
        if pattern is None:
            return blank
        if repeat.written(pattern) == form.get("was.recurrence"):
            # What is there counts from where its series began, not from where this task stands.
            found = await planned(ask, uuid_of(task_id) or "")
        else:
            asked = {"recurrence": pattern, **(edits.due_content(due, zone=zone) if due else {})}
            found = Planned.model_validate(await ask("POST", "recurrence/preview", content=asked))
    except Invalid as problem:
        typed = {name: form.get(name, "") for name in blank.controls}
        fault = problem.errors[0]["message"] if problem.errors else problem.detail
        return replace(blank, controls=typed, fault=fault)
    shown = repeat.repeat_of(found, due=begins or (found and found.start.day(zone)), today=today, zone=zone)
    end = form.get("rec_end", "never")
    if end in ("until", "count") and not form.get(f"rec_{end}"):
        # Chosen, and not told yet: it stays chosen.
        return replace(shown, controls={**shown.controls, "rec_end": end})
    return shown
