"""What is told of how far a consumer is behind, of any events, looked at whenever."""

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora.domain.lag import LONGEST, Followed

# When each event was published and when it was taken, in the order of the outbox.
Events = Sequence[tuple[float, float]]

pauses = st.lists(st.floats(0.1, 500), min_size=1, max_size=60)


def told(events: Events, looks: Iterable[float]) -> list[float]:
    """By the look."""
    followed, answers = Followed(), list[float]()
    for now in looks:
        followed = followed.then(sum(published <= now for published, _ in events))
        if followed.waits is not None:
            published, taken = events[followed.event - 1]
            followed = followed.seen(seconds=min(now, taken) - published, taken=taken <= now)
        answers.append(followed.behind)
    return answers


@given(pauses, pauses, st.data())
def test_nothing_is_told_that_no_event_was_late(gaps: list[float], looks: list[float], data: st.DataObject) -> None:
    delays = data.draw(st.lists(st.floats(0, 5000), min_size=len(gaps), max_size=len(gaps)))
    events = [(at, at + delay) for at, delay in zip(accumulate(gaps), delays, strict=True)]
    times = [*accumulate(looks)]
    for now, answer in zip(times, told(events, times), strict=True):
        assert answer <= max(
            (min(now, taken) - published for published, taken in events if published <= now), default=0
        )


@given(pauses, pauses)
def test_from_the_first_event_that_is_not_taken_it_grows_for_ever(gaps: list[float], looks: list[float]) -> None:
    events = [(at, math.inf) for at in accumulate(gaps)]
    times = [*accumulate(looks)]
    answers = told(events, times)
    assert answers == sorted(answers)
    begun = next((n for n, now in enumerate(times) if now >= events[0][0]), len(times))
    for now, answer in zip(times[begun:], answers[begun:], strict=True):
        assert answer >= min(now - times[begun], LONGEST)


@given(st.floats(1, 300), st.floats(5, 100), st.integers(1, 50))
def test_who_is_always_late_is_told_so_at_every_look_while_events_come(late: float, often: float, looks: int) -> None:
    times = [often * n for n in range(1, looks + math.ceil(late / often) + 2)]
    events = [(now - often / 2, now - often / 2 + late) for now in times]
    answers = told(events, times)
    assert all(answer >= late - 1e-6 for answer in answers[math.ceil(late / often) + 1 :])


@given(pauses, st.floats(0, 5000))
def test_who_took_all_is_told_at_nothing_from_the_third_look_on(gaps: list[float], late: float) -> None:
    events = [(at, at + late) for at in accumulate(gaps)]
    end = events[-1][1]
    assert told(events, [*(published for published, _ in events), *(end + n for n in range(4))])[-2:] == [0, 0]


@pytest.mark.parametrize("taken", [1, 4, 25], ids=lambda seconds: f"the others after {seconds} s")
def test_an_event_that_was_lost_alone_is_told_for_an_hour(taken: float) -> None:
    """Others come out all the time: the newest has never been taken when it is looked."""
    events = [(0.0, math.inf), *((float(n), n + taken) for n in range(1, 4000))]
    times = [5.0 * n for n in range(800)]
    late = dict(zip(times, told(events, times), strict=True))
    assert late[LONGEST] == LONGEST
    assert max(answer for now, answer in late.items() if now > LONGEST + 40) <= taken + 5
