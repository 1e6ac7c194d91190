"""The schema brought to its newest revision, and the application's login given exactly what it needs.

What the schema is, and which is the oldest release that works with it, stays in the database with it: an older release
that finds a newer schema knows whether it may run, and the operator whether it may go back.

All of it is one transaction under one advisory lock: two that run at once do the work once, and one that is killed has
done nothing. For another migration it waits; for any other lock hardly, since all who come after it would wait, too.
"""

import json
import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import OperationalError

from taskora.store.database import CONNECT_ARGUMENTS
from taskora.store.schema import metadata

log = logging.getLogger("taskora.migrate")

WAIT_SECONDS = 60
LOCK_SECONDS = 5
LOCK = 0x7A5C02A
SHARED = "taskora_app"
"""The role whose rights two logins share that take turns; a login that is no member of it has the rights itself."""


class MigrationFailed(Exception):
    """The sentence says what to do."""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The number of the schema's revision, and the oldest release that works with it."""

    schema: int
    oldest: str

    def __str__(self) -> str:
        return json.dumps(asdict(self))


def upgrade(
    owner_url: str,
    *,
    app_login: str,
    release: str = "dev",
    wait: float = WAIT_SECONDS,
    lock_wait: float = LOCK_SECONDS,
) -> SchemaState:
    """Upgrade as the owner and grant to `app_login`; waits up to `wait` seconds for the server, and up to `lock_wait`
    for what others have locked.

    A schema newer than this release knows is left as it is, where it works with `release`.
    Raises `MigrationFailed` when it does not, when the server can't be reached, a lock can't be had or the login does
    not exist.
    """
    engine = create_engine(
        make_url(owner_url).set(drivername="postgresql+psycopg"),
        connect_args=CONNECT_ARGUMENTS,
        use_native_hstore=False,
    )
    _await_server(engine, wait=wait)
    try:
        return _upgrade(engine, app_login=app_login, release=release, lock_wait=lock_wait)
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        statement = " ".join((error.statement or "").split())[:80]
        raise MigrationFailed(
            f"A lock was not had within {lock_wait:g} s, so nothing was changed. {_holders(engine)} "
            f"What waited: {statement}"
        ) from error
    finally:
        engine.dispose()


def _upgrade(engine: Engine, *, app_login: str, release: str, lock_wait: float) -> SchemaState:
    with engine.begin() as connection:
        # Whoever killed this waits no longer for what it began.
        connection.exec_driver_sql("SET LOCAL client_connection_check_interval = '1s'")
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {lock_wait * 1000:.0f}")
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        state = _newer(connection, ScriptDirectory.from_config(config), release)
        if state is None:
            command.upgrade(config, "head")
            state = _state(ScriptDirectory.from_config(config))
            connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS '{state}'")
            connection.exec_driver_sql("SELECT inbox_roll(now())")
            _grant(connection, app_login)
            log.info("The schema is at its newest revision and granted to the application")
    return state


def _holders(engine: Engine) -> str:
    """Whose transactions have locked tables, and still have a second later, in words."""
    with engine.connect() as connection:
        before = {transaction for transaction, *_ in connection.exec_driver_sql(_LOCKS)}
        connection.rollback()
        time.sleep(1)
        held = [row for row in connection.exec_driver_sql(_LOCKS) if row[0] in before]
    told = [
        f"{tables} by process {pid} (login {login}, {program or 'no name'})" for _, pid, login, program, tables in held
    ]
    ends = "End it there with SELECT pg_terminate_backend(PROCESS), or wait for it; then ask for the release again."
    return f"Locked are {'; '.join(told)}. {ends}" if told else "Whoever had it has let go of it since."


# The owner may not see since when, but a transaction has a name of its own.
_LOCKS = """
SELECT l.virtualtransaction, a.pid, a.usename, a.application_name, string_agg(DISTINCT c.relname, ', ')
FROM pg_locks l
JOIN pg_stat_activity a USING (pid)
JOIN pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
WHERE l.granted AND l.locktype = 'relation' AND a.pid <> pg_backend_pid() AND a.datname = current_database()
GROUP BY 1, 2, 3, 4
"""


def _state(scripts: ScriptDirectory) -> SchemaState:
    head = scripts.get_revision("head")
    assert head is not None, "there is a first migration"
    return SchemaState(schema=int(head.revision), oldest=head.module.OLDEST_RELEASE)


def _newer(connection: Connection, scripts: ScriptDirectory, release: str) -> SchemaState | None:
    """What a newer release left, if it did."""
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None or current in {script.revision for script in scripts.walk_revisions()}:
        return None
    comment = connection.exec_driver_sql("SELECT obj_description('alembic_version'::regclass)").scalar()
    if comment is None:
        raise MigrationFailed(
            f"This release does not know the schema {current} that the database has: run a newer one."
        )
    state = SchemaState(**json.loads(comment))
    if release != "dev" and _order(release) < _order(state.oldest):
        raise MigrationFailed(
            f"The database's schema was brought by a newer release and works with {state.oldest} and newer, not with "
            f"{release}: run such a release, or restore a backup taken under {release}."
        )
    log.info("A newer release brought the schema (%s), and this one works with it", state)
    return state


def _order(release: str) -> tuple[list[int], bool, str]:
    """Sorts releases; one before a release (`1.0.0-rc.1`) comes before it."""
    numbers, _, pre = release.partition("-")
    return [int(number) for number in numbers.split(".")], not pre, pre


def _await_server(engine: Engine, *, wait: float) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            engine.connect().close()
        except OperationalError as error:
            if time.monotonic() > deadline:
                said = str(error.orig).strip().splitlines()[0]
                raise MigrationFailed(f"The database did not let the owner in within {wait:g} s: {said}") from error
            time.sleep(0.5)
        else:
            return


def _grant(connection: Connection, login: str) -> None:
    if not connection.exec_driver_sql("SELECT 1 FROM pg_roles WHERE rolname = %s", (login,)).first():
        raise MigrationFailed(
            f"The database has no login {login!r}, which TASKORA_DATABASE_URL names: make it, then run this again."
        )
    of_two = connection.exec_driver_sql(
        "SELECT pg_has_role(%s, oid, 'MEMBER') FROM pg_roles WHERE rolname = %s", (login, SHARED)
    ).scalar()
    quoted = connection.dialect.identifier_preparer.quote_identifier(SHARED if of_two else login)
    statements = [
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {quoted}",
        *(f"REVOKE ALL ON {table.name} FROM {quoted}" for table in metadata.sorted_tables),
        *(f"GRANT {table.info['grant']} ON {table.name} TO {quoted}" for table in metadata.sorted_tables),
        f"GRANT SELECT ON alembic_version TO {quoted}",
        f"GRANT EXECUTE ON FUNCTION inbox_roll TO {quoted}",
    ]
    for statement in statements:
        connection.exec_driver_sql(statement)
