"""``jiehuan legal``: the documents, fees and dates of a case."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from jiehuan.cli.terminal import JSON_FLAG, read_json, show_facts, show_json
from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    from jiehuan.legal import Case

_CASE = typer.Argument(..., metavar="CASE", help="The case as JSON (docs/reference/formats.md).", show_default=False)


def register(app: typer.Typer) -> None:
    """Add the ``legal`` commands."""
    group = typer.Typer(help="Court: pleadings and evidence, fees, dates.", no_args_is_help=True)
    group.command("pack", help=_pack.__doc__)(_pack)
    group.command("deadlines", help=_deadlines.__doc__)(_deadlines)
    group.command("fees", help=_fees.__doc__)(_fees)
    app.add_typer(group, name="legal")


def _pack(
    case: Path = _CASE,
    out: Path = typer.Option(..., "--out", help="Folder for the files; made when absent.", show_default=False),
    attach: list[Path] = typer.Option([], "--attach", help="A file of evidence; repeatable."),
    as_json: bool = JSON_FLAG,
) -> None:
    """Write pleading (PDF and Word), evidence list, letter of demand, date sheet and case.json.

    Example: jiehuan legal pack examples/legal/case.json --out case-0042
    """
    from jiehuan import legal

    found = _read(case)
    files = legal.pack(found, _attached(attach))
    _write_all(files, out)
    if as_json:
        show_json(found.as_document() | {"files": sorted(str(out / name) for name in files)})
        return
    _show(found)
    for name in files:
        typer.echo(f"  {out / name}")
    if not legal.lettering().chinese:
        typer.echo(
            "no Chinese font was found: the PDFs are in English only; install the package pylopdf-fonts-zh-cn", err=True
        )


def _deadlines(case: Path = _CASE, as_json: bool = JSON_FLAG) -> None:
    """Every date of a case with its article, whose it is, and whether it was met.

    Example: jiehuan legal deadlines examples/legal/case.json
    """
    found = _read(case)
    if as_json:
        show_json(found.as_document())
        return
    _show(found)
    for deadline in found.deadlines:
        done = f", done {deadline.done_on}" if deadline.done_on else ""
        typer.echo(f"{deadline.due_on}{'*' if deadline.provisional else ' '} {deadline.zh} / {deadline.en}")
        typer.echo(f"            {deadline.whose}{done}; {deadline.citation}")
    if any(deadline.provisional for deadline in found.deadlines):
        typer.echo("* the holidays of that year are not known yet: the day may move")


def _fees(
    amount: str = typer.Option(..., "--amount", help="The claim in yuan.", show_default=False),
    procedure: str = typer.Option(
        "", "--procedure", help="ordinary, summary, small_claims, payment_order; default all."
    ),
    on: str = typer.Option("", "--on", help="Day of filing; default today."),
    lender: str = typer.Option("bank", "--lender", help="bank, consumer_finance_company, micro_lender."),
    as_json: bool = JSON_FLAG,
) -> None:
    """The court fee of a claim, by procedure, with the article.

    Example: jiehuan legal fees --amount 50000 --procedure summary --on 2026-06-15
    """
    from jiehuan.law import law_on
    from jiehuan.legal import PROCEDURES, court_fee
    from jiehuan.units.days import CHINA, parse_date
    from jiehuan.units.money import format_yuan, parse_yuan

    day = parse_date(on, "--on") if on else datetime.now(CHINA).date()
    claim, law = parse_yuan(amount, "--amount"), law_on(day, lender)
    fees = [court_fee(claim, name, law) for name in ([procedure] if procedure else PROCEDURES)]
    if as_json:
        show_json(fees[0].as_document() if procedure else {"fees": [fee.as_document() for fee in fees]})
        return
    for fee in fees:
        show_facts({fee.procedure: format_yuan(fee.fee_fen), "": f"{fee.citation_zh}; {fee.citation_en}"})


def _read(path: Path) -> Case:
    from jiehuan import legal

    document = read_json(path)
    if not isinstance(document, dict):
        raise InputError(Problem(str(path), "", "is not a case", "write one JSON object"))
    return legal.case(document)


def _show(case: Case) -> None:
    from jiehuan.units.money import format_yuan

    show_facts(
        {
            "case": case.case_id,
            "claimed": f"{format_yuan(case.claim.total_fen)} on {case.on}",
            "procedure": f"{case.road.procedure}: {case.road.zh} / {case.road.en}",
            "court": case.court,
            "fee": format_yuan(case.fee.fee_fen),
        }
    )


def _attached(paths: list[Path]) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    problems = []
    for path in paths:
        try:
            contents[path.name] = path.read_bytes()
        except OSError as error:
            problems.append(Problem(str(path), "", f"could not be read: {error.strerror}", "check the path"))
    if len(contents) + len(problems) < len(paths):
        problems.append(Problem("--attach", "", "two files have the same name", "rename one"))
    if problems:
        raise InputError(problems)
    return contents


def _write_all(files: dict[str, bytes], out: Path) -> None:
    """Each file beside its place first, then renamed: an interrupted run leaves no half file."""
    try:
        for name, content in files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(path.name + ".part")
            part.write_bytes(content)
            part.replace(path)
    except OSError as error:
        raise InputError(
            Problem(str(out), "", f"could not be written: {error.strerror}", "name a folder you may write")
        ) from None
