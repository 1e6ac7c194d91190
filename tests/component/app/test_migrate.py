"""`taskora migrate`, as the operator's Job runs it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, make_url
from taskora.store.database import Database
from taskora.store.migrate import LOCK, MigrationFailed, SchemaState, upgrade
from taskora.store.schema import metadata

from .conftest import PASSWORD, Urls, api_on, until

WAITS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
LONG = 180  # seconds: processes start slowly on a busy machine


def migrate(urls: Urls, **environment: str) -> subprocess.Popen[str]:
    given = {
        "TASKORA_DATABASE_OWNER_URL": urls.owner,
        "TASKORA_DATABASE_URL": urls.app,
        "TASKORA_ADMIN_EMAIL": "admin@taskora.localhost",
        "TASKORA_ADMIN_PASSWORD": PASSWORD,
        **environment,
    }
    command = [sys.executable, "-m", "taskora", "migrate"]
    return subprocess.Popen(command, env={**os.environ, **given}, stdout=subprocess.PIPE, text=True)


def test_several_migrations_at_once_do_the_work_once(empty: Urls) -> None:
    running = [migrate(empty) for _ in range(3)]
    said = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    assert empty.sql("SELECT version_num FROM alembic_version") == "0001"
    assert empty.sql("SELECT email, is_admin FROM users") == "admin@taskora.localhost|t"
    assert PASSWORD not in "".join(said)


async def test_the_first_administrator_can_sign_in_and_keeps_a_password_they_changed(empty: Urls) -> None:
    assert migrate(empty).wait(60) == 0
    assert migrate(empty, TASKORA_ADMIN_PASSWORD="another password").wait(60) == 0
    database = Database(role="backend")
    database.open(empty.app)
    async with api_on(database) as api:
        answer = await api.post("/auth/login", json={"email": "admin@taskora.localhost", "password": PASSWORD})
        assert answer.json()["user"]["is_admin"] is True
    await database.close()


def test_the_tables_are_as_the_code_sees_them(urls: Urls) -> None:
    engine = create_engine(make_url(urls.owner).set(drivername="postgresql+psycopg"))

    def ours(_: object, name: str | None, kind: str, *__: object) -> bool:
        return not (kind == "table" and name is not None and (name.startswith("inbox_") or name == "alembic_version"))

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


@pytest.mark.parametrize("table", [table.name for table in metadata.sorted_tables])
def test_the_application_is_granted_what_the_schema_says_and_no_more(urls: Urls, table: str) -> None:
    granted = urls.sql(
        "SELECT privilege_type FROM information_schema.role_table_grants"
        f" WHERE grantee = 'taskora_app' AND table_name = '{table}'"
    )
    assert set(granted.split()) == set(metadata.tables[table].info["grant"].split(", "))


def test_an_unknown_login_is_a_sentence_and_nothing_is_kept(empty: Urls) -> None:
    with pytest.raises(MigrationFailed, match="has no login 'nobody'"):
        upgrade(empty.owner, app_login="nobody")
    assert empty.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"


def test_a_server_that_is_away_is_a_sentence(urls: Urls) -> None:
    away = make_url(urls.owner).set(port=1).render_as_string(hide_password=False)
    with pytest.raises(MigrationFailed, match="did not let the owner in within"):
        upgrade(away, app_login="taskora_app", wait=0)


def test_a_lock_that_is_not_had_is_told_with_who_has_it_and_nothing_is_changed(urls: Urls) -> None:
    with psycopg.connect(urls.app, application_name="nightly-report") as other:
        other.execute("SELECT count(*) FROM tasks, alembic_version")
        pid = other.info.backend_pid
        # What a migration does to a table that somebody reads, in the middle of what every migration does.
        urls.sql(
            "CREATE OR REPLACE FUNCTION inbox_roll(at timestamptz) RETURNS void LANGUAGE sql AS "
            "'ALTER TABLE tasks ADD COLUMN IF NOT EXISTS more int'"
        )
        with pytest.raises(MigrationFailed) as told:
            upgrade(urls.owner, app_login="taskora_app", lock_wait=0.2)
    said = str(told.value)
    assert f"alembic_version, tasks by process {pid} (login taskora_app, nightly-report)" in said
    assert "What waited: SELECT inbox_roll(now())" in said
    upgrade(urls.owner, app_login="taskora_app", lock_wait=0.2)
    assert urls.sql("SELECT count(more) FROM tasks") == "0"


async def test_it_waits_for_another_migration_and_leaves_nothing_at_work_when_it_is_killed(empty: Urls) -> None:
    def waits(number: int) -> Callable[[], bool]:
        return lambda: empty.sql(WAITS) == str(number)

    with psycopg.connect(empty.owner) as first:
        first.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        for sign in (signal.SIGTERM, signal.SIGKILL):
            waiting = migrate(empty)
            await until(waits(1), seconds=LONG)
            waiting.send_signal(sign)
            said, _ = waiting.communicate(timeout=LONG)
            assert ("nothing was changed" in said) == (sign is signal.SIGTERM)
            await until(waits(0), seconds=LONG)
        waiting = migrate(empty)
        await until(waits(1), seconds=LONG)
        first.rollback()
    assert waiting.wait(LONG) == 0


def test_its_last_words_tell_the_schema_and_whom_it_serves(empty: Urls, tmp_path: Path) -> None:
    words = tmp_path / "termination-log"
    words.touch()
    assert migrate(empty, TASKORA_TERMINATION_LOG=str(words), TASKORA_VERSION="1.0.0").wait(60) == 0
    assert json.loads(words.read_text()) == {"schema": 1, "oldest": "1.0.0"}


def test_a_newer_schema_is_left_alone_by_a_release_it_serves_and_refused_by_one_it_does_not(empty: Urls) -> None:
    upgrade(empty.owner, app_login="taskora_app")
    empty.sql("UPDATE alembic_version SET version_num = '0099'; COMMENT ON TABLE alembic_version IS NULL")
    with pytest.raises(MigrationFailed, match="does not know the schema 0099"):
        upgrade(empty.owner, app_login="taskora_app", release="1.4.0")
    empty.sql("""
        COMMENT ON TABLE alembic_version IS '{"schema": 99, "oldest": "1.4.0-rc.1"}'""")
    assert upgrade(empty.owner, app_login="taskora_app", release="1.4.0") == SchemaState(99, "1.4.0-rc.1")
    with pytest.raises(MigrationFailed, match=r"works with 1\.4\.0-rc\.1 and newer, not with 1\.3\.9"):
        upgrade(empty.owner, app_login="taskora_app", release="1.3.9")
    assert empty.sql("SELECT version_num FROM alembic_version") == "0099"


def test_without_its_variables_it_says_which() -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("TASKORA_")}
    done = subprocess.run(
        [sys.executable, "-m", "taskora", "migrate"], env=bare, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "TASKORA_DATABASE_OWNER_URL" in done.stdout


def test_the_inbox_keeps_sixty_days_in_monthly_parts(urls: Urls) -> None:
    parts = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relname ~ '^inbox_[0-9]{6}$'"
    urls.sql("SELECT inbox_roll('2031-01-15')")
    assert "inbox_203101 inbox_203102 inbox_203103" in urls.sql(parts)
    urls.sql("SELECT inbox_roll('2031-04-05')")
    kept = urls.sql(parts)
    assert "inbox_203101" not in kept
    assert "inbox_203102 inbox_203103 inbox_203104" in kept
    with psycopg.connect(urls.app) as connection:
        connection.execute("SELECT inbox_roll(now())")
