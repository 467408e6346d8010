"""Several offers for one applicant: method, term, amount and price, all within the law and the cash flow, ranked by
fit.

Every offer's amount is what was asked for, cut by the policy's limit, the product's bounds and the instalments which
the cash flow carries; its rate is the price of the risk band with the product's surcharge, cut by the legal cap of
the all-in cost. What is left out is told, with the reason. Nothing but risk band, product and law sets the price: not
age, not sex, not region. Amounts are fen, rates and shares ppm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from jiehuan.law import Law
from jiehuan.law.cost_cap import cost_cap
from jiehuan.loan.schedule import Schedule, make_schedule, six_places
from jiehuan.loan.terms import plain_terms
from jiehuan.product.catalogue import Catalogue, Product
from jiehuan.product.lawful import apr_ppm, balance_room, longest_term
from jiehuan.units.errors import InputError
from jiehuan.units.money import format_yuan, half_up
from jiehuan.units.rates import PPM, format_rate

_TERMS_TRIED = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """What an applicant asks for and what was decided: ``limit_fen`` and ``rate_ppm`` are the policy's.

    ``most_rate_ppm``: a price that no offer exceeds, as a credit line's for new draws; None: no such bound.
    """

    amount_fen: int
    months: int
    on: date
    lender_type: str
    limit_fen: int
    rate_ppm: int
    pd_ppm: int | None = None
    purpose: str = ""
    outstanding_fen: int = 0
    has_history: bool = False
    most_rate_ppm: int | None = None


@dataclass(frozen=True, slots=True)
class Capacity:
    """The cash flow an offer must fit: CFADS by month from the first due date (fen), the floor on cover, pay day terms.

    ``cash`` covers the longest term; ``verified`` says whether the income behind it was; ``first_due`` follows pay day.
    """

    cash: tuple[int, ...]
    dscr_floor_ppm: int
    verified: bool
    first_due: date | None = None

    def most(self, months: int) -> list[int]:
        """The largest instalment of each month that keeps the floor."""
        return [available * PPM // self.dscr_floor_ppm for available in self.cash[:months]]


@dataclass(frozen=True)
class Offer:
    """One offer. ``fit_ppm`` ranks it; ``dscr_ppm`` is its least cover (None when no cash flow is known)."""

    product: Product
    amount_fen: int
    months: int
    rate_ppm: int
    schedule: Schedule
    dscr_ppm: int | None
    fit_ppm: int
    reasons: tuple[Mapping[str, str], ...]

    @property
    def largest_instalment_fen(self) -> int:
        """The largest payment on one due date."""
        return max(self.schedule.dues_fen)

    def as_document(self) -> dict[str, Any]:
        """The offer for JSON: yuan strings, decimal rates, and ``terms`` as ``loan replay`` takes them."""
        plan = self.schedule
        return {
            "product": self.product.id,
            "zh": self.product.zh,
            "en": self.product.en,
            "method": self.product.method,
            "amount": format_yuan(self.amount_fen),
            "months": self.months,
            "rate": format_rate(self.rate_ppm),
            "first_due": plan.instalments[0].due.isoformat(),
            "largest_instalment": format_yuan(self.largest_instalment_fen),
            "total_interest": format_yuan(plan.total_interest_fen),
            "total_fees": format_yuan(plan.total_fees_fen),
            "apr": six_places(plan.apr),
            "eff": six_places(plan.eff),
            "dscr": None if self.dscr_ppm is None else format_rate(self.dscr_ppm),
            "fit": format_rate(self.fit_ppm),
            "reasons": [dict(reason) for reason in self.reasons],
            "terms": plan.terms.as_document(),
        }


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A product that is not offered, and why."""

    product: Product
    code: str
    zh: str
    en: str
    citation: str = ""

    def as_document(self) -> dict[str, str]:
        """The product and the reason for JSON."""
        shown = {"product": self.product.id, "code": self.code, "zh": self.zh, "en": self.en}
        return {**shown, "citation": self.citation} if self.citation else shown


@dataclass(frozen=True, slots=True)
class Menu:
    """What is offered, best fit first, and what is not."""

    offers: tuple[Offer, ...]
    left_out: tuple[LeftOut, ...]


