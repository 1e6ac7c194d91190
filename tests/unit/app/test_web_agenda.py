"""What is to come stands in the order of its hours, however its reader says them."""

from datetime import UTC, date, datetime

from taskora.domain.people import ClockStyle, zone_of
from taskora.web.agenda import ahead
from taskora.web.ledger import Task

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)


def test_nine_comes_before_ten_also_on_a_clock_of_twelve_hours() -> None:
    zone = zone_of("Europe/Vienna", clock=ClockStyle.HOURS_12)
    tasks = [Task(id=str(hour), title="", due_at=datetime(2026, 11, 26, hour, tzinfo=UTC)) for hour in (9, 8, 15)]
    tasks.append(Task(id="all day", title="", due_date=date(2026, 11, 26)))
    [day] = ahead(tasks, planned=[], first=date(2026, 11, 25), last=date(2026, 12, 1), now=NOW, zone=zone)
    assert [row.when for row in day.rows] == ["", "9:00 am", "10:00 am", "4:00 pm"]
