"""Connections and units of work. One request is one transaction; what a service is given it can't commit.

Statements are plain to PgBouncer in transaction mode: nothing is prepared on the server, no session state is set.
"""

import contextlib
import logging
import os
import select
from collections.abc import AsyncGenerator, Mapping
from typing import Any, LiteralString, cast

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import Executable, event, make_url
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from taskora import telemetry
from taskora.domain.problems import DatabaseUnavailable, ServiceBusy

log = logging.getLogger("taskora.database")

# Seconds a request waits for a connection before it is told that the service is busy.
POOL_WAIT = 1.0
CONNECT_ARGUMENTS: dict[str, Any] = {
    "prepare_threshold": None,
    "connect_timeout": 3,
    # A server that vanished without a word is noticed after these: milliseconds unacknowledged, seconds idle.
    "tcp_user_timeout": 5000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}

Row = dict[str, Any]


class Reading:
    """Statements that each see the present on their own; no transaction spans them."""

    def __init__(self, connection: AsyncConnection, driver: "psycopg.AsyncConnection[Any]", *, source: str) -> None:
        self._connection = connection
        self._driver = driver
        # The `source` of the events written here: which role they come from.
        self.source = source

    async def execute(self, statement: Executable) -> CursorResult[Any]:
        """An ordinary statement, built with SQLAlchemy Core."""
        return await self._connection.execute(statement)

    async def rows(self, sql: LiteralString, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """A hot statement, straight to the driver: a third of the processor time of the same through Core."""
        async with self._driver.cursor(binary=True, row_factory=dict_row) as cursor:
            await cursor.execute(sql, parameters)
            return await cursor.fetchall() if cursor.description else []

    async def row(self, sql: LiteralString, parameters: Mapping[str, Any] | None = None) -> Row | None:
        found = await self.rows(sql, parameters)
        return found[0] if found else None


class Writing(Reading):
    """One transaction: all of it is kept when the block that opened it ends well, else nothing."""


class Database:
    """The pool. Until `open` is called, and while the server is away, every use raises `DatabaseUnavailable`."""

    def __init__(self, *, role: str, pool: int = 10) -> None:
        self._source = f"/taskora/{role}"
        self._pool = pool
        self._engine: AsyncEngine | None = None

    def open(self, url: str) -> None:
        """Remember where the database is (`postgresql://login:password@host:port/name`); connects when first used."""
        # libpq sends this at connection: times come in UTC whatever the server's zone, also through PgBouncer.
        os.environ["PGTZ"] = "UTC"
        self._engine = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            connect_args=CONNECT_ARGUMENTS,
            use_native_hstore=False,
            pool_size=self._pool,
            max_overflow=0,
            pool_timeout=POOL_WAIT,
            pool_recycle=1800,
            pool_use_lifo=True,
        )
        event.listen(self._engine.sync_engine, "checkout", _still_there)

    async def close(self) -> None:
        if self._engine is not None:
            await self._engine.dispose()

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncGenerator[Reading]:
        with telemetry.step("statements", kind="client"):
            async with self._connected(autocommit=True) as (connection, driver):
                yield Reading(connection, driver, source=self._source)

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncGenerator[Writing]:
        with telemetry.step("transaction", kind="client"):
            async with self._connected(autocommit=False) as (connection, driver), connection.begin():
                yield Writing(connection, driver, source=self._source)

    async def missing(self) -> str | None:
        """None when the database answers (or is merely busy), else a sentence: what a probe wants to know."""
        try:
            async with self.read() as reading:
                await reading.rows("SELECT 1")
        except ServiceBusy:
            return None
        except DatabaseUnavailable as problem:
            return problem.detail
        return None

    @contextlib.asynccontextmanager
    async def _connected(
        self, *, autocommit: bool
    ) -> AsyncGenerator[tuple[AsyncConnection, "psycopg.AsyncConnection[Any]"]]:
        if self._engine is None:
            raise DatabaseUnavailable("The database's address has not been read yet.")
        engine = self._engine.execution_options(isolation_level="AUTOCOMMIT") if autocommit else self._engine
        try:
            async with engine.connect() as connection:
                raw = await connection.get_raw_connection()
                driver = cast("psycopg.AsyncConnection[Any]", raw.driver_connection)
                try:
                    yield connection, driver
                except psycopg.OperationalError:
                    if driver.closed:
                        await connection.invalidate()
                    raise
        except PoolTimeout as error:
            raise ServiceBusy(f"No database connection came free within {POOL_WAIT:g} s.") from error
        except (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError) as error:
            log.warning("The database failed: %s", str(error).splitlines()[0])
            raise DatabaseUnavailable from error


def _still_there(_: object, record: Any, __: object) -> None:
    """Before a pooled connection is used: one that the server closed has something to read. Costs no round trip."""
    poll = select.poll()
    poll.register(record.driver_connection.fileno(), select.POLLIN)
    if poll.poll(0):
        raise DisconnectionError
