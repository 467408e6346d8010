"""``jiehuan statement``: bank statements in, reconciled to the fen, and the money whose loan is not known yet."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import typer

from jiehuan.cli.terminal import JSON_FLAG, progress, show_facts, show_json, show_table
from jiehuan.units.errors import InputError, Problem

_BY = typer.Option("", "--by", help="Who decides this (default: the login name).")


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Bank statements: import, reconcile, suspense.")
    group.command("import")(bring)
    group.command("show")(show)
    group.command("list")(list_them)
    group.command("suspense")(suspense)
    group.command("assign")(assign)
    group.command("unassign")(unassign)
    group.command("return")(give_back)
    group.command("outgoing")(outgoing)
    group.command("charge")(charge)
    group.command("match")(match)
    group.command("handle")(handle)
    app.add_typer(group, name="statement")


def bring(
    file: Path = typer.Argument(..., help="A CAMT.053 file (.xml) or a CSV."),
    mapping: Path | None = typer.Option(None, "--mapping", help="What a CSV's columns mean (YAML)."),
    account: str = typer.Option("", "--account", help="Your name of the account (needed for CSV)."),
    reference: str = typer.Option("", "--reference", help="The number of a CSV statement (default: from its content)."),
    on: str = typer.Option("", "--on", help="The day you learn of the money, YYYY-MM-DD (default: today)."),
    as_json: bool = JSON_FLAG,
) -> None:
    """Book every line of a statement, or hold it in suspense; report each fen. The same file again changes nothing.

    Exit code 1 when rows were refused or the balances do not add up; the good rows are booked all the same.

    Example: jiehuan statement import examples/statement.csv --mapping mappings/statement.yaml --account lending
    """
    from jiehuan.flow.statements import import_statements, read_statements
    from jiehuan.store.database import open_database

    read = read_statements(file, _mapping(mapping), account, reference)
    day = _day(on)
    with open_database() as database, progress("lines", sum(len(one.lines) for one in read)) as advance:
        reports = import_statements(database, read, day, advance)
    if as_json:
        show_json(reports)
    else:
        for report in reports:
            _tell(report)
    if not all(report["difference"] in (None, "0.00") and not report["refused"] for report in reports):
        raise typer.Exit(1)


def show(statement_id: str = typer.Argument(..., help="The statement's id."), as_json: bool = JSON_FLAG) -> None:
    """How a statement was brought in.

    Example: jiehuan statement show st_3f…
    """
    from jiehuan.flow.statements import report_of
    from jiehuan.store.database import open_database

    with open_database() as database, database.connect() as connection:
        report = report_of(connection, statement_id)
    show_json(report) if as_json else _tell(report)


def list_them(as_json: bool = JSON_FLAG) -> None:
    """All statements, newest first.

    Example: jiehuan statement list
    """
    from sqlalchemy import select

    from jiehuan.store.database import open_database
    from jiehuan.store.tables import statement
    from jiehuan.units.money import format_yuan

    with open_database() as database, database.connect() as connection:
        found = connection.execute(select(statement).order_by(statement.c.closed_on.desc(), statement.c.statement_id))
        rows = [
            {
                "statement_id": row.statement_id, "account": row.account, "reference": row.reference,
                "closed_on": row.closed_on.isoformat(),
                "closing": None if row.closing_fen is None else format_yuan(row.closing_fen),
            }
            for row in found
        ]  # fmt: skip
    if as_json:
        show_json(rows)
    else:
        show_table(
            "statements",
            ("statement_id", "account", "reference", "closed_on", "closing"),
            [list(row.values()) for row in rows],
        )


def suspense(as_json: bool = JSON_FLAG) -> None:
    """Money that is in and on no loan yet, oldest first.

    Example: jiehuan statement suspense
    """
    from jiehuan.flow.receipts import suspense as held

    _list("suspense", held, ("receipt_id", "on", "amount", "origin", "reason"), as_json)


def assign(
    receipt_id: str = typer.Argument(..., help="The receipt, from the suspense list."),
    loan_id: str = typer.Argument(..., help="The loan that it is for."),
    on: str = typer.Option("", "--on", help="The day you learn of it, YYYY-MM-DD (default: today)."),
    by: str = _BY,
    as_json: bool = JSON_FLAG,
) -> None:
    """Book a receipt in suspense on a loan, as of the day the money came.

    Example: jiehuan statement assign rc_5k… ln_01j…
    """
    from jiehuan.flow import receipts

    day = _day(on)
    _resolve(as_json, lambda connection: receipts.assign(connection, receipt_id, loan_id, day, _person(by)))


def unassign(
    receipt_id: str = typer.Argument(..., help="The receipt that is on the wrong loan."),
    reason: str = typer.Option(..., "--reason", help="Why, without personal data."),
    on: str = typer.Option("", "--on", help="The day of the correction, YYYY-MM-DD (default: today)."),
    by: str = _BY,
    as_json: bool = JSON_FLAG,
) -> None:
    """Reverse a receipt's booking and put it back in suspense.

    Example: jiehuan statement unassign rc_5k… --reason "wrong loan"
    """
    from jiehuan.flow import receipts

    day = _day(on)
    _resolve(as_json, lambda connection: receipts.unassign(connection, receipt_id, day, _person(by), _plain(reason)))


def give_back(
    receipt_id: str = typer.Argument(..., help="The receipt in suspense."),
    reason: str = typer.Option(..., "--reason", help="Where the money went, without personal data."),
    on: str = typer.Option("", "--on", help="The day the money left, YYYY-MM-DD (default: today)."),
    by: str = _BY,
    as_json: bool = JSON_FLAG,
) -> None:
    """Close a receipt whose money went back to the payer, or was no loan's.

    Example: jiehuan statement return rc_5k… --reason "sent back, bank reference 8812"
    """
    from jiehuan.flow import receipts

    day = _day(on)
    _resolve(as_json, lambda connection: receipts.give_back(connection, receipt_id, day, _person(by), _plain(reason)))


def outgoing(as_json: bool = JSON_FLAG) -> None:
    """Money that went out and that the books do not know for what, oldest first.

    Example: jiehuan statement outgoing
    """
    from jiehuan.flow.suspense import outgoing as held

    _list("outgoing", held, ("line_id", "on", "amount", "reference", "reason"), as_json)


def charge(
    line_id: str = typer.Argument(..., help="The line, from the outgoing list."),
    reason: str = typer.Option(..., "--reason", help="What the charge was for, without personal data."),
    on: str = typer.Option("", "--on", help="The day you learn of it, YYYY-MM-DD (default: today)."),
    by: str = _BY,
    as_json: bool = JSON_FLAG,
) -> None:
    """Book an outgoing line as a charge of the bank or the payment firm.

    Example: jiehuan statement charge sl_5k… --reason "account fee, June"
    """
    from jiehuan.flow.suspense import is_charge

    day = _day(on)
    _explain(as_json, lambda connection: is_charge(connection, line_id, day, _person(by), _plain(reason)))


def match(
    line_id: str = typer.Argument(..., help="The line, from the outgoing list."),
    entry_id: str = typer.Argument(..., help="The journal entry that paid this out: a draw, refund, advance or return."),
    on: str = typer.Option("", "--on", help="The day you learn of it, YYYY-MM-DD (default: today)."),
    by: str = _BY,
    as_json: bool = JSON_FLAG,
) -> None:
    """Say which entry of the books an outgoing line is.

    Example: jiehuan statement match sl_5k… en_1f…
    """
    from jiehuan.flow.suspense import is_entry

    day = _day(on)
    _explain(as_json, lambda connection: is_entry(connection, line_id, entry_id, day, _person(by)))


def handle(
    kind: str = typer.Argument(..., help="virtual_account or payer."),
    number: str = typer.Argument(
        ..., help="The account's number (kept as a blind index only; -: from standard input)."
    ),
    loan: str | None = typer.Option(None, "--loan", help="The loan whose virtual account it is."),
    borrower: str | None = typer.Option(None, "--borrower", help="The borrower who pays from it."),
    as_json: bool = JSON_FLAG,
) -> None:
    """Say whose an account number is, so that its payments find their loan.

    Example: jiehuan statement handle virtual_account 6228001234 --loan ln_01j…
    """
    import sys

    from jiehuan.flow.statements import keep_handle
    from jiehuan.store.database import open_database
    from jiehuan.store.vault import open_vault

    number = sys.stdin.readline().strip() if number == "-" else number
    with open_database() as database:
        vault = open_vault(database)
        with database.begin() as connection:
            keep_handle(connection, vault, kind, number, loan_id=loan, borrower_id=borrower)
    told = {"kind": kind, "loan": loan, "borrower": borrower}
    show_json(told) if as_json else show_facts(told)


def _list(title: str, read: Any, columns: tuple[str, ...], as_json: bool) -> None:
    from jiehuan.store.database import open_database

    with open_database() as database, database.connect() as connection:
        rows = read(connection)
    if as_json:
        show_json(rows)
    else:
        show_table(title, columns, [[row[name] for name in columns] for row in rows])


def _resolve(as_json: bool, work: Any) -> None:
    from dataclasses import asdict

    _explain(as_json, lambda connection: asdict(work(connection)))


def _explain(as_json: bool, work: Any) -> None:
    from jiehuan.store.database import open_database

    with open_database() as database:
        done = database.transact(work)
    show_json(done) if as_json else show_facts(done)


def _tell(report: dict[str, Any]) -> None:
    names = (
        "statement_id",
        "account",
        "reference",
        "closed_on",
        "opening",
        "closing",
        "total",
        "difference",
        "reconciled",
    )
    show_facts({name: report[name] for name in names} | ({"known": report["known"]} if "known" in report else {}))
    show_table(
        "",
        ("outcome", "lines", "yuan"),
        [(name, report["lines"][name], report["amounts"][name]) for name in report["lines"]],
    )
    columns = ("row", "on", "amount", "reason")
    for name in ("suspense", "refused"):
        if report[name]:
            show_table(name, columns, [[row[column] for column in columns] for row in report[name]])
    for problem in report.get("problems", ()):
        typer.echo(f"{problem['where']}: {problem['reason']}; {problem['mend']}", err=True)


def _mapping(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    from jiehuan.units.yaml_file import read_yaml

    read = read_yaml(path, what="a mapping", example="mappings/statement.yaml")
    if not isinstance(read, dict):
        raise InputError(Problem(str(path), "", "not a mapping", "see mappings/statement.yaml"))
    return read


def _day(said: str) -> Any:
    from datetime import datetime

    from jiehuan.units.days import CHINA, parse_date

    return parse_date(said, "--on") if said else datetime.now(CHINA).date()


def _person(said: str) -> str:
    return said or getpass.getuser()


def _plain(reason: str) -> str:
    from jiehuan.store.audit.personal import personal_data

    if personal_data(reason):
        raise InputError(Problem("--reason", "", "holds personal data", "leave it out"))
    return reason
