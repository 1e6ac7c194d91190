"""`taskora migrate`: the schema, the grants, the first administrator. Safe to run twice, and twice at once.

Its last words, where Kubernetes collects them, tell the operator which schema there is and which releases it serves.
"""

import asyncio
import logging
import signal

from pydantic import SecretStr
from sqlalchemy import make_url

from taskora.domain.people import normal_email
from taskora.domain.problems import Problem
from taskora.services import accounts
from taskora.services.passwords import HASHER
from taskora.settings import Settings
from taskora.store.database import Database
from taskora.store.migrate import MigrationFailed, upgrade

log = logging.getLogger("taskora.migrate")


def migrate(settings: Settings) -> int:
    """Returns the process's status; what went wrong is one sentence in the log."""
    owner, app = settings.database_owner_url, settings.database_url
    if owner is None or app is None:
        log.error("Set TASKORA_DATABASE_OWNER_URL and TASKORA_DATABASE_URL (docs/environment.md).")
        return 1
    # The first process of a container is not ended by SIGTERM, and the server is to be told to stop.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        login = make_url(app.get_secret_value()).username
        state = upgrade(owner.get_secret_value(), app_login=login or "", release=settings.version)
        if settings.admin_email and settings.admin_password:
            asyncio.run(_administrator(owner, settings.admin_email, settings.admin_password))
    except (MigrationFailed, Problem, ValueError) as error:
        log.error("%s", error)
        return 1
    except KeyboardInterrupt:
        log.error("Ended before it was done: nothing was changed.")
        return 1
    if settings.termination_log.exists():
        settings.termination_log.write_text(str(state), encoding="utf-8")
    return 0


async def _administrator(owner: SecretStr, email: str, password: SecretStr) -> None:
    database = Database(role="migrate", pool=1)
    database.open(owner.get_secret_value())
    try:
        async with database.write() as uow:
            await uow.rows("SET LOCAL lock_timeout = '5s'")
            await accounts.ensure_administrator(
                uow, email=normal_email(email), password_hash=HASHER.hash(password.get_secret_value())
            )
    finally:
        await database.close()
