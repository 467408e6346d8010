"""A policy before its release: what is wrong with it, where, and how to mend it.

Errors bar the release: what cannot be compiled, gaps in tables, rows that are never reached, outputs that are no
decision, limits and prices beyond the law, prices set by what may not set them. Warnings are for the analyst's eye:
overlapping rows, unknown reason codes, inputs that decide nothing. The law of a day and a lender stands in for the
law's inputs, so that a breach is found whatever an applicant brings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from jiehuan.law import Law, law_on
from jiehuan.policy.caps import law_findings
from jiehuan.policy.cover import OTHER, Grid, TooLarge, grid_of, overlap, shown, uncovered
from jiehuan.policy.finding import LEVELS, Finding
from jiehuan.policy.graph import OUTCOMES, Policy
from jiehuan.policy.program import Program, TableView, build, tables_of, used_inputs
from jiehuan.policy.reasons import reason_catalogue
from jiehuan.policy.run import REASON_FIELDS
from jiehuan.policy.typed import TRUE
from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    pass


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
        *(finding for law in laws for finding in law_findings(policy, law)),
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


def _example(names: Mapping[str, str], grid: Grid, box: Mapping[int, int]) -> dict[str, Any]:
    """A box in people's words: named inputs with a value, numbers in their own units; later results by field name."""
    told: dict[str, Any] = {}
    for place, (name, value) in zip(box, shown(grid, box).items(), strict=False):
        subject = grid.subjects[place]
        told[names.get(name, name)] = value if not subject.scale or value is None else value / 10**subject.scale
    return {name: ("any other" if value == OTHER else value) for name, value in told.items()}


def _told(example: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {'null' if value is None else value}" for name, value in example.items())


def has_errors(findings: list[Finding]) -> bool:
    """Whether a policy may not be released."""
    return any(finding.level == "error" for finding in findings)


__all__ = ["Finding", "check_policy", "has_errors", "mainland_laws"]
