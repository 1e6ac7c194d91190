"""Days, times, repeats and reminders as people say them. Pure, English, one voice."""

from collections.abc import Sequence
from datetime import date

from taskora.domain import wording

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def counted(number: int, one: str, many: str = "") -> str:
    """One task, two tasks, 12 tasks: words up to nine, as in a sentence."""
    word = NUMBERS[number] if 0 <= number < len(NUMBERS) else str(number)
    return f"{word} {one if number == 1 else many or one + 's'}"


def listed(words: Sequence[str]) -> str:
    """Monday, Tuesday and Friday."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def day_of(day: date, *, today: date) -> str:
    """Mon 30 Nov; with the year when it is another one."""
    return f"{day:%a} {day.day} {day:%b}" + (f" {day.year}" if day.year != today.year else "")


def day_named(day: date, *, today: date) -> str:
    """Today, Tomorrow, Yesterday, else Mon 30 Nov."""
    near = {0: "Today", 1: "Tomorrow", -1: "Yesterday"}
    return near.get((day - today).days) or day_of(day, today=today)


def day_within(day: date, *, today: date) -> str:
    """The same inside a sentence: made today, since yesterday, ends Mon 30 Nov."""
    return day_named(day, today=today) if abs((day - today).days) > 1 else distance(day, today=today)


def distance(day: date, *, today: date) -> str:
    """In 7 days, 2 days ago; empty for today, which its name says."""
    days = (day - today).days
    if days in (-1, 0, 1):
        return {-1: "yesterday", 0: "today", 1: "tomorrow"}[days]
    if abs(days) < 60:
        said = f"{abs(days)} days"
    elif abs(days) < 700:
        said = f"{round(abs(days) / 30.44)} months"
    else:
        said = f"{round(abs(days) / 365.25)} years"
    return f"in {said}" if days > 0 else f"{said} ago"


def before(minutes: int) -> str:
    """A reminder told by its distance from the due time: 1 day before, When it is due."""
    said = wording.before(minutes)
    return said[:1].upper() + said[1:]
