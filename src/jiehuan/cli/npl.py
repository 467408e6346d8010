"""``jiehuan npl``: what bad claims are worth, what to do with them, the sale tape, restructuring offers."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from jiehuan.cli.terminal import JSON_FLAG, end_with, read_json, show_facts, show_json, show_table
from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    from jiehuan.npl import Params

_PARAMS = typer.Option(None, "--params", help="Parameters made by npl fit; default the shipped priors.")
_LENDER = typer.Option("bank", "--lender", help="bank, consumer_finance_company, micro_lender, other.")
_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the ``npl`` commands."""
    group = typer.Typer(help="Bad loans: value, routes, sale tape, restructuring.", no_args_is_help=True)
    group.command("fit", help=_fit.__doc__)(_fit)
    group.command("value", help=_value.__doc__)(_value)
    group.command("tape", help=_tape.__doc__)(_tape)
    group.command("restructure", help=_restructure.__doc__)(_restructure)
    app.add_typer(group, name="npl")


def _fit(
    data: Path = typer.Argument(..., metavar="RECOVERIES", help="loan_id, dpd, balance_fen, month, recovered_fen …"),
    out: Path = typer.Option(..., "--out", help="The parameters file to write (.json).", show_default=False),
    seed: int = typer.Option(0, "--seed", help="Of the resampling behind the intervals."),
    as_json: bool = JSON_FLAG,
) -> None:
    """Fit recovery curves on own recoveries, weighed with the priors where data are few. Exit 1 when rows were left out.

    Example: jiehuan npl fit examples/npl/recoveries.csv --out params.json
    """
    import json

    from jiehuan import npl
    from jiehuan.units.tables import read_table

    broken: list[Problem] = []
    good, problems = npl.readable_recoveries(read_table(data, refused=broken), str(data))
    refused = [*broken, *problems]
    if refused and good.is_empty():
        raise InputError(refused)
    document = npl.fit(good, seed=seed)
    _write(out, json.dumps(document, ensure_ascii=False, indent=2).encode())
    if as_json:
        show_json({**document, "refused": [problem.as_dict() for problem in refused]})
        end_with(refused, as_json=True)
        return
    rows = [
        [
            row["from_dpd"],
            row["loans"],
            f"{row['credibility']:.2f}",
            *(f"{100 * part:.2f}%" for part in (sum(row["curve"]), row["low"], row["high"])),
        ]
        for row in document["buckets"]
    ]
    show_table("recovered over the horizon", ["dpd from", "loans", "credibility", "share", "low", "high"], rows)
    end_with(refused, as_json=False)


def _value(
    accounts: Path = typer.Argument(
        ..., metavar="ACCOUNTS", help="balance_fen, dpd, features …; with class: routes too."
    ),
    params: Path | None = _PARAMS,
    on: str = typer.Option("", "--on", help="The day; default today."),
    lender: str = _LENDER,
    out: Path | None = typer.Option(None, "--out", help="Write all rows with their values here."),
    as_json: bool = JSON_FLAG,
) -> None:
    """Expected net recoveries with an interval; with a class column also the recommended road. Exit 1 when rows were left out.

    Example: jiehuan npl value examples/npl/claims.csv --lender bank --on 2026-06-30
    """
    from jiehuan import npl
    from jiehuan.units.money import format_yuan
    from jiehuan.units.tables import read_table, write_table

    read = _params(params)
    broken: list[Problem] = []
    claims, unread = npl.readable(read_table(accounts, refused=broken), str(accounts))
    problems = [*broken, *unread]
    found = npl.values(claims, read)
    if "class" in found.columns:
        found = _with_routes(found, read, _day(on), lender)
    if out is not None:
        write_table(found, out)
    totals = {name: int(found[name].sum()) for name in ("balance_fen", "value_fen", "low_fen", "high_fen")}
    if as_json:
        refused = [problem.as_dict() for problem in problems]
        show_json({"totals": totals, "parameters": read.source, "rows": found.to_dicts(), "refused": refused})
        end_with(problems, as_json=True)
        return
    shown = {name.removesuffix("_fen"): format_yuan(fen) for name, fen in totals.items()}
    show_facts({"claims": found.height, **shown, "parameters": f"{read.source}: {read.document['note_en']}"})
    if "recommended" in found.columns:
        by = found.group_by("recommended", maintain_order=True).agg(_sums())
        show_table("recommended", ["road", "claims", "balance", "value"], [
            [row["recommended"], row["claims"], format_yuan(row["balance_fen"]), format_yuan(row["value_fen"])]
            for row in by.to_dicts()
        ])  # fmt: skip
    end_with(problems, as_json=False)


