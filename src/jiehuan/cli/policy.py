"""``jiehuan policy``: check a decision graph, run it on one input or on a table, compare two versions, show, release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from jiehuan.cli.policy_release import add_to
from jiehuan.cli.terminal import JSON_FLAG, end_with, read_json, show_facts, show_json, show_table
from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    from jiehuan.policy import Policy

_GRAPH = typer.Option(None, "--policy", metavar="GRAPH", help="A JDM graph; default: the shipped admission policy.")

_CHECK = """Find what is wrong with a policy before its release: gaps, rows never reached, overlaps, breaches of caps,
expressions that could fail, prices set by what may not set them. Exit 1 when anything bars the release.

Example: jiehuan policy check examples/policy.json --on 2026-09-01 --lender micro_lender
"""
_RUN = """Decide one input on the policy, with reasons and the rows that matched. INPUT is a JSON object of the policy's fields.

Example: jiehuan policy run examples/policy_input.json
"""
_BATCH = """Decide every row of a table (Parquet, CSV, JSON) and write the outcomes. Rows with values that the policy does not
take are left out and told, and make the exit code 1.

Example: jiehuan policy batch examples/book.csv --out /tmp/decided.csv
"""
_DIFF = """Two policies on one book: who is decided otherwise, by how much, and the change of expected loss. Exit 1 when rows
were left out.

Example: jiehuan policy diff examples/policy.json examples/policy_tighter.json examples/book.csv
"""
_CHANGE = """The nearest changes of an input that would lead to another outcome; exit 1 when there are none.

Example: jiehuan policy change examples/policy_input.json --outcome approve
"""
_SHOW = """A policy's version, inputs and outputs, and the function that it is compiled to.

