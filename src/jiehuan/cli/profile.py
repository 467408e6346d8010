"""``jiehuan profile``: income verified from a bank flow, what a cash flow carries, and which features are declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from jiehuan.cli.terminal import JSON_FLAG, end_with, read_json, show_facts, show_json, show_table
from jiehuan.units.errors import InputError, Problem

_INCOME = """Verified income from a bank flow: who pays, how regularly, what is no income, debts seen, warnings.

BANKFLOW is a table (CSV, Parquet, JSON) with at (or date), amount (yuan, out below 0; or unsigned with direction in/out),
counterparty, description, and where known balance, own_account, id. Rows that cannot be read are told and left out, and make the exit code 1.

Example: jiehuan profile income examples/bank_flow.csv --declared 9000
"""
_AFFORDABILITY = """What instalment a cash flow carries: cash for debt service by month, cover (DSCR), the largest instalment and
amount, and a sculpted plan beside the equal instalment. Exit 1 when the amount asked for is not carried.

FILE is JSON: on, lender_type, amount, months, rate, and income ({verified or declared, volatility?}) or bank_flow;
obligations?, living_costs?, pay_day?, seasons? ({"2": "0.6"}).

Example: jiehuan profile affordability examples/affordability.json
"""
_FEATURES = """The declared features with source, lawful basis and how each is computed; or a lender's own declaration file,
checked, its forbidden data refused with the article.

Example: jiehuan profile features --lender micro_lender --on 2026-09-01
"""
_ASK = """Ask a declared HTTP source about a person: consent checked, answer read, cost and time told.

SOURCE is YAML (url, timeout, cache, cost, consent, what to send and take); SUBJECT is JSON with the facts to send and
the person's consents.

Example: jiehuan profile ask examples/bureau_source.yaml examples/bureau_subject.json
"""
_SANDBOX = """Run a made-up credit bureau on this machine, for trying out sources; Ctrl-C stops it.

Example: jiehuan profile sandbox --port 8901
"""

_SOURCES = """Declare the lender's paid sources, or list them. Data that the law forbids are refused with the article.

Example: jiehuan profile sources examples/bureau_source.yaml
"""

_BATCH = """Every declared feature of many applications at once, equal to what a single decision computes. APPLICATIONS is a table with
application_id, borrower_id, at, amount_fen, months and what else is known; flows hold application_id and transactions.

