"""What the chat answers, in whole sentences."""

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from taskora.domain.chat import Show
from taskora.domain.due import Due
from taskora.domain.wording import said

LISTED_MOST = 20

HELP = """I understand plain sentences about your tasks, for example:
• Add pay rent every 31st 9am #home
• What is due this week? Show urgent tasks. Find invoices
• Complete pay rent. Reopen pay rent
• Move pay rent to Friday 17:00. Postpone pay rent by 2 days
• Delete pay rent"""
ALONE = "The assistant isn’t answering just now, so I take plain commands alone."
NEVER_MIND = "All right, nothing was changed."


def listed(asked: Show, tasks: Sequence[tuple[str, Due | None]], *, more: bool, today: date, zone: ZoneInfo) -> str:
    """The answer to a question: titles with their due dates, numbered as the user may choose among them."""
    shown = tasks[:LISTED_MOST]
    more = more or len(shown) < len(tasks)
    if not shown:
        return f"No tasks {asked.label}."
    count = f"More than {len(shown)}" if more else str(len(shown))
    head = f"{count} {'task' if count == '1' else 'tasks'} {asked.label}"
    if asked.counting:
        return head + "."
    return "\n".join([head + ":", *numbered(shown, today=today, zone=zone)])


def numbered(tasks: Sequence[tuple[str, Due | None]], *, today: date, zone: ZoneInfo) -> list[str]:
    return [
        f"{number}. {title}" + (f", {said(due, today=today, zone=zone)}" if due is not None else "")
        for number, (title, due) in enumerate(tasks, start=1)
    ]


def which_of(tasks: Sequence[tuple[str, Due | None]], *, today: date, zone: ZoneInfo) -> str:
    """The question when several are meant."""
    return "\n".join(["Which one do you mean?", *numbered(tasks[:LISTED_MOST], today=today, zone=zone)])


def not_found(words: str) -> str:
    return (
        f"I find no task like “{words}”." if words else "I don't know which task you mean; say some words of its title."
    )


def created(title: str, due: Due | None, *, repeats: str, today: date, zone: ZoneInfo) -> str:
    """`repeats`: the recurrence in words, or nothing."""
    when = f", due {said(due, today=today, zone=zone)}" if due is not None else ""
    return f"Added “{title}”{when}{', ' + repeats if repeats else ''}."


def completed(title: str, *, comes_again: bool) -> str:
    return f"Done: “{title}”." + (" It comes again." if comes_again else "")


def reopened(title: str) -> str:
    return f"“{title}” is open again."


def deleted(title: str) -> str:
    return f"“{title}” is in the trash; you can restore it from there."


def moved(title: str, due: Due, *, today: date, zone: ZoneInfo) -> str:
    return f"“{title}” is now due {said(due, today=today, zone=zone)}."


def no_date_to_move(title: str) -> str:
    return f"“{title}” has no due date yet. Say “move {title} to Friday”."
