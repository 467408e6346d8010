"""A policy before its release: what is wrong with it, where, and how to mend it.

Errors bar the release: what cannot be compiled, gaps in tables, rows that are never reached, outputs that are no
decision, limits and prices beyond the law, prices set by what may not set them. Warnings are for the analyst's eye:
overlapping rows, unknown reason codes, inputs that decide nothing. The law of a day and a lender stands in for the
law's inputs, so that a breach is found whatever an applicant brings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from jiehuan.law import Law, law_on
from jiehuan.loan.lawful import cost_cap_ppm
from jiehuan.policy.cover import OTHER, Grid, TooLarge, grid_of, overlap, shown, uncovered
from jiehuan.policy.graph import OUTCOMES, Field, Policy
from jiehuan.policy.program import Program, TableView, build, tables_of, used_inputs
from jiehuan.policy.reasons import reason_catalogue
from jiehuan.policy.run import REASON_FIELDS
from jiehuan.policy.typed import TRUE, Value
from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

LEVELS = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: its level, a stable code, and the problem with place and mend; ``example`` shows an input."""

    level: str
    code: str
    problem: Problem
    example: Mapping[str, Any] | None = None

    def as_document(self) -> dict[str, Any]:
        """The finding for JSON."""
        told: dict[str, Any] = {"level": self.level, "code": self.code, **self.problem.as_dict()}
        return {**told, "example": dict(self.example)} if self.example is not None else told


def check_policy(policy: Policy, laws: tuple[Law, ...] = ()) -> list[Finding]:
    """Everything found in a policy, errors first; ``laws`` are the laws it will be used under."""
    try:
        program = build(policy)
    except InputError as error:
        tables = [finding for table in tables_of(policy) for finding in _table({}, table)]
        barring = [finding for finding in tables if finding.level == "error"]
        return [*barring, *(Finding("error", "expression", problem) for problem in error.problems)]
    names = {value.args[0]: name for name, value in program.outputs.items() if value.op == "var"}
    findings = [
        *_outputs(program),
        *(finding for table in program.tables for finding in _table(names, table)),
        *_codes(program),
        *_price_drivers(program),
        *_unused(program),
        *(finding for law in laws for finding in _law(policy, law)),
    ]
    return sorted(findings, key=lambda finding: LEVELS.index(finding.level))


def mainland_laws(on: date) -> tuple[Law, ...]:
    """The law of a day for every mainland lender type."""
    return tuple(law_on(on, lender) for lender in ("bank", "consumer_finance_company", "micro_lender"))


def _outputs(program: Program) -> Iterator[Finding]:
    name = program.policy.name
    if program.reached != TRUE:
        mend = "let each switch end with a statement without condition"
        yield Finding("error", "gap", Problem(name, "", "some inputs reach no output node", mend))
    for output, kind in (("outcome", "string"), ("limit_fen", "number"), ("rate_ppm", "number")):
        value = program.outputs.get(output)
        if value is None or value.kind != kind:
            found = "is not given" if value is None else f"is a {value.kind}"
            yield Finding("error", "output", Problem(f"{name}, output {output}", "", found, f"give a {kind}"))
            continue
        if value.nullable:
            mend = "give it on every way, or add a default row"
            yield Finding("error", "output", Problem(f"{name}, output {output}", "", "may be without a value", mend))
        if output == "outcome":
            other = sorted((value.words or frozenset({"?"})) - set(OUTCOMES))
            if other:
                problem = Problem(
                    f"{name}, output outcome", ", ".join(other), "not an outcome", f"use {', '.join(OUTCOMES)}"
                )
                yield Finding("error", "output", problem)
        elif value.scale or value.low < 0:
            mend = "round it with floor, and bound it with max([x, 0])"
            found = "may be below 0" if value.low < 0 else "may have fractions"
            yield Finding("error", "output", Problem(f"{name}, output {output}", "", found, mend))


