"""``jiehuan line``: review credit lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from jiehuan.cli.terminal import JSON_FLAG, end_with, progress, show_facts, show_json, show_table
from jiehuan.units.errors import InputError, Problem

_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Add the ``line`` commands."""
    group = typer.Typer(help="Credit lines: limits and prices of new draws.", no_args_is_help=True)
    group.command("review", help=_review.__doc__)(_review)
    group.command("evaluate", help=_evaluate.__doc__)(_evaluate)
    group.command("log", help=_log.__doc__)(_log)
    group.command("run", help=_run.__doc__)(_run)
    app.add_typer(group, name="line")


def _review(
    accounts: Path = typer.Argument(..., metavar="ACCOUNTS", help="Lines: Parquet, CSV or JSON.", show_default=False),
    out: Path = typer.Option(..., "--out", help="Where decisions go (.csv, .parquet, .json).", show_default=False),
    on: str | None = typer.Option(None, "--on", help="The day of the review; default today.", show_default=False),
    params: Path | None = typer.Option(
        None, "--params", help="Parameters (YAML); default those that ship.", show_default=False
    ),
    lender: str = typer.Option(
        "micro_lender", "--lender", help="bank, consumer_finance_company, micro_lender or other."
    ),
    as_json: bool = JSON_FLAG,
) -> None:
    """New limit and new price for new draws of each line, with reasons; a random share is held out to measure the effect. Exit 1
    when rows were left out.

    Example: jiehuan line review examples/line/accounts.csv --on 2026-11-24 --out lines.csv
    """
    from collections import Counter
    from datetime import datetime

    import polars as pl

    from jiehuan.law import law_on
    from jiehuan.line import load_params, read_accounts, review
    from jiehuan.units.days import CHINA, parse_date
    from jiehuan.units.tables import read_table, write_table

    day = parse_date(on, "--on") if on is not None else datetime.now(CHINA).date()
    law, knobs = law_on(day, lender), load_params(params)
    broken: list[Problem] = []
    table = read_table(accounts, refused=broken)
    lines, unread = read_accounts(table.iter_rows(named=True), table.columns, str(accounts))
    problems = [*broken, *unread]
    decisions = []
    with progress("lines", len(lines)) as advance:
        for line in lines:
            decisions.append(review(line, law, knobs))
            advance(1)
    rows = [decision.as_row() for decision in decisions]
    for row in rows:
        row["reasons"] = json.dumps(row["reasons"], ensure_ascii=False)
    schema = {
        "borrower_id": pl.String, "on": pl.String, "old_limit_fen": pl.Int64, "new_limit_fen": pl.Int64, "proposed_limit_fen": pl.Int64,
        "old_rate_ppm": pl.Int64, "new_rate_ppm": pl.Int64, "direction": pl.String, "reasons": pl.String, "arm": pl.String,
        "propensity": pl.Float64, "profit_before_fen": pl.Int64, "profit_after_fen": pl.Int64, "notify": pl.Boolean, "law_version": pl.String,
        "params_version": pl.String, "limit_from": pl.String, "rate_from": pl.String, "limit_by_person": pl.Boolean, "rate_by_person": pl.Boolean,
    }  # fmt: skip
    write_table(pl.DataFrame(rows, schema=schema), out)
    moved = Counter(decision.direction for decision in decisions)
    arms = Counter(decision.arm for decision in decisions)
    change = sum(decision.profit_after_fen - decision.profit_before_fen for decision in decisions)
    facts = {
        "lines": len(decisions),
        **{name: moved.get(name, 0) for name in ("raise", "lower", "hold")},
        "held_out": arms.get("holdout", 0),
    }
    if as_json:
        refused = [problem.as_dict() for problem in problems]
        show_json({**facts, "expected_profit_change_fen": change, "refused": refused, "out": str(out)})
        end_with(problems, as_json=True)
        return
    show_facts({**facts, "expected profit a year": f"{change / 100:+,.2f} yuan", "written to": out})
    shown = [
        (
            d.borrower_id,
            d.direction,
            f"{d.old_limit_fen / 100:,.0f} to {d.new_limit_fen / 100:,.0f}",
            d.reasons[0]["en"],
        )
        for d in decisions
        if d.direction != "hold"
    ]
    show_table("", ("borrower", "", "limit, yuan", "why"), shown[:_SHOWN])
    end_with(problems, as_json=False)


