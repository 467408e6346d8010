"""A policy held against the law of a day for a lender: prices, limits and students, whatever an applicant brings.

The law's own inputs are set to their value of that day. What the bounds of the program prove is proved; what they do not
is tried on many inputs at and between the cuts of the policy's tables, and a breach is shown with the input it was found
with. What is neither proved nor found is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jiehuan.law import Law
from jiehuan.loan.lawful import cost_cap_ppm
from jiehuan.policy.cover import OTHER, grid_of
from jiehuan.policy.finding import Finding
from jiehuan.policy.graph import Field, Policy
from jiehuan.policy.program import Program, build
from jiehuan.units.errors import Problem

if TYPE_CHECKING:
    import polars as pl


def law_findings(policy: Policy, law: Law) -> Iterator[Finding]:
    """Breaches of caps for any applicant, under the law of a day for a lender."""
    cap = cost_cap_ppm(law.lender_type, law.on)
    under = replace(policy, inputs=_bound(policy, law, cap[0] if cap else None))
    program = build(under)
    place = f"{policy.name} for a {law.lender_type} on {law.on}"
    rate = program.outputs.get("rate_ppm")
    if cap is not None and rate is not None and rate.kind == "number" and rate.high > cap[0]:
        worst = _worst(program, "rate_ppm", "", cap[0])
        rows = ", ".join(_dear_rows(program, cap[0]))
        reason = f"the price can be above the cap of {cap[0]} ppm a year"
        mend = "bound it with min([rate, law_cost_cap_ppm ?? rate])"
        problem = Problem(f"{place}, output rate_ppm", rows or str(rate.high), reason, mend, cap[1])
        yield Finding("error" if worst is not None else "warning", "cap", problem, worst)
    yield from _balance(program, law, place)
    yield from _students(program, law, place)


def _balance(program: Program, law: Law, place: str) -> Iterator[Finding]:
    rule = law.rule("balance_cap")
    limit = program.outputs.get("limit_fen")
    if rule is None or limit is None or limit.kind != "number":
        return
    owing = "outstanding_fen" if "outstanding_fen" in program.policy.inputs else ""
    worst = _worst(program, "limit_fen", owing, rule.value)
    if worst is not None or (limit.high > rule.value and not owing):
        reason = f"limit and balance together can be above the cap of {rule.value} fen"
        mend = "bound the limit with what law_balance_cap_fen leaves above outstanding_fen"
        problem = Problem(f"{place}, output limit_fen", str(limit.high), reason, mend, rule.citation, rule.zh)
        yield Finding("error" if worst is not None else "warning", "cap", problem, worst)


def _students(program: Program, law: Law, place: str) -> Iterator[Finding]:
    rule = law.rule("student_loans")
    if rule is None or rule.value["allowed"] or "is_student" not in program.policy.inputs:
        return
    import polars as pl

    told = [name for name, declared in program.policy.inputs.items() if declared.law == rule.id]
    frame = _samples(program).with_columns(
        pl.lit(True).alias("is_student"), *(pl.lit(False).alias(name) for name in told)
    )
    lent = _decided(program, frame).filter(pl.col("outcome") != "refuse")
    if lent.height:
        example = frame.row(int(lent["row"][0]), named=True)
        problem = Problem(
            f"{place}, input is_student", "", "a student is not refused", "refuse students", rule.citation, rule.zh
        )
        yield Finding("error", "cap", problem, _present(example))


def _bound(policy: Policy, law: Law, cap: int | None) -> dict[str, Field]:
    """The inputs with the law's own standing at their value of that day."""
    students = law.value("student_loans")
    values = {
        "cost_cap": cap,
        "balance_cap": law.value("balance_cap"),
        "student_loans": students and students["allowed"],
    }
    bound: dict[str, Field] = {}
    for name, declared in policy.inputs.items():
        value = values.get(declared.law)
        if value is None or declared.kind != "number":
            bound[name] = replace(declared, nullable=declared.nullable and value is None)
        else:
            exact = Decimal(value)
            bound[name] = replace(declared, minimum=exact, maximum=exact, nullable=False)
    return bound


