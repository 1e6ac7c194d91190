"""What stands beside every page: what waits, the tags, the views, and what rang just now."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from taskora import clock
from taskora.domain.due import days
from taskora.domain.lists import Filter
from taskora.domain.people import User
from taskora.domain.views import View
from taskora.store import lists, notifications, tags, views
from taskora.store.database import Reading

COUNTED_MOST = 100
# After that, what nobody answered waits at the bell alone.
RINGS_FOR = timedelta(hours=1)
RINGING_MOST = 3


async def of(uow: Reading, user: User, *, wanted: Callable[[View], Filter]) -> dict[str, Any]:
    """`wanted`: the filter that a view's query stands for."""
    now = clock.now()
    today = days(None, now.astimezone(user.zone).date(), zone=user.zone)
    unread = await notifications.listed(uow, user.id, unread=True, after=None, limit=RINGING_MOST)
    counts = {
        **await lists.standing(uow, user.id, today=today),
        "unread": await notifications.unread(uow, user.id),
    }
    return {
        "counts": counts,
        "tags": await tags.listed(uow, user.id),
        "views": [
            {
                **asdict(view),
                "open": await lists.counted(uow, user.id, wanted=wanted(view), most=COUNTED_MOST),
            }
            for view in await views.listed(uow, user.id)
        ],
        "ringing": [row for row in unread if row["created_at"] > now - RINGS_FOR],
    }
