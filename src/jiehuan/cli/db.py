"""``jiehuan db upgrade``: bring the database's schema to this release."""

from __future__ import annotations

import typer

from jiehuan.cli.terminal import JSON_FLAG, show_facts, show_json


def register(app: typer.Typer) -> None:
    """Add ``db`` and its commands."""
    group = typer.Typer(help="The database.", no_args_is_help=True)

    @group.command("upgrade")
    def upgrade(
        dsn: str = typer.Option("", "--dsn", help="PostgreSQL to work on (default: JIEHUAN_DSN, else the embedded one)."),
        as_json: bool = JSON_FLAG,
    ) -> None:
        """Bring the schema to this release, in one transaction; twice does it once.

        Example: jiehuan db upgrade --dsn postgresql://jiehuan@db.example/jiehuan
        """
        from jiehuan.store.database import open_database

        with open_database(dsn=dsn or None, upgrade=False) as database:
            before, now = database.upgrade()
        facts = {"before": before or "empty", "now": now, "changed": before != now}
        show_json(facts) if as_json else show_facts(facts)

    app.add_typer(group, name="db")
