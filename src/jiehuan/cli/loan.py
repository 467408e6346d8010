"""``jiehuan loan``: one loan from its events, or a book of them at the end of a day."""

from __future__ import annotations

from pathlib import Path

import typer

from jiehuan.cli.terminal import JSON_FLAG, read_json, show_facts, show_json, show_table
from jiehuan.units.errors import InputError, Problem

_REPLAY = """State, schedule and journal of one loan, from its terms and events.

FILE is a JSON object: lender_type, principal, rate, months, method, drawn_on, first_due?, penalty_uplift?, fees?,
events. Events that do not fit are refused with a reason each (exit code 1); a malformed file is exit code 2.

Example: jiehuan loan replay examples/loan_overdue.json --on 2026-06-30
"""


_DAY_END = """The end of a day for a book of any size: one line a loan, by the same fold as replay.

BOOK is a table (Parquet, CSV, JSON) with loan_id, lender_type, principal_fen or principal, rate_ppm or rate, months, method,
drawn_on, and any other key of the replay document; or a JSON list of replay documents with loan_id and events. E is a table of
events: loan_id, id, on, kind, known_on?, amount_fen or amount, and what the kind needs. OUT gets the lines; loans that were
refused are listed with reasons beside it (OUT's name with .refused.csv) and make the exit code 1. The rest is done.

With --state, days are kept in a folder: a run goes on from the last day there and closes each day up to D, and a run that
was killed is simply run again. The lines are the same either way. With --history as well, the lines of every evening closed are kept as Parquet.

Example: jiehuan loan day-end examples/loan_book.csv --events examples/loan_events.csv --on 2026-06-30 --out lines.parquet
"""


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="One loan from its events; a book at the end of a day.")
    group.command("replay", help=_REPLAY)(replay_file)
    group.command("day-end", help=_DAY_END)(day_end_of_book)
    app.add_typer(group, name="loan")


def replay_file(
    file: Path = typer.Argument(..., help="The loan as JSON (-: standard input)."),
    on: str = typer.Option(..., help="The day at whose evening the loan is shown, YYYY-MM-DD."),
    known_by: str | None = typer.Option(None, help="By what was known on this day (default: the same day)."),
    as_json: bool = JSON_FLAG,
) -> None:
    """Print the loan (see ``_REPLAY``)."""
    from jiehuan.ledger import journal
    from jiehuan.loan import read_events, read_terms, replay
    from jiehuan.units.days import parse_date
    from jiehuan.units.money import format_yuan

    document = read_json(file)
    if not isinstance(document, dict):
        raise InputError(Problem(str(file), "", "not one loan", "write a JSON object; for many loans use loan day-end"))
    faults: list[Problem] = []
    terms, events = None, None
    for read in (lambda: read_terms(document), lambda: read_events(document.get("events"))):
        try:
            found = read()
        except InputError as error:
            faults.extend(error.problems)
            continue
        if isinstance(found, tuple):
            events = found
        else:
            terms = found
    if faults or terms is None or events is None:
        raise InputError(faults)
    day = parse_date(on, "--on")
    known = parse_date(known_by, "--known-by") if known_by else day
    if known < day:
        raise InputError(Problem("--known-by", str(known), "before --on", "name the same day or a later one"))
    state = replay(terms, events, day, known_by=known)
    shown = state.as_document()
    loan_id = str(document.get("loan_id") or "")
    if known == day:
        entries = journal(terms, events, day, loan_id, state=state)
    else:
        told = journal(terms, [event for event in events if event.on <= day], known, loan_id)
        entries = tuple(entry for entry in told if entry.effective <= day)
    shown["journal"] = [entry.as_document() for entry in entries]
    if as_json:
        show_json(shown)
        return
    show_facts({name: value for name, value in shown.items() if name not in {"schedule", "journal"}})
    rows = [
        (
            line.n,
            line.due,
            f"{line.pay_by:%m-%d}",
            *map(format_yuan, (line.principal_fen, line.interest_fen, paid, line.penalty_fen)),
            line.status,
        )
        for line in state.schedule
        for paid in [line.paid_principal_fen + line.paid_interest_fen]
    ]
    show_table("schedule", ("n", "due", "by", "principal", "interest", "paid", "penalty", "status"), rows)
    lines = [
        (entry["effective"], entry["known"], line["account"], line["debit"], line["credit"])
        for entry in shown["journal"]
        for line in entry["lines"]
    ]
    show_table("journal", ("effective", "known", "account", "debit", "credit"), lines)


def day_end_of_book(
    book: Path = typer.Argument(..., help="Table of loans, or a JSON list of replay documents."),
    on: str = typer.Option(..., help="The day whose evening is computed, YYYY-MM-DD."),
    out: Path = typer.Option(..., help="Where the lines go (Parquet, CSV or JSON)."),
    events: Path | None = typer.Option(None, help="Table of the loans' events."),
    state: Path | None = typer.Option(None, help="Folder in which days are kept: the next run goes on from there."),
    history: Path | None = typer.Option(None, help="Folder that gets each closed evening's lines as Parquet (with --state)."),
    as_json: bool = JSON_FLAG,
) -> None:
    """Write the lines of a book (see ``_DAY_END``)."""
    from jiehuan.cli.terminal import progress
    from jiehuan.loan.book_files import carry_day_end, write_day_end
    from jiehuan.units.days import parse_date
    from jiehuan.units.money import format_yuan

    day = parse_date(on, "--on")
    if history is not None and state is None:
        raise InputError(Problem("--history", str(history), "needs days that are kept", "give --state as well"))
    with progress("loans") as advance:
        told = (
            carry_day_end(book, day, out, state, events, advance, history)
            if state
            else write_day_end(book, day, out, events, advance)
        )
    shown = {
        "on": day.isoformat(),
        "out": str(out),
        "loans": told.loans,
        "refused": told.refused,
        "refused_file": str(told.refused_file) if told.refused else None,
        "principal_outstanding": format_yuan(told.principal_fen),
        "overdue": format_yuan(told.overdue_fen),
        "provision": format_yuan(told.provision_fen),
    }
    if as_json:
        show_json(shown)
    else:
        show_facts(shown)
    if told.refused:
        raise typer.Exit(1)
