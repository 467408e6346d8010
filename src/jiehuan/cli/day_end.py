"""``jiehuan day-end``: close the days of the platform's own book."""

from __future__ import annotations

import typer

from jiehuan.cli.terminal import JSON_FLAG, progress, show_json, show_table


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("day-end")(day_end)


def day_end(
    on: str = typer.Option("", "--on", help="The last day to close, YYYY-MM-DD (default: yesterday, in China)."),
    as_json: bool = JSON_FLAG,
) -> None:
    """Close every day that is not closed yet up to a day: what fell due, days past due, classes, provisions, journal.

    Killed at any point, run it again: it goes on where it was. Loans that cannot be folded are listed and make the exit
    code 1; all others are done. For a book in files see: jiehuan loan day-end.

    Example: jiehuan day-end --on 2026-06-30
    """
    from datetime import datetime, timedelta

    from jiehuan.flow.closing import catch_up
    from jiehuan.store.database import open_database
    from jiehuan.units.days import CHINA, parse_date

    day = parse_date(on, "--on") if on else datetime.now(CHINA).date() - timedelta(days=1)
    with open_database() as database, progress("loans") as advance:
        closed = catch_up(database, day, advance)
    refused = closed[-1]["refused"] if closed else []
    if as_json:
        show_json({"to": day, "days": closed})
    else:
        columns = ("on", "loans", "overdue", "changed", "entries", "folded")
        show_table("closed", columns, [[told.get(name, "") for name in columns] for told in closed])
        for one in refused:
            for problem in one["problems"]:
                typer.echo(f"{one['loan_id']}: {problem['where']}: {problem['reason']}; {problem['mend']}", err=True)
    if refused:
        raise typer.Exit(1)