def _worst(program: Program, output: str, plus: str, cap: int) -> Mapping[str, Any] | None:
    """An input whose output (with another field added) passes the cap, out of many at and between the cuts."""
    import polars as pl

    frame = _samples(program)
    decided = _decided(program, frame).filter(pl.col("outcome") != "refuse")
    if not decided.height or output not in decided.columns:
        return None
    total = decided.get_column(output).fill_null(0)
    if plus:
        total = total + frame.get_column(plus).gather(decided.get_column("row").cast(pl.UInt32)).fill_null(0)
    place = int(total.arg_max() or 0)
    if total[place] <= cap:
        return None
    return _present(frame.row(int(decided["row"][place]), named=True))


def _decided(program: Program, frame: pl.DataFrame) -> pl.DataFrame:
    from jiehuan.policy.compiled import batch_of

    return batch_of(program, frame)[0]


def _samples(program: Program, count: int = 20_000) -> pl.DataFrame:
    """Inputs at random out of the cuts of every table and the whole range between; the same ones each time."""
    import numpy as np
    import polars as pl

    random = np.random.default_rng(20260801)
    grids = [grid_of(table.conditions) for table in program.tables]
    columns: dict[str, pl.Series] = {}
    for name, declared in program.policy.inputs.items():
        picks: list[Any] = [None] if declared.nullable else []
        for grid in grids:
            for subject, pieces in zip(grid.subjects, grid.pieces, strict=True):
                if subject.op == "input" and subject.args[0] == name:
                    picks += [piece for piece in pieces if piece is not None and piece != OTHER]
        if declared.kind == "number":
            factor = 10**declared.scale
            low, high = int((declared.minimum or 0) * factor), int((declared.maximum or 0) * factor)
            spread = np.exp(random.uniform(0, np.log1p(float(high - low)), count)).astype(np.int64) - 1 + low
            values = np.clip(spread, low, high)
            series = pl.Series(values)
            cuts = pl.Series([low, high, *(pick for pick in picks if pick is not None)], dtype=pl.Int64)
            series = _mixed(random, series, cuts, declared.nullable)
            columns[name] = series if not declared.scale else series.cast(pl.Float64) / factor
        else:
            words = list(declared.values) or [pick for pick in picks if isinstance(pick, str)] or ["x"]
            kind = pl.Boolean if declared.kind == "boolean" else pl.String
            choices = pl.Series([True, False] if declared.kind == "boolean" else words, dtype=kind)
            first = choices.gather(random.integers(0, len(choices), count).astype(np.uint32))
            columns[name] = _mixed(random, first, choices, declared.nullable)
    return pl.DataFrame(columns)


def _mixed(random: Any, values: pl.Series, cuts: pl.Series, nullable: bool) -> pl.Series:
    """Two fifths at the cuts, a quarter null where that may be, the rest as they are."""
    import numpy as np
    import polars as pl

    way = random.random(len(values))
    at_cuts = cuts.gather(random.integers(0, len(cuts), len(values)).astype(np.uint32))
    mixed = pl.DataFrame({"v": values, "c": at_cuts, "w": way}).select(
        pl.when(pl.col("w") < 0.4).then(pl.col("c")).otherwise(pl.col("v")).alias("m"), "w"
    )
    if nullable:
        mixed = mixed.with_columns(pl.when(pl.col("w") > 0.75).then(None).otherwise(pl.col("m")).alias("m"))
    return mixed.get_column("m")


def _dear_rows(program: Program, cap: int) -> Iterator[str]:
    """Rows of tables that write a price above the cap."""
    for table in program.tables:
        for name, values in table.outputs.items():
            for row, value in enumerate(values, start=1):
                if (
                    "rate" in name
                    and value.constant
                    and value.kind == "number"
                    and value.args[0] > cap * 10**value.scale
                ):
                    yield f"{table.node.name} row {row}: {value.args[0]}"


def _present(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}
