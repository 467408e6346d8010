"""``jiehuan decide``: one application from a file, decided without a database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from jiehuan.cli.terminal import JSON_FLAG, read_json, show_facts, show_json, show_table
from jiehuan.units.errors import InputError, Problem

_HELP = """Decide one application: outcome, limit, price, offers, reasons, law checks, and what would change it.

FILE is JSON: on (or applied_at), lender_type, amount, months; where known purpose, product, declared_income, pay_day,
borrower {birth_year, is_student, identity_verified, on_block_list, name}, earlier_loans, bank_flow (a list of rows, or
the path of a table), bureau, device, score {pd, points}. With --model the score comes from a fitted model. Exit 1 when
the application is refused.

Example: jiehuan decide examples/application.json
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("decide", help=_HELP)(_decide)


def _decide(
    file: Path = typer.Argument(..., metavar="FILE", help="The application as JSON (-: standard input)."),
    policy: Path | None = typer.Option(
        None, "--policy", metavar="GRAPH", help="A JDM graph; default: the shipped one."
    ),
    model: Path | None = typer.Option(None, "--model", metavar="DIR", help="A fitted model (`jiehuan score fit`)."),
    catalogue: Path | None = typer.Option(
        None, "--catalogue", metavar="YAML", help="Products; default: the shipped ones."
    ),
    as_json: bool = JSON_FLAG,
) -> None:
    from jiehuan.flow.evaluate import evaluate
    from jiehuan.policy import load_policy
    from jiehuan.product import load_catalogue

    document = _read(file)
    fitted = _model(model) if model else None
    decided = evaluate(
        document,
        model=fitted,
        policy=load_policy(policy) if policy else None,
        catalogue=load_catalogue(catalogue) if catalogue else None,
        explain_change=True,
        trace=True,
    )
    known = decided["inputs"]["features"] | decided["inputs"]["extra"]
    if fitted and all(known.get(column) is None for column in fitted.columns):
        mend = "fit the model on features of `jiehuan profile features`, or give its columns under features"
        raise InputError(Problem("--model", ", ".join(fitted.columns)[:80], "none of its columns is known of this applicant", mend))
    if as_json:
        show_json(decided)
    else:
        _show(decided)
    if decided["outcome"] == "refuse":
        raise typer.Exit(1)


def _read(file: Path) -> dict[str, Any]:
    document = read_json(file)
    if not isinstance(document, dict):
        raise InputError(Problem(str(file), "", "not one application", "write a JSON object"))
    flow = document.get("bank_flow")
    if isinstance(flow, str):
        from jiehuan.units.tables import read_table

        path = Path(flow) if Path(flow).is_absolute() or str(file) == "-" else file.parent / flow
        document["bank_flow"] = read_table(path).to_dicts()
    return document


def _model(folder: Path) -> Any:
    from jiehuan.score import Model

    return Model.from_document(read_json(folder / "model.json" if folder.is_dir() else folder))


def _show(decided: dict[str, Any]) -> None:
    facts = {
        name: decided[name] or "-"
        for name in ("outcome", "limit", "amount", "rate", "months", "product", "pd", "points")
    }
    show_facts(facts)
    for reason in decided["reasons"]:
        typer.echo(f"  {reason['zh']} / {reason['en']}")
    if decided["offers"]:
        rows = [
            [
                f"{one['zh']} {one['en']}",
                one["amount"],
                one["months"],
                f"{float(one['rate']):.2%}",
                one["largest_instalment"],
                "-" if one["dscr"] is None else f"{float(one['dscr']):.2f}",
                f"{float(one['fit']):.2f}",
            ]
            for one in decided["offers"]
        ]
        show_table("", ["offer", "amount", "months", "rate", "instalment", "DSCR", "fit"], rows)
    for left in decided["left_out"]:
        typer.echo(f"  not offered, {left['product']}: {left['zh']} / {left['en']}")
    for check in decided["law_checks"]:
        typer.echo(f"  {'kept' if check['ok'] else 'BROKEN'}: {check['rule']} ({check['en']})")
    for way in decided.get("what_would_change") or []:
        typer.echo("  would be " + way["outcome"] + " with: " + "; ".join(one["en"] for one in way["changes"]))