def offers(asked: Asked, catalogue: Catalogue, law: Law, capacity: Capacity | None = None) -> Menu:
    """The offers for an applicant: the best term of each product that fits, ranked; and what was left out and why."""
    made: list[Offer] = []
    left: list[LeftOut] = []
    for product in catalogue.products:
        bar = next(_bars(product, asked, law, capacity), None)
        if bar is not None:
            left.append(bar)
            continue
        found = (_offer(product, months, asked, law, capacity) for months in _terms(product, asked, law))
        candidates = [offer for offer in found if offer is not None]
        if candidates:
            made.extend(candidates)
        else:
            least = format_yuan(product.least_fen)
            left.append(
                LeftOut(
                    product,
                    "cannot_carry",
                    f"额度或现金流不足以支持最低金额 {least} 元",
                    f"The limit or the cash flow does not carry the least amount of {least} yuan",
                )
            )
    ranked = _ranked(made, asked, capacity)
    return Menu(tuple(ranked), tuple(left))


def _bars(product: Product, asked: Asked, law: Law, capacity: Capacity | None) -> Iterator[LeftOut]:
    if product.lenders and asked.lender_type not in product.lenders:
        yield LeftOut(product, "lender", "本类机构不提供该产品", "This kind of lender does not offer the product")
    if asked.pd_ppm is not None and asked.pd_ppm > product.most_pd_ppm:
        yield LeftOut(product, "risk", "风险高于该产品的要求", "The risk is above what the product takes")
    if "verified_income" in product.needs and not (capacity and capacity.verified):
        yield LeftOut(
            product, "income", "该产品需要经流水核实的收入", "The product needs income verified from bank flow"
        )
    if "pay_day" in product.needs and not (capacity and capacity.first_due):
        yield LeftOut(product, "pay_day", "该产品需要固定的发薪日", "The product needs a known pay day")
    if "own_history" in product.needs and not asked.has_history:
        yield LeftOut(
            product, "history", "该产品仅面向已有借款记录的客户", "The product is for those who have borrowed before"
        )
    rule = longest_term(product.method, law)
    if rule is not None and min(product.months) > rule.value:
        yield LeftOut(product, rule.id, rule.zh, rule.en, rule.citation)


def _terms(product: Product, asked: Asked, law: Law) -> list[int]:
    """The terms of a product worth looking at: lawful ones, the three nearest to what was asked for."""
    rule = longest_term(product.method, law)
    lawful = [months for months in product.months if rule is None or months <= rule.value]
    return sorted(sorted(lawful, key=lambda months: (abs(months - asked.months), months))[:_TERMS_TRIED])


