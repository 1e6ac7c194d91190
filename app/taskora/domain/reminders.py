"""When a reminder fires. It fires once per (reminder, generation); moving the due date or snoozing begins another one.

Callers hold the user's row: what is decided here is stored in the same transaction.
"""

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from taskora.domain.due import Due, Moment, due_moment

ALL_DAY_AT = time(9)
BEFORE_MOST = 366 * 24 * 60
REMINDERS_MOST = 20


class ReminderState(StrEnum):
    """`waiting` for its time, `fired` (its event is in the outbox), `delivered` (the notification is stored), or
    `cancelled`: its task is done, in the trash, or no longer due."""

    WAITING = "waiting"
    FIRED = "fired"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class ReminderAsked(BaseModel):
    """What a client sends: `{"at": …}` or `{"minutes_before": …}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Moment | None = None
    minutes_before: Annotated[int | None, Field(ge=0, le=BEFORE_MOST)] = None

    @model_validator(mode="after")
    def one_of_both(self) -> "ReminderAsked":
        if (self.at is None) == (self.minutes_before is None):
            raise ValueError("A reminder is at a time (at) or so many minutes before the task is due (minutes_before).")
        return self

    def fault(self, due: Due | None) -> str:
        """Why a task with this due date can't have it, or nothing."""
        if self.minutes_before is not None and due is None:
            return "The task has no due date to remind before; give it one, or set the reminder's time (at)."
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The user's clock: their zone, and the hour a whole day is reminded of (`preferences.all_day_at`)."""

    zone: ZoneInfo
    all_day_at: time = ALL_DAY_AT


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What is kept of a reminder beside its ids. `fire_at` is None only while it is cancelled for want of a due date.

    `snoozed` holds until the due date moves: a zone or an hour changed underneath does not wake it.
    """

    at: datetime | None
    minutes_before: int | None
    fire_at: datetime | None
    generation: int = 1
    state: ReminderState = ReminderState.WAITING
    snoozed: bool = False


def fires_at(at: datetime | None, minutes_before: int | None, *, due: Due | None, clock: Clock) -> datetime | None:
    """The instant it is for; None when it counts from a due date and there is none."""
    if at is not None or minutes_before is None or due is None:
        return at
    return due_moment(due, at=clock.all_day_at, zone=clock.zone) - timedelta(minutes=minutes_before)


def set_up(asked: ReminderAsked, *, due: Due | None, clock: Clock) -> Timing:
    """A new reminder. A time that has passed is kept as it is: it is due at once (`is_due`)."""
    fire_at = fires_at(asked.at, asked.minutes_before, due=due, clock=clock)
    state = ReminderState.WAITING if fire_at is not None else ReminderState.CANCELLED
    return Timing(at=asked.at, minutes_before=asked.minutes_before, fire_at=fire_at, state=state)


def is_due(timing: Timing, *, now: datetime) -> bool:
    """Whether it fires now; the claim's re-check under the user's lock."""
    return timing.state is ReminderState.WAITING and timing.fire_at is not None and timing.fire_at <= now


def fired(timing: Timing) -> Timing:
    """After its event was stored: not again in this generation."""
    return replace(timing, state=ReminderState.FIRED)


def delivered(timing: Timing, *, generation: int) -> Timing:
    """After the notification of `generation` was stored; news of an older one changes nothing."""
    if timing.state is not ReminderState.FIRED or timing.generation != generation:
        return timing
    return replace(timing, state=ReminderState.DELIVERED)


def due_moved(timing: Timing, *, due: Due | None, clock: Clock) -> Timing:
    """The task's due date is another one. What counts from it begins a new generation, also when it had fired."""
    if timing.minutes_before is None:
        return timing
    fire_at = fires_at(None, timing.minutes_before, due=due, clock=clock)
    if fire_at is None:
        return replace(timing, fire_at=None, state=ReminderState.CANCELLED, snoozed=False)
    return replace(
        timing, fire_at=fire_at, generation=timing.generation + 1, state=ReminderState.WAITING, snoozed=False
    )


def clock_changed(timing: Timing, *, due: Due | None, clock: Clock) -> Timing:
    """The user's zone or `all_day_at` is another one: what waits for a whole day moves, and nothing fires again."""
    if timing.state is not ReminderState.WAITING or timing.snoozed or timing.minutes_before is None:
        return timing
    return replace(timing, fire_at=fires_at(None, timing.minutes_before, due=due, clock=clock))


def snoozed(timing: Timing, *, until: datetime) -> Timing:
    """Once more at `until`."""
    return replace(timing, fire_at=until, generation=timing.generation + 1, state=ReminderState.WAITING, snoozed=True)


def cancelled(timing: Timing) -> Timing:
    """The task was completed or deleted: what waits will not fire. What fired stays told."""
    if timing.state is not ReminderState.WAITING:
        return timing
    return replace(timing, state=ReminderState.CANCELLED)


def revived(timing: Timing, *, now: datetime) -> Timing:
    """The task was reopened or restored: what is still to come waits again, what passed meanwhile is left."""
    if timing.state is not ReminderState.CANCELLED or timing.fire_at is None or timing.fire_at <= now:
        return timing
    return replace(timing, state=ReminderState.WAITING)


def carried_over(timing: Timing, *, due: Due, clock: Clock) -> Timing | None:
    """The same reminder on a series' next task; None for one at a fixed time, which was for that task alone."""
    if timing.minutes_before is None:
        return None
    return set_up(ReminderAsked(minutes_before=timing.minutes_before), due=due, clock=clock)
