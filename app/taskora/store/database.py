"""Connections and units of work. One request is one transaction; what a service is given it can't commit.

Statements are plain to PgBouncer in transaction mode: no session state is set, and nothing is prepared on the server
where a pooler stands before it.
"""

import contextlib
import logging
import os
import select
import sys
import time
from asyncio import Semaphore, timeout
from collections.abc import AsyncGenerator, Mapping
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row, tuple_row
from psycopg.types.json import set_json_loads
from pydantic_core import from_json

from taskora import telemetry
from taskora.domain.problems import DatabaseUnavailable, ServiceBusy

log = logging.getLogger("taskora.database")

# Seconds a request waits for a connection before it is told that the service is busy.
POOL_WAIT = 1.0
# Seconds after which a connection is made anew: a pooler or a standby in between may be another one by then.
RECYCLE = 1800.0
CONNECT_ARGUMENTS: dict[str, Any] = {
    "prepare_threshold": None,
    "connect_timeout": 3,
    # A server that vanished without a word is noticed after these: milliseconds unacknowledged, seconds idle.
    "tcp_user_timeout": 5000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}

T = TypeVar("T")

Row = dict[str, Any]
Connection = psycopg.AsyncConnection[Any]

set_json_loads(from_json)


class Reading:
    """Statements that each see the present on their own; no transaction spans them."""

    def __init__(self, connection: Connection, *, source: str) -> None:
        self._connection = connection
        # The `source` of the events written here: which role they come from.
        self.source = source

    async def rows(
        self, sql: LiteralString, parameters: Mapping[str, Any] | None = None, *, prepared: bool = False
    ) -> list[Row]:
        """`prepared`: the server may keep the statement, and its plan. For what most requests ask."""
        cursor = self._connection.cursor(binary=True, row_factory=dict_row)
        return await self._fetched(cursor, sql, parameters, prepared)

    async def tuples(
        self, sql: LiteralString, parameters: Mapping[str, Any] | None = None, *, prepared: bool = False
    ) -> list[tuple[Any, ...]]:
        """Rows by place instead of by name: for what is read by fifties."""
        cursor = self._connection.cursor(binary=True, row_factory=tuple_row)
        return await self._fetched(cursor, sql, parameters, prepared)

    async def row(
        self, sql: LiteralString, parameters: Mapping[str, Any] | None = None, *, prepared: bool = False
    ) -> Row | None:
        found = await self.rows(sql, parameters, prepared=prepared)
        return found[0] if found else None

    async def _fetched(
        self,
        cursor: psycopg.AsyncCursor[T],
        sql: LiteralString,
        parameters: Mapping[str, Any] | None,
        prepared: bool,
    ) -> list[T]:
        await cursor.execute(sql, parameters, prepare=prepared)
        return await cursor.fetchall() if cursor.rownumber is not None else []


class Writing(Reading):
    """One transaction: all of it is kept when the block that opened it ends well, else nothing."""


class Database:
    """The pool. Until `open` is called, and while the server is away, every use raises `DatabaseUnavailable`."""

    def __init__(self, *, role: str, pool: int = 10) -> None:
        self._source = f"/taskora/{role}"
        self._url: str | None = None
        self._free = Semaphore(pool)
        # Those that nobody uses, the last used at the end, each with when it was made.
        self._idle: list[tuple[Connection, float]] = []

    def open(self, url: str) -> None:
        """Remember where the database is (`postgresql://login:password@host:port/name`); connects when first used."""
        # libpq sends this at connection: times come in UTC whatever the server's zone, also through PgBouncer.
        os.environ["PGTZ"] = "UTC"
        self._url = url

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop()[0].close()

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncGenerator[Reading]:
        with telemetry.step("statements", kind="client"):
            async with self._connected() as connection:
                yield Reading(connection, source=self._source)

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncGenerator[Writing]:
        with telemetry.step("transaction", kind="client"):
            async with self._connected() as connection, connection.transaction():
                yield Writing(connection, source=self._source)

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
    async def _connected(self) -> AsyncGenerator[Connection]:
        if self._url is None:
            raise DatabaseUnavailable("The database's address has not been read yet.")
        try:
            async with timeout(POOL_WAIT) if self._free.locked() else contextlib.nullcontext():
                await self._free.acquire()
        except TimeoutError as error:
            raise ServiceBusy(f"No database connection came free within {POOL_WAIT:g} s.") from error
        try:
            connection, made = await self._pooled() or (await self._fresh(self._url), time.monotonic())
            try:
                yield connection
            finally:
                if connection.info.transaction_status is TransactionStatus.IDLE:
                    self._idle.append((connection, made))
                else:
                    await connection.close()
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            log.warning("The database failed: %s", str(error).splitlines()[0])
            raise DatabaseUnavailable from error
        finally:
            self._free.release()

    async def _pooled(self) -> tuple[Connection, float] | None:
        while self._idle:
            connection, made = self._idle.pop()
            if _still_there(connection) and time.monotonic() - made < RECYCLE:
                return connection, made
            await connection.close()
        return None

    @staticmethod
    async def _fresh(url: str) -> Connection:
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True, **CONNECT_ARGUMENTS)
        try:
            # A pooler introduces itself by a number of its own, and gives each transaction to whichever server is free.
            serving = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
        except BaseException:
            await connection.close()
            raise
        if serving == (connection.info.backend_pid,):
            connection.prepare_threshold = sys.maxsize  # what is asked for, and nothing else
        return connection


def _still_there(connection: Connection) -> bool:
    """A connection that the server closed has something to read. Costs no round trip."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)