def _offer(product: Product, months: int, asked: Asked, law: Law, capacity: Capacity | None) -> Offer | None:
    """One product at one term, as large as limit, law and cash flow allow; None when that is too small."""
    step = fit_parameters()["amount_step_fen"]
    room = balance_room(law, asked.outstanding_fen)
    most = min(asked.amount_fen, asked.limit_fen, product.most_fen, asked.amount_fen if room is None else room)
    amount = most if most == asked.amount_fen else most // step * step
    if capacity is not None and months > len(capacity.cash):
        return None
    cap = cost_cap(law)
    rate = max(asked.rate_ppm + product.rate_add_ppm, 0)
    if asked.most_rate_ppm is not None:
        rate = min(rate, asked.most_rate_ppm)
    if cap is not None:
        rate = min(rate, cap.ppm)
    while amount >= product.least_fen:
        schedule = _schedule(product, amount, months, rate, asked, capacity)
        if schedule is None:
            return None
        over = 0 if cap is None or schedule.surely_within(cap.ppm) else apr_ppm(schedule) - cap.ppm
        if over > 0 and rate > 0:
            rate = max(rate - over, 0)
            continue
        cover = _cover(schedule, capacity, months)
        if capacity is None or cover is None or cover >= capacity.dscr_floor_ppm:
            return Offer(product, amount, months, rate, schedule, cover, 0, ())
        amount = min(amount * cover // capacity.dscr_floor_ppm, amount - step) // step * step
    return None


def _schedule(
    product: Product, amount: int, months: int, rate: int, asked: Asked, capacity: Capacity | None
) -> Schedule | None:
    first_due = capacity.first_due if capacity is not None and product.method != "bullet" else None
    flows = capacity.cash[:months] if capacity is not None and product.method == "sculpted" else ()
    try:
        terms = plain_terms(
            asked.lender_type,
            amount,
            rate,
            months,
            product.method,
            asked.on,
            first_due=first_due,
            cashflow=flows,
        )
        return make_schedule(terms)
    except InputError:
        return None


def _cover(schedule: Schedule, capacity: Capacity | None, months: int) -> int | None:
    """The least DSCR of a schedule; one payment at the end is held against all months' cash."""
    if capacity is None:
        return None
    dues = schedule.dues_fen
    cash: Sequence[int] = capacity.cash[:months] if len(dues) > 1 else [sum(capacity.cash[:months])]
    return min(have * PPM // due for have, due in zip(cash, dues, strict=True) if due)


def _ranked(made: Sequence[Offer], asked: Asked, capacity: Capacity | None) -> list[Offer]:
    """The best term of each product, by fit; ties by cost, then by name, so that the order is stable."""
    if not made:
        return []
    dearest = max(max(_cost(offer) for offer in made), 1)
    order = sorted(
        (-_fit(offer, asked, capacity, dearest), _cost(offer), offer.product.id, offer.months, place)
        for place, offer in enumerate(made)
    )
    best: dict[str, Offer] = {}
    for fit, _, product, _, place in order:
        if product not in best:
            reasons = tuple(_reasons(made[place], asked, capacity))
            best[product] = replace(made[place], fit_ppm=-fit, reasons=reasons)
    return list(best.values())


def _cost(offer: Offer) -> int:
    return offer.schedule.total_interest_fen + offer.schedule.total_fees_fen


def _fit(offer: Offer, asked: Asked, capacity: Capacity | None, dearest: int) -> int:
    weights = fit_parameters()
    amount = min(offer.amount_fen * PPM // asked.amount_fen, PPM)
    term = min(offer.months, asked.months) * PPM // max(offer.months, asked.months)
    cover = PPM // 2
    if offer.dscr_ppm is not None and capacity is not None:
        span = max(weights["comfort_dscr_ppm"] - capacity.dscr_floor_ppm, 1)
        cover = min(max(offer.dscr_ppm - capacity.dscr_floor_ppm, 0) * PPM // span, PPM)
    cost = PPM - _cost(offer) * PPM // dearest
    purpose = PPM if _made_for(offer, asked) else (PPM // 2 if not offer.product.purposes else 0)
    parts = {"amount": amount, "term": term, "cover": cover, "cost": cost, "purpose": purpose}
    return half_up(sum(weights[f"{name}_ppm"] * part for name, part in parts.items()), PPM)


def _made_for(offer: Offer, asked: Asked) -> bool:
    return bool(asked.purpose) and asked.purpose in offer.product.purposes


def _reasons(offer: Offer, asked: Asked, capacity: Capacity | None) -> Iterator[Mapping[str, str]]:
    yield {"code": "made_for", "zh": offer.product.about_zh, "en": offer.product.about_en}
    if offer.amount_fen < asked.amount_fen:
        told = format_yuan(offer.amount_fen)
        yield {
            "code": "amount_cut",
            "zh": f"可借金额为 {told} 元，低于申请金额",
            "en": f"{told} yuan can be lent, less than asked",
        }
    if offer.months != asked.months:
        yield {"code": "term_other", "zh": f"期限为 {offer.months} 个月", "en": f"The term is {offer.months} months"}
    if _made_for(offer, asked):
        yield {"code": "purpose", "zh": "适合该借款用途", "en": "It is made for this purpose"}
    if offer.dscr_ppm is not None and capacity is not None:
        ratio = f"{offer.dscr_ppm / PPM:.2f}"
        yield {
            "code": "cover",
            "zh": f"最紧月份的可用现金为应还额的 {ratio} 倍",
            "en": f"Cash covers the tightest instalment {ratio} times",
        }


@cache
def fit_parameters() -> Mapping[str, int]:
    """The weights of fit, from ``fit.yaml``."""
    found: dict[str, int] = yaml.safe_load(Path(__file__).with_name("fit.yaml").read_text(encoding="utf-8"))
    return found
