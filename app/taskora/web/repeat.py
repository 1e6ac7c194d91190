"""When a task comes again, as its editor says it: a sentence of controls, or words, and the next dates. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from taskora.domain import wording
from taskora.domain.dates import WEEK, Weekday, ordinal
from taskora.domain.problems import Invalid
from taskora.domain.quick_add import repetition
from taskora.domain.recurrence import Anchor, CatchUp, Frequency, Mode, NthWeekday, Recurrence
from taskora.domain.recurrence_words import NTH, UNITS
from taskora.web.shapes import Planned

COUNTED = "A repetition is counted in whole numbers from one on, and ends on a day like 2026-12-31."


@dataclass(frozen=True, kw_only=True)
class Next:
    """A date to come, in pieces; `note`: why it is not where the others are."""

    weekday: str
    numeral: str
    month: str
    time: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """The editor. `controls`: what each shows; `days`: the days of a month to choose from; `fault`: what is wrong."""

    controls: Mapping[str, str]
    days: tuple[tuple[str, str], ...]
    text: str = ""
    next: tuple[Next, ...] = ()
    fault: str = ""

    @property
    def units(self) -> list[tuple[str, str]]:
        many = "" if self.controls["rec_every"] in ("", "1") else "s"
        return [("", "doesn’t repeat"), *((value, unit + many) for value, unit in UNITS.items())]

    @property
    def notes(self) -> list[str]:
        return list(dict.fromkeys(one.note for one in self.next if one.note))


def repeat_of(planned: Planned | None, *, due: date | None, today: date, zone: ZoneInfo) -> Repeat:
    """The editor of what is planned, or of a task that does not come again."""
    day = due or today
    if planned is None:
        return Repeat(controls=controls_of(None, day=day), days=_days("", day))
    controls = controls_of(complete(planned.recurrence, begins=planned.start.day(zone)), day=day)
    return Repeat(
        controls=controls,
        days=_days(controls["rec_on"], day),
        text=planned.text[:1].upper() + planned.text[1:],
        next=tuple(_next(one.day(zone), one.due_at, one.note, zone=zone, today=today) for one in planned.items),
    )


def complete(recurrence: Recurrence, *, begins: date | None) -> Recurrence:
    """The pattern with the day it otherwise takes from the date it began with, so that it can be shown and compared."""
    if begins is None or recurrence.names_its_days or recurrence.anchor is Anchor.COMPLETION:
        return recurrence
    match recurrence.frequency:
        case Frequency.WEEKLY:
            return recurrence.model_copy(update={"weekdays": (WEEK[begins.weekday()],)})
        case Frequency.MONTHLY | Frequency.YEARLY:
            return recurrence.model_copy(update={"month_day": begins.day})
        case Frequency.DAILY:
            return recurrence


def written(recurrence: Recurrence | None) -> str:
    """The pattern as one text, the same for the same pattern; empty for none."""
    return "" if recurrence is None else recurrence.model_dump_json(exclude_defaults=True)


def controls_of(recurrence: Recurrence | None, *, day: date) -> dict[str, str]:
    """What each control of the editor shows; those that are not in use suggest `day`."""
    told = recurrence or Recurrence(frequency=Frequency.DAILY)
    calendar = told.mode is Mode.ON_SCHEDULE
    nth, monthly = told.nth_weekday, told.frequency in (Frequency.MONTHLY, Frequency.YEARLY)
    weekdays = told.weekdays if told.frequency is Frequency.WEEKLY else (WEEK[day.weekday()],)
    return {
        "rec_unit": told.frequency if recurrence else "",
        "rec_every": str(told.interval),
        **{f"rec_{each}": "on" if each in weekdays else "" for each in WEEK},
        "rec_on": f"{nth.nth} {nth.weekday}" if nth else str(told.month_day or ("" if monthly else day.day)),
        "rec_from": "calendar" if calendar else told.anchor,
        "rec_missed": told.catch_up,
        "rec_end": "until" if told.until else "count" if told.count else "never",
        "rec_until": told.until.isoformat() if told.until else "",
        "rec_count": str(told.count or ""),
        "rec_zone": told.time_zone or "",
    }


def pattern_of(
    form: Mapping[str, str],
    *,
    begins: date | None,
    now: datetime,
    zone: ZoneInfo,
    week_start: Weekday = Weekday.MON,
) -> Recurrence | None:
    """What the editor asks for; words count before controls. None: it does not come again. Raises `Invalid`."""
    if words := form.get("rec_words", "").strip():
        said = repetition(words, now=now, zone=zone, week_start=week_start)
        if said is None:
            raise Invalid(f"Taskora doesn’t understand “{words}”. Try “every 2 weeks on Mon”, or “every last Friday”.")
        pattern = said[0]
        return complete(pattern, begins=begins or said[1])
    unit = form.get("rec_unit", "")
    if not unit:
        return None
    origin, end, on = form.get("rec_from", ""), form.get("rec_end", ""), form.get("rec_on", "").split()
    monthly = unit in (Frequency.MONTHLY, Frequency.YEARLY)
    try:
        pattern = Recurrence(
            frequency=Frequency(unit),
            interval=int(form.get("rec_every") or 1),
            weekdays=tuple(day for day in WEEK if unit == Frequency.WEEKLY and form.get(f"rec_{day}")),
            month_day=int(on[0]) if monthly and len(on) == 1 else None,
            nth_weekday=NthWeekday(nth=int(on[0]), weekday=Weekday(on[1])) if monthly and len(on) == 2 else None,
            anchor=Anchor.COMPLETION if origin == "completion" else Anchor.SCHEDULE,
            mode=Mode.ON_SCHEDULE if origin == "calendar" else Mode.ON_COMPLETION,
            catch_up=CatchUp(form.get("rec_missed") or "latest") if origin == "calendar" else CatchUp.LATEST,
            until=date.fromisoformat(form["rec_until"]) if end == "until" and form.get("rec_until") else None,
            count=int(form["rec_count"]) if end == "count" and form.get("rec_count") else None,
            time_zone=form.get("rec_zone") or None,
        )
    except ValidationError as error:
        fault = error.errors()[0]
        own = fault["type"] == "value_error"
        raise Invalid(fault["msg"].removeprefix("Value error, ") if own else COUNTED) from error
    except ValueError as error:
        raise Invalid(COUNTED) from error
    return complete(pattern, begins=begins)


def _days(chosen: str, day: date) -> tuple[tuple[str, str], ...]:
    """The days of a month to choose from: what this date suggests, then every one."""
    number = (day.day - 1) // 7 + 1
    weekday = WEEK[day.weekday()]
    near = [str(day.day), *([f"{number} {weekday}"] if number < 5 else []), f"-1 {weekday}", "-1"]
    values: dict[str, None] = dict.fromkeys([*([chosen] if chosen else []), *near, *map(str, range(1, 32)), ""])
    return tuple((value, _day_said(value)) for value in values)


def _day_said(value: str) -> str:
    first, _, weekday = value.partition(" ")
    if not value:
        return "the same day"
    if weekday:
        return f"the {NTH[int(first)]} {Weekday(weekday).spoken}"
    return "the last day" if first == "-1" else f"the {ordinal(int(first))}"


def _next(day: date, at: datetime | None, note: str, *, zone: ZoneInfo, today: date) -> Next:
    month = f"{day:%b}" if day.year == today.year or (day - today).days < 330 else f"{day:%b %y}"
    time = wording.at(at.astimezone(zone)) if at else ""
    return Next(weekday=f"{day:%a}", numeral=str(day.day), month=month, time=time, note=note)