def _table(names: Mapping[str, str], table: TableView) -> Iterator[Finding]:
    grid = grid_of(table.conditions)
    firm = [row for row in range(len(table.conditions)) if row not in grid.vague]
    for row, sets in enumerate(grid.rows):
        if -1 in sets or any(bits == 0 for bits in sets.values()):
            reason = "the row matches nothing that its column can be"
            yield Finding(
                "error", "unreachable", Problem(f"{table.place}, row {row + 1}", "", reason, "correct or remove it")
            )
    if table.collects:
        return
    try:
        gap = uncovered(grid, firm)
        if gap is not None:
            example = _example(names, grid, gap)
            reason = "no row takes some inputs" if not grid.vague else "no row surely takes some inputs"
            mend = "add a last row with empty cells as the default"
            yield Finding("error", "gap", Problem(table.place, _told(example), reason, mend), example)
        for row in range(1, len(table.conditions)):
            earlier = [other for other in firm if other < row]
            if (
                -1 not in grid.rows[row]
                and all(grid.rows[row].values())
                and uncovered(grid, earlier, grid.rows[row]) is None
            ):
                reason = "earlier rows take everything that this row would"
                problem = Problem(f"{table.place}, row {row + 1}", "", reason, "move it up or remove it")
                yield Finding("error", "unreachable", problem)
    except TooLarge:
        mend = "split the table"
        yield Finding("warning", "large", Problem(table.place, "", "too many combinations to be proved complete", mend))
    yield from _overlaps(names, table, grid, firm)


def _overlaps(names: Mapping[str, str], table: TableView, grid: Grid, firm: list[int]) -> Iterator[Finding]:
    for later in firm:
        for earlier in firm[: firm.index(later)]:
            gives = [(values[earlier], values[later]) for values in table.outputs.values()]
            box = overlap(grid, earlier, later) if any(a != b for a, b in gives) else None
            if box is not None:
                example = _example(names, grid, box)
                place = f"{table.place}, rows {earlier + 1} and {later + 1}"
                reason = "both match some inputs and give different results; the first counts"
                yield Finding(
                    "warning", "overlap", Problem(place, _told(example), reason, "narrow one of them"), example
                )


def _codes(program: Program) -> Iterator[Finding]:
    known = reason_catalogue()
    for name in REASON_FIELDS:
        value = program.outputs.get(name)
        if value is None or value.kind != "codes":
            continue
        for row, entry in enumerate(program.codes[value.args[0]], start=1):
            code = entry.get("code")
            if code not in known:
                place = f"{program.policy.name}, {name}, row {row}"
                mend = "add it to a reasons file with zh and en"
                yield Finding("warning", "reason", Problem(place, str(code), "a reason without words", mend))


def _price_drivers(program: Program) -> Iterator[Finding]:
    """What sets the price, held against what may not (PIPL art. 24 through the law book)."""
    rate = program.outputs.get("rate_ppm")
    barred = sorted((rate.deps if rate else frozenset()) & set(_fairness()["not_in_price"]))
    if barred:
        rule = law_on(date(2026, 1, 1), "bank").rule("automated_decision")
        problem = Problem(
            f"{program.policy.name}, output rate_ppm",
            ", ".join(barred),
            "the price depends on what may not set it",
            "let the price rest on risk and law only",
            rule.citation if rule else "",
            rule.zh if rule else "",
        )
        yield Finding("error", "unfair_price", problem)


@cache
def _fairness() -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("fairness.yaml").read_text(encoding="utf-8"))
    return found


def _unused(program: Program) -> Iterator[Finding]:
    used = set(used_inputs(program))
    for name in program.policy.inputs:
        if name not in used:
            problem = Problem(f"{program.policy.name}, input {name}", "", "decides nothing", "use it or remove it")
            yield Finding("info", "unused", problem)


def _law(policy: Policy, law: Law) -> Iterator[Finding]:
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


def _example(names: Mapping[str, str], grid: Grid, box: Mapping[int, int]) -> dict[str, Any]:
    """A box in people's words: named inputs with a value, numbers in their own units; later results by field name."""
    told: dict[str, Any] = {}
    for place, (name, value) in zip(box, shown(grid, box).items(), strict=False):
        subject = grid.subjects[place]
        told[names.get(name, name)] = value if not subject.scale or value is None else value / 10**subject.scale
    return {name: ("any other" if value == OTHER else value) for name, value in told.items()}


def _told(example: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {'null' if value is None else value}" for name, value in example.items())


def _present(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def has_errors(findings: list[Finding]) -> bool:
    """Whether a policy may not be released."""
    return any(finding.level == "error" for finding in findings)


__all__ = ["Finding", "Value", "check_policy", "has_errors", "mainland_laws"]