def _tape(
    tape: Path = typer.Argument(..., metavar="TAPE", help="The claims: a tape, with any further columns."),
    on: str = typer.Option("", "--on", help="The day of sale; default today."),
    lender: str = _LENDER,
    out: Path = typer.Option(..., "--out", help="The sale tape to write: .xlsx or .csv.", show_default=False),
    params: Path | None = _PARAMS,
    as_json: bool = JSON_FLAG,
) -> None:
    """Make the sale tape: checked against the law of the day and the lender, valued, without personal data. Claims that may not be
    sold are left out and told; rows that cannot be read make the exit code 1.

    Example: jiehuan npl tape examples/npl/claims.csv --lender bank --on 2026-06-30 --out sale.xlsx
    """
    from jiehuan import npl
    from jiehuan.units.tables import read_table

    kind = out.suffix.lower()
    if kind not in (".xlsx", ".csv"):
        raise InputError(Problem("--out", str(out), "not a kind of sale tape", "name a file ending in .xlsx or .csv"))
    broken: list[Problem] = []
    made = npl.tape(read_table(tape, refused=broken).to_dicts(), _day(on), lender, _params(params))
    left_out = [*broken, *made.left_out]
    unread = [problem for problem in left_out if not problem.zh]
    _write(out, made.xlsx() if kind == ".xlsx" else made.csv())
    document = made.as_document()
    if as_json:
        show_json(document | {"left_out": [problem.as_dict() for problem in left_out], "file": str(out)})
        end_with(unread, as_json=True)
        return
    show_facts(
        {name: document[name] for name in ("on", "loans", "balance", "value", "low", "high", "parameters", "citation")}
    )
    for problem in [problem for problem in left_out if problem.zh][:_SHOWN]:
        typer.echo(f"not for sale: {problem}", err=True)
    typer.echo(str(out))
    end_with(unread, as_json=False)


def _restructure(
    balance: str = typer.Option(..., "--balance", help="What is owed, in yuan.", show_default=False),
    rate: str = typer.Option(..., "--rate", help="The contract rate, like 0.18.", show_default=False),
    capacity: str = typer.Option(..., "--capacity", help="The instalment the borrower can carry.", show_default=False),
    on: str = typer.Option("", "--on", help="The day of the new plan; default today."),
    lender: str = _LENDER,
    longest: int = typer.Option(0, "--longest", min=0, help="Months at most; default the law's or 60."),
    as_json: bool = JSON_FLAG,
) -> None:
    """Plans whose instalment fits: at the old rate, at half of it, without interest.

    Example: jiehuan npl restructure --balance 20000 --rate 0.18 --capacity 600 --on 2026-06-30
    """
    from jiehuan import npl
    from jiehuan.units.money import format_yuan, parse_yuan
    from jiehuan.units.rates import parse_contract_rate

    offers = npl.restructure(
        parse_yuan(balance, "--balance"), parse_contract_rate(rate, "--rate"), parse_yuan(capacity, "--capacity"), _day(on), lender,
        longest=longest or None,
    )  # fmt: skip
    if as_json:
        show_json({"offers": [offer.as_document() for offer in offers]})
        return
    for offer in offers:
        show_facts(
            {
                offer.zh: offer.en,
                "interest": format_yuan(offer.total_interest_fen),
                "given up": format_yuan(offer.concession_fen),
                "class kept until": offer.observed_until or "-",
            }
        )
        typer.echo("")


def _with_routes(found: Any, params: Params, on: date, lender: str) -> Any:
    import polars as pl

    from jiehuan import npl
    from jiehuan.law import law_on

    law = law_on(on, lender)
    names = [name for name in params.features if name in found.columns]
    made = [
        npl.dispose(npl.Claim(row["balance_fen"], row["dpd"], row["class"], {n: row[n] for n in names}), law, params)
        for row in found.iter_rows(named=True)
    ]
    return found.with_columns(
        pl.Series("recommended", [each.recommended.name for each in made], dtype=pl.String),
        pl.Series("reason_zh", [each.zh for each in made], dtype=pl.String),
        pl.Series("reason_en", [each.en for each in made], dtype=pl.String),
    )


def _sums() -> list[Any]:
    import polars as pl

    return [pl.len().alias("claims"), pl.col("balance_fen").sum(), pl.col("value_fen").sum()]


def _params(path: Path | None) -> Params:
    from jiehuan import npl

    if path is None:
        return npl.priors()
    document = read_json(path)
    if not isinstance(document, dict):
        raise InputError(Problem(str(path), "", "is not a parameters document", "make one with npl fit"))
    return npl.read_params(document, str(path))


def _day(on: str) -> date:
    from jiehuan.units.days import CHINA, parse_date

    return parse_date(on, "--on") if on else datetime.now(CHINA).date()


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise InputError(
            Problem(str(path), "", f"could not be written: {error.strerror}", "name another place")
        ) from None
