"""Plain English about one's tasks is one intent, or a question back; nothing is guessed."""

from datetime import UTC, date, datetime, timedelta
from time import process_time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora.domain import chat, chat_words
from taskora.domain.chat import (
    Ask,
    Choose,
    Complete,
    Create,
    Delete,
    Help,
    Intent,
    NeverMind,
    Reopen,
    Reschedule,
    Show,
    Which,
    pick,
)
from taskora.domain.dates import MONTHS, add_months
from taskora.domain.tasks import Priority, Status

BERLIN = ZoneInfo("Europe/Berlin")
# A Wednesday.
NOW = datetime(2026, 11, 25, 10, tzinfo=BERLIN)
nows = st.datetimes(datetime(1950, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
RENT, IT = Which("pay rent"), Which("", it=True)


def understand(message: str) -> Intent:
    return chat.understand(message, now=NOW, zone=BERLIN)


def shown(message: str) -> Show:
    intent = understand(message)
    assert isinstance(intent, Show), intent
    return intent


@pytest.mark.parametrize(
    ("message", "intent"),
    [
        ("complete pay rent", Complete(RENT)),
        ("Please complete the task “pay rent”.", Complete(RENT)),
        ("mark pay rent as done", Complete(RENT)),
        ("Mark pay rent done!", Complete(RENT)),
        ("check pay rent off", Complete(RENT)),
        ("I've finished pay rent", Complete(RENT)),
        ("i’ve done pay rent", Complete(RENT)),
        ("pay rent is done", Complete(RENT)),
        ("it is done", Complete(IT)),
        ("reopen pay rent", Reopen(RENT)),
        ('mark "pay rent" as not done', Reopen(RENT)),
        ("could you delete pay rent please", Delete(RENT)),
        ("get rid of it", Delete(IT)),
        ("move pay rent to friday", Reschedule(RENT, due=date(2026, 11, 27))),
        ("move pay rent to friday 17:00", Reschedule(RENT, due=datetime(2026, 11, 27, 17, tzinfo=BERLIN))),
        ("snooze it until tomorrow", Reschedule(IT, due=date(2026, 11, 26))),
        ("reschedule pay rent for 12 mar", Reschedule(RENT, due=date(2027, 3, 12))),
        ("change the due date of pay rent to 12 mar", Reschedule(RENT, due=date(2027, 3, 12))),
        ("postpone pay rent by 2 days", Reschedule(RENT, by=timedelta(days=2))),
        ("push pay rent a week", Reschedule(RENT, by=timedelta(weeks=1))),
        ("2", Choose(2)),
        ("the second one", Choose(2)),
        ("last one", Choose(-1)),
        ("never mind", NeverMind()),
        ("", Help()),
        ("Hello!", Help()),
        ("help", Help()),
        ("what can you do?", Help()),
    ],
)
def test_what_is_asked_for(message: str, intent: Intent) -> None:
    assert understand(message) == intent


@pytest.mark.parametrize(
    ("message", "title", "due"),
    [
        ("Add pay rent every 31st #home", "pay rent", date(2026, 11, 30)),
        ("please create a task to call Bob tomorrow", "call Bob", date(2026, 11, 26)),
        ("new task: water the plants", "water the plants", None),
        ("I need to finish it’s draft by friday", "finish it’s draft", date(2026, 11, 27)),
        ("Could you remind me to buy milk tomorrow?", "buy milk", date(2026, 11, 26)),
        ("todo: read “Dune”", "read “Dune”", None),
    ],
)
def test_a_task_is_made_of_the_rest_of_the_sentence(message: str, title: str, due: date | None) -> None:
    intent = understand(message)
    assert isinstance(intent, Create)
    assert (intent.line.title, intent.line.due) == (title, due)


def test_what_is_due_this_week_is_the_users_week() -> None:
    asked = shown("What is due this week?")
    assert asked.label == "due this week"
    assert asked.span is not None
    assert [asked.span.holds(date(2026, 11, day)) for day in (22, 23, 29, 30)] == [False, True, True, False]
    assert asked.status == (Status.TODO, Status.IN_PROGRESS)


@pytest.mark.parametrize(
    ("message", "label"),
    [
        ("what's due today", "due today"),
        ("today", "due today"),
        ("do I have anything tomorrow?", "due tomorrow"),
        ("what is due on friday", "due on Fri 27 Nov"),
        ("tasks for next week", "due next week"),
        ("show tasks due this month", "due this month"),
        ("what is due in january 2031", "due in January 2031"),
        ("tasks for jan 2027", "due in January 2027"),
        ("anything in november?", "due in November"),
        ("what is there to do in may", "due in May 2027"),
        ("what did I complete in may", "completed in May"),
        ("which were finished in december", "completed in December 2025"),
        ("what is due in january 12", "due on Tue 12 Jan 2027"),
        ("find the march of the penguins", "with “march penguins”"),
        ("overdue", "overdue"),
        ("how many tasks are overdue?", "overdue"),
        ("show tasks without a due date", "without a due date"),
        ("show my tasks", "open"),
        ("what is in progress", "in progress"),
        ("what did I complete today", "completed today"),
        ("show urgent tasks due this week", "due this week of priority urgent"),
        ("list tasks tagged #home", "tagged home"),
        ("find the task about rent", "with “rent”"),
    ],
)
def test_a_question_is_said_back(message: str, label: str) -> None:
    assert shown(message).label == label


@given(nows, st.integers(1, 12), st.none() | st.integers(1900, 2199), st.booleans(), st.booleans())
def test_a_month_is_its_days_and_without_a_year_the_one_that_is_near(
    now: datetime, month: int, year: int | None, short: bool, past: bool
) -> None:
    name = MONTHS[month - 1][: 3 if short else None]
    asked = chat.understand(
        f"what {'was completed' if past else 'is due'} {f'in {name}' if year is None else f'{name} {year}'}",
        now=now,
        zone=BERLIN,
    )
    assert isinstance(asked, Show)
    assert asked.span is not None
    today, first, after = now.astimezone(BERLIN).date(), asked.span.from_day, asked.span.to_day
    assert first is not None
    assert (first.day, first.month, first.year) == (1, month, year or first.year)
    assert after == add_months(first, 1)
    if year is None and past:
        assert first <= today < add_months(first, 12)
    elif year is None:
        assert add_months(after, -12) <= today < after


def test_a_question_is_narrowed_word_by_word() -> None:
    asked = shown("how many high priority tasks about the tax report are done #work")
    assert (asked.priority, asked.tag, asked.text, asked.status, asked.counting) == (
        Priority.HIGH,
        "work",
        "tax report",
        (Status.DONE,),
        True,
    )


@pytest.mark.parametrize(
    ("message", "question"),
    [
        ("delete", "Which task shall I put into the trash?"),
        ("complete", "Which task is done?"),
        ("delete everything", "I do that one task at a time"),
        ("reschedule pay rent", "To when shall I move “pay rent”?"),
        ("move", "Which task shall I move, and to when?"),
        ("move pay rent to every friday", "How a task repeats"),
        ("add", "Say what is to be done."),
        ("add tomorrow", "Say what is to be done"),
        ("show", "Which tasks do you mean"),
        ("the weather is fine", "I did not understand that."),
    ],
)
def test_what_is_left_open_is_asked_back(message: str, question: str) -> None:
    intent = understand(message)
    assert isinstance(intent, Ask)
    assert intent.question.startswith(question)


vocabulary = """
    add complete mark pay rent as done not it delete move to friday 17:00 by 2 days what is due this week show find how
    many urgent #home tomorrow every 31st remind me the task " “ ” ’ 's please hello , . ! ? İ 🎉 \\ all 2 no help in
    without date progress until next month january 2031""".split()  # noqa: SIM905
messages = st.one_of(
    st.text(st.characters(codec=None), max_size=200), st.lists(st.sampled_from(vocabulary), max_size=12).map(" ".join)
)


@given(messages, nows)
def test_any_message_is_an_intent_the_same_each_time_and_a_question_is_a_sentence(message: str, now: datetime) -> None:
    intent = chat.understand(message, now=now, zone=BERLIN)
    assert intent == chat.understand(message, now=now, zone=BERLIN)
    match intent:
        case Ask(question):
            assert question[-1] in ".?”"
        case Create(line):
            assert line.faults == ()
            assert line.title
        case Complete(which) | Reopen(which) | Delete(which) | Reschedule(which):
            assert which.it != bool(which.words)
        case _:
            pass
    if isinstance(intent, Reschedule):
        assert (intent.due is None) != (intent.by is None)


@pytest.mark.parametrize("message", ["mark " * 400, "is " * 600 + "done", "a" * 2000, '"' * 2000, "x" * 1_000_000])
def test_a_long_message_is_answered_at_once(message: str) -> None:
    begun = process_time()
    understand(message)
    assert process_time() - begun < 1


# Which task


TITLES = ["Pay rent", "Pay the rent of the garage", "Buy milk", "Payment reminder"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("pay rent", [0]),
        ("rent", [0, 1]),
        ("garage", [1]),
        ("pay", [0, 1, 3]),
        ("buy mlik", [2]),
        ("MILK", [2]),
        ("nothing of the kind", []),
        ("", []),
        ("?!", []),
    ],
)
def test_a_task_is_found_by_its_title_its_words_or_what_looks_alike(words: str, found: list[int]) -> None:
    assert pick(words, TITLES) == found


@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=6))
def test_a_title_said_whole_is_that_task_alone(words: str, titles: list[str]) -> None:
    found = pick(words, titles)
    assert found == sorted(set(found))
    assert all(0 <= at < len(titles) for at in found)
    if words.strip() and " ".join(words.split()) == words:
        assert pick(words, [*titles, words])[-1] == len(titles)