Example: jiehuan policy show --source
"""


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Decision graphs: check, run, batch, compare, explain, release.")
    group.command("check", help=_CHECK)(_check)
    group.command("run", help=_RUN)(_run)
    group.command("batch", help=_BATCH)(_batch)
    group.command("diff", help=_DIFF)(_diff)
    group.command("change", help=_CHANGE)(_change)
    group.command("show", help=_SHOW)(_show)
    add_to(group)
    app.add_typer(group, name="policy")


def _check(
    graph: Path | None = typer.Argument(None, metavar="GRAPH", help="A JDM graph; default: the shipped one."),
    on: str | None = typer.Option(None, help="The day whose law binds, YYYY-MM-DD; default today."),
    lender: str | None = typer.Option(None, help="One lender type; default: all three of the mainland."),
    as_json: bool = JSON_FLAG,
) -> None:
    from datetime import datetime

    from jiehuan.law import law_on
    from jiehuan.policy import check_policy, has_errors, mainland_laws
    from jiehuan.units.days import CHINA, parse_date

    policy = _load(graph)
    day = parse_date(on, "--on") if on else datetime.now(CHINA).date()
    found = check_policy(policy, (law_on(day, lender),) if lender else mainland_laws(day))
    barred = has_errors(found)
    if as_json:
        findings = [finding.as_document() for finding in found]
        show_json({"policy": policy.name, "version": policy.version, "on": day, "ok": not barred, "findings": findings})
    else:
        for finding in found:
            typer.echo(f"{finding.level:<8} {finding.problem}")
        state = "may not be released" if barred else "may be released"
        typer.echo(f"{policy.name} {policy.version}: {state} ({len(found)} findings)")
    if barred:
        raise typer.Exit(1)


def _run(
    file: Path = typer.Argument(..., metavar="INPUT", help="The input as JSON (-: standard input)."),
    graph: Path | None = _GRAPH,
    as_json: bool = JSON_FLAG,
) -> None:
    from jiehuan.policy import run

    result = run(_load(graph), _object(file))
    if as_json:
        show_json(result.as_dict())
        return
    from jiehuan.units.money import format_yuan

    rate = None if result.rate_ppm is None else f"{result.rate_ppm / 10_000:.2f}%"
    limit = None if result.limit_fen is None else format_yuan(result.limit_fen)
    show_facts({"outcome": result.outcome, "limit": limit or "-", "rate": rate or "-", "version": result.version})
    for reason in result.reasons:
        typer.echo(f"  {reason.zh} / {reason.en}")
    for step in result.trace:
        if step.get("rows"):
            typer.echo(f"  {step['name']}: row {', '.join(str(row + 1) for row in step['rows'])}")


def _batch(
    table: Path = typer.Argument(..., metavar="TABLE", help="Rows with the policy's fields as columns."),
    out: Path = typer.Option(..., "--out", help="Where the outcomes go (Parquet, CSV or JSON by suffix)."),
    graph: Path | None = _GRAPH,
    everything: bool = typer.Option(False, "--everything", help="Write all that the policy computes."),
    as_json: bool = JSON_FLAG,
) -> None:
    import polars as pl

    from jiehuan.policy import compile_policy
    from jiehuan.units.tables import read_table, write_table

    broken: list[Problem] = []
    book = read_table(table, refused=broken)
    compiled = compile_policy(_load(graph))
    decided, told = compiled.batch(book, everything=everything)
    identity = [name for name in ("application_id", "loan_id", "borrower_id") if name in book.columns]
    place = decided.get_column("row").cast(pl.UInt32)
    decided = decided.with_columns(book.get_column(name).gather(place) for name in identity)
    decided = decided.select(*identity, pl.exclude(identity)).with_columns(pl.col("row") + 1)
    lists = [name for name, kind in decided.schema.items() if isinstance(kind, pl.List)]
    if out.suffix.lower() in {".csv", ".tsv"}:
        decided = decided.with_columns(pl.col(name).list.join(" ") for name in lists)
    write_table(decided, out)
    counts = dict(decided.get_column("outcome").value_counts(sort=True).iter_rows()) if decided.height else {}
    refused = [*broken, *told.refused]
    count = told.refused_count + len(broken)
    facts: dict[str, Any] = {"rows": book.height + len(broken), "decided": decided.height, "refused": count, **counts}
    if as_json:
        rows = [problem.as_dict() for problem in refused]
        show_json({**facts, "version": compiled.policy.version, "out": str(out), "refused_rows": rows})
    else:
        show_facts(facts)
    end_with(refused, as_json=as_json)


def _diff(
    before: Path = typer.Argument(..., metavar="A", help="The policy in force."),
    after: Path = typer.Argument(..., metavar="B", help="The policy proposed."),
    book: Path = typer.Argument(..., metavar="BOOK", help="Past applications with the policies' fields as columns."),
    lgd: str = typer.Option("0.6", help="Loss given default, a decimal."),
    out: Path | None = typer.Option(None, "--out", help="Write every changed row to this table."),
    as_json: bool = JSON_FLAG,
) -> None:
    from jiehuan.policy import diff_policies
    from jiehuan.units.rates import PPM, parse_rate
    from jiehuan.units.tables import read_table, write_table

    share = parse_rate(lgd, "--lgd", maximum_ppm=PPM)
    broken: list[Problem] = []
    found = diff_policies(_load(before), _load(after), read_table(book, refused=broken), share)
    refused = [*broken, *found.refused_rows]
    if out is not None:
        write_table(found.changed.drop("reasons_after"), out)
    document = found.as_document()
    if as_json:
        show_json(document | {"refused_rows": [problem.as_dict() for problem in refused]})
        end_with(refused, as_json=True)
        return
    show_facts({"rows": found.rows, "changed": found.changed.height})
    sides = [document["before"], document["after"]]
    rows = [[name, *(side["by_outcome"][name] for side in sides)] for name in sides[0]["by_outcome"]]
    rows += [[name, *(side[name] for side in sides)] for name in ("may_be_drawn", "expected_loss", "mean_rate")]
    show_table("", ["", f"A {sides[0]['version'][:8]}", f"B {sides[1]['version'][:8]}"], rows)
    for move in document["moves"]:
        if move["from"] != move["to"]:
            typer.echo(f"  {move['from']} to {move['to']}: {move['rows']}")
    for reason in document["newly_refused_for"]:
        typer.echo(f"  newly refused for {reason['code']}: {reason['rows']}")
    end_with(refused, as_json=False)


def _change(
    file: Path = typer.Argument(..., metavar="INPUT", help="The input as JSON (-: standard input)."),
    outcome: str = typer.Option("approve", help="The outcome wanted: approve, review or refuse."),
    graph: Path | None = _GRAPH,
    as_json: bool = JSON_FLAG,
) -> None:
    from jiehuan.policy import run, what_if
    from jiehuan.policy.graph import OUTCOMES

    if outcome not in OUTCOMES:
        raise InputError(Problem("--outcome", outcome, "not an outcome", f"write one of {', '.join(OUTCOMES)}"))
    policy, values = _load(graph), _object(file)
    now = run(policy, values).outcome
    ways = what_if(policy, values, outcome)
    if as_json:
        show_json({"outcome": now, "wanted": outcome, "ways": [way.as_document() for way in ways]})
    elif now == outcome:
        typer.echo(f"it is {outcome} already")
    else:
        for number, way in enumerate(ways, start=1):
            typer.echo(f"{number}. " + "; ".join(f"{change.zh} / {change.en}" for change in way.changes))
        if not ways:
            typer.echo(f"no change of what an applicant can change leads to {outcome}")
    if not ways and now != outcome:
        raise typer.Exit(1)


def _show(
    graph: Path | None = typer.Argument(None, metavar="GRAPH", help="A JDM graph; default: the shipped one."),
    source: bool = typer.Option(False, "--source", help="Print the compiled function."),
    as_json: bool = JSON_FLAG,
) -> None:
    from jiehuan.policy import compile_policy

    policy = _load(graph)
    compiled = compile_policy(policy)
    used = set(compiled.used())
    inputs = [
        {
            "name": one.name,
            "kind": one.kind,
            "null": one.nullable,
            "decides": one.name in used,
            "zh": one.zh,
            "en": one.en,
        }
        for one in policy.inputs.values()
    ]
    if as_json:
        outputs = {name: value.kind for name, value in compiled.program.outputs.items()}
        shown = {"policy": policy.name, "version": policy.version, "inputs": inputs, "outputs": outputs}
        show_json({**shown, "source": compiled.source} if source else shown)
        return
    typer.echo(f"{policy.name} {policy.version}")
    show_table(
        "", ["input", "kind", "decides", "meaning"], [[i["name"], i["kind"], i["decides"], i["en"]] for i in inputs]
    )
    if source:
        typer.echo(compiled.source)


def _load(graph: Path | None) -> Policy:
    from jiehuan.policy import default_policy, load_policy

    return default_policy() if graph is None else load_policy(graph)


def _object(file: Path) -> dict[str, Any]:
    document = read_json(file)
    if not isinstance(document, dict):
        raise InputError(Problem(str(file), "", "not an object", "write names and values in braces"))
    return document