Example: jiehuan profile batch applications.parquet --flows flows.parquet --loans loans.parquet --out features.parquet
"""


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="The borrower: income, affordability, features.")
    group.command("income", help=_INCOME)(_income)
    group.command("affordability", help=_AFFORDABILITY)(_affordability)
    group.command("features", help=_FEATURES)(_features)
    group.command("ask", help=_ASK)(_ask)
    group.command("sandbox", help=_SANDBOX)(_sandbox)
    group.command("sources", help=_SOURCES)(_sources)
    group.command("batch", help=_BATCH)(_batch)
    app.add_typer(group, name="profile")


def _income(
    file: Path = typer.Argument(..., metavar="BANKFLOW", help="The bank flow."),
    declared: str | None = typer.Option(None, help="Declared monthly income in yuan."),
    holder: str = typer.Option("", help="The account holder's name: transfers from the same name are own transfers."),
    before: str | None = typer.Option(None, help="What was known before this day, YYYY-MM-DD; default: all."),
    as_json: bool = JSON_FLAG,
) -> None:
    from jiehuan.profile.history import moment_of
    from jiehuan.profile.income import read_flow, verify_income
    from jiehuan.units.days import parse_date
    from jiehuan.units.money import parse_yuan
    from jiehuan.units.tables import read_table

    said = parse_yuan(declared, "--declared") if declared is not None else None
    broken: list[Problem] = []
    flow = read_flow(read_table(file, refused=broken).iter_rows(named=True), file.name)
    if before is not None:
        flow = flow.before(moment_of(parse_date(before, "--before")))
    report = verify_income(flow, said, holder)
    document = report.as_document()
    refused = [*broken, *report.refused]
    if as_json:
        show_json(document | {"refused_rows": [problem.as_dict() for problem in refused]})
        end_with(refused, as_json=True)
        return
    low, high = document["interval"]
    facts = {
        "flow": f"{document['from']} to {document['to']} ({report.months} months)",
        "verified income": f"{document['verified_income']} a month ({low} to {high})",
        "declared income": document["declared_income"] or "-",
        "volatility": f"{report.volatility_ppm / 10_000:.1f}%",
        "pay day": report.pay_day or "-",
        "debt service": f"{document['obligations']['monthly']} a month, {len(report.obligations.open_lenders)} lenders",
        "circular": f"{report.circular_share_ppm / 10_000:.1f}%",
    }
    show_facts(facts)
    rows = [[s.payer, s.kind, one["monthly"], "yes" if s.counted else "no", s.why] for s, one in _with(report.sources)]
    show_table("", ["payer", "kind", "a month", "counts", "why"], rows)
    for name, fen in document["excluded"].items():
        typer.echo(f"  not income, {name}: {fen}")
    for warning in report.warnings:
        typer.echo(f"! {warning.zh} / {warning.en}")
    end_with(refused, as_json=False)


def _with(sources: Any) -> list[tuple[Any, dict[str, Any]]]:
    return [(source, source.as_document()) for source in sources]


def _affordability(
    file: Path = typer.Argument(..., metavar="FILE", help="The wish and the household as JSON (-: standard input)."),
    as_json: bool = JSON_FLAG,
) -> None:
    from jiehuan.profile.affordability import affordability, as_document
    from jiehuan.profile.wish import read_wish

    document = read_json(file)
    household, wish, floor = read_wish(document, str(file))
    result = affordability(household, wish, floor)
    if as_json:
        show_json(as_document(result))
    else:
        _show_affordability(as_document(result))
    if not result.carried:
        raise typer.Exit(1)


def _show_affordability(document: dict[str, Any]) -> None:
    equal, sculpted = document["equal_instalment"], document["sculpted"]
    show_facts(
        {
            "amount": f"{document['amount']} over {document['months']} months at {document['rate']}",
            "carried": "yes" if document["carried"] else "no",
            "largest instalment": document["largest_instalment"],
            "carries": f"{document['affordable_amount']} (sculpted {document['affordable_amount_sculpted']})",
            "least DSCR": f"equal {equal['least_dscr']}, sculpted {sculpted.get('least_dscr', '-')}",
            "DSCR floor": document["dscr_floor"],
        }
    )
    paced = sculpted.get("schedule") or [{"total": "-", "dscr": "-"}] * len(equal["schedule"])
    rows = [
        [month["month"], month["cfads"], line["due"], line["total"], line["dscr"], other["total"], other["dscr"]]
        for month, line, other in zip(document["cash"], equal["schedule"], paced, strict=True)
    ]
    show_table("", ["month", "cash", "due", "equal", "cover", "sculpted", "cover"], rows)
    if "reason" in sculpted:
        typer.echo(f"no sculpted plan: {sculpted['reason']}")


def _features(
    file: Path | None = typer.Argument(None, metavar="FILE", help="A declaration file; default: the shipped one."),
    on: str | None = typer.Option(None, help="The day whose law binds, YYYY-MM-DD; default today."),
    lender: str = typer.Option("micro_lender", help="The lender type whose law binds."),
    as_json: bool = JSON_FLAG,
) -> None:
    from datetime import datetime

    from jiehuan.law import law_on
    from jiehuan.profile.declare import declared_features, load_features
    from jiehuan.units.days import CHINA, parse_date

    law = law_on(parse_date(on, "--on") if on else datetime.now(CHINA).date(), lender)
    declaration = declared_features(law) if file is None else load_features(file, law)
    rows = [
        {
            "name": one.name, "kind": one.kind, "source": one.source.name, "data": one.source.data,
            "basis": one.source.basis, "how": one.lineage, "zh": one.zh, "en": one.en,
        }
        for one in declaration.features.values()
    ]  # fmt: skip
    if as_json:
        show_json({"version": declaration.version, "features": rows})
        return
    show_table(
        "", ["feature", "source", "basis", "how"], [[r["name"], r["source"], r["basis"], r["how"]] for r in rows]
    )
    typer.echo(f"{len(rows)} features, version {declaration.version}")


def _ask(
    source: Path = typer.Argument(..., metavar="SOURCE", help="The source's YAML file."),
    subject: Path = typer.Argument(..., metavar="SUBJECT", help="The person as JSON (-: standard input)."),
    lender: str = typer.Option("micro_lender", help="The lender type whose law binds."),
    as_json: bool = JSON_FLAG,
) -> None:
    from datetime import datetime

    from jiehuan.flow.ask import ask
    from jiehuan.law import law_on
    from jiehuan.profile.http_source import load_source
    from jiehuan.units.days import CHINA

    now = datetime.now(CHINA)
    declared = load_source(source, law_on(now.date(), lender))
    person = read_json(subject)
    if not isinstance(person, dict):
        raise InputError(Problem(str(subject), "", "not a person", "write the facts in braces"))
    answer = ask(declared, person, now)
    told = {"source": declared.name, **answer.fields, "cost_fen": answer.cost_fen, "milliseconds": answer.milliseconds}
    if as_json:
        show_json({**told, "asked_at": answer.asked_at})
    else:
        show_facts(told)


def _sandbox(
    port: int = typer.Option(8901, min=1, max=65535, help="Where it listens on 127.0.0.1."),
    as_json: bool = JSON_FLAG,
) -> None:
    import threading

    from jiehuan.flow.sandbox import bureau_sandbox

    try:
        with bureau_sandbox(port) as url:
            if as_json:
                show_json({"address": url})
            else:
                typer.echo(f"a made-up credit bureau answers at {url}; Ctrl-C stops it")
            threading.Event().wait()
    except OSError as error:
        raise InputError(
            Problem("--port", str(port), f"cannot be used: {error.strerror}", "name another port")
        ) from None
    except KeyboardInterrupt:
        return


def _sources(
    files: list[Path] = typer.Argument(None, metavar="[FILE]...", help="Sources to declare; they replace those kept."),
    lender: str = typer.Option("consumer_finance_company", help="The lender type whose law binds."),
    as_json: bool = JSON_FLAG,
) -> None:
    from datetime import UTC, datetime

    import yaml

    from jiehuan.flow.sources import keep_sources, sources_of
    from jiehuan.law import law_on
    from jiehuan.profile.http_source import load_source
    from jiehuan.store.database import open_database
    from jiehuan.units.days import CHINA

    now = datetime.now(UTC)
    law = law_on(now.astimezone(CHINA).date(), lender)
    for file in files or []:
        load_source(file, law)
    with open_database() as database, database.begin() as connection:
        if files:
            keep_sources(connection, [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files], now, lender)
        found = sources_of(connection, law)
    rows = [[one.name, one.data, one.consent, one.cache_days, one.cost_fen, one.url] for one in found]
    names = ["source", "data", "purpose", "days", "cost_fen", "url"]
    if as_json:
        show_json({"sources": [dict(zip(names, row, strict=True)) for row in rows]})
    else:
        show_table("", names, rows)


def _batch(
    applications: Path = typer.Argument(
        ..., metavar="APPLICATIONS", help="Parquet, CSV or JSON; `at` is a date or an instant."
    ),
    flows: Path | None = typer.Option(None, "--flows", metavar="TABLE", help="Transactions of bank flows."),
    loans: Path | None = typer.Option(None, "--loans", metavar="TABLE", help="Earlier loans, by borrower_id."),
    bureau: Path | None = typer.Option(None, "--bureau", metavar="TABLE", help="Bureau reports, by application_id."),
    out: Path = typer.Option(..., "--out", help="Where the features go (Parquet, CSV or JSON by suffix)."),
    as_json: bool = JSON_FLAG,
) -> None:
    import polars as pl

    from jiehuan.profile.columns import profile_frame
    from jiehuan.units.tables import read_table, write_table

    def dated(path: Path | None) -> pl.DataFrame | None:
        if path is None:
            return None
        frame = read_table(path)
        names = [
            n for n, kind in frame.schema.items() if kind == pl.String and (n == "at" or n.endswith(("_on", "_date")))
        ]
        return frame.with_columns(pl.col(name).str.to_datetime(strict=False).alias(name) for name in names)

    asked = dated(applications)
    assert asked is not None  # noqa: S101 - a path was given
    reports = {"bureau": read_table(bureau)} if bureau else {}
    transactions = read_table(flows) if flows else None
    made, problems = profile_frame(asked, loans=dated(loans), flows=transactions, reports=reports)
    write_table(made, out)
    facts = {"applications": made.height, "features": made.width - 1, "flows_refused": len(problems), "out": str(out)}
    if as_json:
        show_json({**facts, "problems": [problem.as_dict() for problem in problems[:100]]})
        return
    show_facts(facts)
    for problem in problems[:20]:
        typer.echo(f"  {problem}", err=True)