# What is answered


def test_answers_are_sentences_with_dates_as_people_say_them() -> None:
    today = date(2026, 11, 25)
    rows = [("Pay rent", datetime(2026, 11, 30, 9, tzinfo=BERLIN)), ("Buy milk", None)]
    asked = shown("what is due this week")
    assert chat_words.listed(asked, rows, more=False, today=today, zone=BERLIN) == (
        "2 tasks due this week:\n1. Pay rent, Mon 30 Nov 09:00\n2. Buy milk"
    )
    assert chat_words.listed(asked, [], more=False, today=today, zone=BERLIN) == "No tasks due this week."
    assert chat_words.listed(shown("how many tasks are overdue"), rows[:1], more=False, today=today, zone=BERLIN) == (
        "1 task overdue."
    )
    many = chat_words.listed(asked, rows * 20, more=False, today=today, zone=BERLIN)
    assert many.startswith(f"More than {chat_words.LISTED_MOST} tasks due this week:")
    assert chat_words.created("Pay rent", rows[0][1], repeats="every month", today=today, zone=BERLIN) == (
        "Added “Pay rent”, due Mon 30 Nov 09:00, every month."
    )
    assert chat_words.moved("Pay rent", date(2026, 12, 1), today=today, zone=BERLIN) == (
        "“Pay rent” is now due Tue 1 Dec."
    )
