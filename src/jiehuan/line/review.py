"""Review one borrower's credit line: raise, lower or hold the limit, and the price of new draws, with reasons.

The limit is chosen by expected profit (interest less funding, cost and expected loss on the exposure at default) among those
that law, affordability and step limits allow. A dead band between the probabilities of default that raise and lower, and
waiting times, keep it from swinging. What is drawn stays as it was agreed: neither its price nor its schedule changes, and a
limit never goes below the balance. A random share of borrowers (seeded hash) keeps its line, so that the effect is known;
what law requires is done to them too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from jiehuan.law import Law
from jiehuan.line.params import LineParams, default_params
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import format_yuan
from jiehuan.units.rates import PPM

SEVERITIES = ("", "info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class LineAccount:
    """What a review knows of a borrower. Amounts in fen, ``rate_ppm`` the present price of new draws.

    ``pd``: probability of 90+ days past due within twelve months. ``alert``: the highest severity open in ``watch``
    ("", info, warning, critical), ``alert_reason`` its words. ``months_clean``: months without a day past due.
    ``income_fen``, ``obligations_fen``: verified income and payments to others a month; None: not known, so no raise.
    ``lines_fen``: limits of the borrower's other lines with this lender.
    """

    borrower_id: str
    limit_fen: int
    rate_ppm: int
    balance_fen: int
    pd: float
    dpd: int = 0
    months_on_book: int = 0
    months_clean: int = 0
    last_limit_change: date | None = None
    last_direction: str = ""
    last_rate_change: date | None = None
    income_fen: int | None = None
    obligations_fen: int = 0
    lines_fen: int = 0
    alert: str = ""
    alert_reason: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LineDecision:
    """What a review decided. ``new_limit_fen`` and ``new_rate_ppm`` are in force for new draws from the notice on.

    ``direction``: raise, lower or hold. ``arm``: treated or holdout; ``proposed_limit_fen`` is what the rule wanted whatever the arm,
    ``propensity`` the probability with which this arm was drawn (for off-policy estimates). ``reasons``: {code, zh, en}, the
    deciding one first. ``notify``: the borrower is to be told.
    """

    borrower_id: str
    on: date
    old_limit_fen: int
    new_limit_fen: int
    proposed_limit_fen: int
    old_rate_ppm: int
    new_rate_ppm: int
    direction: str
    reasons: tuple[Mapping[str, str], ...]
    arm: str
    propensity: float
    profit_before_fen: int
    profit_after_fen: int
    notify: bool
    law_version: str

    def as_row(self) -> dict[str, Any]:
        """Plain values for tables and JSON; reasons still a list."""
        return {
            "borrower_id": self.borrower_id, "on": self.on.isoformat(), "old_limit_fen": self.old_limit_fen,
            "new_limit_fen": self.new_limit_fen, "proposed_limit_fen": self.proposed_limit_fen, "old_rate_ppm": self.old_rate_ppm,
            "new_rate_ppm": self.new_rate_ppm, "direction": self.direction, "reasons": [dict(reason) for reason in self.reasons],
            "arm": self.arm, "propensity": self.propensity, "profit_before_fen": self.profit_before_fen,
            "profit_after_fen": self.profit_after_fen, "notify": self.notify, "law_version": self.law_version,
        }  # fmt: skip


def review(account: LineAccount, law: Law, params: LineParams | None = None) -> LineDecision:
    """Review a line under the law of ``law.on``. Raises InputError when the account makes no sense."""
    p = params if params is not None else default_params()
    check_account(account)
    reasons: list[dict[str, str]] = []
    legal = _legal_limit(account, law)
    lawful = account.limit_fen if legal is None else min(account.limit_fen, max(legal, account.balance_fen))
    if legal is not None and lawful < account.limit_fen:
        reasons.append(
            _reason(
                "law_cap",
                f"法定单户上限 {format_yuan(legal)} 元",
                f"the law's cap for one borrower, {format_yuan(legal)} yuan",
            )
        )
    proposed = _propose(account, law.on, lawful, legal, p, reasons)
    held = holdout_arm(account.borrower_id, p.seed, p.holdout)
    new_limit = lawful if held else proposed
    if held and proposed != lawful:
        reasons.append(
            _reason(
                "holdout",
                "随机对照组：额度维持不变，用于衡量效果",
                "held out at random: the limit stays, to measure the effect",
            )
        )
    old_rate = account.rate_ppm
    new_rate = old_rate if held else _price(account, law, p, reasons)
    cap = law.value("cost_cap")
    if held and cap is not None and old_rate > cap:
        new_rate = int(cap)
        reasons.append(
            _reason("cost_cap", f"综合成本上限 {_percent(cap)}", f"the cap on the all-in cost, {_percent(cap)}")
        )
    direction = "raise" if new_limit > account.limit_fen else "lower" if new_limit < account.limit_fen else "hold"
    if not reasons:
        reasons.append(_reason("hold", "无需调整", "no change is called for"))
    return LineDecision(
        account.borrower_id, law.on, account.limit_fen, new_limit, proposed, old_rate, new_rate, direction, tuple(reasons),
        "holdout" if held else "treated", p.holdout if held else 1.0 - p.holdout, expected_profit(account, account.limit_fen, p),
        expected_profit(account, new_limit, p), new_limit != account.limit_fen or new_rate != old_rate, law.version,
    )  # fmt: skip


def check_account(a: LineAccount, where: str = "") -> None:
    """Raises InputError when an account makes no sense: negative amounts, no probability, an unknown severity."""
    where = where or f"account {a.borrower_id or '?'}"
    problems = []
    if not a.borrower_id:
        problems.append(Problem(f"{where}, borrower_id", "", "empty", "name the borrower"))
    for name in (
        "limit_fen",
        "balance_fen",
        "rate_ppm",
        "dpd",
        "months_on_book",
        "months_clean",
        "obligations_fen",
        "lines_fen",
    ):
        if getattr(a, name) < 0:
            problems.append(Problem(f"{where}, {name}", str(getattr(a, name)), "negative", "write 0 or more"))
    if not 0.0 <= a.pd <= 1.0:
        problems.append(Problem(f"{where}, pd", str(a.pd), "not a probability", "write a number from 0 to 1"))
    if a.alert not in SEVERITIES:
        problems.append(
            Problem(
                f"{where}, alert",
                a.alert[:80],
                "unknown severity",
                "write info, warning or critical, or leave it empty",
            )
        )
    if problems:
        raise InputError(problems)


def expected_profit(account: LineAccount, limit_fen: int, params: LineParams) -> int:
    """A year's expected profit in fen if the limit were ``limit_fen``: margin on what is used, less expected loss.

    Used: the balance and ``usage`` of what is added to or left of the free limit. Lost: pd x lgd x the exposure at default,
    which is the balance and ``undrawn_drawn_before_default`` of the free limit.
    """
    free = max(0, limit_fen - account.balance_fen)
    used = account.balance_fen + params.usage * free
    exposure = account.balance_fen + params.undrawn_drawn_before_default * free
    margin = (account.rate_ppm - params.funding_rate - params.cost_rate) / PPM
    return round((1.0 - account.pd) * margin * used - account.pd * params.lgd * exposure)


def affordable_limit(account: LineAccount, params: LineParams) -> int | None:
    """The limit whose full draw over ``draw_months`` equal instalments the verified income carries; None when unknown."""
    if account.income_fen is None:
        return None
    room = account.income_fen / params.cover - account.obligations_fen
    if room <= 0:
        return 0
    i = account.rate_ppm / PPM / 12
    months = max(1, params.draw_months)
    return int(room * ((1 - (1 + i) ** -months) / i if i > 0 else months))


def holdout_arm(borrower_id: str, seed: int, share: float) -> bool:
    """Whether a borrower is held out: the same in every review of one seed."""
    digest = hashlib.blake2b(borrower_id.encode(), digest_size=8, key=str(seed).encode()[:64], person=b"line").digest()
    return int.from_bytes(digest, "big") < int(share * 2**64)


def _propose(
    a: LineAccount, on: date, lawful: int, legal: int | None, p: LineParams, reasons: list[dict[str, str]]
) -> int:
    """The limit that the rule wants, before arms."""
    waited = _months(a.last_limit_change, on)
    floor = a.balance_fen
    if a.alert == "critical" or a.dpd > 30:
        words = dict(a.alert_reason) if a.alert == "critical" and a.alert_reason else {}
        zh = words.get("zh") or (f"逾期 {a.dpd} 天" if a.dpd > 30 else "严重预警")
        en = words.get("en") or (f"{a.dpd} days past due" if a.dpd > 30 else "a critical alert")
        reasons.insert(0, _reason("freeze", f"{zh}：未用额度停用", f"{en}: the unused part of the limit is closed"))
        return min(lawful, floor)
    if a.dpd > 0 or a.alert == "warning" or a.pd >= p.lower_pd:
        if waited < p.lower_months and a.last_direction == "lower":
            reasons.append(
                _reason(
                    "wait",
                    f"距上次下调不足 {p.lower_months} 个月",
                    f"less than {p.lower_months} months since it was lowered",
                )
            )
            return lawful
        low = max(floor, _round(a.limit_fen * (1.0 - p.lower_step), p.round_to), 0)
        best = _best(a, low, lawful, p)
        if lawful - best < p.least_change:
            reasons.append(_reason("small", "下调幅度过小，维持", "the cut would be too small to matter"))
            return lawful
        if a.dpd > 0:
            reasons.insert(0, _reason("overdue", f"当前逾期 {a.dpd} 天", f"{a.dpd} days past due now"))
        elif a.alert == "warning":
            words = dict(a.alert_reason)
            reasons.insert(0, _reason("warning", words.get("zh", "风险预警"), words.get("en", "a warning is open")))
        else:
            reasons.insert(
                0,
                _reason(
                    "risk",
                    f"违约概率 {a.pd:.1%} 高于 {p.lower_pd:.0%}",
                    f"probability of default {a.pd:.1%}, above {p.lower_pd:.0%}",
                ),
            )
        return best
    blocks = _raise_blocks(a, waited, p)
    if a.pd > p.raise_pd or blocks:
        reasons.extend(blocks if a.pd <= p.raise_pd else [])
        return lawful
    carried = affordable_limit(a, p)
    top = min(_round(a.limit_fen * (1.0 + p.raise_step), p.round_to), p.most)
    if legal is not None:
        top = min(top, legal)
    if carried is not None:
        top = min(top, carried // p.round_to * p.round_to)
    best = _best(a, lawful, max(lawful, top), p)
    if best - lawful < p.least_change:
        if carried is not None and carried <= lawful:
            reasons.append(_reason("affordability", "收入不支持更高额度", "the income does not carry a higher limit"))
        return lawful
    reasons.insert(
        0,
        _reason(
            "good_conduct",
            f"连续 {a.months_clean} 个月按时还款，违约概率 {a.pd:.1%}",
            f"{a.months_clean} months on time, probability of default {a.pd:.1%}",
        ),
    )
    return best


def _raise_blocks(a: LineAccount, waited: int, p: LineParams) -> list[dict[str, str]]:
    """Why a limit may not be raised now."""
    blocks = []
    if a.months_on_book < p.raise_months_on_book:
        blocks.append(
            _reason(
                "young",
                f"开户不足 {p.raise_months_on_book} 个月",
                f"less than {p.raise_months_on_book} months on the book",
            )
        )
    if a.months_clean < p.raise_clean_months:
        blocks.append(
            _reason(
                "not_clean",
                f"按时还款不足 {p.raise_clean_months} 个月",
                f"less than {p.raise_clean_months} months on time",
            )
        )
    need = p.raise_after_lower_months if a.last_direction == "lower" else p.raise_months
    if waited < need:
        blocks.append(_reason("wait", f"距上次调整不足 {need} 个月", f"less than {need} months since the last change"))
    if a.limit_fen > 0 and a.balance_fen < p.raise_usage_from * a.limit_fen:
        blocks.append(_reason("unused", "额度使用率低", "the line is hardly used"))
    if a.income_fen is None:
        blocks.append(_reason("income_unknown", "收入未核实", "the income is not verified"))
    return blocks


def _best(a: LineAccount, low: int, high: int, p: LineParams) -> int:
    """The limit in [low, high] of the most expected profit. Profit is linear above the balance, so it is one of the ends."""
    if high <= low:
        return low if high < low else high
    return high if expected_profit(a, high, p) > expected_profit(a, low, p) else low


def _price(a: LineAccount, law: Law, p: LineParams, reasons: list[dict[str, str]]) -> int:
    """The price of new draws: that of the grade, moved by at most a step, never above the law's cap."""
    wanted = next(grade.rate_ppm for grade in p.grades if a.pd <= grade.to_pd)
    cap = law.value("cost_cap")
    new = a.rate_ppm
    closed = a.alert == "critical" or a.dpd > 30
    if not closed and _months(a.last_rate_change, law.on) >= p.rate_months:
        new = max(a.rate_ppm - p.rate_step, min(a.rate_ppm + p.rate_step, wanted))
    if cap is not None and new > cap:
        new = int(cap)
        reasons.append(
            _reason("cost_cap", f"综合成本上限 {_percent(cap)}", f"the cap on the all-in cost, {_percent(cap)}")
        )
    if new != a.rate_ppm and (cap is None or new != cap or a.rate_ppm <= cap):
        reasons.append(
            _reason(
                "price",
                f"新提款年利率 {_percent(a.rate_ppm)} 调为 {_percent(new)}（按风险等级，已提款不变）",
                f"price of new draws {_percent(a.rate_ppm)} to {_percent(new)} (by risk grade; what is drawn stays)",
            )
        )
    return new


def _legal_limit(a: LineAccount, law: Law) -> int | None:
    cap = law.value("balance_cap")
    return None if cap is None else max(0, int(cap) - a.lines_fen)


def _months(since: date | None, on: date) -> int:
    """Whole months since a date; a very long time when there was none."""
    if since is None:
        return 10_000
    return (on.year - since.year) * 12 + on.month - since.month - (on.day < since.day)


def _round(fen: float, to: int) -> int:
    return int(fen // to) * to


def _percent(ppm: int) -> str:
    return f"{ppm / 10_000:g}%"


def _reason(code: str, zh: str, en: str) -> dict[str, str]:
    return {"code": code, "zh": zh, "en": en}
