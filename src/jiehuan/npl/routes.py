"""Which way out of a bad claim brings most: hold, restructure, litigate, sell, write off; with reasons.

Each road is valued on the same recovery curve, so that they compare: litigation multiplies and delays it and costs the
court fee; a sale is a price by days past due; a restructuring is the present value of the plan times the chance that it is
kept, and holding's value for the rest; a write-off leaves what comes in with nobody working the claim. What a road needs
and lacks closes it, with the reason (and the article, where it is the law's).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jiehuan.law import Law
from jiehuan.npl.offers import Offer
from jiehuan.npl.params import Params, priors
from jiehuan.npl.valuation import present_share, value
from jiehuan.units.money import format_yuan, parse_yuan

NAMES = {
    "hold": ("自行催收", "hold and collect"),
    "restructure": ("重组", "restructure"),
    "litigate": ("诉讼", "litigate"),
    "sell": ("转让", "sell"),
    "write_off": ("核销", "write off"),
}
NON_PERFORMING = ("substandard", "doubtful", "loss")


@dataclass(frozen=True, slots=True)
class Claim:
    """What is to be disposed of.

    ``loan_class``: one of the five. ``features`` as the parameters name them. ``offer``: the restructuring that would be
    made. ``court_fee_fen``: the fee of the road to court. ``limitation_expired``: the debtor may refuse.
    """

    balance_fen: int
    dpd: int
    loan_class: str
    features: Mapping[str, Any]
    offer: Offer | None = None
    court_fee_fen: int = 0
    limitation_expired: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One road: open or not, its net value with the interval (fen), and why in both languages."""

    name: str
    open: bool
    value_fen: int
    low_fen: int
    high_fen: int
    zh: str
    en: str
    citation: str = ""

    def as_document(self) -> dict[str, Any]:
        """Plain values, money in yuan."""
        return {
            "route": self.name, "open": self.open, "value": format_yuan(self.value_fen), "low": format_yuan(self.low_fen),
            "high": format_yuan(self.high_fen), "zh": self.zh, "en": self.en, "citation": self.citation,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Disposal:
    """The recommended road and all five, best first; ``zh``/``en`` say why it is recommended.

    ``clear`` is false where the runner-up's interval reaches the recommended value: then a person should look.
    """

    recommended: Route
    routes: tuple[Route, ...]
    clear: bool
    zh: str
    en: str
    source: str

    def as_document(self) -> dict[str, Any]:
        """Plain values, money in yuan."""
        return {
            "recommended": self.recommended.name,
            "clear": self.clear,
            "zh": self.zh,
            "en": self.en,
            "parameters": self.source,
            "routes": [route.as_document() for route in self.routes],
        }


def dispose(claim: Claim, law: Law, params: Params | None = None) -> Disposal:
    """Value the five roads and recommend one.

    A write-off is recommended only for the classes of the parameters, where nothing sells better and the best road to
    work the claim brings less than the parameters' share of the balance; else the open road of the highest value.
    """
    params = params or priors()
    routes = (
        _hold(claim, params), _restructure(claim, params), _litigate(claim, law, params), _sell(claim, law, params),
        _write_off(claim, params),
    )  # fmt: skip
    ranked = tuple(sorted(routes, key=lambda route: (route.open, route.value_fen), reverse=True))
    active = [route for route in ranked if route.open and route.name != "write_off"]
    best, written_off = active[0], routes[-1]
    floor = float(params.routes["write_off"]["below"]) * claim.balance_fen
    if written_off.open and best.name != "sell" and best.value_fen < floor:
        zh = f"最优处置方式净值 {format_yuan(best.value_fen)} 元，低于余额的核销标准，建议核销并保留追索"
        en = f"the best road is worth {format_yuan(best.value_fen)}, below the bar for working it: write off, keep the claim"
        return Disposal(written_off, ranked, best.high_fen < floor, zh, en, params.source)
    second = active[1] if len(active) > 1 else None
    clear = second is None or second.high_fen < best.value_fen
    ahead = f"{format_yuan(best.value_fen - second.value_fen)}" if second else ""
    zh = f"{NAMES[best.name][0]}净值最高，{best.zh}" + (f"；较{NAMES[second.name][0]}高 {ahead} 元" if second else "")
    en = f"{NAMES[best.name][1]} is worth most: {best.en}" + (
        f"; {ahead} more than to {NAMES[second.name][1]}" if second else ""
    )
    return Disposal(best, ranked, clear, zh, en, params.source)


def _hold(claim: Claim, params: Params) -> Route:
    found = value(claim.balance_fen, claim.dpd, claim.features, params)
    zh, en = f"预期净回收 {format_yuan(found.value_fen)} 元", f"expected net recovery {format_yuan(found.value_fen)}"
    return Route("hold", True, found.value_fen, found.low_fen, found.high_fen, zh, en)


def _restructure(claim: Claim, params: Params) -> Route:
    if claim.offer is None:
        return _closed("restructure", "没有借款人可承受的重组方案", "no plan that the borrower can afford")
    numbers = params.routes["restructure"]
    chance = float(numbers["keep"].get(str(claim.features.get("ability", "unknown")), numbers["keep"]["unknown"]))
    spread = float(numbers["spread"])
    monthly = math.pow(1.0 + params.discount_rate, -1.0 / 12.0)
    plan = sum(line.total_fen * math.pow(monthly, n) for n, line in enumerate(claim.offer.schedule.instalments, 1))
    broken = value(claim.balance_fen, claim.dpd, claim.features, params).value_fen

    def at(kept: float) -> int:
        return int(kept * plan + (1 - kept) * broken + 0.5)

    zh = f"{claim.offer.zh}，预计履约率 {chance:.0%}"
    en = f"{claim.offer.en}, kept with {chance:.0%}"
    return Route("restructure", True, at(chance), at(max(0.0, chance - spread)), at(min(1.0, chance + spread)), zh, en)


def _litigate(claim: Claim, law: Law, params: Params) -> Route:
    numbers = params.routes["litigate"]
    if claim.limitation_expired:
        years = law.rule("limitation_years")
        return _closed("litigate", "诉讼时效已届满", "limitation has expired", years.citation if years else "")
    if claim.dpd < int(numbers["from_dpd"]):
        days = int(numbers["from_dpd"])
        return _closed("litigate", f"逾期不足 {days} 天，先行催收", f"less than {days} days past due: collect first")
    cost = claim.court_fee_fen + parse_yuan(numbers["fixed_cost"], "params, litigate, fixed_cost")

    def at(key: str) -> int:
        share = present_share(
            params, claim.dpd, claim.features, uplift=float(numbers[key]), delay_months=int(numbers["delay_months"])
        )
        return int(claim.balance_fen * share + 0.5) - cost

    zh = f"回收提升但延后 {numbers['delay_months']} 个月，另付诉讼成本 {format_yuan(cost)} 元"
    en = f"recovers more, {numbers['delay_months']} months later, at a cost of {format_yuan(cost)}"
    return Route("litigate", True, at("uplift"), at("low"), at("high"), zh, en)


def _sell(claim: Claim, law: Law, params: Params) -> Route:
    rule = law.rule("npl_transfer")
    if rule is None:
        zh, en = "当日没有允许该类机构转让的规则", f"no rule lets a {law.lender_type} sell on {law.on}"
        return _closed("sell", zh, en)
    if not rule.value["seller"]:
        return _closed("sell", rule.zh, rule.en, rule.citation)
    prices = params.routes["sell"]["prices"]
    if claim.loan_class not in NON_PERFORMING:
        return _closed("sell", "未列入不良，不得作为不良贷款转让", "not classified as non-performing", rule.citation)
    fitting = [row for row in prices if int(row["from_dpd"]) <= claim.dpd] or prices[:1]
    net = 1.0 - float(params.routes["sell"]["cost_share"])
    middle, low, high = (
        int(claim.balance_fen * float(fitting[-1][key]) * net + 0.5) for key in ("price", "low", "high")
    )
    shown = f"{float(fitting[-1]['price']):.1%}"
    zh, en = f"预计成交价为余额的 {shown}，经登记机构转让", f"about {shown} of the balance, through the registry"
    return Route("sell", True, middle, low, high, zh, en, rule.citation)


def _write_off(claim: Claim, params: Params) -> Route:
    numbers = params.routes["write_off"]
    if claim.loan_class not in numbers["classes"]:
        return _closed("write_off", "未达到核销类别", f"only for {', '.join(numbers['classes'])}")
    found = value(claim.balance_fen, claim.dpd, claim.features, params)
    part = float(numbers["passive_share"])
    middle, low, high = (int(fen * part + 0.5) for fen in (found.value_fen, found.low_fen, found.high_fen))
    return Route("write_off", True, middle, low, high, "账销案存，保留追索", "off the book, the claim is kept")


def _closed(name: str, zh: str, en: str, citation: str = "") -> Route:
    return Route(name, False, 0, 0, 0, zh, en, citation)
