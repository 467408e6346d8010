"""``jiehuan import``: a lender's own tape into the platform, with a report of the refused rows."""

from __future__ import annotations

from pathlib import Path

import typer

from jiehuan.cli.terminal import JSON_FLAG, progress, show_facts, show_json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="import")(import_tape)


def import_tape(
    path: Path = typer.Argument(..., help="The folder with the tape's files."),
    mapping: Path = typer.Option(..., "--mapping", help="What its columns mean (YAML; examples in mappings/)."),
    refused: Path = typer.Option(Path("refused.csv"), "--refused", help="Where the refused rows are listed."),
    as_json: bool = JSON_FLAG,
) -> None:
    """Bring applications, loans, repayments and contacts in. Good rows are never lost to bad ones; twice changes nothing. Exit 1
    when cells were refused, however many rows came in.

    Example: jiehuan import --mapping mappings/example.yaml examples/tape
    """
    from jiehuan.flow.importing import import_tape as bring
    from jiehuan.flow.importing import load_mapping
    from jiehuan.store.database import open_database

    read = load_mapping(mapping)
    with open_database() as database, progress("importing") as advance:
        result = bring(database, read, path, on_progress=advance)
    result.write_refusals(refused)
    if as_json:
        show_json(result.as_document() | {"refused_file": str(refused)})
    else:
        show_facts({f"{name} kept": count for name, count in result.kept.items()})
        show_facts({f"{name} already there": count for name, count in result.known.items() if count})
    if result.refusals and not as_json:
        typer.echo(f"\nrefused cells: {len(result.refusals)}, all in {refused}; the first:")
        for refusal in result.refusals[:10]:
            typer.echo(f"  {refusal.file} row {refusal.row}, {refusal.column} {refusal.value!r}: {refusal.reason}")
    if not all(refusal.same for refusal in result.refusals):
        raise typer.Exit(1)