def _evaluate(
    log: Path | None = typer.Argument(
        None,
        metavar="[LOG]",
        help="Reviewed lines with what came of them; default the platform's own log.",
        show_default=False,
    ),
    params: Path | None = typer.Option(
        None, "--params", help="The other parameters (YAML); default those that ship.", show_default=False
    ),
    lender: str = typer.Option(
        "", "--lender", help="bank, consumer_finance_company, micro_lender (default for a LOG) or other."
    ),
    months: int = typer.Option(3, "--months", min=1, max=24, help="Of the own log: how long an outcome is watched."),
    dsn: str = typer.Option(
        "", "--dsn", help="PostgreSQL of the own log (default: JIEHUAN_DSN, else the embedded one)."
    ),
    as_json: bool = JSON_FLAG,
) -> None:
    """What another rule would have brought, from past reviews with a holdout: doubly robust and inverse-propensity estimates.

    The log has the columns of the accounts and of the decisions, and outcome_fen. Decisions which the log could never have made are
    counted and left out. Without LOG, the platform's own reviews are taken, with what the books say came of them. Exit 1 when rows
    could not be read.

    Example: jiehuan line evaluate examples/line/log.csv --lender micro_lender
    """
    from jiehuan.line import evaluate, load_params
    from jiehuan.units.tables import read_table

    knobs = load_params(params)
    broken: list[Problem] = []
    if log is not None:
        rows: Any = read_table(log, refused=broken).iter_rows(named=True)
        lender = lender or "micro_lender"
    else:
        rows, own = _own_log(dsn, months)
        lender = lender or own
    estimates, unread = evaluate(rows, knobs, lender, str(log or "own log"))
    problems = [*broken, *unread]
    if as_json:
        refused = [problem.as_dict() for problem in problems]
        show_json({"estimates": [estimate.as_dict() for estimate in estimates], "refused": refused})
        end_with(problems, as_json=True)
        return
    told = [
        (
            e.method,
            f"{e.value / 100:,.2f}",
            f"{e.gain / 100:+,.2f}",
            f"{e.gain_low / 100:+,.2f} to {e.gain_high / 100:+,.2f}",
            f"{e.effective_n:,.0f}",
        )
        for e in estimates
    ]
    show_table("yuan a decision", ("method", "new rule", "gain", "95 % interval", "worth decisions"), told)
    typer.echo(f"{estimates[0].n} decisions in support, {estimates[0].unsupported:.1%} outside it")
    for warning in estimates[0].warnings:
        typer.echo(f"{warning['zh']} / {warning['en']}")
    end_with(problems, as_json=False)


def _log(
    out: Path = typer.Option(..., "--out", help="Where the log goes (.csv, .parquet, .json).", show_default=False),
    months: int = typer.Option(3, "--months", min=1, max=24, help="How long an outcome is watched."),
    dsn: str = typer.Option("", "--dsn", help="PostgreSQL to read (default: JIEHUAN_DSN, else the embedded one)."),
    as_json: bool = JSON_FLAG,
) -> None:
    """The platform's own reviews with what came of them, as a table that ``line evaluate`` reads.

    Example: jiehuan line log --out reviews.parquet --months 3
    """
    import polars as pl

    from jiehuan.units.tables import write_table

    rows, lender = _own_log(dsn, months)
    for row in rows:
        row["alert_reason"] = json.dumps(row["alert_reason"], ensure_ascii=False)
    write_table(pl.DataFrame(rows, infer_schema_length=None), out)
    facts = {
        "reviews": len(rows),
        "held_out": sum(row["arm"] == "holdout" for row in rows),
        "lender": lender,
        "out": str(out),
    }
    show_json(facts) if as_json else show_facts(facts)


def _run(
    on: str | None = typer.Option(None, "--on", help="The day; default today.", show_default=False),
    dsn: str = typer.Option("", "--dsn", help="PostgreSQL to work on (default: JIEHUAN_DSN, else the embedded one)."),
    as_json: bool = JSON_FLAG,
) -> None:
    """The day's work on credit lines: what is due takes hold, notices go out, and once a month all lines are reviewed.

    Example: jiehuan line run --on 2026-11-30
    """
    from collections import Counter
    from datetime import datetime, time

    from jiehuan.flow.adjust import adjust_month
    from jiehuan.flow.gateway import mailer_of
    from jiehuan.flow.lender import lender_of
    from jiehuan.flow.line_changes import put_in_force, send_notices
    from jiehuan.store.database import open_database
    from jiehuan.store.vault import open_vault
    from jiehuan.units.days import CHINA, parse_date

    day = parse_date(on, "--on") if on is not None else datetime.now(CHINA).date()
    with open_database(dsn=dsn or None) as database:
        with database.begin() as connection:
            held = put_in_force(connection, day)
            changes = adjust_month(connection, day)
            lender = lender_of(connection)
        with database.begin() as connection, mailer_of(lender) as mailer:
            sent = send_notices(connection, open_vault(database), mailer, datetime.combine(day, time(23, 59), CHINA))
    moved = Counter(change["status"] for change in changes or ())
    facts = {"in_force": held, "reviewed": changes is not None, "changes": dict(moved), "notices": sent}
    show_json(facts) if as_json else show_facts({**facts, "changes": dict(moved) or "none", "notices": sent})


def _own_log(dsn: str, months: int) -> tuple[list[dict[str, Any]], str]:
    """The rows of the platform's own log up to the book's day, and the kind of lender."""
    from sqlalchemy import func, select

    from jiehuan.flow.lender import lender_of
    from jiehuan.flow.line_accounts import params_in_force
    from jiehuan.flow.outcomes import line_log
    from jiehuan.store.database import open_database
    from jiehuan.store.tables import loan_state

    with open_database(dsn=dsn or None) as database, database.connect() as connection:
        until = connection.execute(select(func.max(loan_state.c.as_of))).scalar_one_or_none()
        params = params_in_force(connection)
        rows = [] if until is None else line_log(connection, months, until, params.funding_rate + params.cost_rate)
        lender = str(lender_of(connection)["lender_type"])
    if not rows:
        mend = "review lines monthly (`jiehuan line run`) and come back, or ask for fewer --months"
        raise InputError(Problem("own log", "", f"no review is {months} months old", mend))
    return rows, lender
