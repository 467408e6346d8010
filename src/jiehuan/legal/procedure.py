"""Which road to court: a payment order, small claims, summary or ordinary procedure, with the reason for each refusal.

A payment order is the cheapest and quickest where the debt is certain and undisputed and the debtor can be served; an
objection ends it without proof. Small claims are decided in one instance. Whoever can only be served by public notice
leaves nothing but the ordinary procedure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jiehuan.law import Law
from jiehuan.legal.fees import CourtFee, binding, court_fee
from jiehuan.legal.grounds import ground
from jiehuan.units.money import format_yuan


@dataclass(frozen=True, slots=True)
class Road:
    """One procedure: whether it is open, why in both languages, by what text, and what it costs."""

    procedure: str
    open: bool
    zh: str
    en: str
    citation: str
    fee: CourtFee

    def as_document(self) -> dict[str, Any]:
        """Plain values."""
        fee = format_yuan(self.fee.fee_fen)
        return {
            "procedure": self.procedure,
            "open": self.open,
            "zh": self.zh,
            "en": self.en,
            "citation": self.citation,
            "fee": fee,
        }


def roads(
    claim_fen: int,
    law: Law,
    *,
    province: str = "",
    disputed: bool = False,
    servable: bool = True,
    due: bool = True,
    small_claims_agreed: bool = False,
) -> tuple[Road, ...]:
    """All four procedures in order of preference; ``chosen`` takes the first open one.

    ``province``: key of the law book's small-claims table (``zhejiang``) or its Chinese name. ``disputed``: the debtor denies the debt or
    its amount. ``servable``: the debtor can be reached at a known or agreed address. Raises Refused where no court
    law binds.
    """
    return (
        _road("payment_order", claim_fen, law, _payment_order(disputed, servable, due)),
        _small_claims(claim_fen, law, province, small_claims_agreed, fit=servable and not disputed),
        _road("summary", claim_fen, law, _summary(disputed, servable)),
        _road("ordinary", claim_fen, law, "ordinary"),
    )


def chosen(found: tuple[Road, ...]) -> Road:
    """The first open road."""
    return next(road for road in found if road.open)


def _road(procedure: str, claim_fen: int, law: Law, key: str) -> Road:
    text = ground(key)
    return Road(procedure, key == procedure, text.zh, text.en, text.citation, court_fee(claim_fen, procedure, law))


def _payment_order(disputed: bool, servable: bool, due: bool) -> str:
    if not servable:
        return "payment_order_unserved"
    if not due:
        return "payment_order_not_due"
    return "payment_order_disputed" if disputed else "payment_order"


def _summary(disputed: bool, servable: bool) -> str:
    if not servable:
        return "summary_unserved"
    return "summary_disputed" if disputed else "summary"


def _small_claims(claim_fen: int, law: Law, province: str, agreed: bool, *, fit: bool) -> Road:
    if not fit:
        return _road("small_claims", claim_fen, law, "small_claims_unfit")
    rule = binding(law, "small_claims")
    known = rule.value["provinces"]
    limits = next(
        (row for key, row in known.items() if province and (province.lower() == key or row["zh"].startswith(province))),
        None,
    )
    if limits is None:
        key, fill = "small_claims_unknown", {"province": province or "?"}
    else:
        if claim_fen <= limits["mandatory"]:
            key, limit = "small_claims", limits["mandatory"]
        elif agreed and claim_fen <= limits["agreed"]:
            key, limit = "small_claims_agreed", limits["agreed"]
        else:
            key, limit = "small_claims_above", limits["agreed"] if agreed else limits["mandatory"]
        fill = {"claim": format_yuan(claim_fen), "limit": format_yuan(limit)}
    text = ground(key)
    here = limits or {}
    return Road(
        "small_claims",
        key in {"small_claims", "small_claims_agreed"},
        text.zh.format(**{"province": here.get("zh", province)} | fill),
        text.en.format(**{"province": province.capitalize()} | fill),
        rule.citation,
        court_fee(claim_fen, "small_claims", law),
    )
