"""What going to court costs: the fee of a property claim by brackets, and its shares for the quicker procedures.

Measures for litigation fees (State Council Order No. 481), by the law book (``court_fee``, ``summary_fee_share``,
``payment_order_fee_share``). Money in fen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jiehuan.law import Law, Rule
from jiehuan.units.errors import InputError, Problem, Refused
from jiehuan.units.money import format_yuan, half_up
from jiehuan.units.rates import PPM

PROCEDURES = ("ordinary", "summary", "small_claims", "payment_order")

_SHARE_RULE = {
    "summary": "summary_fee_share",
    "small_claims": "summary_fee_share",
    "payment_order": "payment_order_fee_share",
}


@dataclass(frozen=True, slots=True)
class CourtFee:
    """The fee to pay (``fee_fen``), the full one (``ordinary_fen``), and the rules behind them, in order of use."""

    claim_fen: int
    procedure: str
    fee_fen: int
    ordinary_fen: int
    rules: tuple[Rule, ...]

    @property
    def citation_zh(self) -> str:
        """The articles in Chinese."""
        return "、".join(rule.law_zh for rule in self.rules)

    @property
    def citation_en(self) -> str:
        """The articles in English."""
        return "; ".join(rule.law_en for rule in self.rules)

    def as_document(self) -> dict[str, Any]:
        """Plain values, money in yuan."""
        return {
            "claim": format_yuan(self.claim_fen),
            "procedure": self.procedure,
            "fee": format_yuan(self.fee_fen),
            "ordinary_fee": format_yuan(self.ordinary_fen),
            "citation": {"zh": self.citation_zh, "en": self.citation_en},
        }


def court_fee(claim_fen: int, procedure: str, law: Law) -> CourtFee:
    """The fee for a claim of money: half in summary procedure and small claims, a third for a payment order.

    ``law``: of the day of filing. Each bracket's part is added exactly and the fee rounded once, half up, to the fen.
    Raises InputError for a negative claim or another procedure, Refused where no fee law binds (lender type other).
    """
    if claim_fen < 0:
        raise InputError(Problem("claim", format_yuan(claim_fen), "is negative", "give what is claimed, 0 or more"))
    if procedure not in PROCEDURES:
        raise InputError(Problem("procedure", procedure, "not a procedure", f"use one of {', '.join(PROCEDURES)}"))
    brackets = binding(law, "court_fee")
    exact, floor = 0, 0  # in fen x ppm
    for up_to, ppm, fixed in brackets.value:
        ceiling = claim_fen if up_to is None else min(claim_fen, up_to)
        exact += fixed * PPM + max(0, ceiling - floor) * ppm
        floor = max(floor, ceiling)
        if up_to is None or claim_fen <= up_to:
            break
    ordinary = half_up(exact, PPM)
    if procedure not in _SHARE_RULE:
        return CourtFee(claim_fen, procedure, ordinary, ordinary, (brackets,))
    share = binding(law, _SHARE_RULE[procedure])
    part, whole = share.value
    return CourtFee(claim_fen, procedure, half_up(exact * part, PPM * whole), ordinary, (brackets, share))


def binding(law: Law, rule_id: str) -> Rule:
    """The rule, which must bind: Refused says which lender and day it does not."""
    rule = law.rule(rule_id)
    if rule is None:
        reason = f"no rule {rule_id} binds a lender of type {law.lender_type} on {law.on}"
        raise Refused(
            Problem("law", rule_id, reason, "court measures are for mainland lenders", zh="该日期和机构类型无此规则")
        )
    return rule
