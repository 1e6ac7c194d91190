"""Times in words: by the clock that the zone's user reads, and read back by quick add as they were said."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskora.domain.people import ClockStyle, zone_of
from taskora.domain.phrases import wall_time
from taskora.domain.quick_add import dated
from taskora.domain.wording import at, said

BERLIN = ZoneInfo("Europe/Berlin")
TWELVE = zone_of("Europe/Berlin", clock=ClockStyle.HOURS_12)
NOON = datetime(2026, 11, 30, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hour", "told"), [(0, "12:05 am"), (9, "9:05 am"), (12, "12:05 pm"), (15, "3:05 pm"), (23, "11:05 pm")]
)
def test_twelve_hours_go_round_twice(hour: int, told: str) -> None:
    assert at(datetime(2026, 11, 30, hour, 5, tzinfo=TWELVE)) == told
    assert at(datetime(2026, 11, 30, hour, 5, tzinfo=BERLIN)) == f"{hour:02}:05"


@given(st.times(), st.sampled_from([BERLIN, TWELVE]))
def test_a_time_on_the_wall_is_read_as_it_is_said(moment: time, zone: ZoneInfo) -> None:
    local = datetime.combine(NOON.date(), moment.replace(second=0, microsecond=0), zone)
    assert wall_time(at(local)) == local.time()
    assert wall_time(f"tomorrow {at(local)}") is None


@given(st.times(), st.sampled_from([BERLIN, TWELVE]))
def test_what_is_said_of_a_due_time_is_understood_when_it_is_typed(moment: time, zone: ZoneInfo) -> None:
    due = datetime.combine(NOON.date(), moment.replace(second=0, microsecond=0), zone)
    assert dated(said(due, today=NOON.date(), zone=zone), now=NOON, zone=zone) == due
