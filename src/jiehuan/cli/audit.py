"""``jiehuan audit``: everything that must always hold, checked on the live database."""

from __future__ import annotations

import typer

from jiehuan.cli.terminal import JSON_FLAG, progress, show_json, show_table

_HELP = """Check all invariants: entries balance, states are folds of events, the hash chain and its seals, every fen found once,
contact rules, no personal data in clear. Exit code 1 when any check fails.

Example: jiehuan audit --share 0.1
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("audit", help=_HELP)(run_audit)


def run_audit(
    share: float = typer.Option(1.0, min=0.0, max=1.0, help="The part of loans to replay, chosen by their ids."),
    only: list[str] = typer.Option([], help="Run only this check (repeatable): guards, entries, chain, seals, keys, …"),
    dsn: str = typer.Option("", "--dsn", help="PostgreSQL to check (default: JIEHUAN_DSN, else the embedded one)."),
    as_json: bool = JSON_FLAG,
) -> None:
    """Print what each check found (see ``_HELP``)."""
    from importlib import import_module
    from importlib.util import find_spec

    from jiehuan.store.audit import audit
    from jiehuan.store.database import open_database

    if find_spec("jiehuan.flow.audit_checks"):
        import_module("jiehuan.flow.audit_checks")  # adds the checks that need the flow
    with open_database(dsn=dsn or None) as database, progress("audit") as advance:
        findings = audit(database, share=share, only=only, advance=advance)
    failed = [found for found in findings if found.faults]
    if as_json:
        show_json({"ok": not failed, "findings": [found.as_document() for found in findings]})
    else:
        rows = [(found.check, found.counted, found.faults, found.en) for found in findings]
        show_table("", ("check", "looked at", "faults", "what must hold"), rows)
        for found in failed:
            for problem in found.problems:
                typer.echo(f"{found.check}: {problem}")
            if found.faults > len(found.problems):
                typer.echo(f"{found.check}: and {found.faults - len(found.problems)} more")
        typer.echo("audit passed" if not failed else f"audit failed: {', '.join(found.check for found in failed)}")
    if failed:
        raise typer.Exit(1)
