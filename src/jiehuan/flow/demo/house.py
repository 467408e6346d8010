"""Where the demo lives: in the platform's own database while nothing else is there, beside it otherwise.

A demo leaves its mark (setting ``demo``). A database that holds a lender's own data is never touched.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import func, select, text

from jiehuan.store import tables
from jiehuan.store.database import Database, home_folder, open_database
from jiehuan.store.rows import upsert
from jiehuan.store.seal import seal_file


def open_demo_database() -> Database:
    """An empty, current database for a demo: the platform's when it is empty or holds an earlier demo, else HOME/demo's."""
    home = home_folder()
    database = open_database()
    if not _holds_own_data(database):
        return _emptied(database)
    database.close()
    return _emptied(open_database(home / "demo", dsn=""))


def _holds_own_data(database: Database) -> bool:
    with database.connect() as connection:
        demo = connection.execute(select(tables.setting.c.value).where(tables.setting.c.key == "demo")).first()
        loans = connection.execute(select(func.count()).select_from(tables.application)).scalar_one()
    return demo is None and loans > 0


def _emptied(database: Database) -> Database:
    with database.connect() as connection:
        used = connection.execute(select(func.count()).select_from(tables.application)).scalar_one()
    if used:
        with database.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        database.engine.dispose()
        seal_file(database.home).unlink(missing_ok=True)
        database.upgrade()
    with database.begin() as connection:
        upsert(connection, tables.setting, [{"key": "demo", "value": {"made_at": datetime.now(UTC).isoformat()}}])
    return database

