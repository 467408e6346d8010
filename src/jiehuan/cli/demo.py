"""``jiehuan demo``: the whole loop on a small lender, told as a story; then the console."""

from __future__ import annotations

from pathlib import Path

import typer

from jiehuan.cli.terminal import JSON_FLAG


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    months: int = typer.Option(6, "--months", min=1, max=24, help="How many months of business to live through."),
    no_serve: bool = typer.Option(False, "--no-serve", help="Tell the story and write the report, but serve no console."),
    port: int = typer.Option(8000, "--port", help="Where the console is served."),
    out: Path = typer.Option(Path("."), "--out", help="Folder for the report (PDF and HTML)."),
    as_json: bool = JSON_FLAG,
) -> None:
    """The whole loop on a simulated lender: import, decide, lend, watch, collect, litigate, dispose, report, learn.

    Example: jiehuan demo --months 6 --no-serve
    """
    from jiehuan.cli.demo_story import tell

    tell(months=months, serve=not no_serve, port=port, out=out, as_json=as_json)
