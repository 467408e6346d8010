"""Income verified from a bank flow: what comes in again and again, from whom, and how sure it is.

Every credit is named first: own transfers, refunds, redemptions and loan proceeds are not income; money in circles is
flagged and left out. What remains is income when its payer recurs: a salary on its pay day, a platform's payouts, a
pension. Each source gives a mean per month and its spread; together they give the verified income with an interval.
Bonuses above the usual month and sources that have stopped do not count. Words and parameters are in ``income.yaml``;
amounts are fen, shares ppm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from jiehuan.profile.bank_flow import BankFlow, Transaction, read_flow
from jiehuan.profile.circular import find_circles
from jiehuan.profile.income_sources import Source, find_sources, monthly_seasons, payer_of
from jiehuan.profile.income_words import Reading, name_credit, name_debit, name_lender, shipped_reading
from jiehuan.profile.obligations import Obligations, find_obligations
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import format_yuan, half_up
from jiehuan.units.rates import PPM, format_rate

__all__ = ["IncomeReport", "Warned", "income_features", "read_flow", "verify_income"]


@dataclass(frozen=True, slots=True)
class Warned:
    """Something a person should look at."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True)
class IncomeReport:
    """What a bank flow shows of income.

    ``verified_fen`` a month with ``low_fen``–``high_fen`` around it; ``volatility_ppm`` is the spread of a month over
    the mean; ``excluded_fen`` what came in and is no income, by reason; ``seasons`` the share of a usual month by
    calendar month when a year was seen. ``declared_fen`` is None when nothing was declared.
    """

    start: date
    end: date
    months: int
    verified_fen: int
    low_fen: int
    high_fen: int
    volatility_ppm: int
    declared_fen: int | None
    sources: tuple[Source, ...]
    excluded_fen: Mapping[str, int]
    circular_share_ppm: int
    obligations: Obligations
    seasons: Mapping[int, int]
    balance_low_fen: int | None
    warnings: tuple[Warned, ...]
    refused: tuple[Problem, ...]

    @property
    def pay_day(self) -> int | None:
        """The day of the month on which the largest salary comes; None without a salary."""
        paid = [source for source in self.sources if source.counted and source.pay_day]
        return max(paid, key=lambda source: source.monthly_fen).pay_day if paid else None

    @property
    def shown_ppm(self) -> int | None:
        """Verified over declared income; None when nothing was declared."""
        return half_up(self.verified_fen * PPM, self.declared_fen) if self.declared_fen else None

    def as_document(self) -> dict[str, Any]:
        """The report for JSON: yuan strings and decimal shares."""
        return {
            "from": self.start.isoformat(),
            "to": self.end.isoformat(),
            "months": self.months,
            "verified_income": format_yuan(self.verified_fen),
            "interval": [format_yuan(self.low_fen), format_yuan(self.high_fen)],
            "volatility": format_rate(self.volatility_ppm),
            "declared_income": None if self.declared_fen is None else format_yuan(self.declared_fen),
            "verified_to_declared": None if self.shown_ppm is None else format_rate(self.shown_ppm),
            "pay_day": self.pay_day,
            "sources": [source.as_document() for source in self.sources],
            "excluded": {name: format_yuan(fen) for name, fen in self.excluded_fen.items()},
            "circular_share": format_rate(self.circular_share_ppm),
            "obligations": self.obligations.as_document(),
            "lowest_balance": None if self.balance_low_fen is None else format_yuan(self.balance_low_fen),
            "warnings": [{"code": one.code, "zh": one.zh, "en": one.en} for one in self.warnings],
            "refused_rows": [problem.as_dict() for problem in self.refused],
        }


