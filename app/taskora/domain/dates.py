"""Calendar and clock on the wall: days that do not exist, hours that do not exist, hours that come twice."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

# Between these years every zone's arithmetic is safe, and a task of another one is a slip of the finger.
FIRST_YEAR, LAST_YEAR = 1900, 9000
ONE_DAY = timedelta(days=1)


class Weekday(StrEnum):
    """In ISO order: Monday is 0 of `date.weekday()`."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"

    @property
    def number(self) -> int:
        return WEEK.index(self)

    @property
    def spoken(self) -> str:
        return SPOKEN[self.number]


WEEK = tuple(Weekday)
SPOKEN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@cache
def zone_names() -> frozenset[str]:
    """Every IANA name; read once, it walks the zone files."""
    return frozenset(available_timezones())


def moment(day: date, at: time, *, zone: ZoneInfo) -> datetime:
    """The instant (UTC) the wall clock of `zone` shows `day`, `at`.

    A time that a clock change leaves out moves forward by what was left out (02:30 → 03:30); of one that comes twice
    it is the first. That is what PEP 495 gives for fold=0.
    """
    return datetime.combine(day, at.replace(fold=0), tzinfo=zone).astimezone(UTC)


def day_in(instant: datetime, *, zone: ZoneInfo) -> date:
    """The date on the wall of `zone` at `instant`."""
    return instant.astimezone(zone).date()


def day_begins(day: date, *, zone: ZoneInfo) -> datetime:
    """The first instant of `day`; not always midnight, clocks also change then."""
    return moment(day, time.min, zone=zone)


def day_of_month(year: int, month: int, day: int) -> date:
    """The `day` of the month (-1: the last), or its last day where it has fewer."""
    last = monthrange(year, month)[1]
    return date(year, month, last if day < 0 else min(day, last))


def nth_of_month(year: int, month: int, nth: int, weekday: Weekday) -> date:
    """The first to fourth `weekday` of the month, or with -1 its last."""
    if nth < 0:
        last = day_of_month(year, month, -1)
        return last - timedelta(days=(last.weekday() - weekday.number) % 7)
    first = date(year, month, 1)
    return first + timedelta(days=(weekday.number - first.weekday()) % 7 + 7 * (nth - 1))


def add_months(day: date, months: int) -> date:
    """The same day so many months on, or that month's last. Raises OverflowError beyond `LAST_YEAR`."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not 1 <= year <= LAST_YEAR:
        raise OverflowError(f"{year} is no year of Taskora's calendar.")
    return day_of_month(year, month + 1, day.day)


def days_from(day: date, *, step: int = 1) -> Iterator[date]:
    """`day`, then every `step`-th one, to the end of Taskora's calendar."""
    last = date(LAST_YEAR, 12, 31).toordinal()
    return (date.fromordinal(ordinal) for ordinal in range(day.toordinal(), last + 1, step))


def next_weekday(day: date, weekday: Weekday) -> date:
    """The first `weekday` on or after `day`."""
    return day + timedelta(days=(weekday.number - day.weekday()) % 7)


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 22nd …"""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
