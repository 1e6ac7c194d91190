"""Every part of the pages in every state, made by the pages' own macros, in the light and in the dark: /design."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from taskora.domain.quick_add import parse
from taskora.domain.recurrence import Frequency, Recurrence
from taskora.domain.tags import color_of
from taskora.web.frame import Toast
from taskora.web.history import Told
from taskora.web.ledger import Reminding, Task, row_of
from taskora.web.line import meanings, pieces
from taskora.web.render import Renderer
from taskora.web.repeat import repeat_of
from taskora.web.shapes import Date, Planned

# A day of its own, so that the page is the same whenever somebody looks at it.
NOW = datetime(2026, 11, 23, 13, 30, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Vienna")
LINE = "Pay rent every 31st 9am !urgent #home remind 1d"
RENT = Planned(
    text="every month on the 31st, or the last day",
    recurrence=Recurrence(frequency=Frequency.MONTHLY, month_day=31),
    start=Date(due_date=date(2026, 10, 31)),
    items=(
        Date(due_date=date(2026, 11, 30), note="November 2026 has no 31st."),
        Date(due_date=date(2026, 12, 31)),
        Date(due_date=date(2027, 1, 31)),
        Date(due_date=date(2027, 2, 28), note="February 2027 has no 31st."),
        Date(due_date=date(2027, 3, 31)),
    ),
)
SOON = NOW + timedelta(hours=2)
# What a row is, and the class that says so.
ROWS = (
    ("", Task(id="rest", title="Send Ingrid the revised floor plan", due_at=SOON, priority="high", tags=("work",))),
    ("is-hover", Task(id="hover", title="Hover: what is done most stands at hand", tags=("work",), priority="medium")),
    ("is-current", Task(id="current", title="Current: open in the panel", recurrence=RENT.recurrence, due_at=SOON)),
    ("is-selected", Task(id="selected", title="Selected with X", due_at=SOON, priority="urgent")),
    ("is-selected", Task(id="selected-2", title="Selected too, they join", priority="low", tags=("home",))),
    ("is-focus", Task(id="focus", title="Focus from the keyboard", tags=("home", "money"))),
    ("", Task(id="late", title="Return the library books", due_date=date(2026, 11, 20), tags=("home",))),
    ("", Task(id="done", title="Pick up the parcel from the corner shop", status="done", due_at=SOON)),
    ("", Task(id="part", title="A subtask outside its parent", parent_id="rest", parent="Pay rent", tags=("home",))),
    ("is-wait", Task(id="wait", title="Waiting to be saved")),
    ("drag", Task(id="drag", title="Being moved: Alt ↑ ↓ does the same")),
    ("", Task(id="hostile", title="<b>" + "long " * 60 + "</b>", reminders=(Reminding(id="r", minutes_before=60),))),
)
TOASTS = (
    Toast(text="Completed", title="Pay rent", undo="-"),
    Toast(text="Two tasks moved to trash", icon="trash", undo="-"),
    Toast(text="That task was changed elsewhere. Here it is as it stands now.", bad=True),
)
HISTORY = (
    Told(
        text="Changed when it repeats", value="every month on the 31st", when="Today 09:14", datetime="2026-11-23T09:14"
    ),
    Told(text="Changed the priority", value="Urgent", when="Sat 21 Nov 18:02", datetime="2026-11-21T18:02"),
    Told(text="Added", value="", when="Sun 1 Nov 10:31", datetime="2026-11-01T10:31"),
)


class Gallery:
    def __init__(self, renderer: Renderer) -> None:
        self._page = renderer.page

    async def show(self, request: Request) -> Response:
        """For everybody: it holds nobody's tasks."""
        read = parse(LINE, now=NOW, zone=ZONE)
        row = partial(row_of, now=NOW, zone=ZONE, dated=True)
        return self._page(
            request,
            "design.html",
            rows=[(row(task), cls) for cls, task in ROWS],
            cards=[row(task) for _, task in ROWS[:4]],
            pieces=list(pieces(LINE, read)),
            meanings=list(meanings(read, now=NOW, zone=ZONE)),
            tags=[(tag, color_of(tag)) for tag in read.tags],
            faults=(),
            repeat=repeat_of(RENT, due=date(2026, 11, 30), today=NOW.date(), zone=ZONE),
            toasts=TOASTS,
            history=HISTORY,
            month=[[day if 1 <= day <= 30 else 0 for day in range(week, week + 7)] for week in range(-5, 31, 7)],
            hue=color_of,
            open_id="",
            open_at="#",
        )