def verify_income(
    flow: BankFlow, declared_fen: int | None = None, holder: str = "", reading: Reading | None = None
) -> IncomeReport:
    """Read a flow for income. ``holder`` is the borrower's name: transfers from the same name are own transfers."""
    reading = reading or shipped_reading()
    if declared_fen is not None and declared_fen < 0:
        raise InputError(Problem("declared_income", str(declared_fen), "below 0", "write a monthly income in yuan"))
    start, end = flow.transactions[0].at.date(), flow.transactions[-1].at.date()
    named = _named(flow, holder, reading)
    open_ended = [one for one, name in named if name in {"", "salary", "pension", "platform", "rent"}]
    circles = find_circles(open_ended, payer_of, reading.parameters)
    income: list[tuple[Transaction, str]] = []
    excluded: dict[str, int] = {}
    for one, name in named:
        if one.amount_fen < 0:
            continue
        party = payer_of(one)
        if name in {"", "salary", "pension", "platform"}:
            circular = party in circles.reciprocal or (party in circles.rings and not name)
            name = "circular" if circular else name
        if name in {"", "salary", "pension", "platform"}:
            income.append((one, name))
        else:
            excluded[name] = excluded.get(name, 0) + one.amount_fen
    sources = find_sources(income, start, end, reading.parameters)
    counted = [source for source in sources if source.counted]
    irregular = sum(one.amount_fen for one, _ in income) - sum(source.total_fen for source in counted)
    if irregular:
        excluded["irregular"] = irregular
    verified = sum(source.monthly_fen for source in counted)
    half = round(sum(source.half_width_fen**2 for source in counted) ** 0.5)
    spread = round(sum(source.spread_fen**2 for source in counted) ** 0.5)
    came_in = sum(one.amount_fen for one, name in named if one.amount_fen > 0 and name not in {"own", "refund"})
    obligations = find_obligations(named, start, end, lambda one: name_lender(one, reading), reading.parameters)
    months = max(1, round((end - start).days / 30.4375))
    balances = [one.balance_fen for one in flow.transactions if one.balance_fen is not None]
    report = IncomeReport(
        start,
        end,
        months,
        verified,
        max(verified - half, 0),
        verified + half,
        half_up(spread * PPM, verified) if verified else 0,
        declared_fen,
        tuple(sources),
        dict(sorted(excluded.items())),
        half_up(excluded.get("circular", 0) * PPM, came_in) if came_in else 0,
        obligations,
        monthly_seasons(counted, start, end),
        min(balances) if balances else None,
        (),
        flow.refused,
    )
    return _with_warnings(report, flow, reading.parameters)


def income_features(report: IncomeReport) -> dict[str, Any]:
    """The features of a bank flow, as ``features.yaml`` names them."""
    salary = sum(source.monthly_fen for source in report.sources if source.counted and source.kind == "salary")
    return {
        "verified_income_fen": report.verified_fen,
        "income_low_fen": report.low_fen,
        "income_volatility_ppm": report.volatility_ppm,
        "income_months": report.months,
        "salary_share_ppm": half_up(salary * PPM, report.verified_fen) if report.verified_fen else 0,
        "obligations_fen": report.obligations.monthly_fen,
        "lenders_now": len(report.obligations.open_lenders),
        "circular_share_ppm": report.circular_share_ppm,
        "balance_low_fen": report.balance_low_fen,
    }


def _named(flow: BankFlow, holder: str, reading: Reading) -> list[tuple[Transaction, str]]:
    """Each transaction with its name; the same words on the same side are looked up once, as they come every month."""
    known: dict[tuple[bool, bool, str, str], str] = {}
    named = []
    for one in flow.transactions:
        _, amount_fen, counterparty, description, _, own, _ = one
        key = (own, amount_fen > 0, counterparty, description)
        name = known.get(key)
        if name is None:
            name = known[key] = _name(one, holder, reading)
        named.append((one, name))
    return named


def _name(one: Transaction, holder: str, reading: Reading) -> str:
    if one.own or (holder and one.counterparty == holder):
        return "own"
    return name_credit(one, reading) if one.amount_fen > 0 else name_debit(one, reading)


def _with_warnings(report: IncomeReport, flow: BankFlow, given: Mapping[str, int]) -> IncomeReport:
    from dataclasses import replace

    told: list[Warned] = []
    if report.months < given["few_months"]:
        told.append(
            Warned("few_months", f"流水仅覆盖 {report.months} 个月", f"The flow covers only {report.months} months")
        )
    if flow.balance_breaks:
        rows = ", ".join(map(str, flow.balance_breaks[:5]))
        zh, en = (
            f"余额与发生额不符（第 {rows} 行），流水可能被改动",
            f"Balances do not add up at rows {rows}; it may be edited",
        )
        told.append(Warned("balance_breaks", zh, en))
    if report.circular_share_ppm:
        share = f"{report.circular_share_ppm / 10_000:.0f}%"
        told.append(Warned("circular", f"循环转账占进账的 {share}", f"{share} of what came in goes in circles"))
    told.extend(
        Warned("stopped", f"{source.payer} 的收入已停止", f"The income from {source.payer} has stopped")
        for source in report.sources
        if source.stopped
    )
    if report.declared_fen and report.declared_fen * PPM > report.high_fen * given["overstated_ppm"]:
        zh = f"自报收入 {format_yuan(report.declared_fen)} 元高于流水可支持的范围"
        en = f"The declared {format_yuan(report.declared_fen)} yuan is more than the flow supports"
        told.append(Warned("overstated", zh, en))
    told.extend(_debt_warnings(report.obligations, given))
    return replace(report, warnings=tuple(told))


def _debt_warnings(debts: Obligations, given: Mapping[str, int]) -> Sequence[Warned]:
    rolled = debts.borrowed_90d_fen * PPM >= debts.repaid_90d_fen * given["roll_over_ppm"] > 0
    if rolled and len(debts.open_lenders) >= given["roll_over_lenders"]:
        zh, en = (
            "近90天新增借款接近还款额，存在以贷养贷迹象",
            "New loans nearly equal repayments in 90 days: debts paid by debts",
        )
        return [Warned("debt_by_debt", zh, en)]
    return []
