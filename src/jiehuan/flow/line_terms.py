"""What a borrower's credit line says of a new draw: how much of it is free, and the price. Pure: part of ``flow.evaluate``.

The line is a bound, never a promise of more: the policy's limit and price, the cash flow and the law hold beside it, and the least counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jiehuan.policy import PolicyResult
from jiehuan.policy.reasons import Reason
from jiehuan.units.errors import InputError, JiehuanError, Problem
from jiehuan.units.money import format_yuan, parse_yuan
from jiehuan.units.rates import format_rate, parse_rate

CODE = "credit_line"


@dataclass(frozen=True, slots=True)
class LineTerms:
    """A line as it stands: ``limit_fen`` in all, ``outstanding_fen`` drawn or signed for, ``rate_ppm`` a year for new draws."""

    limit_fen: int
    rate_ppm: int
    outstanding_fen: int

    @property
    def free_fen(self) -> int:
        """What may still be drawn."""
        return max(self.limit_fen - self.outstanding_fen, 0)

    def as_document(self) -> dict[str, str]:
        """As an application document has it under ``credit_line``: yuan and decimal rate."""
        return {
            "limit": format_yuan(self.limit_fen),
            "rate": format_rate(self.rate_ppm),
            "outstanding": format_yuan(self.outstanding_fen),
        }


def read_line(document: Mapping[str, Any]) -> LineTerms | None:
    """The ``credit_line`` of an application document; None when it has none. Raises InputError naming every field that is wrong."""
    given = document.get(CODE)
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise InputError(Problem(CODE, str(given)[:80], "not an object", "write limit, rate and outstanding"))
    problems: list[Problem] = []
    found = {"limit": 0, "rate": 0, "outstanding": 0}
    for name in found:
        try:
            read = parse_rate if name == "rate" else parse_yuan
            found[name] = read(given.get(name), f"{CODE}, {name}")
        except JiehuanError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    return LineTerms(found["limit"], found["rate"], found["outstanding"])


def within_line(decided: PolicyResult, line: LineTerms | None) -> PolicyResult:
    """A policy's result with its limit cut to what is free of the line. A refusal stays as it is."""
    if line is None or decided.outcome == "refuse" or decided.limit_fen is None:
        return decided
    return replace(decided, limit_fen=min(decided.limit_fen, line.free_fen))


def line_reason(line: LineTerms) -> Reason:
    """What the line meant for a decision, in both languages."""
    limit, used, free = (format_yuan(fen) for fen in (line.limit_fen, line.outstanding_fen, line.free_fen))
    rate = f"{line.rate_ppm / 10_000:.4g}%"
    return Reason(
        CODE,
        f"按现有授信额度审批：额度 {limit} 元，已用 {used} 元，可用 {free} 元；新提款年利率不高于 {rate}，已提款不变",
        f"Decided within the credit line: limit {limit} yuan, {used} used, {free} free; new draws cost at most {rate} a year,"
        " what is drawn stays as agreed",
        CODE,
        f"{free} yuan",
    )
