"""The steps of the schema make exactly the tables that the code speaks of, and the database guards what only grows."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.exc import IntegrityError

from jiehuan.store import migrations
from jiehuan.store.database import Database, open_database
from jiehuan.store.tables import APPEND_ONLY, Xid8, metadata
from jiehuan.units.errors import Refused


def test_migrations_make_the_tables_of_the_code(database: Database) -> None:
    ischema_names["xid8"] = Xid8
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_head_is_the_last_step() -> None:
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    config.set_main_option("path_separator", "newline")
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]


def test_upgrade_twice_does_it_once(database: Database) -> None:
    assert database.upgrade() == (migrations.HEAD, migrations.HEAD)


@pytest.mark.parametrize("table", [table.name for table in APPEND_ONLY])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE", "UPDATE {} SET {} = {}"])
def test_append_only_tables_refuse_change(database: Database, table: str, statement: str) -> None:
    column = list(metadata.tables[table].columns)[-1].name  # the first may be an identity, guarded already
    with pytest.raises(IntegrityError, match="only grows"), database.begin() as connection:
        connection.execute(text(statement.format(table, column, column)))


def test_every_append_only_table_has_its_trigger(database: Database) -> None:
    with database.connect() as connection:
        guarded = connection.execute(
            text("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'only_grows' AND tgenabled = 'O'")
        ).scalars()
        assert set(guarded) == {table.name for table in APPEND_ONLY}


def test_old_external_schema_is_refused_with_the_mend(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(Refused, match="jiehuan db upgrade"):
        open_database(database.home, database.dsn)


def test_newer_schema_is_refused(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Refused, match="newer"):
        open_database(database.home, database.dsn)
