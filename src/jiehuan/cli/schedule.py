"""``jiehuan schedule``: the plan of a loan, what it costs in all, and the rate that people are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from jiehuan.cli.terminal import JSON_FLAG, read_json, show_facts, show_json, show_table
from jiehuan.units.errors import InputError, Problem, Refused

_HELP = """The plan of a loan: what falls due when, totals, apr and effective rate.

A fee is AMOUNT (at the drawing), monthly:AMOUNT (with each instalment) or YYYY-MM-DD:AMOUNT, in yuan or,
like 1%, of the principal; a kind may follow (upfront:200:guarantee). With --lender the draw is checked against
the law of its day and refused, with the article, when it breaks a cap.

Example: jiehuan schedule --principal 10000 --rate 0.18 --months 12 --method equal_instalment --drawn 2026-01-31
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("schedule", help=_HELP)(schedule)


def schedule(
    principal: str = typer.Option(..., help="Amount drawn, in yuan."),
    rate: str = typer.Option(..., help="Contract rate a year as a decimal, like 0.18."),
    months: str = typer.Option(..., help="Number of months."),
    method: str = typer.Option(
        "equal_instalment", help="equal_instalment, equal_principal, interest_only, bullet or sculpted."
    ),
    drawn: str = typer.Option(..., help="Day of drawing, YYYY-MM-DD."),
    first_due: str | None = typer.Option(None, help="First due day (default: one month after the drawing)."),
    fee: list[str] = typer.Option([], help="A fee, as [upfront|monthly|YYYY-MM-DD:]AMOUNT[:KIND]; may be repeated."),
    cashflow: Path | None = typer.Option(
        None, help="For sculpted: a JSON list or a table with a column amount, one flow a month."
    ),
    lender: str | None = typer.Option(None, help="Check the draw against the law for this type of lender."),
    as_json: bool = JSON_FLAG,
) -> None:
    """Print the plan (see ``_HELP``)."""
    from jiehuan.loan import make_schedule, read_terms
    from jiehuan.loan.lawful import draw_problems
    from jiehuan.loan.schedule import six_places
    from jiehuan.units.money import format_yuan

    document: dict[str, Any] = {
        "lender_type": lender or "other",
        "principal": principal,
        "rate": rate,
        "months": months,
        "method": method,
        "drawn_on": drawn,
        "first_due": first_due,
    }
    if lender is None:
        document["calendar"] = "cn"
    if cashflow is not None:
        document["cashflow"] = _read_flows(cashflow)
    terms = read_terms(document, "schedule")
    if fee:
        document["fees"] = _read_fees(fee, make_schedule(terms))
        terms = read_terms(document, "schedule")
    plan = make_schedule(terms)
    if lender is not None:
        problems = draw_problems(terms)
        if problems:
            raise Refused(problems)
    if as_json:
        show_json(plan.as_document())
        return
    columns = ["n", "due", "pay_by", "principal", "interest", "fee", "total", "balance"]
    if not plan.total_fees_fen:
        columns.remove("fee")
    rows = [{**row, "pay_by": row["pay_by"][5:]} for row in plan.as_document()["schedule"]]
    show_table("", columns, [tuple(row[name] for name in columns) for row in rows])
    facts = {
        "total interest 利息合计": format_yuan(plan.total_interest_fen),
        "total fees 费用合计": format_yuan(plan.total_fees_fen),
        "apr 年化利率（单利）": six_places(plan.apr),
        "eff 实际年利率（复利）": six_places(plan.eff),
    }
    if plan.upfront_fee_fen:
        facts["of which at the drawing 放款时收取"] = format_yuan(plan.upfront_fee_fen)
    show_facts(facts)


def _read_fees(words: list[str], plan: Any) -> list[dict[str, str]]:
    """The fees as documents: ``[WHEN:]AMOUNT[:KIND]``, WHEN being upfront (default), monthly or a day."""
    from jiehuan.units.money import format_yuan, half_up, parse_yuan

    found = []
    for word in words:
        pieces = word.split(":")
        when = "upfront"
        if pieces[0] in {"upfront", "monthly"} or pieces[0].count("-") == 2:
            when = pieces.pop(0)
        if not pieces or len(pieces) > 2:
            mend = "write [upfront|monthly|YYYY-MM-DD:]AMOUNT[:KIND], like monthly:1%"
            raise InputError(Problem("--fee", word, "not a fee", mend))
        amount, kind = pieces[0], pieces[1] if len(pieces) == 2 else "service"
        if amount.endswith("%"):
            hundredths = parse_yuan(amount[:-1], "--fee")
            amount = format_yuan(half_up(plan.terms.principal_fen * hundredths, 10_000))
        if when == "monthly":
            found += [{"on": line.due.isoformat(), "amount": amount, "kind": kind} for line in plan.instalments]
        else:
            on = plan.terms.drawn_on.isoformat() if when == "upfront" else when
            found.append({"on": on, "amount": amount, "kind": kind})
    return found


def _read_flows(path: Path) -> list[Any]:
    """One flow a month: a JSON list of amounts (or {"cashflow": […]}), or a table's column ``amount``/``amount_fen``."""
    from jiehuan.units.money import format_yuan

    if path.suffix == ".json" or str(path) == "-":
        flows = read_json(path)
        if isinstance(flows, dict):
            flows = flows.get("cashflow")
        if isinstance(flows, list) and all(not isinstance(flow, dict) for flow in flows):
            return flows
        if isinstance(flows, list):
            return [flow.get("amount") for flow in flows if isinstance(flow, dict)]
        raise InputError(Problem(str(path), "", "not a list of cash flows", "write a JSON list, one amount a month"))
    from jiehuan.units.tables import read_table

    table = read_table(path)
    if "amount_fen" in table.columns:
        return [format_yuan(int(flow)) for flow in table["amount_fen"]]
    if "amount" in table.columns:
        return list(table["amount"])
    raise InputError(
        Problem(str(path), ", ".join(table.columns), "has no column amount", "name the column amount (yuan)")
    )
